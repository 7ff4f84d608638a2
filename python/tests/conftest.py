"""Shared fixtures of the data preparation tests."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# Read by Hugging Face's libraries on import: no network access, and no files in the user's cache.
CACHE = tempfile.TemporaryDirectory(prefix="espalier-tests-")
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": CACHE.name}

import tiny
from espalier_data import import_gguf as import_gguf_module
from espalier_data import prepare as prepare_module
from reading import Prepared, read_prepared


@dataclass
class Outcome:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str
    path: Path

    @property
    def prepared(self) -> Prepared:
        return read_prepared(self.path)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("models") / "bytes")


@pytest.fixture
def run_main(monkeypatch, capsys) -> Callable:
    """Runs a command's `main` as its script would, and returns (status, out, err)."""

    def run(main: Callable[[], None], *arguments) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        written = capsys.readouterr()
        return end.value.code, written.out, written.err

    return run


@pytest.fixture
def prepare(run_main, model, tmp_path) -> Callable[..., Outcome]:
    """Runs `espalier-prepare` on files, or on rows, which are first written as JSON lines."""

    def run(data, *options, model=model, output=tmp_path / "out.safetensors") -> Outcome:
        if isinstance(data, list) and not isinstance(data[0], Path):
            (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
            data = tmp_path / "data.jsonl"
        files = data if isinstance(data, list) else [data]
        arguments = ["--model", model, "--data", *files, "--output", output, *options]
        return Outcome(*run_main(prepare_module.main, *arguments), output)

    return run


@pytest.fixture(scope="session")
def real_model() -> Path:
    """The directory of SmolLM2-135M-Instruct."""
    directory = os.environ.get("ESPALIER_TEST_MODEL")
    if not directory:
        pytest.skip("ESPALIER_TEST_MODEL does not name the directory of SmolLM2-135M-Instruct")
    return Path(directory)


@pytest.fixture
def import_gguf(run_main, tmp_path) -> Callable:
    """Runs `espalier-import-gguf`, and returns (status, out, err)."""

    def run(file: Path, output: Path = tmp_path / "model") -> tuple[int, str, str]:
        return run_main(import_gguf_module.main, file, output)

    return run
