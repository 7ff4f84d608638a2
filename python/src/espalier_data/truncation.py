"""Truncates rows so that all responses of a row keep the same prompt."""

from collections import Counter
from dataclasses import dataclass, replace

from .tokenization import TokenizedRow

MODES = ("keep_start", "keep_end")


@dataclass(frozen=True)
class Limits:
    """The maximum tokens of a prompt and a response together, and of a prompt."""

    max_length: int
    max_prompt_length: int | None = None
    #: What remains of a row that is too long: with `keep_start` its start, with `keep_end` the end of the prompt.
    mode: str = "keep_start"

    def fit(self, row: TokenizedRow, counts: Counter[str]) -> TokenizedRow | None:
        """Truncates a row, or returns None if nothing to train on remains; adds the outcome to `counts`."""
        if not row.prompt or not all(row.responses):
            counts["dropped_empty_prompt_or_response"] += 1
            return None
        prompt = self._prompt(row)
        capacity = self.max_length - len(prompt)
        if capacity <= 0:
            counts["dropped_prompt_fills_max_length"] += 1
            return None
        if any(skip >= min(capacity, len(response)) for skip, response in zip(row.skips, row.responses)):
            counts["dropped_last_turn_beyond_max_length"] += 1
            return None
        counts["boundary_mismatches"] += row.boundary_mismatch
        counts["truncated_prompts"] += len(prompt) < len(row.prompt)
        counts["truncated_rows"] += any(len(response) > capacity for response in row.responses)
        counts["truncated_responses"] += sum(len(response) > capacity for response in row.responses)
        responses = [response[:capacity] for response in row.responses]
        counts["identical_responses"] += len({tuple(response) for response in responses}) < len(responses)
        return replace(row, prompt=prompt, responses=responses)

    def _prompt(self, row: TokenizedRow) -> list[int]:
        """Returns the last tokens of the prompt; at least one, whose state predicts each response's first token."""
        prompt = row.prompt if self.max_prompt_length is None else row.prompt[-self.max_prompt_length :]
        if self.mode == "keep_start":
            return prompt
        # The same cut for all responses, which keeps one common prompt; TRL truncates each sequence separately.
        excess = len(prompt) + max(map(len, row.responses)) - self.max_length
        return prompt[min(max(excess, 0), len(prompt) - 1) :]
