"""Guesses the prompt of texts that have none: their common beginning, up to the start of a word."""

import unicodedata
from os.path import commonprefix

# The last turn's start in HH-RLHF's texts.
_HUMAN, _ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
# Characters inside a word or a number if letters or digits stand on both sides; the second only between digits.
_JOINERS, _DIGIT_JOINERS = frozenset("'’-‐‑_./@&+·\u200c\u00ad"), frozenset(",:٫٬")
# Characters that belong to a following, and to a preceding number.
_SIGNS, _UNITS = frozenset("+-−±$€£¥#.~"), frozenset("%‰°")
_ZWNJ, _ZWJ = "\u200c", "\u200d"


def common_prefix(texts: list[str]) -> int:
    """Returns the length of the beginning that all texts share and that ends before a word, or 0 if it has no words.

    It leaves at least one character of each text. In HH-RLHF's form it ends after the last `Assistant:` shared.
    """
    first, shared = texts[0], _shared(texts)
    marker = first.rfind(_ASSISTANT, 0, shared)
    if marker > first.rfind(_HUMAN, 0, shared) and first.startswith((_HUMAN, _HUMAN.lstrip())):
        return marker + len(_ASSISTANT)
    shared = min(shared, *(len(text) - 1 for text in texts))
    end = next((end for end in range(shared, 0, -1) if all(_starts_word(text, end) for text in texts)), 0)
    # The space before a word belongs to the word.
    end -= end > 0 and first[end - 1] == " "
    return end if any(map(_is_lettered, first[:end])) else 0


def _shared(texts: list[str]) -> int:
    """Returns the number of leading characters that all texts share."""
    return len(commonprefix(texts))


def _starts_word(text: str, end: int) -> bool:
    """Returns whether `text` can be divided at `end`: neither within a word or number nor within a grapheme."""
    before, after = text[end - 1], text[end]
    if _is_within_grapheme(text, end):
        return False
    if _is_lettered(before) and _is_lettered(after):
        return _stands_alone(before) or _stands_alone(after)
    if after.isdigit() and before in _SIGNS and not (end > 1 and _is_lettered(text[end - 2])):
        return False
    if (before.isdigit() and after in _UNITS) or "://" in text[max(0, end - 3) : end + 3]:
        return False
    return not (_is_joined(text, end - 1) or _is_joined(text, end))


def _is_joined(text: str, index: int) -> bool:
    """Returns whether the character at `index` joins letters or digits to one word or number."""
    if not 0 < index < len(text) - 1:
        return False
    left, character, right = text[index - 1 : index + 2]
    if character in _DIGIT_JOINERS:
        return left.isdigit() and right.isdigit()
    return character in _JOINERS and _is_lettered(left) and _is_lettered(right)


def _is_lettered(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _stands_alone(character: str) -> bool:
    """Returns whether a letter is of a script that writes no spaces between words."""
    code = ord(character)
    return (
        0x2E80 <= code <= 0x31FF  # Kana, Bopomofo, radicals
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
        or 0x0E00 <= code <= 0x0EFF  # Thai, Lao
        or 0x1000 <= code <= 0x109F  # Myanmar
        or 0x1780 <= code <= 0x17FF  # Khmer
    )


def _is_within_grapheme(text: str, end: int) -> bool:
    """Returns whether a division at `end` would part characters that are seen as one."""
    before, after = text[end - 1], text[end]
    if before + after == "\r\n" or before == _ZWJ:
        return True
    if after in (_ZWJ, _ZWNJ) or unicodedata.category(after)[0] == "M" or after in "\u0e33\u0eb3\uff9e\uff9f":
        return True
    # Skin tones, tags of flags, Hangul vowels and final consonants; a virama joins the following consonant.
    code = ord(after)
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F or 0x1160 <= code <= 0x11FF:
        return True
    if unicodedata.combining(before) == 9 and after.isalpha():
        return True
    return _is_flag(after) and (_flags_before(text, end) % 2 == 1)


def _is_flag(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _flags_before(text: str, end: int) -> int:
    count = 0
    while count < end and _is_flag(text[end - count - 1]):
        count += 1
    return count
