"""The model cards of outputs, as the client of the Hugging Face Hub reads them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).parents[2]
ESPALIER = Path(os.environ.get("ESPALIER", ROOT / ".build/release/espalier"))
TIED = ROOT / "Tests/Goldens/tied"
HUB = {"name": "someone/pairs.v2", "hub_dataset": True, "split": "train", "weight": 1}
FILE = {"name": "/home/me/a: \"b\" | 'no' ü\n.jsonl", "weight": 1}


@pytest.fixture(autouse=True)
def program():
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")


def espalier(*words: object, check: bool = True) -> str:
    result = subprocess.run([str(word) for word in [ESPALIER, *words]], capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stderr
    return result.stderr


def data(path: Path, *sources: dict) -> Path:
    metadata = {"format": "espalier-preferences", "format_version": "1", "sources": json.dumps(sources)}
    save_file(load_file(TIED / "data.safetensors"), path, metadata)
    return path


def base(path: Path, metadata: str = "", text: str = "", **files: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(TIED, path)
    if metadata or text:
        (path / "README.md").write_text(f"---\n{metadata}\n---\n{text}")
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def train(model: Path, output: Path, *words: object, source: dict = HUB) -> str:
    prepared = data(output.parent / "data.safetensors", source)
    steps = ["--global-batch-size", 2, "--max-steps", 2, "--threads", 1, "--learning-rate", 0.01]
    return espalier("train", "--model", model, "--data", prepared, "--output", output, *steps, *words)


def card(directory: Path) -> tuple[ModelCard, dict]:
    """The card as the Hub's client reads it, and its metadata as they are."""
    loaded = ModelCard.load(directory / "README.md")
    return loaded, yaml.safe_load((directory / "README.md").read_text().split("---\n")[1])


def test_a_card_has_what_is_known_of_base_data_and_results(tmp_path):
    metadata = "license: Apache-2.0\nlanguage: [en, no]\nbase_model: other/older\ntags: [x]"
    model = base(tmp_path / "Tiny-1B", metadata, 'Load it: `AutoModel.from_pretrained("org/Tiny-1B")`')
    held_out = data(tmp_path / "held.safetensors", FILE)
    train(model, tmp_path / "tuned", "--eval-data", held_out, "--eval-steps", 1)
    loaded, found = card(tmp_path / "tuned")
    results = found.pop("model-index")
    assert found == {
        "language": ["en", "no"],
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": "org/Tiny-1B",
        "base_model_relation": "finetune",
        "datasets": ["someone/pairs.v2"],
        "tags": ["espalier", "dpo"],
    }
    assert results[0]["name"] == "tuned" and len(results) == 1
    lines = [json.loads(line) for line in (tmp_path / "tuned/metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if "eval_loss" in line][-1]
    evaluated = {result.metric_type: result.metric_value for result in loaded.data.eval_results}
    assert evaluated == {name: last[f"eval_{name}"] for name in evaluated} and "rewards/accuracies" in evaluated
    # Of a file its name only, without the path that it had.
    assert loaded.data.eval_results[0].dataset_name == "a: \"b\" | 'no' ü\n.jsonl"
    assert "[org/Tiny-1B](https://huggingface.co/org/Tiny-1B)" in loaded.text and "arXiv" in loaded.text
    assert "/home/me" not in loaded.content and str(tmp_path) not in loaded.content


def test_what_is_not_known_is_left_out(tmp_path):
    model = base(tmp_path / "no")
    train(model, tmp_path / "yes", source=FILE)
    _, found = card(tmp_path / "yes")
    assert found == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["espalier", "dpo"],
    }
    assert str(tmp_path) not in (tmp_path / "yes/README.md").read_text()


@pytest.mark.parametrize(
    ("place", "metadata", "text", "name_or_path", "expected"),
    [
        ("hub/models--org--Name/snapshots/0123", "", "", "other/older", "org/Name"),
        ("Name", "", "", "org/Name", "org/Name"),
        ("Name", "", "", "other/older", None),
        ("Name", "base_model: other/older", "", "/home/me/Name", None),
        ("Name", "", "See https://huggingface.co/org/Name and 'org/Name'.", "", "org/Name"),
        ("Name", "", "'org/Name' is better than 'two/Name'.", "", None),
        ("Name", "", "Path: \"models/org/Name\"", "", None),
    ],
)
def test_a_base_is_named_only_where_its_files_show_its_identifier(
    place, metadata, text, name_or_path, expected, tmp_path
):
    model = base(tmp_path / place, metadata, text)
    configuration = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(configuration | {"_name_or_path": name_or_path}))
    train(model, tmp_path / "out")
    assert card(tmp_path / "out")[1].get("base_model") == expected


