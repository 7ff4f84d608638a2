"""Each command of the tutorial and of the how-to pages runs; those for Slurm do so in Tests/hosts/test_pages.py."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ESPALIER, PAGES, ROOT, blocks, follow_tutorial, make_home, needs_cluster, run

HOW_TO = sorted(path.name for path in (PAGES / "HowTo").glob("*.md"))
#: Pages that are not below Documentation.
OTHERS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "cluster-configs/README.md", "examples/README.md"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    if not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")
    home = make_home(tmp_path_factory.mktemp("home"))
    follow_tutorial(home)
    return home


def test_the_tutorial_trains_a_model(home):
    lines = [json.loads(line) for line in (home / "tutorial/tuned/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "eval_loss" in line] == [0, 8, 16]
    assert (home / "tutorial/tuned/report.html").exists()
    assert (home / "tutorial/train.yaml").exists()


@pytest.mark.parametrize("page", HOW_TO)
def test_the_commands_of_a_page_run(page, home, tmp_path):
    directory = shutil.copytree(home / "tutorial", tmp_path / "tutorial", symlinks=True)
    commands = [block for block in blocks(f"HowTo/{page}") if not needs_cluster(block)]
    assert commands
    for block in commands:
        run(block, home, directory)


def test_options_are_those_of_the_program(home):
    program = subprocess.run([ESPALIER, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    words = [sys.executable, PAGES / "options.py"]
    written = subprocess.run(words, input=program, capture_output=True, text=True, check=True).stdout
    assert written == (PAGES / "Options.md").read_text(), "write the page again; see Documentation/options.py"


@pytest.mark.parametrize("page", [*sorted(str(path.relative_to(ROOT)) for path in PAGES.rglob("*.md")), *OTHERS])
def test_links_lead_somewhere(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(found), f"{page}: {target}"


def test_every_page_is_listed():
    """The index of the documentation leads to each of its pages."""
    listed = set(re.findall(r"\]\(([\w/.]+\.md)\)", (PAGES / "README.md").read_text()))
    pages = {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md")} - {"README.md"}
    assert pages <= listed, pages - listed


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs")
    subprocess.run([PAGES / "site", "--output", tmp_path / "site"], check=True, capture_output=True, text=True)
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    loaded = [re.findall(r"""<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)""", page.read_text()) for page in pages]
    assert not any(loaded)


def test_the_site_replaces_nothing_but_a_site(tmp_path):
    (tmp_path / "mine").write_text("mine")
    done = subprocess.run([PAGES / "site", "--output", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "expected a new or an empty directory, or an earlier site" in done.stderr
    assert (tmp_path / "mine").read_text() == "mine"


def prose(path: Path) -> str:
    """The text without blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
