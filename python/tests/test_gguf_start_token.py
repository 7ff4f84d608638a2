"""The imported tokenizer adds the start and end tokens that llama.cpp would add."""

import pytest
import tiny_gguf
from transformers import AutoTokenizer

START, END = 256, 257
ADD_START, ADD_END = "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token"
WITH_START = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
WITHOUT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.fixture
def imported(import_gguf, tmp_path):
    def run(**changes):
        assert import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", **changes)) == (0, "", "")
        return AutoTokenizer.from_pretrained(tmp_path / "model")

    return run


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({}, [*b"a"]),
        ({ADD_START: True}, [START, *b"a"]),
        ({ADD_START: False}, [*b"a"]),
        ({ADD_START: True, ADD_END: False}, [START, *b"a"]),
        ({ADD_START: True, ADD_END: True}, [START, *b"a", END]),
        ({ADD_END: True}, [*b"a", END]),
        ({ADD_START: True, "tokenizer.ggml.bos_token_id": 258}, [258, *b"a"]),
        ({ADD_START: True, "tokenizer.ggml.bos_token_id": 257}, [257, *b"a"]),
        # llama.cpp's defaults.
        ({"tokenizer.ggml.pre": "llama-bpe"}, [START, *b"a"]),
        ({"tokenizer.ggml.pre": "llama-bpe", ADD_START: False}, [*b"a"]),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.bos_token_id": None}, [*b"a"]),
        ({"tokenizer.ggml.pre": "gpt-2"}, [*b"a"]),
        ({"tokenizer.ggml.pre": "qwen2"}, [*b"a"]),
    ],
)
def test_text_gets_the_tokens_that_the_file_asks_for(changes, ids, imported):
    tokenizer = imported(**changes)
    assert tokenizer("a")["input_ids"] == ids
    assert tokenizer("a", add_special_tokens=False)["input_ids"] == [*b"a"]
    assert tokenizer("")["input_ids"] == [token for token in ids if token != ord("a")]
    assert tokenizer("a", "a")["input_ids"] == ids * 2


@pytest.mark.parametrize("name", ["<s:1>", "$A", "a b", "<s>:1", "{}"])
def test_a_start_token_with_any_name(name, imported):
    tokens = [name if token == "<|im_start|>" else token for token in tiny_gguf.TOKENS]
    kinds = [3 if token == name or token.startswith("<|") else 1 for token in tokens]
    changes = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": kinds, ADD_START: True}
    assert imported(**changes)("a")["input_ids"] == [START, *b"a"]


@pytest.mark.parametrize("template", [WITH_START, "<|im_start|>" + WITHOUT])
@pytest.mark.parametrize("ends", [True, False])
def test_a_template_that_writes_the_start_token_gives_it_once(template, ends, imported, prepare, tmp_path):
    tokenizer = imported(**{ADD_START: True, ADD_END: ends, "tokenizer.chat_template": template})
    messages = [{"role": "user", "content": "P"}]
    assert tokenizer.apply_chat_template(messages)["input_ids"] == [START, *b"P"]
    row = {"prompt": messages, "chosen": [{"role": "assistant", "content": "y"}], "rejected": "n"}
    [found] = prepare([row], model=tmp_path / "model").prepared.rows
    assert found == ([START, *b"P"], [[*b"y"], [*b"n"]])


@pytest.mark.parametrize(
    ("changes", "start"),
    [({ADD_START: True}, [START]), ({ADD_START: True, ADD_END: True}, [START]), ({ADD_END: True}, [])],
)
@pytest.mark.parametrize("text", ["P", "<|im_start|>P"])
def test_prepared_text_has_the_start_once_and_no_further_end(changes, start, text, imported, prepare, tmp_path):
    imported(**changes)
    rows = [{"prompt": text, "chosen": "y", "rejected": "n<|im_end|>"}]
    [(prompt, responses)] = prepare(rows, model=tmp_path / "model").prepared.rows
    assert prompt == ([START] if text != "P" or start else []) + [*b"P"]
    assert responses == [[*b"y", END], [*b"n", END]]


def rejected(outcome, tmp_path) -> str:
    status, out, err = outcome
    assert (status, out, err.count("\n")) == (1, "", 1) and not (tmp_path / "model").exists()
    return err.removeprefix(f"error: {tmp_path}/tiny.gguf: ").removesuffix("\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {ADD_START: True, "tokenizer.ggml.bos_token_id": None},
            f"{ADD_START} is true, but tokenizer.ggml.bos_token_id is missing",
        ),
        (
            {ADD_END: True, "tokenizer.ggml.eos_token_id": None},
            f"{ADD_END} is true, but tokenizer.ggml.eos_token_id is missing",
        ),
        ({"tokenizer.ggml.bos_token_id": 261}, "tokenizer.ggml.bos_token_id = 261 is not one of the 261 tokens"),
        ({"tokenizer.ggml.eos_token_id": "x"}, "tokenizer.ggml.eos_token_id = 'x' is not one of the 261 tokens"),
    ],
)
def test_tokens_that_cannot_be_added_are_named(changes, message, import_gguf, tmp_path):
    assert rejected(import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", **changes)), tmp_path) == message
