"""The commands of the documentation's pages, and a home directory in which they run with a tiny model."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "Tests/hosts"), str(ROOT / "python/tests")]
import sized_model  # noqa: E402
import tiny  # noqa: E402

PAGES = ROOT / "Documentation"
ESPALIER = ROOT / ".build/release/espalier"
#: What the pages call the model.
MODEL = "SmolLM2-135M-Instruct"
#: The section of the tutorial that needs a cluster, and the commands of other blocks that do.
ON_NODES = "## 8. Run on four nodes"
CLUSTER = re.compile(r"\b(sbatch|scancel|squeue|scontrol)\b")


def blocks(page: str) -> list[str]:
    """Returns the commands of a page, one text for each block."""
    return _blocks((PAGES / page).read_text())


def tutorial() -> tuple[list[str], list[str]]:
    """Returns the blocks of the tutorial for one machine, and those for four nodes."""
    text = (PAGES / "Tutorial.md").read_text()
    before, heading, after = text.partition(ON_NODES)
    assert heading
    return _blocks(before), _blocks(after)


def _blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def make_home(home: Path) -> Path:
    """Creates what a reader has after the quickstart: the clone with program, environment and model."""
    clone = home / "espalier"
    (clone / ".cache").mkdir(parents=True)
    for name in (".build", "examples", "launch", "cluster-configs"):
        (clone / name).symlink_to(ROOT / name)
    model = tiny.save_model(clone / ".cache" / MODEL)
    sized_model.make_model(model, 1 << 20)
    return home


def run(commands: str, home: Path, directory: Path, **variables: str) -> str:
    """Runs commands as one shell would, ending at the first that fails; returns what they print."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", commands],
        cwd=directory, env=environment(home) | variables, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def environment(home: Path) -> dict[str, str]:
    variables = os.environ | {
        "HOME": str(home),
        # The environment of Python in which the tests run.
        "PATH": f"{ESPALIER.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    }
    if os.geteuid() == 0:
        variables |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return variables


def follow_tutorial(home: Path) -> Path:
    """Runs the tutorial's commands on one machine, and returns the directory that they create."""
    first, *others = tutorial()[0]
    run(first, home, home)
    for block in others:
        run(block, home, home / "tutorial")
    return home / "tutorial"


def needs_cluster(block: str) -> bool:
    return CLUSTER.search(block) is not None
