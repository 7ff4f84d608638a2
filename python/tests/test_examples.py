"""The committed examples equal the output of their generator."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COUNTS = {"train": 200, "heldout": 50}


def read(split: str) -> list[dict]:
    return [json.loads(line) for line in (EXAMPLES / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


def contents(messages: list[dict]) -> list[str]:
    return [message["content"] for message in messages]


def test_the_files_equal_the_output_of_the_generator(tmp_path):
    shutil.copy(EXAMPLES / "generate.py", tmp_path)
    shutil.copytree(EXAMPLES / "scenarios", tmp_path / "scenarios")
    subprocess.run([sys.executable, tmp_path / "generate.py"], check=True, cwd=tmp_path)
    for name in (*(f"{split}.jsonl" for split in COUNTS), "questions.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_the_table_has_short_questions_of_its_own():
    rows = list(csv.DictReader((EXAMPLES / "questions.csv").open(encoding="utf-8", newline="")))
    assert len({row["question"] for row in rows}) == len(rows) == 80
    assert all(row["better"] != row["worse"] and len(row["question"]) < 1000 for row in rows)
    others = {contents(row["prompt"])[-1] for split in COUNTS for row in read(split)}
    assert not others & {row["question"] for row in rows}


@pytest.mark.parametrize("split", COUNTS)
def test_rows_are_conversations_with_two_different_answers(split):
    rows = read(split)
    assert len(rows) == COUNTS[split]
    for row in rows:
        assert list(row) == ["prompt", "chosen", "rejected"]
        assert row["prompt"][-1]["role"] == "user"
        assert {message["role"] for message in row["prompt"]} <= {"system", "user", "assistant"}
        assert [message["role"] for message in row["chosen"] + row["rejected"]] == ["assistant"] * 2
        texts = [text for part in row.values() for text in contents(part)]
        assert all(text == text.strip() and "{" not in text and "  ." not in text for text in texts)
        assert row["chosen"] != row["rejected"]


def context(prompt: list[dict]) -> str:
    """Returns the turns before the question, or the text that contains the document."""
    if any(message["role"] == "assistant" for message in prompt):
        return "\n".join(contents(prompt[:-1]))
    return max(contents(prompt), key=len)


def test_no_context_occurs_in_both_splits_or_twice():
    prompts = [json.dumps(row["prompt"]) for split in COUNTS for row in read(split)]
    assert len(set(prompts)) == len(prompts) == sum(COUNTS.values())
    contexts = [{context(row["prompt"]) for row in read(split)} for split in COUNTS]
    assert not contexts[0] & contexts[1]


def test_the_numbers_of_a_chosen_answer_occur_in_its_context():
    grounded = 0
    for split in COUNTS:
        for row in read(split):
            context = " ".join(contents(row["prompt"])).lower()
            words = {word.strip('.,;"').lower() for word in contents(row["chosen"])[0].split()}
            numbers = {word for word in words if any(character.isdigit() for character in word)}
            assert all(number.removesuffix("'s") in context for number in numbers), row["chosen"]
            grounded += bool(numbers)
    assert grounded > 200


@pytest.mark.parametrize("split", COUNTS)
def test_about_half_of_the_pairs_have_a_common_prefix(split):
    rows = read(split)
    common = sum(contents(row["chosen"])[0].split()[:3] == contents(row["rejected"])[0].split()[:3] for row in rows)
    assert 0.4 <= common / len(rows) <= 0.6
