"""The tutorial's four nodes, and the how-to page on pre-emption, under a real Slurm; other commands of the pages run in
Tests/documentation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from network import ADDRESSES
from slurm import Slurm
from test_slurm import expect_complete, wait_for

sys.path.append(str(Path(__file__).parents[1] / "documentation"))
import pages  # noqa: E402

#: The addresses of the pages, in whose place the hosts have theirs.
DOCUMENTED = "10.0.0.0/16"


def on_first_host(slurm: Slurm, commands: str, home: Path) -> str:
    """Runs a block of a page on the first host, in the tutorial's directory."""
    assert DOCUMENTED in commands or "cat >" not in commands
    words = slurm.network.words(0, "bash", "-e", "-o", "pipefail", "-c", commands.replace(DOCUMENTED, ADDRESSES))
    done = subprocess.run(
        words, cwd=home / "tutorial", env=slurm.environment | pages.environment(home),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def metrics(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


def test_the_run_on_four_nodes_learns_what_one_machine_learns(slurm_on, root):
    slurm = slurm_on(4)
    home = pages.make_home(root)
    directory = pages.follow_tutorial(home)
    write_cluster, submit, compare = pages.tutorial()[1]
    assert "mpirun" in on_first_host(slurm, write_cluster, home)
    submitted = on_first_host(slurm, submit, home)
    job = int(submitted.partition("Submitted batch job ")[2].split()[0])
    expect_complete(slurm, job)
    assert "train: step 16/16" in (directory / f"espalier-{job}.log").read_text()
    summary = json.loads((directory / "tuned-on-four/summary.json").read_text())
    assert summary["ranks"] == 4
    for one, four in zip(metrics(directory / "tuned"), metrics(directory / "tuned-on-four"), strict=True):
        name = "loss" if "loss" in one else "eval_loss"
        assert one[name] == pytest.approx(four[name], rel=1e-4), one["step"]
    on_first_host(slurm, compare, home)
    assert (directory / "compared.html").exists()
    submit, signal = (block for block in pages.blocks("HowTo/Preemption.md") if pages.needs_cluster(block))
    output = on_first_host(slurm, f"{submit}\n{signal}\necho job=$job", home)
    job = int(output.partition("job=")[2])
    wait_for(slurm, job, "the job does not resume", lambda found: found["JobState"] == "RUNNING")
    slurm.output("scancel", job)
    assert "stopped after step" in (directory / f"espalier-{job}.log").read_text()
