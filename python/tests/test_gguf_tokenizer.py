"""The tokenizer rebuilt from a GGUF file."""

import subprocess
import sys

import pytest
import tiny
import tiny_gguf
from transformers import AutoTokenizer

ONE_TWO = tiny_gguf.TOKENS.index("12")
AB = tiny_gguf.TOKENS.index("ab")


@pytest.fixture
def tokenizer(import_gguf, tmp_path):
    def load(**changes):
        assert import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", **changes)) == (0, "", "")
        return AutoTokenizer.from_pretrained(tmp_path / "model")

    return load


def test_smollm_splits_digits(tokenizer):
    assert tokenizer()("ab 12")["input_ids"] == [AB, *b" 12"]


@pytest.mark.parametrize("name", ["gpt-2", "llama-bpe"])
def test_gpt2_and_llama_merge_digits(name, tokenizer):
    ids = tokenizer(**{"tokenizer.ggml.pre": name})("ab 12", add_special_tokens=False)["input_ids"]
    assert ids == [AB, *b" ", ONE_TWO]


def test_qwen2_splits_digits(tokenizer):
    assert tokenizer(**{"tokenizer.ggml.pre": "qwen2"})("ab 12")["input_ids"] == [AB, *b" 12"]


def test_decoding_restores_the_text(tokenizer):
    loaded = tokenizer()
    text = "Ünïcode, 1234 — tabs\tand\n\nlines  "
    assert loaded.decode(loaded(text)["input_ids"]) == text


def test_control_tokens_have_their_roles_and_are_never_split(tokenizer):
    loaded = tokenizer()
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id) == (256, 257, 258)
    assert loaded("a<|im_end|>b")["input_ids"] == [*b"a", 257, *b"b"]


def test_the_chat_template_is_kept(tokenizer):
    loaded = tokenizer()
    assert loaded.chat_template == tiny.CHATML
    ids = loaded.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True)["input_ids"]
    assert ids == tiny.asked(("user", "Hi"))


def test_data_can_be_prepared_with_it(tokenizer, prepare, tmp_path):
    tokenizer()
    outcome = prepare([{"prompt": "P", "chosen": "12", "rejected": "2"}], model=tmp_path / "model")
    assert outcome.prepared.rows == [([*b"P"], [[*b"12", 257], [*b"2", 257]])]


def test_the_command_runs_without_torch_and_prints_nothing(tmp_path):
    main = "import sys; sys.modules['torch'] = None; from espalier_data.import_gguf import main; main()"
    arguments = [tiny_gguf.write(tmp_path / "tiny.gguf"), tmp_path / "model"]
    result = subprocess.run([sys.executable, "-c", main, *arguments], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
