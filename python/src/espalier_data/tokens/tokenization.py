"""Converts preferences to token ids with Hugging Face's tokenizers and chat templates, following TRL's rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..notes import Note
from ..records.answers import BadRow, EmptyAnswer
from ..records.rows import PreferenceRow
from .encoding import Encoder
from .end_tokens import EndTokens
from .foreign_marks import ForeignMarks
from .rendering import ChatTemplate

#: Why messages cannot be used without a chat template.
NO_TEMPLATE = (
    "found messages, but the tokenizer has no chat template; add chat_template.jinja to the model directory "
    "(Documentation/Data.md#chat-templates has examples), or provide the data as text"
)


@dataclass(frozen=True)
class TokenizedRow:
    """A prompt and its responses as token ids; `boundary_mismatch` if the prompt lost tokens to the responses."""

    prompt: list[int]
    responses: list[list[int]]
    #: 0 is best; ascending, equal for ties.
    ranks: list[int]
    #: The number of leading tokens of each response that are context and do not count.
    skips: list[int]
    boundary_mismatch: bool
    notes: tuple[Note, ...] = ()


class PreferenceTokenizer:
    """Tokenizes rows with the tokenizer of a model directory.

    `template_arguments` are variables for the chat template; those of a row take precedence. With `last_turn_only`,
    only the last turn of a response counts. Templates that read the clock read `moment`.
    """

    def __init__(
        self,
        model: Path,
        template_arguments: dict[str, Any] | None = None,
        last_turn_only: bool = False,
        moment: datetime | None = None,
    ) -> None:
        if not model.is_dir():
            raise UserError(f"{model}: expected a Hugging Face model directory, found none")
        file = model / "tokenizer.json"
        if not file.is_file():
            raise UserError(
                f"{model}: expected tokenizer.json, whose digest links the data to its tokenizer; found none"
            )
        self.tokenizer = _load(model)
        self._template_arguments = template_arguments or {}
        self._template = ChatTemplate(self.tokenizer, model, self._template_arguments, moment or datetime.now())
        self._last_turn_only = last_turn_only
        self._encode = Encoder(self.tokenizer)
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self._start = _start(self.tokenizer)
        self._end = self.tokenizer.eos_token or ""
        self._ends = EndTokens(self.tokenizer, model)
        template = str(self._template.source)
        self._marks = ForeignMarks(self.tokenizer, template)
        self.template_digest = hashlib.sha256(template.encode()).hexdigest()

    @property
    def has_template(self) -> bool:
        """Whether the model has a chat template."""
        return self._template.exists

    def __call__(self, row: PreferenceRow) -> TokenizedRow:
        """Returns the prompt's tokens, and for each response those that follow them in prompt and response together."""
        contexts: list[list[int]] = []
        notes = [*row.notes, *self._marks.notes(_given_texts(row))]
        if row.is_conversational:
            if not self._template.exists:
                raise BadRow(NO_TEMPLATE)
            if self._last_turn_only:
                _check_last_turns(row)
                row = row.with_shared_turns_in_prompt()
            prompt, sequences, contexts, remarks = self._conversations(row)
            notes += remarks
        else:
            prompt, sequences = self._texts(row)
            if self._template_arguments:
                text = "text does not go through the chat template, so --tools and --chat-template-kwargs do not apply"
                notes.append(Note(text, warning=True))
        # If the prompt's last tokens merge with a response, the boundary moves to the longest common prefix.
        boundary = min(_common_prefix(prompt, sequence) for sequence in sequences)
        skips, mismatch = _skips(contexts, sequences, boundary)
        responses = [sequence[boundary:] for sequence in sequences]
        if not boundary:
            raise EmptyAnswer(
                "the conversations do not start as their prompt" if prompt else "the prompt has no tokens"
            )
        kept = self._with_text(responses, skips, row.ranks)
        if len(kept) < len(responses):
            notes.append(Note("a response is empty and is dropped"))
        responses = [responses[index] for index in kept]
        if all(response == responses[0] for response in responses):
            raise BadRow("all responses have the same tokens, so none is preferred")
        return TokenizedRow(
            prompt[:boundary],
            responses,
            _dense([row.ranks[index] for index in kept]),
            [skips[index] for index in kept],
            mismatch or boundary < len(prompt),
            (*notes, *self._remarks_on_ends(row, responses)),
        )

    def _conversations(self, row: PreferenceRow) -> tuple[list[int], list[list[int]], list[list[int]], list[Note]]:
        """Returns the tokens of the prompt, of each conversation, and of each conversation without its last turn."""
        prompt = self._template.render(row.prompt, row, prompt=True)
        whole = [self._template.render(row.prompt + response, row) for response in row.responses]
        earlier = []
        if self._last_turn_only and any(len(turns) > 1 for turns in row.responses):
            earlier = [self._template.render(row.prompt + turns[:-1], row, prompt=True) for turns in row.responses]
        tokens = self._encode([prompt, *whole, *earlier])
        count = 1 + len(whole)
        return tokens[0], tokens[1:count], tokens[count:], self._template.notes(row, prompt, whole)

    def _texts(self, row: PreferenceRow) -> tuple[list[int], list[list[int]]]:
        # White space may follow an end token, as where a template wrote the text.
        responses = [text if self._has_end(text) else text + self._end for text in row.responses]
        tokens = self._encode([row.prompt, *(row.prompt + text for text in responses)])
        # The tokens that the tokenizer puts before every text precede it exactly once.
        framed = [own if own[: len(self._start)] == self._start else self._start + own for own in tokens]
        return framed[0], framed[1:]

    def _has_end(self, text: str) -> bool:
        return text.endswith(self._end) or text.rstrip().endswith(self._end)

    def _with_text(self, responses: list[list[int]], skips: list[int], ranks: list[int]) -> list[int]:
        """Returns the indexes of the responses of which more than white space and end tokens counts."""
        found = [index for index, tokens in enumerate(responses) if not self._ends.is_blank(tokens[skips[index] :])]
        if len({ranks[index] for index in found}) < 2:
            raise EmptyAnswer("a response is empty as tokens, and fewer than two of different rank remain")
        return found

    def _remarks_on_ends(self, row: PreferenceRow, responses: list[list[int]]) -> list[Note]:
        """Returns a remark for each response that does not end in an end token, or in one that the model does not know."""
        ends = [self._ends.end(response) for response in responses]
        unknown = [end for end in ends if end is not None and not self._ends.stops(end)]
        missing = [self._missing_end(row)] * ends.count(None)
        return [*missing, *map(self._unknown_end, unknown)]

    def _unknown_end(self, end: int) -> Note:
        name = self.tokenizer.convert_ids_to_tokens(end)
        return Note(
            f"the model learns to end answers with {name!r}, at which generation does not stop: neither eos_token of the "
            f"tokenizer nor eos_token_id of generation_config.json or config.json has it; add its id {end} to eos_token_id "
            "in generation_config.json"
        )

    def _missing_end(self, row: PreferenceRow) -> Note:
        if row.is_conversational:
            cause = "the chat template writes no end token after an answer"
            remedy = "use a chat template that writes one, or provide the data as text"
        else:
            cause = "an answer ends in no end token"
            remedy = "set eos_token in the model's tokenizer_config.json"
        return Note(f"{cause}, so the model does not learn to stop; {remedy}", warning=True)


