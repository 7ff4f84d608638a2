"""Where prompts end, and what tokenizers add by themselves."""

import pytest
import tiny
from tiny import AB, BOS, END, answered, asked

ROW = {"prompt": "P", "chosen": "yes", "rejected": "no"}
TALK = {"prompt": [{"role": "user", "content": "Hi"}], "chosen": "Yes", "rejected": "No"}


def test_an_end_token_that_is_there_is_not_added_again(prepare):
    rows = prepare([{"prompt": "P", "chosen": "yes<|im_end|>", "rejected": "no"}]).prepared.rows
    assert rows == [([*b"P"], [[*b"yes", END], [*b"no", END]])]


def test_without_an_end_token_none_is_added(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "endless", eos_token=None)
    assert prepare([ROW], model=model).prepared.rows == [([*b"P"], [[*b"yes"], [*b"no"]])]


@pytest.mark.parametrize("frame", ["<s> $A", "<s> $A <|im_end|>"], ids=["BOS", "BOS and EOS"])
@pytest.mark.parametrize("prompt", ["P", "<s>P"], ids=["plain", "with BOS"])
def test_what_the_tokenizer_adds_by_itself_stands_once(frame, prompt, prepare, tmp_path):
    model = tiny.save_model(tmp_path / "framed", frame=frame, bos_token="<s>")
    outcome = prepare([{**ROW, "prompt": prompt}], model=model)
    assert outcome.prepared.rows == [([BOS, *b"P"], [[*b"yes", END], [*b"no", END]])]
    assert outcome.prepared.metadata["boundary_mismatches"] == "0"


def test_a_template_that_writes_bos_gets_no_second_one(prepare, tmp_path):
    model = tiny.save_model(
        tmp_path / "both", frame="<s> $A", template="{{ bos_token }}" + tiny.CHATML, bos_token="<s>"
    )
    rows = prepare([TALK], model=model).prepared.rows
    assert rows == [([BOS, *asked(("user", "Hi"))], [answered("Yes"), answered("No")])]


def test_a_cut_inside_a_token_moves_before_it_and_is_counted(prepare):
    outcome = prepare([{"prompt": "xa", "chosen": "b!", "rejected": "c"}, ROW])
    assert outcome.prepared.rows[0] == ([*b"x"], [[AB, *b"!", END], [*b"ac", END]])
    assert outcome.prepared.metadata["boundary_mismatches"] == "1"
    assert "boundary mismatches                1\n" in outcome.out


def test_an_implicit_prompt_ends_before_the_space_of_a_word(prepare):
    rows = prepare([{"chosen": "It is so", "rejected": "It is not"}]).prepared.rows
    assert rows == [([*b"It is"], [[*b" so", END], [*b" not", END]])]


def test_an_implicit_prompt_leaves_each_response_something(prepare):
    rows = prepare([{"chosen": "Well", "rejected": "Well then"}]).prepared.rows
    assert rows == [([*b"Wel"], [[*b"l", END], [*b"l then", END]])]


def test_messages_without_a_chat_template_are_told(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "plain", template=None)
    outcome = prepare([TALK, ROW], model=model)
    assert outcome.err.endswith(
        "data.jsonl:1: row 0: messages, but the tokenizer has no chat template; give the data as text\n"
    )
    assert len(outcome.prepared.rows) == 1


def test_a_conversation_that_the_template_refuses_is_told(prepare, tmp_path):
    template = "{{ raise_exception('no\\nsystem role') if messages[0]['role'] == 'system' }}" + tiny.CHATML
    model = tiny.save_model(tmp_path / "strict", template=template)
    system = {**TALK, "prompt": [{"role": "system", "content": "S"}, *TALK["prompt"]]}
    outcome = prepare([system, TALK], model=model)
    assert outcome.err.endswith("row 0: the chat template refuses the conversation: no system role\n")
    assert len(outcome.prepared.rows) == 1
