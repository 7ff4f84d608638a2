"""An output that is also an input is refused before anything is read, whatever name it has."""

import json
import os

import pytest
import tiny
import tiny_gguf
from espalier_data.arguments import parse_arguments
from espalier_data.errors import UserError
from espalier_data.files import check_output
from espalier_data.prepare import prepare as run_prepare

ROW = json.dumps({"prompt": "P", "chosen": "y", "rejected": "n"})


@pytest.fixture
def data(tmp_path):
    (tmp_path / "directory/deep").mkdir(parents=True)
    (tmp_path / "directory/deep/rows.jsonl").write_text(ROW)
    (tmp_path / "rows.jsonl").write_text(ROW)
    return tmp_path


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
@pytest.mark.parametrize("given", ["rows.jsonl", "directory", "directory/deep/rows.jsonl"])
def test_an_output_that_is_an_input_is_refused(link, given, data):
    source = data / given
    file = source / "deep/rows.jsonl" if source.is_dir() else source
    output = data / "output" if link else file
    if link:
        link(file, output)
    with pytest.raises(UserError) as raised:
        check_output(output, [data / "org/name", source])
    name = "it" if output == file else file
    message = f"{output}: expected a new file, but {name} is read as an input; choose another output"
    assert str(raised.value) == message


def test_an_input_that_is_a_link_is_followed(data):
    os.symlink(data / "rows.jsonl", data / "link.jsonl")
    with pytest.raises(UserError, match="link.jsonl is read as an input"):
        check_output(data / "rows.jsonl", [data / "link.jsonl"])


def test_the_same_file_by_another_path_is_refused(data, monkeypatch):
    monkeypatch.chdir(data)
    with pytest.raises(UserError, match="expected a new file"):
        check_output(data / "directory/../rows.jsonl", [type(data)("rows.jsonl")])


def test_other_outputs_are_allowed(data):
    (data / "old").write_text(ROW)
    for name in ("new", "old", "directory/new"):
        check_output(data / name, [data / "rows.jsonl", data / "directory", data / "org/name"])


def test_a_prepared_file_in_a_directory_of_inputs_may_be_prepared_again(prepare, data):
    output = data / "directory/out.safetensors"
    assert prepare(data / "rows.jsonl", output=output).status == 0
    check_output(output, [data / "directory"])
    with pytest.raises(UserError, match="expected a new file"):
        check_output(output, [output])


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_a_model_is_not_replaced_by_its_import(link, import_gguf, tmp_path):
    file = tiny_gguf.write(tmp_path / "tiny.gguf")
    output = tmp_path / "output" if link else file
    if link:
        link(file, output)
    content = file.read_bytes()
    status, _, err = import_gguf(file, output)
    assert status == 1 and err.endswith(" is read as an input; choose another output\n")
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["data.jsonl", "tools.json", "model/tokenizer.json"])
def test_prepare_refuses_to_replace_what_it_reads(name, tmp_path):
    tiny.save_model(tmp_path / "model")
    (tmp_path / "data.jsonl").write_text('{"prompt": "P", "chosen": "y", "rejected": "n"}\n')
    (tmp_path / "tools.json").write_text("[]")
    before = (tmp_path / name).read_bytes()
    words = ["--model", tmp_path / "model", "--data", tmp_path / "data.jsonl", "--tools", tmp_path / "tools.json"]
    arguments = parse_arguments([*map(str, words), "--output", str(tmp_path / name)])
    with pytest.raises(UserError, match="is read as an input; choose another output"):
        run_prepare(arguments)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("sign", ["config.json", "adapter_config.json", "espalier-run.json"])
def test_a_file_of_a_model_or_a_run_is_no_output(sign, tmp_path):
    for name in (sign, "adapter_model.safetensors"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match="belongs to the model or the run in its directory; choose another output"):
        check_output(tmp_path / "adapter_model.safetensors")
    check_output(tmp_path / "new.safetensors")
