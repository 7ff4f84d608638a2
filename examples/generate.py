"""Writes train.jsonl, heldout.jsonl and questions.csv, invented preferences, with identical bytes on every run.

    python examples/generate.py
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from scenarios import BUILDERS
from scenarios.draw import Draw
from scenarios.manners import MANNERS, answers

HERE = Path(__file__).parent
# Relative lengths of contexts, from the shortest to the longest of their kind; most are short, for a short first run.
SIZES = (0, 0, 0.1, 0.1, 0.2, 0.3, 0.45, 0.7, 1)
# Number of rows and seed of each split.
SPLITS = {"train": (200, 20_250_301), "heldout": (50, 7_041_776)}
# The same of the table, whose questions are short and without a conversation before them.
TABLE = (80, 19_190_514)


def rows(count: int, seed: int, sizes: Sequence[float] = SIZES) -> Iterator[dict]:
    """Yields `count` preferences over all kinds of context, with these relative lengths."""
    draw = Draw(seed)
    manners: list[str] = []
    for index in range(count):
        build = BUILDERS[index % len(BUILDERS)]
        case = build(draw, draw.one(sizes))
        manners = manners or draw.some(MANNERS, len(MANNERS))
        better, worse = answers(draw, case.question, manners.pop())
        yield {"prompt": case.prompt, "chosen": _answer(better), "rejected": _answer(worse)}


def text(split: str) -> str:
    """Returns the content of a split's file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(*SPLITS[split]))


def table() -> str:
    """Returns the content of the table: a row for each question, with the better and the worse answer."""
    count, seed = TABLE
    asked = (row for row in rows(10 * count, seed, sizes=(0,)) if [part["role"] for part in row["prompt"]] == ["user"])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["question", "better", "worse"])
    writer.writerows(
        [row[key][0]["content"] for key in ("prompt", "chosen", "rejected")] for row in islice(asked, count)
    )
    return file.getvalue()


def _answer(content: str) -> list[dict]:
    return [{"role": "assistant", "content": content}]


if __name__ == "__main__":
    for split in SPLITS:
        (HERE / f"{split}.jsonl").write_text(text(split), encoding="utf-8", newline="\n")
    (HERE / "questions.csv").write_text(table(), encoding="utf-8", newline="\n")
