"""The end of prompts, and the tokens that tokenizers add."""

import pytest
import tiny
from tiny import AB, BOS, END, answered, asked

ROW = {"prompt": "P", "chosen": "yes", "rejected": "no"}
CONVERSATION = {"prompt": [{"role": "user", "content": "Hi"}], "chosen": "Yes", "rejected": "No"}


def test_an_existing_end_token_is_not_added_again(prepare):
    rows = prepare([{"prompt": "P", "chosen": "yes<|im_end|>", "rejected": "no"}]).prepared.rows
    assert rows == [([*b"P"], [[*b"yes", END], [*b"no", END]])]


def test_no_end_token_is_added_if_the_tokenizer_has_none(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "endless", eos_token=None)
    assert prepare([ROW], model=model).prepared.rows == [([*b"P"], [[*b"yes"], [*b"no"]])]


@pytest.mark.parametrize("frame", ["<s> $A", "<s> $A <|im_end|>"], ids=["BOS", "BOS and EOS"])
@pytest.mark.parametrize("prompt", ["P", "<s>P"], ids=["plain", "with BOS"])
def test_tokens_that_the_tokenizer_adds_occur_once(frame, prompt, prepare, tmp_path):
    model = tiny.save_model(tmp_path / "framed", frame=frame, bos_token="<s>")
    outcome = prepare([{**ROW, "prompt": prompt}], model=model)
    assert outcome.prepared.rows == [([BOS, *b"P"], [[*b"yes", END], [*b"no", END]])]
    assert outcome.prepared.metadata["boundary_mismatches"] == "0"


def test_no_second_bos_is_added_to_a_template_that_writes_one(prepare, tmp_path):
    model = tiny.save_model(
        tmp_path / "both", frame="<s> $A", template="{{ bos_token }}" + tiny.CHATML, bos_token="<s>"
    )
    rows = prepare([CONVERSATION], model=model).prepared.rows
    assert rows == [([BOS, *asked(("user", "Hi"))], [answered("Yes"), answered("No")])]


def test_a_boundary_inside_a_token_moves_before_it_and_is_counted(prepare):
    outcome = prepare([{"prompt": "xa", "chosen": "b!", "rejected": "c"}, ROW])
    assert outcome.prepared.rows[0] == ([*b"x"], [[AB, *b"!", END], [*b"ac", END]])
    assert outcome.prepared.metadata["boundary_mismatches"] == "1"
    assert "boundary mismatches                1\n" in outcome.out


def test_an_implicit_prompt_ends_before_the_space_of_a_word(prepare):
    rows = prepare([{"chosen": "It is so", "rejected": "It is not"}]).prepared.rows
    assert rows == [([*b"It is"], [[*b" so", END], [*b" not", END]])]


def test_an_implicit_prompt_leaves_no_response_empty(prepare):
    rows = prepare([{"chosen": "Be well", "rejected": "Be well then"}]).prepared.rows
    assert rows == [([*b"Be"], [[*b" well", END], [*b" well then", END]])]


@pytest.mark.parametrize("rows", [[CONVERSATION, ROW], [CONVERSATION] * 5, [{"prompt": "x"}, *[CONVERSATION] * 40]])
def test_messages_without_a_chat_template_are_one_error(rows, prepare, tmp_path):
    model = tiny.save_model(tmp_path / "plain", template=None)
    outcome = prepare(rows, model=model)
    place = 1 + rows.index(CONVERSATION)
    assert outcome.status == 1 and not outcome.path.exists()
    assert outcome.err.splitlines()[-1] == (
        f"error: {tmp_path}/data.jsonl:{place}: found messages, but the tokenizer has no chat template; add "
        "chat_template.jinja to the model directory (Documentation/Data.md#chat-templates has examples), or provide the "
        "data as text; nothing was written"
    )
    assert len(outcome.err.splitlines()) == place


def test_messages_among_text_without_a_chat_template_are_bad_rows(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "plain", template=None)
    outcome = prepare([ROW, CONVERSATION], model=model)
    assert outcome.err.startswith(f"bad row: {tmp_path}/data.jsonl:2: found messages, but the tokenizer has no chat")
    assert len(outcome.prepared.rows) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_template_with_a_syntax_error_is_one_error(processes, prepare, tmp_path):
    model = tiny.save_model(tmp_path / "broken", template="{% for m in messages %}\n{{ m.content | nothing }}\n{% endfor %}")
    outcome = prepare([CONVERSATION] * 50, "--num-proc", str(processes), model=model)
    assert outcome.status == 1
    assert outcome.err == (
        f"error: {model}/chat_template.jinja: the chat template cannot be read: No filter named 'nothing'., in line 2 of "
        "the template; correct it\n"
    )


def test_a_conversation_that_the_template_rejects_is_reported(prepare, tmp_path):
    template = "{{ raise_exception('no\\nsystem role') if messages[0]['role'] == 'system' }}" + tiny.CHATML
    model = tiny.save_model(tmp_path / "strict", template=template)
    system = {**CONVERSATION, "prompt": [{"role": "system", "content": "S"}, *CONVERSATION["prompt"]]}
    outcome = prepare([system, CONVERSATION], model=model)
    assert outcome.err.endswith("data.jsonl:1: the chat template rejects the conversation: no system role\n")
    assert len(outcome.prepared.rows) == 1
