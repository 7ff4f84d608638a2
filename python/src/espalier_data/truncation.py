"""How rows are made to fit, so that a row's responses keep one prompt in common."""

from collections import Counter
from dataclasses import dataclass, replace

from .tokenization import TokenizedRow

MODES = ("keep_start", "keep_end")


@dataclass(frozen=True)
class Limits:
    """The most tokens of a prompt and a response together, and of a prompt alone."""

    max_length: int
    max_prompt_length: int | None = None
    #: What stays of a row that is too long: with `keep_start` its beginning, with `keep_end` the prompt's end.
    mode: str = "keep_start"

    def fit(self, row: TokenizedRow, counts: Counter[str]) -> TokenizedRow | None:
        """Cuts a row; none where nothing is left to learn from. What was done is added to `counts`."""
        if not row.prompt or not all(row.responses):
            counts["dropped_empty_prompt_or_response"] += 1
            return None
        prompt = self._prompt(row)
        room = self.max_length - len(prompt)
        if room <= 0:
            counts["dropped_prompt_fills_max_length"] += 1
            return None
        if any(skip >= min(room, len(response)) for skip, response in zip(row.skips, row.responses)):
            counts["dropped_last_turn_beyond_max_length"] += 1
            return None
        counts["boundary_mismatches"] += row.boundary_mismatch
        counts["truncated_prompts"] += len(prompt) < len(row.prompt)
        counts["truncated_rows"] += any(len(response) > room for response in row.responses)
        counts["truncated_responses"] += sum(len(response) > room for response in row.responses)
        responses = [response[:room] for response in row.responses]
        counts["identical_responses"] += len({tuple(response) for response in responses}) < len(responses)
        return replace(row, prompt=prompt, responses=responses)

    def _prompt(self, row: TokenizedRow) -> list[int]:
        """The prompt's last tokens; one at least, whose state predicts the first token of each response."""
        prompt = row.prompt if self.max_prompt_length is None else row.prompt[-self.max_prompt_length :]
        if self.mode == "keep_start":
            return prompt
        # One cut for all responses, where TRL cuts each sequence by itself: so the prompt stays the same for all.
        excess = len(prompt) + max(map(len, row.responses)) - self.max_length
        return prompt[min(max(excess, 0), len(prompt) - 1) :]
