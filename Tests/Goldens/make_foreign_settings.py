"""Generates foreign_settings.json: the settings of TRL and LLaMA-Factory with their defaults.

    pip download --no-deps llamafactory && unzip llamafactory-*.whl -d DIR
    python Tests/Goldens/make_foreign_settings.py DIR/llamafactory

Needs trl. LLaMA-Factory is not imported, only its dataclasses are read, without defaults that are not constants. Run for a new
version; tests then name the settings that `Sources/Configuration/Foreign` does not know yet.
"""

import ast
import dataclasses
import enum
import json
import sys
from importlib.metadata import version
from pathlib import Path

import transformers
import trl
from trl.experimental.cpo import CPOConfig
from trl.experimental.orpo import ORPOConfig

CLASSES = [
    trl.DPOConfig,
    CPOConfig,
    ORPOConfig,
    trl.ModelConfig,
    trl.ScriptArguments,
    trl.DatasetMixtureConfig,
    transformers.Seq2SeqTrainingArguments,
]
FILES = ["data_args.py", "finetuning_args.py", "generating_args.py", "model_args.py", "training_args.py"]


def constant(value: object) -> object:
    """A default as JSON."""
    if isinstance(value, enum.Enum):
        return value.value
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)


def fields(kind: type) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            found[field.name] = constant(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = constant(field.default_factory())
        else:
            found[field.name] = None
    return found


def literal(node: ast.expr | None) -> object:
    """The default in `field(default=…)`, or in `= …`; None if it is not a constant."""
    if isinstance(node, ast.Call):
        node = next((word.value for word in node.keywords if word.arg == "default"), None)
    try:
        return ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None


def declared(file: Path) -> dict[str, object]:
    classes = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    lines = [line for node in classes for line in node.body if isinstance(line, ast.AnnAssign)]
    return {line.target.id: literal(line.value) for line in lines if isinstance(line.target, ast.Name)}


def main() -> None:
    (directory,) = map(Path, sys.argv[1:])
    metadata = next(directory.parent.glob("llamafactory-*.dist-info/METADATA")).read_text()
    factory: dict[str, object] = {}
    for name in FILES:
        # The first of two settings of one name is the training's: generation comes after the data.
        factory = declared(directory / "hparams" / name) | factory
    classes = {kind.__name__: fields(kind) for kind in CLASSES} | {"LLaMA-Factory": factory}
    versions = {"trl": version("trl"), "transformers": version("transformers")}
    versions["llamafactory"] = metadata.split("\nVersion: ")[1].split("\n")[0]
    record = {"versions": versions, "classes": classes}
    Path(__file__).with_name("foreign_settings.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
