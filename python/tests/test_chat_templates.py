"""With five public chat templates the tokens equal TRL's, also if the end of a prompt merges with an answer.

`goldens/make_trl_goldens.py` wrote the expected tokens.
"""

import json
from pathlib import Path

import pytest
from chat_templates import FAMILIES, ROWS, save_model

GOLDENS = json.loads((Path(__file__).parent / "goldens/trl.json").read_text())


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_equal_those_of_trl(family, prepare, tmp_path):
    model = save_model(tmp_path / family, FAMILIES[family])
    outcome = prepare(list(ROWS.values()), model=model)
    assert (outcome.status, outcome.err) == (0, "")
    expected = GOLDENS[family]
    assert list(expected) == list(ROWS)
    for (prompt, (chosen, rejected)), title in zip(outcome.prepared.rows, ROWS, strict=True):
        assert {"prompt": prompt, "chosen": chosen, "rejected": rejected} == expected[title], title
    # Merges across the end of the prompt are the difficult case: some must have occurred.
    assert int(outcome.prepared.metadata["boundary_mismatches"]) > 0


def test_a_conversation_that_mistral_rejects_is_a_bad_row(prepare, tmp_path):
    model = save_model(tmp_path / "mistral", FAMILIES["mistral"])
    twice = [{"role": "user", "content": "Hi"}] * 2
    outcome = prepare([{**ROWS["question"], "prompt": twice}, ROWS["question"]], model=model)
    assert outcome.err.endswith("row 0: the chat template rejects the conversation: roles must take turns\n")
    assert len(outcome.prepared.rows) == 1
