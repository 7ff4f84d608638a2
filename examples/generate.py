"""Writes train.jsonl and heldout.jsonl, invented preferences, with identical bytes on every run.

    python examples/generate.py
"""

import json
from collections.abc import Iterator
from pathlib import Path

from scenarios import BUILDERS
from scenarios.draw import Draw
from scenarios.manners import MANNERS, answers

HERE = Path(__file__).parent
# Relative lengths of contexts, from the shortest to the longest of their kind; most are short, for a short first run.
SIZES = (0, 0, 0.1, 0.1, 0.2, 0.3, 0.45, 0.7, 1)
# Number of rows and seed of each split.
SPLITS = {"train": (200, 20_250_301), "heldout": (50, 7_041_776)}


def rows(count: int, seed: int) -> Iterator[dict]:
    """Yields `count` preferences over all kinds of context and all lengths."""
    draw = Draw(seed)
    manners: list[str] = []
    for index in range(count):
        build = BUILDERS[index % len(BUILDERS)]
        case = build(draw, draw.one(SIZES))
        manners = manners or draw.some(MANNERS, len(MANNERS))
        better, worse = answers(draw, case.question, manners.pop())
        yield {"prompt": case.prompt, "chosen": _answer(better), "rejected": _answer(worse)}


def text(split: str) -> str:
    """Returns the content of a split's file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(*SPLITS[split]))


def _answer(content: str) -> list[dict]:
    return [{"role": "assistant", "content": content}]


if __name__ == "__main__":
    for split in SPLITS:
        (HERE / f"{split}.jsonl").write_text(text(split), encoding="utf-8", newline="\n")
