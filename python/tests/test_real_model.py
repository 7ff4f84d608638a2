"""Preparation with a real model gives TRL's tokens."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data"
GOLDEN = SHARED / "smollm2-dpo_en-golden.json"


@pytest.fixture
def golden() -> dict:
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} does not exist")
    return json.loads(GOLDEN.read_text())


def test_tokens_equal_those_of_trl(golden, real_model, prepare):
    outcome = prepare(SHARED / "dpo_en_demo.json", "--max-length", golden["max_length"], model=real_model)
    assert (outcome.status, outcome.err) == (0, "")
    prepared = outcome.prepared
    assert len(prepared.rows) == golden["usable_rows"]
    assert prepared.metadata["boundary_mismatches"] == "0"
    kept = dict(zip(prepared.arrays["source_rows"].tolist(), prepared.rows))
    compared = 0
    for expected in golden["rows"]:
        prompt, (chosen, rejected) = kept[expected["row"]]
        assert len(prompt) == expected["prompt_tokens"]
        assert len(chosen) == expected["chosen_tokens"]
        assert len(rejected) == expected["rejected_tokens"]
        for found, name in ((prompt, "prompt_ids_head"), (chosen, "chosen_ids_head")):
            assert found[: len(expected[name])] == expected[name]
        assert rejected[-len(expected["rejected_ids_tail"]) :] == expected["rejected_ids_tail"]
        compared += 1
    assert compared == len(golden["rows"]) > 0


def test_the_examples_have_long_prompts_and_short_responses(real_model, prepare):
    for split in ("train", "heldout"):
        prepared = prepare(ROOT / f"examples/{split}.jsonl", model=real_model).prepared
        counts = prepared.metadata
        assert counts["rows_kept"] == counts["rows_read"]
        assert counts["truncated_rows"] == counts["identical_responses"] == counts["boundary_mismatches"] == "0"
        prompts = [len(prompt) for prompt, _ in prepared.rows]
        responses = [len(response) for _, row in prepared.rows for response in row]
        assert 100 <= min(prompts) < 200 < np.median(prompts) < 400 < max(prompts) <= 610
        assert 15 <= min(responses) <= max(responses) <= 60
