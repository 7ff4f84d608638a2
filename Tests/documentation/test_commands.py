"""Each command in the other pages runs too, with the files that they name; those that cannot are listed with the reason."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pages import ESPALIER, MODEL, ROOT, follow_tutorial, make_home, run

PAGES = [
    "README.md", "cluster-configs/README.md",
    *(f"Documentation/{name}.md" for name in (
        "Adapters", "Administration", "Commands", "Data", "Exactness", "Migrating", "Models", "Objectives", "Performance", "Running",
        "Scaling", "Security",
    )),
]  # fmt: skip
#: What commands that do not run here begin with or contain, and why.
EXCEPTIONS = {
    r"^launch/quickstart|^swift build|^ESPALIER_MPI=": "builds the program; launch/test does",
    r"^launch/install": "Tests/launch/test_install.py",
    r"^export PATH=": "the tests have a path of their own",
    r"gguf": "python/tests/test_import_gguf.py; needs a file of another model",
    r"10gbe\.yaml|hostfile|^mpiexec -hosts": "needs other hosts; Tests/hosts, CommandTests/LaunchTests",
    r"^module load|^nft": "belongs to an administrator",
    r"^hf upload|^tensorboard": "needs an account, or serves until it is stopped",
    r"espalier bench|^\$bench|^bench=|scaling --ranks|scaling --from": "takes minutes; HowTo/ScalingStudy.md, CommandTests",
    r"Benchmarks/|^compare\.py|^\.cache/venv/bin/python": "takes minutes to hours, with other trainers",
    r"…": "is not whole",
}
#: A configuration of TRL, as in Migrating.md.
DPO = """model_name_or_path: MODEL
dataset_name: trl-lib/ultrafeedback_binarized
per_device_train_batch_size: 1
max_steps: 2
learning_rate: 5.0e-7
output_dir: trl-output
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A home directory, with the files that the pages name in `tutorial`."""
    if not ESPALIER.exists() or not shutil.which("mpirun"):
        pytest.skip("espalier has not been built for release, or mpirun is not installed")
    home = make_home(tmp_path_factory.mktemp("home"))
    place = follow_tutorial(home)
    from datasets import load_dataset

    rows = load_dataset("csv", data_files=str(place / "questions.csv"), split="train[:12]")
    rows = rows.rename_columns({"question": "prompt", "better": "chosen", "worse": "rejected"})
    (place / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows.to_parquet(place / "more.parquet")
    (place / "dpo.yaml").write_text(DPO)
    for name in ("MODEL", "gemma-3-270m"):
        (place / name).symlink_to(home / "espalier/.cache" / MODEL)
    for name in ("tuned-beta-0.1", "tuned-beta-0.3"):
        shutil.copytree(place / "tuned", place / name)
    return home


def commands(page: str) -> list[str]:
    """The commands of a page's blocks, each on one line and without its comment."""
    text = "".join(re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL))
    lines = (re.sub(r"\s+#.*$", "", line).strip() for line in re.sub(r"\\\n\s*", "", text).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def runnable(page: str) -> list[str]:
    return [line for line in commands(page) if not any(re.search(pattern, line) for pattern in EXCEPTIONS)]


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)])
def test_the_commands_of_a_page_run(page, desk, tmp_path):
    place = shutil.copytree(desk / "tutorial", tmp_path / "tutorial", symlinks=True)
    for line in runnable(page):
        run(line, desk, place)


def test_no_exception_is_stale():
    lines = [line for page in PAGES for line in commands(page)]
    assert all(any(re.search(pattern, line) for line in lines) for pattern in EXCEPTIONS)
