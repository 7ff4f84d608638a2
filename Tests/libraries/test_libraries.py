"""The same run with Open MPI and with MPICH, each in a build of its own (`.build` and `.build-mpich`)."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "Tests/Goldens/tied"
TIME_DEPENDENT = ("seconds", "second", "runtime", "mfu", "measured_imbalance")
BUILDS = {"openmpi": ROOT / ".build", "mpich": ROOT / ".build-mpich"}
LAUNCHERS = {
    "openmpi": ["mpirun.openmpi", "--oversubscribe", "--bind-to", "none", "-np", "2"],
    "mpich": ["mpiexec.mpich", "-n", "2"],
}
TRAIN = [
    "--model", GOLDEN, "--data", GOLDEN / "data.safetensors", "--threads", 1, "--global-batch-size", 4,
    "--max-steps", 6, "--learning-rate", 0.01, "--logging-steps", 1,
]  # fmt: skip


@pytest.fixture(scope="module")
def builds() -> dict[str, Path]:
    """The programs of both libraries, built for debug, as `launch/test` does."""
    programs = {name: build / "debug/espalier" for name, build in BUILDS.items()}
    missing = [str(path.relative_to(ROOT)) for path in programs.values() if not path.exists()]
    missing += [words[0] for words in LAUNCHERS.values() if not shutil.which(words[0])]
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")
    return programs


def run(words: list) -> subprocess.CompletedProcess:
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
    variables = os.environ | root | {"OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
    return subprocess.run([str(word) for word in words], env=variables, capture_output=True, text=True, timeout=120)


def train(program: Path, launcher: list[str], output: Path, *more) -> tuple[list[dict], str]:
    """The metrics that do not depend on time, and a digest of the weights."""
    result = run([*launcher, program, "train", *TRAIN, *more, "--output", output])
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert json.loads((output / "summary.json").read_text())["ranks"] == 2
    metrics = [{k: v for k, v in line.items() if not k.endswith(TIME_DEPENDENT)} for line in lines]
    return metrics, hashlib.sha256((output / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("more", [(), ("--collective", "direct", "--shards", "2")], ids=["default", "sharded"])
def test_two_ranks_have_the_same_bits_with_both_libraries(builds, tmp_path, more):
    found = {name: train(program, LAUNCHERS[name], tmp_path / name, *more) for name, program in builds.items()}
    assert found["openmpi"] == found["mpich"]
    assert len(found["mpich"][0]) == 6 and len(found["mpich"][0][0]) > 10


def test_a_program_is_refused_by_the_launcher_of_the_other_library(builds, tmp_path):
    for name, other, variable in [("openmpi", "mpich", "PMI_SIZE"), ("mpich", "openmpi", "OMPI_COMM_WORLD_SIZE")]:
        output = tmp_path / name
        result = run([*LAUNCHERS[other], builds[name], "train", *TRAIN, "--output", output])
        assert result.returncode == 64, result.stderr
        assert f"expected 2 ranks (the launcher's {variable}=2), found 1 in MPI_COMM_WORLD: " in result.stderr
        assert f"build it with ESPALIER_MPI={other} for the launcher" in result.stderr
        assert not output.exists()
