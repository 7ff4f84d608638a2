"""Parts, other kinds of files and unsupported models are named, each in one line with its remedy."""

import random

import numpy as np
import pytest
import tiny_gguf
from gguf import GGUFEndian
from safetensors.numpy import save
from tiny_gguf import TOKENS, WIDTH, weights


@pytest.fixture
def rejected(import_gguf, tmp_path):
    """Imports a file that must be rejected, and returns the message."""

    def run(file) -> str:
        status, out, err = import_gguf(file)
        assert (status, out, err.count("\n")) == (1, "", 1), err
        assert not (tmp_path / "model").exists()
        return err.removeprefix(f"error: {file}: ").removesuffix("\n")

    return run


def part(number: int, count: int) -> dict:
    return {"split.no": number, "split.count": count, "split.tensors.count": 20}


def without_metadata() -> dict:
    """Parts after the first have no metadata but that of the split."""
    return {key: None for key in tiny_gguf.METADATA}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_part_of_a_split_file_is_named(number, rejected, tmp_path):
    tensors = dict(list(weights().items())[number * 5 : number * 5 + 5])
    changes = part(number, 3) | (without_metadata() if number else {})
    file = tiny_gguf.write(tmp_path / f"my model-0000{number + 1}-of-00003.gguf", tensors, **changes)
    first = f"{tmp_path}/my model-00001-of-00003.gguf"
    missing = ", ".join(f"my model-0000{other}-of-00003.gguf" for other in (1, 2, 3) if other != number + 1)
    assert rejected(file) == (
        f"part {number + 1} of 3 of a model; missing in the same directory: {missing}; add them, or merge all parts "
        f"elsewhere and import the merged file: llama-gguf-split --merge '{first}' MERGED.gguf"
    )
    renamed = file.rename(tmp_path / "renamed.gguf")
    given = str(renamed) if number == 0 else "FIRST-PART"
    assert rejected(renamed).endswith(f"llama-gguf-split --merge {given} MERGED.gguf")


def test_a_part_without_the_keys_of_a_split_is_recognized_by_its_name(rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "m-00002-of-00009.gguf", dict(list(weights().items())[:5]))
    assert rejected(file) == (
        "15 tensors are missing, the first is blk.0.attn_v.weight; its name says part 2 of 9: "
        "merge the parts with llama-gguf-split --merge"
    )


def test_a_split_into_one_part_is_a_whole_file(import_gguf, tmp_path):
    assert import_gguf(tiny_gguf.write(tmp_path / "m-00001-of-00001.gguf", **part(0, 1))) == (0, "", "")


