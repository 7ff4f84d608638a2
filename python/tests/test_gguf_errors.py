"""A GGUF file that cannot be imported is reported in one line, and no directory is left behind."""

import numpy as np
import pytest
import tiny_gguf


@pytest.fixture
def rejected(import_gguf, tmp_path):
    """Imports a file that must be rejected, and returns the message."""

    def run(file) -> str:
        status, out, err = import_gguf(file)
        assert (status, out) == (1, "")
        assert err.startswith("error: ") and err.count("\n") == 1
        assert {path.name for path in tmp_path.iterdir()} <= {file.name}
        return err.removeprefix("error: ").removesuffix("\n")

    return run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "mamba"},
            "general.architecture = 'mamba' is not supported; supported: "
            "gemma3, llama, mistral, mistral3, phi3, qwen2, qwen3",
        ),
        (
            {"architecture": "qwen3moe"},
            "general.architecture = 'qwen3moe' is not supported (nearest: qwen3); supported: "
            "gemma3, llama, mistral, mistral3, phi3, qwen2, qwen3",
        ),
        (
            {"general.type": "adapter"},
            "general.type = 'adapter': expected a model; import the file of the model itself",
        ),
        (
            {"tokenizer.ggml.pre": "mystery"},
            "tokenizer.ggml.pre = 'mystery' is not supported; supported: gpt-2, phi-2, smollm, starcoder, refact, "
            "llama-bpe, llama3, llama-v3, falcon3, pixtral, dbrx, smaug-bpe, qwen2, deepseek-r1-qwen, megrez, tekken, "
            "gpt-4o",
        ),
        (
            {"tokenizer.ggml.model": "t5"},
            "tokenizer.ggml.model = 't5' is not supported; supported: gpt2 (byte-level BPE), llama (SentencePiece)",
        ),
        (
            {"llama.rope.scaling.type": "longrope", "llama.rope.scaling.factor": 4.0},
            "llama.rope.scaling.type = 'longrope' is not supported for llama; supported: linear, yarn, llama3",
        ),
        ({"llama.block_count": None}, "expected metadata llama.block_count, found none"),
        ({"tokenizer.ggml.tokens": None}, "expected metadata tokenizer.ggml.tokens, found none"),
        ({"tokenizer.ggml.merges": None}, "expected metadata tokenizer.ggml.merges, found none"),
        (
            {"llama.block_count": 3},
            "9 tensors are missing, the first is blk.2.attn_norm.weight; is the file complete?",
        ),
        (
            {"llama.embedding_length": 32},
            "tensor token_embd.weight: expected the shape [261, 32], found [261, 64]",
        ),
    ],
)
def test_unsupported_or_inconsistent_metadata_is_rejected(changes, message, rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf", **changes)
    assert rejected(file) == f"{file}: {message}"


@pytest.mark.parametrize(
    "name",
    ["blk.0.attn_norm.bias", "blk.0.ffn_gate_inp.weight", "blk.0.x.attn_q.weight", "blk.x.attn_q.weight", "v.weight"],
)
def test_an_unknown_tensor_is_named(name, rejected, tmp_path):
    tensors = tiny_gguf.weights() | {name: np.zeros(64, np.float32)}
    file = tiny_gguf.write(tmp_path / "tiny.gguf", tensors)
    assert rejected(file) == f"{file}: tensor {name} is not part of a Llama model"


def test_a_layer_beyond_the_last_is_named(rejected, tmp_path):
    tensors = tiny_gguf.weights() | {"blk.7.attn_norm.weight": np.zeros(64, np.float32)}
    file = tiny_gguf.write(tmp_path / "tiny.gguf", tensors)
    assert rejected(file) == f"{file}: tensor blk.7.attn_norm.weight: expected no such layer, found [64]"


@pytest.mark.parametrize("share", [0, 0.00001, 0.0001, 0.001, 0.01, 0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_reported(share, rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf")
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert rejected(file).startswith(f"{file}: not a complete GGUF file")


def test_another_kind_of_file_is_reported(rejected, tmp_path):
    file = tmp_path / "model.gguf"
    file.write_text("Once upon a time there was no magic number. " * 100)
    assert rejected(file).startswith(f"{file}: not a complete GGUF file")


def test_a_missing_file_is_reported(rejected, tmp_path):
    assert rejected(tmp_path / "none.gguf") == f"{tmp_path}/none.gguf: expected a GGUF file, found none"


def test_an_existing_directory_is_not_changed(import_gguf, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/note").write_text("mine")
    outcome = import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    message = f"error: {tmp_path}/model: already exists; remove it, or choose another directory\n"
    assert outcome == (1, "", message)
    assert (tmp_path / "model/note").read_text() == "mine"


def test_no_incomplete_directory_is_left_behind(import_gguf, monkeypatch, tmp_path):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", fail)
    status, _, err = import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    assert (status, err) == (1, f"error: {tmp_path}/model: cannot be written: No space left on device\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]
