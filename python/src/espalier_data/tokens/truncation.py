"""Truncates rows so that all responses of a row keep the same prompt."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .tokenization import TokenizedRow

MODES = ("keep_start", "keep_end")
#: Token ids as the prepared file has them.
ID_TYPE = np.dtype("<i4")


class FittedRow(NamedTuple):
    """A row within the limits; token ids are bytes of `ID_TYPE`, since a list of ints takes nine times the memory."""

    prompt: bytes
    responses: tuple[bytes, ...]
    ranks: tuple[int, ...]
    skips: tuple[int, ...]
    #: The number of tokens removed from the start of the prompt, and from the end of each response.
    prompt_excess: int
    response_excesses: tuple[int, ...]
    #: Whether the prompt lost tokens to the responses.
    boundary_mismatch: bool


@dataclass(frozen=True)
class Limits:
    """The maximum tokens of a prompt and a response together, and of a prompt."""

    max_length: int
    max_prompt_length: int | None = None
    #: What remains of a row that is too long: with `keep_start` its start, with `keep_end` the end of the prompt.
    mode: str = "keep_start"

    def fit(self, row: TokenizedRow, counts: Counter[str]) -> FittedRow | None:
        """Truncates a row, or returns None if nothing to train on remains; adds the outcome to `counts`."""
        prompt = self._prompt(row)
        capacity = self.max_length - len(prompt)
        if capacity <= 0:
            counts["dropped_prompt_fills_max_length"] += 1
            return None
        if any(skip >= min(capacity, len(response)) for skip, response in zip(row.skips, row.responses)):
            counts["dropped_last_turn_beyond_max_length"] += 1
            return None
        excesses = tuple(max(0, len(response) - capacity) for response in row.responses)
        counts["boundary_mismatches"] += row.boundary_mismatch
        counts["truncated_prompts"] += len(prompt) < len(row.prompt)
        counts["truncated_rows"] += any(excesses)
        counts["truncated_responses"] += sum(excess > 0 for excess in excesses)
        responses = tuple(_bytes(response[:capacity]) for response in row.responses)
        counts["identical_responses"] += len(set(responses)) < len(responses)
        excess = len(row.prompt) - len(prompt)
        return FittedRow(
            _bytes(prompt), responses, tuple(row.ranks), tuple(row.skips), excess, excesses, row.boundary_mismatch
        )

    def _prompt(self, row: TokenizedRow) -> list[int]:
        """Returns the last tokens of the prompt; at least one, whose state predicts each response's first token."""
        prompt = row.prompt if self.max_prompt_length is None else row.prompt[-self.max_prompt_length :]
        if self.mode == "keep_start":
            return prompt
        # The same cut for all responses, which keeps one common prompt; TRL truncates each sequence separately.
        excess = len(prompt) + max(map(len, row.responses)) - self.max_length
        return prompt[min(max(excess, 0), len(prompt) - 1) :]


def _bytes(tokens: list[int]) -> bytes:
    return np.array(tokens, dtype=ID_TYPE).tobytes()
