"""With five public chat templates the tokens equal TRL's, also if the end of a prompt merges with an answer.

`goldens/make_trl_goldens.py` wrote the expected tokens.
"""

import json
import re
from pathlib import Path

import pytest
from chat_templates import FAMILIES, ROWS, save_model

GOLDENS = json.loads((Path(__file__).parent / "goldens/trl.json").read_text())

NO_TOOLS = "warning: the chat template leaves out the tools"
REMARKS = {
    "chatml": [NO_TOOLS],
    "llama3": ["bad row: all responses have the same tokens, so none is preferred", NO_TOOLS],
    "mistral": [NO_TOOLS],
    "zephyr": [
        "note: the chat template writes '\\n' at the end of a prompt but not before an answer, "
        "so answers are not learned after it",
        NO_TOOLS,
    ],
    "qwen": [],
}


def remarks(lines: str) -> list[str]:
    """Returns the remarks about rows without their places, except those about guessed prompts."""
    found = [re.sub(r"(: (1 row|8 rows), first )?\S*data\.jsonl:\d+(: )?", "", line) for line in lines.splitlines()]
    return [line for line in found if not line.startswith("note: no column holds the prompt")]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_equal_those_of_trl(family, prepare, tmp_path):
    model = save_model(tmp_path / family, FAMILIES[family])
    outcome = prepare(list(ROWS.values()), model=model)
    expected = GOLDENS[family]
    assert list(expected) == list(ROWS)
    # Llama 3's template trims the two answers of this row to the same text.
    kept = [title for title in ROWS if (family, title) != ("llama3", "white space")]
    assert (outcome.status, remarks(outcome.err)) == (0, REMARKS[family])
    assert len(kept) >= len(ROWS) - 1
    for (prompt, (chosen, rejected)), title in zip(outcome.prepared.rows, kept, strict=True):
        assert {"prompt": prompt, "chosen": chosen, "rejected": rejected} == expected[title], title
    # Merges across the end of the prompt are the difficult case: some must have occurred.
    assert int(outcome.prepared.metadata["boundary_mismatches"]) > 0


def test_a_conversation_that_mistral_rejects_is_a_bad_row(prepare, tmp_path):
    model = save_model(tmp_path / "mistral", FAMILIES["mistral"])
    twice = [{"role": "user", "content": "Hi"}] * 2
    outcome = prepare([{**ROWS["question"], "prompt": twice}, ROWS["question"]], model=model)
    assert outcome.err.endswith("data.jsonl:1: the chat template rejects the conversation: roles must take turns\n")
    assert len(outcome.prepared.rows) == 1
