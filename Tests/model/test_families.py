"""Random small models of every family give what transformers and torch compute."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
SCRIPT = ROOT / "Tests/Goldens/compare_families.py"


def test_random_models_of_every_family_equal_transformers():
    python = os.environ.get("ESPALIER_TORCH_PYTHON")
    if python is None:
        pytest.skip("ESPALIER_TORCH_PYTHON does not name a Python with torch and transformers")
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    assert Path(python).exists(), f"ESPALIER_TORCH_PYTHON: no file at {python}"
    command = [python, SCRIPT, ESPALIER, "--count", "2"]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert "skipped" not in result.stdout, result.stdout
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    assert result.stdout.count("  ok") >= 17, result.stdout