def _load(model: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        # By default transformers asks on the terminal whether to run code from the model directory.
        return AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    except Exception as error:  # The tokenizers library raises bare exceptions for files it cannot read.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{model}: the tokenizer cannot be loaded ({reason}); download its files again") from None


def _given_texts(row: PreferenceRow) -> Iterator[str]:
    """Yields the text of a row before it goes through a template."""
    for part in (row.prompt, *row.responses):
        if isinstance(part, str):
            yield part
        else:
            yield from (message["content"] for message in part if isinstance(message.get("content"), str))


def _check_last_turns(row: PreferenceRow) -> None:
    for response in row.responses:
        role = response[-1].get("role")
        if role != "assistant":
            raise BadRow(f"with --last-turn-only a response must end with a message of the assistant, found {role!r}")


def _start(tokenizer: Any) -> list[int]:
    """Returns the tokens, usually none or BOS, that the tokenizer puts before a text; those after it are not used."""
    whole = list(tokenizer("a")["input_ids"])
    own = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    return next((whole[:n] for n in range(len(whole)) if whole[n : n + len(own)] == own), [])


def _skips(contexts: list[list[int]], sequences: list[list[int]], boundary: int) -> tuple[list[int], bool]:
    """Returns the number of tokens in each response's earlier turns, and whether any boundary had to move."""
    if not contexts:
        return [0] * len(sequences), False
    ends = [_common_prefix(context, sequence) for context, sequence in zip(contexts, sequences)]
    mismatch = any(end < len(context) for end, context in zip(ends, contexts))
    return [max(0, end - boundary) for end in ends], mismatch


def _dense(ranks: list[int]) -> list[int]:
    """Returns ranks from 0 without gaps."""
    levels = sorted(set(ranks))
    return [levels.index(rank) for rank in ranks]


def _common_prefix(a: list[int], b: list[int]) -> int:
    count = min(len(a), len(b))
    if a[:count] == b[:count]:
        return count
    return next(index for index, (left, right) in enumerate(zip(a, b)) if left != right)
