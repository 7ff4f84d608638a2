"""Text of data in a form that is safe to print: a terminal must never execute what a file contains."""

import re
import unicodedata

# Control characters, marks that reorder or hide text, and private characters; joiners inside words and emoji stay.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\U000f0000-\U0010ffff]"
)


def printable(text: str) -> str:
    """Returns `text` in one line, with a visible sign or an escape sequence for each unsafe character."""
    return _UNSAFE.sub(lambda match: _sign(ord(match[0])), text)


def excerpt(text: str, length: int = 100) -> str:
    """Returns the start of `text` in one line, at most `length` characters."""
    line = printable(" ".join(text[: 4 * length].split()))
    return line if len(line) <= length and len(text) <= 4 * length else line[: length - 1] + "…"


def display_width(character: str) -> int:
    """Returns the number of terminal columns of a character."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
