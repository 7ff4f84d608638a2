"""A model that was split into several files is read as one if all parts are there."""

import numpy as np
import pytest
import tiny_gguf
from safetensors import safe_open

COUNT = 3


def write(directory, name: str = "my model", **changes: object) -> list:
    """Writes three parts as llama-gguf-split does: only the first has metadata other than that of the split."""
    tensors = list(tiny_gguf.weights().items())
    files = []
    for index in range(COUNT):
        split = {"split.no": index, "split.count": COUNT, "split.tensors.count": len(tensors)}
        others = {key: None for key in tiny_gguf.METADATA} if index else {}
        file = directory / f"{name}-{index + 1:05}-of-{COUNT:05}.gguf"
        part = dict(tensors[index * 7 : index * 7 + 7])
        files.append(tiny_gguf.write(file, part, **{**split, **others, **changes}))
    return files


def read(directory) -> dict[str, np.ndarray]:
    with safe_open(directory / "model.safetensors", "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


@pytest.fixture
def rejected(import_gguf, tmp_path):
    """Imports a file that must be rejected, and returns the message."""

    def run(file) -> str:
        status, out, err = import_gguf(file)
        assert (status, out, err.count("\n")) == (1, "", 1), err
        assert not (tmp_path / "model").exists()
        return err.removeprefix("error: ").removesuffix("\n")

    return run


@pytest.mark.parametrize("given", range(COUNT))
def test_any_part_stands_for_the_whole_model(given, import_gguf, tmp_path):
    assert import_gguf(tiny_gguf.write(tmp_path / "whole.gguf"), tmp_path / "expected") == (0, "", "")
    assert import_gguf(write(tmp_path)[given]) == (0, "", "")
    found, expected = read(tmp_path / "model"), read(tmp_path / "expected")
    assert found.keys() == expected.keys() and len(found) == 20
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()


@pytest.mark.parametrize("lost", [[0], [1], [2], [0, 2]])
def test_missing_parts_are_listed(lost, rejected, tmp_path):
    files = write(tmp_path)
    given = next(index for index in range(COUNT) if index not in lost)
    for index in lost:
        files[index].unlink()
    assert rejected(files[given]).startswith(
        f"{files[given]}: part {given + 1} of 3 of a model; missing in the same directory: "
        f"{', '.join(files[index].name for index in lost)}; add them, or merge all parts"
    )


def test_of_many_missing_parts_the_first_are_listed(rejected, tmp_path):
    file = tiny_gguf.write(tmp_path / "m-00003-of-00012.gguf", **{"split.no": 2, "split.count": 12})
    names = ", ".join(f"m-{number:05}-of-00012.gguf" for number in (1, 2, 4, 5, 6))
    assert f": {names} and 6 more; add them, " in rejected(file)


def test_a_part_in_the_place_of_another_is_named(rejected, tmp_path):
    files = write(tmp_path)
    files[2].write_bytes(files[1].read_bytes())
    assert rejected(files[0]) == f"{files[2]}: expected part 3 of 3 of a model, found part 2 of 3"


def test_a_complete_model_in_the_place_of_a_part_is_named(rejected, tmp_path):
    files = write(tmp_path)
    tiny_gguf.write(files[1])
    assert rejected(files[0]) == f"{files[1]}: expected part 2 of 3 of a model, found a complete model"


def test_tensors_of_two_parts_must_differ(rejected, tmp_path):
    files = write(tmp_path)
    tensors = dict(list(tiny_gguf.weights().items())[:7])
    others = {key: None for key in tiny_gguf.METADATA}
    tiny_gguf.write(files[1], tensors, **{"split.no": 1, "split.count": COUNT, **others})
    assert rejected(files[0]) == (
        f"{files[1]}: the tensor token_embd.weight is in an earlier part too; are the parts of one model?"
    )


def test_the_number_of_tensors_is_that_of_the_split(rejected, tmp_path):
    files = write(tmp_path, **{"split.tensors.count": 21})
    assert rejected(files[2]) == (
        f"{files[0]}: the parts have 20 tensors together, expected 21 (split.tensors.count); download them again"
    )


def test_a_damaged_part_is_named(rejected, tmp_path):
    files = write(tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:5000])
    assert rejected(files[0]).startswith(f"{files[1]}: not a complete GGUF file")
