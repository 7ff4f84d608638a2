"""Random adapters of random small models of every family give what PEFT computes."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
SCRIPT = ROOT / "Tests/Goldens/compare_adapters.py"


def compare(*options: object) -> subprocess.CompletedProcess:
    python = os.environ.get("ESPALIER_TORCH_PYTHON")
    if python is None:
        pytest.skip("ESPALIER_TORCH_PYTHON does not name a Python with torch, transformers and PEFT")
    assert Path(python).exists(), f"ESPALIER_TORCH_PYTHON: no file at {python}"
    command = [str(word) for word in [python, SCRIPT, *options]]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "skipped" not in result.stdout, result.stdout
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    return result


def test_adapters_of_every_kind_and_family_equal_those_of_peft():
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    assert compare("--binary", ESPALIER, "--count", "2").stdout.count("  ok") >= 15


def test_the_computation_written_out_equals_peft():
    assert compare("--formula", "--families", "qwen3", "--count", "7").stdout.count("  ok") == 1