@pytest.mark.parametrize(
    "metadata",
    ["a: &x [1]\nlicense: *x", "license: [mit, a b]", "{", "license: 'a\tb'", "license:\n- mit\n- mit", "x: 1:2:3"],
)
def test_metadata_of_any_form_is_no_error_and_invents_nothing(metadata, tmp_path):
    train(base(tmp_path / "Name", metadata), tmp_path / "out")
    assert "license" not in card(tmp_path / "out")[1]


def test_a_license_file_is_recognized(tmp_path):
    model = base(tmp_path / "Name", LICENSE=(ROOT / "LICENSE").read_text())
    train(model, tmp_path / "out")
    assert card(tmp_path / "out")[1]["license"] == "apache-2.0"


def test_an_adapter_has_the_keys_of_peft_and_a_merged_model_those_of_a_model(tmp_path):
    model = base(tmp_path / "Name", "license: other\nlicense_name: 'My: own'\nlicense_link: LICENSE", "`org/Name`")
    train(model, tmp_path / "adapter", "--use-peft", "--loss-type", "sigmoid", "sft")
    _, found = card(tmp_path / "adapter")
    assert found == {
        "license": "other",
        "license_name": "My: own",
        "license_link": "LICENSE",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "base_model": "org/Name",
        "base_model_relation": "adapter",
        "datasets": ["someone/pairs.v2"],
        "tags": ["espalier", "dpo", "sft", "base_model:adapter:org/Name", "lora", "transformers"],
    }
    espalier("merge", "--model", model, "--adapter", tmp_path / "adapter", "--output", tmp_path / "merged")
    merged, found = card(tmp_path / "merged")
    assert (found["base_model"], found["base_model_relation"]) == ("org/Name", "finetune")
    assert (found["library_name"], found["tags"]) == ("transformers", ["espalier"])
    assert "with the adapter `adapter` merged" in merged.text


def test_a_card_of_our_own_is_replaced_and_any_other_file_stays(tmp_path):
    model, output = base(tmp_path / "Name", text="`org/Name`"), tmp_path / "out"
    train(model, output)
    assert "DPO" in card(output)[0].text
    train(model, output, "--loss-type", "ipo")
    assert card(output)[1]["tags"] == ["espalier", "ipo"]
    text = (output / "README.md").read_text()
    own = "\n".join(line for line in text.splitlines() if not line.startswith("<!-- Written"))
    (output / "README.md").write_text(own)
    errors = train(model, output)
    assert f"note: {output}/README.md: stays as it is, since espalier did not write it\n" in errors
    assert (output / "README.md").read_text() == own
    # A model of our own without an identifier goes back to a published one.
    (output / "README.md").write_text(text)
    train(output, tmp_path / "second")
    assert card(tmp_path / "second")[1]["base_model"] == "org/Name"


def test_a_card_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "out/README.md").mkdir(parents=True)
    errors = train(base(tmp_path / "Name"), tmp_path / "out")
    assert "warning: the model card was not written: " in errors
    assert (tmp_path / "out/model.safetensors").exists() and (tmp_path / "out/summary.json").exists()