@pytest.mark.parametrize("name", ["m.gguf-split-a", "m.gguf.part1of2", "m.gguf.001", "m.gguf-aa"])
def test_a_piece_of_a_cut_file_is_joined_with_the_others(name, rejected, tmp_path):
    content = tiny_gguf.write(tmp_path / "m.gguf").read_bytes()
    (piece := tmp_path / name).write_bytes(content[: len(content) // 2])
    whole = tmp_path / "m.gguf"
    assert rejected(piece).endswith(
        f"; a piece of a file that was cut? join the pieces in order: cat {whole}[-._]* > {whole}"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (save({"a": np.zeros(3)}), "a safetensors file, expected a GGUF file"),
        (b"<!doctype html><html>", "an HTML page, expected a GGUF file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer in place of the data, expected a GGUF file",
        ),
        (
            b"PK\x03\x04" + bytes(50),
            "a ZIP archive, or a file of PyTorch, NumPy or a spreadsheet, expected a GGUF file",
        ),
        (b"lmgg" + bytes(50), "a GGML file, the predecessor of GGUF; download the model as GGUF"),
        (b"GGUF" + bytes([1]) + bytes(50), "version 1 of GGUF, expected 2 or 3; download it again"),
        (
            b"GGUF" + bytes([9]) + bytes(50),
            "version 9 of GGUF, expected 2 or 3; update the library: pip install -U gguf",
        ),
    ],
)
def test_other_kinds_of_files_are_named(content, message, rejected, tmp_path):
    (file := tmp_path / "model.gguf").write_bytes(content)
    assert rejected(file) == message


def test_a_big_endian_file_is_named(rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "model.gguf", endianess=GGUFEndian.BIG)
    message = f"a big-endian GGUF file; convert a copy in place: gguf-convert-endian {file} little"
    assert rejected(file) == message


def with_rows(rows: int) -> dict:
    return weights() | {"token_embd.weight": np.zeros((rows, WIDTH), np.float32)}


@pytest.mark.parametrize("rows", [256, 320])
def test_a_vocabulary_of_another_size_than_the_embeddings_is_named(rows, rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "model.gguf", with_rows(rows))
    assert rejected(file) == (
        f"tokenizer.ggml.tokens has 261 tokens, but token_embd.weight has {rows} rows; "
        "download the model from another conversion"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer.ggml.tokens": [*TOKENS[:-1], "12"]}, "tokenizer.ggml.tokens has the token '12' 2 times, so ids"),
        ({"tokenizer.ggml.token_type": [1, 3]}, "tokenizer.ggml.token_type has 2 entries for 261 tokens"),
        ({"tokenizer.ggml.token_type": 3}, "tokenizer.ggml.token_type has 0 entries for 261 tokens"),
        ({"tokenizer.ggml.merges": ["ab"]}, "expected pairs of tokens in tokenizer.ggml.merges, each with a space"),
        ({"tokenizer.ggml.merges": ["a zz"]}, "cannot be converted (Exception: "),
        ({"tokenizer.ggml.tokens": list(range(261))}, "expected a list of text in tokenizer.ggml.tokens"),
        (
            {"tokenizer.ggml.pre": 7},
            "tokenizer.ggml.pre = 7 is not supported; supported: gpt-2, phi-2, smollm, ",
        ),
        ({"tokenizer.chat_template": 7}, "expected text in tokenizer.chat_template, found int"),
        ({"llama.attention.head_count": 0}, "expected a positive whole number in llama.attention.head_count, found 0"),
        (
            {"llama.attention.head_count": "4"},
            "expected a positive whole number in llama.attention.head_count, found '4'",
        ),
        (
            {"llama.attention.head_count_kv": [2, 1]},
            "llama.attention.head_count_kv differs between layers, which is not",
        ),
        (
            {"llama.attention.layer_norm_rms_epsilon": float("nan")},
            "expected a positive number in llama.attention.layer",
        ),
        ({"llama.block_count": 1 << 31}, "llama.block_count = 2147483648, but there are only 20 tensors; is the file"),
        ({"llama.expert_count": 8}, "llama.expert_count = 8 is not supported; supported: 0"),
        ({"llama.rope.dimension_count": 8}, "llama.rope.dimension_count = 8 is not supported; supported: 16"),
        ({"llama.attention.value_length": 8}, "llama.attention.value_length = 8 is not supported; supported: 16"),
        (
            {"llama.rope.scaling.attn_factor": 2.0},
            "llama.rope.scaling.attn_factor = 2.0 is not supported; supported: 1.0",
        ),
        ({"llama.rope.scaling.type": 7}, "expected text in llama.rope.scaling.type, found 7"),
        ({"llama.rope.freq_base_swa": 1e4}, "llama.rope.freq_base_swa = 10000.0 is not supported"),
        ({"llama.pooling_type": 3}, "llama.pooling_type = 3 is not supported; supported: 0"),
        ({"llama.logit_scale": 8.0}, "llama.logit_scale = 8.0 is not supported; supported: 0.0"),
    ],
)
def test_unsupported_metadata_is_named(changes, message, rejected, tmp_path):
    assert rejected(tiny_gguf.write(tmp_path / "model.gguf", **changes)).startswith(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"llama.attention.head_count_kv": [2, 2]},
        {"llama.expert_count": 0, "llama.rope.dimension_count": 16, "llama.attention.value_length": 16},
        {"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 1.0, "llama.vocab_size": 261},
        {"general.name": "tiny", "general.file_type": 0, "llama.tensor_data_layout": "Meta AI original pth"},
        {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 0.0, "llama.attention.sliding_window": 0},
    ],
)
def test_harmless_metadata_is_accepted(changes, import_gguf, tmp_path):
    assert import_gguf(tiny_gguf.write(tmp_path / "model.gguf", **changes)) == (0, "", "")


