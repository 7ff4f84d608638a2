"""Prints rows as the model sees them: which tokens count, special tokens, and what was truncated."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError
from ..tokens.truncation import ID_TYPE, FittedRow, Limits
from .printable import display_width, printable

_MARGIN = "  "
_MOST_COLUMNS = 120
#: A word of more characters is broken at the end of a line.
_LONG_WORD = 24
_STYLES = {
    "counts": "32",
    "context": "2",
    "counts special": "1;36",
    "context special": "2;36",
    "mark": "33",
    "head": "1",
}


@dataclass(frozen=True)
class _Piece:
    """Consecutive text of one style."""

    text: str
    style: str


class RowPrinter:
    """Prints rows in the form of a terminal, or without colours and with marks around the tokens that count."""

    def __init__(self, tokenizer: Any, limits: Limits) -> None:
        self._tokenizer, self._limits = tokenizer, limits
        if sys.stdout is None:
            raise UserError("standard output: cannot be written: it is closed")
        added = getattr(tokenizer, "added_tokens_decoder", {})
        self._special = {number for number, token in added.items() if token.special} | set(tokenizer.all_special_ids)
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._columns = max(20, min(_MOST_COLUMNS, shutil.get_terminal_size((100, 24)).columns))

    def row(self, number: int, place: str, row: FittedRow) -> str:
        """Returns a row's prompt and responses; `number` counts the rows that are shown, from 1."""
        prompt = np.frombuffer(row.prompt, ID_TYPE).tolist()
        title = f"row {number}  {printable(place)} "
        lines = [self._styled(title + "─" * max(0, self._columns - len(title)), "head")]
        moved = "; its end merged with a response" if row.boundary_mismatch else ""
        lines.append(self._heading("prompt", f"{_tokens(len(prompt))}, context{moved}"))
        start = [_Piece(f"[{_tokens(row.prompt_excess)} removed] ", "mark")] if row.prompt_excess else []
        lines += self._lines([*start, *self._pieces(prompt, 0, len(prompt), "context")])
        for index, content in enumerate(row.responses):
            lines += self._response(index, row, prompt, np.frombuffer(content, ID_TYPE).tolist())
        return "\n".join([*lines, ""])

    def legend(self) -> str:
        """Returns what the colours and marks mean."""
        if not self._colour:
            return "⟨…⟩ tokens that count   ⏎ newline   · space at an end"
        parts = [("counts", "counts"), ("context, does not count", "context"), ("special token", "counts special")]
        shown = "   ".join(self._styled(text, style) for text, style in parts)
        return f"{shown}   ⏎ newline   · space at an end"

    def _response(self, index: int, row: FittedRow, prompt: list[int], response: list[int]) -> Iterator[str]:
        skip, excess = row.skips[index], row.response_excesses[index]
        best = ", best" if row.ranks[index] == 0 else ""
        counted = "all count" if not skip else f"the last {len(response) - skip} count"
        yield self._heading(
            f"response {index + 1}", f"rank {row.ranks[index]}{best}; {_tokens(len(response))}, {counted}"
        )
        start, end = len(prompt), len(prompt) + len(response)
        pieces = self._pieces(prompt + response, start, start + skip, "context")
        counting = self._pieces(prompt + response, start + skip, end, "counts")
        if not self._colour:
            counting = [_Piece("⟨", "mark"), *counting, _Piece("⟩", "mark")]
        if excess:
            cut = f" [{_tokens(excess)} truncated at --max-length {self._limits.max_length}]"
            counting = [*counting, _Piece(cut, "mark")]
        yield from self._lines([*pieces, *counting])

    def _pieces(self, tokens: list[int], start: int, end: int, style: str) -> list[_Piece]:
        """Returns the text of the tokens from `start` to `end`, in pieces that are special or not."""
        pieces = []
        while start < end:
            special = tokens[start] in self._special
            stop = next((n for n in range(start, end) if (tokens[n] in self._special) != special), end)
            pieces.append(_Piece(_visible(self._text(tokens, start, stop)), f"{style} special" if special else style))
            start = stop
        return pieces

    def _text(self, tokens: list[int], start: int, end: int) -> str:
        """Returns the text that the tokens from `start` to `end` add to that of the tokens before them."""
        before, whole = self._decoded(tokens[:start]), self._decoded(tokens[:end])
        # A token may hold a part of a character, which only the next one completes.
        return whole[len(os.path.commonprefix([before, whole])) :]

    def _decoded(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _heading(self, name: str, detail: str) -> str:
        return f"{self._styled(name, 'head')}  {detail}"

    def _lines(self, pieces: list[_Piece]) -> list[str]:
        lines = _Lines(self._columns - len(_MARGIN))
        for piece in pieces:
            lines.add(piece.text, lambda text, style=piece.style: self._styled(text, style))
        return [_MARGIN + line for line in lines.finished()]

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour and text else text


class _Lines:
    """Breaks text into lines of a number of columns; each newline gets a sign, and a line ends after it."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._lines = [""]
        self._width = 0
        self._ended = False

    def add(self, text: str, styled: Callable[[str], str]) -> None:
        run = ""
        for character in text:
            shown = "⏎" if character == "\n" else character
            # The sign of a newline and the mark after the last token stay on the line of the text before them.
            space = self._columns - {"\n": 1, "⟩": 0}.get(character, 2)
            if (self._ended and character != "⟩") or self._width + display_width(shown) > space:
                end = len(run) if self._ended else self._break(run)
                self._lines[-1] += styled(run[:end])
                self._lines.append("")
                run = run[end:]
                self._width = sum(map(display_width, run))
            run += shown
            self._width += display_width(shown)
            self._ended = character == "\n"
        self._lines[-1] += styled(run)

    def _break(self, run: str) -> int:
        """Returns where a run of text is broken: before its last word, unless that is long."""
        end = run.rfind(" ") + 1
        return end if len(run) - end <= _LONG_WORD and (end or self._lines[-1]) else len(run)

    def finished(self) -> list[str]:
        return [line for line in self._lines if line]


def _visible(text: str) -> str:
    """Returns text with a sign for each tab, for each space at the end of a line or of the text, and as `printable`."""
    return "\n".join(_visible_line(line) for line in text.split("\n"))


def _visible_line(line: str) -> str:
    spaces = len(line) - len(line.rstrip(" "))
    return "⇥".join(map(printable, line[: len(line) - spaces].split("\t"))) + "·" * spaces


def _tokens(count: int) -> str:
    return f"{count} token" if count == 1 else f"{count} tokens"
