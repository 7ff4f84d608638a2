"""Shared fixtures of the tests with a real model: the model, the program, and data that is prepared once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
SHARED = ROOT.parent / "shared/data"


@pytest.fixture(scope="session")
def model() -> Path:
    if "ESPALIER_TEST_MODEL" not in os.environ:
        pytest.skip("ESPALIER_TEST_MODEL does not name the directory of SmolLM2-135M-Instruct")
    return Path(os.environ["ESPALIER_TEST_MODEL"])


@pytest.fixture(scope="session")
def golden() -> dict:
    file = SHARED / "smollm2-dpo_en-golden.json"
    if not file.exists():
        pytest.skip(f"expected golden values of another trainer in {file}, found none")
    return json.loads(file.read_text())


@pytest.fixture(scope="session")
def prepare(model, tmp_path_factory):
    """Prepares the rows of a JSON list with the real tokenizer and returns the file."""

    def prepare(rows: list) -> Path:
        directory = tmp_path_factory.mktemp("data")
        source, output = directory / "rows.json", directory / "rows.safetensors"
        source.write_text(json.dumps(rows))
        command = [sys.executable, "-m", "espalier_data.prepare"]
        arguments = ["--model", model, "--data", source, "--output", output]
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)
        return output

    return prepare


@pytest.fixture(scope="session")
def conversations(prepare, golden) -> Path:
    """The first conversations of the dataset of the golden values, with the 16 usable ones of four steps."""
    return prepare(json.loads((SHARED / "dpo_en_demo.json").read_text())[:22])


@pytest.fixture(scope="session")
def espalier(model):
    """Runs a command of the release build on the given number of ranks."""
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    if not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")

    def run(command: str, *arguments, ranks: int) -> None:
        launch = ["mpirun", "-np", ranks, "--oversubscribe", "--bind-to", "none", ESPALIER, command]
        words = [str(word) for word in [*launch, "--model", model, *arguments]]
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
        result = subprocess.run(words, capture_output=True, text=True, env=os.environ | root)
        assert result.returncode == 0, result.stderr

    return run
