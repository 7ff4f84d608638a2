"""A GGUF file that cannot be imported is told in one line, and no directory is left."""

import numpy as np
import pytest
import tiny_gguf


@pytest.fixture
def refused(import_gguf, tmp_path):
    """Imports a file that must be refused, and gives the message."""

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
        ({"architecture": "gpt2"}, "general.architecture = 'gpt2' is not supported; supported: llama"),
        (
            {"tokenizer.ggml.pre": "mystery"},
            "tokenizer.ggml.pre = 'mystery' is not supported; supported: gpt-2, smollm, llama-bpe, qwen2",
        ),
        (
            {"tokenizer.ggml.model": "llama"},
            "tokenizer.ggml.model = 'llama' is not supported; supported: gpt2 (byte-level BPE)",
        ),
        ({"llama.rope.scaling.type": "yarn"}, "llama.rope.scaling.type = 'yarn' is not supported"),
        ({"llama.block_count": None}, "the file does not say llama.block_count"),
        ({"tokenizer.ggml.tokens": None}, "the file does not say tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.merges": None}, "the file does not say tokenizer.ggml.merges"),
        (
            {"llama.block_count": 3},
            "9 tensors are missing, the first of them blk.2.attn_norm.weight; is the file whole?",
        ),
        (
            {"llama.embedding_length": 32},
            "tensor token_embd.weight: expected the shape [261, 32], found [261, 64]",
        ),
    ],
)
def test_what_the_metadata_says_must_be_supported_and_true(changes, message, refused, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf", **changes)
    assert refused(file) == f"{file}: {message}"


@pytest.mark.parametrize(
    "name", ["blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight", "blk.0.x.attn_q.weight", "v.weight"]
)
def test_an_unknown_tensor_is_named(name, refused, tmp_path):
    tensors = tiny_gguf.weights() | {name: np.zeros(64, np.float32)}
    file = tiny_gguf.write(tmp_path / "tiny.gguf", tensors)
    assert refused(file) == f"{file}: tensor {name} is not part of a Llama model"


def test_a_layer_beyond_the_last_is_named(refused, tmp_path):
    tensors = tiny_gguf.weights() | {"blk.7.attn_norm.weight": np.zeros(64, np.float32)}
    file = tiny_gguf.write(tmp_path / "tiny.gguf", tensors)
    assert refused(file) == f"{file}: tensor blk.7.attn_norm.weight: expected no such layer, found [64]"


def test_scaled_rotary_frequencies_are_refused(refused, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf", tiny_gguf.weights() | {"rope_freqs.weight": np.ones(8, np.float32)})
    assert refused(file) == f"{file}: tensor rope_freqs.weight: scaled rotary frequencies are not supported"


@pytest.mark.parametrize("share", [0, 0.00001, 0.0001, 0.001, 0.01, 0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_told(share, refused, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf")
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert refused(file).startswith(f"{file}: not a whole GGUF file")


def test_another_kind_of_file_is_told(refused, tmp_path):
    file = tmp_path / "model.gguf"
    file.write_text("Once upon a time there was no magic number. " * 100)
    assert refused(file).startswith(f"{file}: not a whole GGUF file")


def test_a_missing_file_is_told(refused, tmp_path):
    assert refused(tmp_path / "none.gguf") == f"{tmp_path}/none.gguf: expected a GGUF file, found none"


def test_a_directory_that_is_there_stays(import_gguf, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/note").write_text("mine")
    outcome = import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    message = f"error: {tmp_path}/model: is there already; remove it, or name another directory\n"
    assert outcome == (1, "", message)
    assert (tmp_path / "model/note").read_text() == "mine"


def test_nothing_half_written_is_left(import_gguf, monkeypatch, tmp_path):
    def breaks_off(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", breaks_off)
    status, _, err = import_gguf(tiny_gguf.write(tmp_path / "tiny.gguf"))
    assert (status, err) == (1, f"error: {tmp_path}/model: cannot be written: No space left on device\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]
