"""A SentencePiece tokenizer with scores, and the tokens that it gives, computed in the plainest way."""

from typing import Any

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SPECIAL = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL), ("<|user|>", CONTROL), ("<|end|>", CONTROL)]
WHOLE = ["  ", "   ", "\n\n", "<td>"]
#: From the best score to the worst; "aaa" can be merged in two ways, and "cab" has no parts but single letters.
PIECES = ["▁a", "ab", "aa", "▁ab", "bc", "▁▁", "abc", "aaa", "▁the", "th", "the", "他们", "é", "cab"]
LETTERS = ["▁", *"abcdefghijklmnopqrstuvwxyz", "他", "们", "."]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TOKENS = [name for name, _ in SPECIAL] + BYTES + WHOLE + PIECES + LETTERS + ["[PAD1]", "xy"]
KINDS = (
    [kind for _, kind in SPECIAL]
    + [BYTE] * 256
    + [USER_DEFINED] * len(WHOLE)
    + [NORMAL] * (len(PIECES) + len(LETTERS))
    + [UNUSED] * 2
)
#: Scores of pieces and letters fall; those of other tokens would win if they were used.
SCORES = [-1.0 * (index - TOKENS.index("▁a")) if kind == NORMAL else 1000.0 for index, kind in enumerate(KINDS)]
START, END, USER, TURN = (TOKENS.index(name) for name in ("<s>", "</s>", "<|user|>", "<|end|>"))
METADATA: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.pre": "default",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.scores": SCORES,
    "tokenizer.ggml.token_type": KINDS,
    "tokenizer.ggml.merges": None,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.bos_token_id": START,
    "tokenizer.ggml.eos_token_id": END,
    "tokenizer.ggml.padding_token_id": None,
}


def ids(text: str, prefix: bool) -> list[int]:
    """Returns the tokens of a text without special tokens around it."""
    result, rest = [], text
    while rest:
        place, token = _first_whole_token(rest)
        if place > 0:
            result += _merged((" " if prefix else "") + rest[:place])
        result += [TOKENS.index(token)] if token else []
        rest = rest[place + len(token) :]
    return result


def _first_whole_token(text: str) -> tuple[int, str]:
    """Returns the place of the first token that is found as a whole, the longest one there."""
    whole = [name for name, kind in zip(TOKENS, KINDS) if kind in (UNKNOWN, CONTROL, USER_DEFINED)]
    found = [(text.index(name), -len(name), name) for name in whole if name in text]
    return (min(found)[0], min(found)[2]) if found else (len(text), "")


def _merged(text: str) -> list[int]:
    """Merges the best pair, the first of several, until no union of neighbours is a piece."""
    scores = {token: score for token, score, kind in zip(TOKENS, SCORES, KINDS) if kind == NORMAL}
    parts = list(text.replace(" ", "▁"))
    while True:
        unions = [(scores[a + b], -place) for place, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in scores]
        if not unions:
            break
        place = -max(unions)[1]
        parts[place : place + 2] = ["".join(parts[place : place + 2])]
    covered = [[TOKENS.index(part)] if part in scores else _bytes(part) for part in parts]
    return [token for tokens in covered for token in tokens]


def _bytes(text: str) -> list[int]:
    return [TOKENS.index(BYTES[byte]) for byte in text.encode()]