def test_settings_without_a_known_meaning_are_noted_by_name(import_gguf, tmp_path):
    changes = {
        "llama.some.key": "x",
        "llama.other": 1,
        "tokenizer.ggml.strange": True,
        "tokenizer.ggml.add_sep_token": False,
    }
    file = tiny_gguf.write(tmp_path / "model.gguf", **changes)
    status, out, err = import_gguf(file)
    assert (status, out) == (0, "")
    assert err.splitlines() == [
        f"note: {file}: ignored, since their meaning is unknown: tokenizer.ggml.strange",
        f"note: {file}: ignored, since their meaning is unknown: llama.some.key, llama.other",
    ]


def test_names_with_control_characters_are_escaped(rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "model.gguf", weights() | {"a\n\x1b[1m": np.zeros(1, np.float32)})
    assert rejected(file) == "the name 'a\\n\\x1b[1m' has control characters; is the file damaged?"
    file = tiny_gguf.write(tmp_path / "model.gguf", **{"tokenizer.chat_template.\n": "x"})
    assert rejected(file) == "the name 'tokenizer.chat_template.\\n' has control characters; is the file damaged?"


def test_unsupported_types_of_tensors_are_named(rejected, tmp_path):
    tensors = weights()
    file = tiny_gguf.write(tmp_path / "model.gguf", tensors)
    content = file.read_bytes()
    name = b"blk.0.ffn_norm.weight"
    # Name, number of dimensions (1), size of the dimension, type.
    place = content.index(name) + len(name) + 4 + 8
    assert content[place : place + 4] == bytes(4)
    for kind, message in (
        (27, "tensor blk.0.ffn_norm.weight: type I64 cannot be"),
        (200, "not a complete GGUF file ("),
    ):
        file.write_bytes(content[:place] + kind.to_bytes(4, "little") + content[place + 4 :])
        assert rejected(file).startswith(message)
    assert rejected(file).endswith("a type unknown to the installed gguf, 200; update it: pip install -U gguf")


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"tokenizer.chat_template": None},
            "no chat template; for data with messages, add chat_template.jinja to the directory",
        ),
        (
            {"tokenizer.chat_template.tool_use": "{{ tools }}"},
            "only the default chat template is imported, not tokenizer.chat_template.tool_use",
        ),
        (
            {"tokenizer.ggml.pre": None},
            "tokenizer.ggml.pre is missing; text is split as for gpt-2: compare with the original tokenizer",
        ),
        (
            {"tokenizer.ggml.add_space_prefix": True},
            "tokenizer.ggml.add_space_prefix is ignored, as llama.cpp does for gpt2 tokenizers",
        ),
    ],
)
def test_what_is_missing_or_ignored_is_noted(changes, note, import_gguf, tmp_path):
    file = tiny_gguf.write(tmp_path / "model.gguf", **changes)
    assert import_gguf(file) == (0, "", f"note: {file}: {note}\n")


def test_help_describes_the_arguments_with_an_example(run_main, capsys):
    from espalier_data import import_gguf

    status, out, _ = run_main(import_gguf.main, "--help")
    assert status == 0 and max(map(len, out.splitlines())) <= 100
    for text in ("FILE", "OUTDIR", "the directory to create", "example:\n  espalier-import-gguf ", "NAME-00001-of-"):
        assert text in out


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_never_end_in_a_traceback(seed, import_gguf, tmp_path):
    draw = random.Random(seed)
    file = tiny_gguf.write(tmp_path / "tiny.gguf")
    content = bytearray(file.read_bytes())
    header = content.index(b"output_norm.weight")
    for _ in range(draw.choice([1, 3, 30])):
        place = draw.randrange(draw.choice([64, 2000, header + 1000]))
        content[place : place + draw.choice([1, 1, 4, 8])] = draw.randbytes(draw.choice([0, 1, 1, 4, 8]))
    file.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
    status, out, err = import_gguf(file)
    assert (status, out) in ((0, ""), (1, ""))
    assert all(line.startswith(("error: ", "note: ")) for line in err.splitlines()) and (status == 0) == (
        "error" not in err
    )
