"""`launch/install`: what it installs works without the clone, and its removal leaves the prefix as it was."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = Path(os.environ.get("ESPALIER", ROOT / ".build/release/espalier"))
SUBCOMMANDS = ["train", "evaluate", "logps", "plan", "inspect", "bench", "scaling", "doctor", "launch", "merge"]


def run(*command, **variables) -> subprocess.CompletedProcess:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)


def install(prefix: Path, *options: str, program: Path = ESPALIER, root: Path = ROOT) -> subprocess.CompletedProcess:
    return run(root / "launch/install", "--prefix", prefix, *options, ESPALIER=program)


def files(directory: Path) -> dict[str, bytes | None]:
    """Every path with its bytes; of links their target, of directories nothing."""
    return {
        str(path.relative_to(directory)): os.readlink(path).encode()
        if path.is_symlink()
        else None
        if path.is_dir()
        else path.read_bytes()
        for path in directory.rglob("*")
    }


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    """A prefix with a file of the user, in which the program is installed from a clone that is then removed."""
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    directory = tmp_path_factory.mktemp("install")
    clone, prefix = directory / "clone", directory / "a b"
    for name in ("launch", "cluster-configs"):
        shutil.copytree(ROOT / name, clone / name)
    for name in ("LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, clone)
    (prefix / "share/man").mkdir(parents=True)
    (prefix / "share/man/mine").write_text("mine")
    program = clone / "espalier"
    shutil.copy(ESPALIER, program)
    result = install(prefix, "--no-python", program=program, root=clone)
    assert (result.returncode, result.stderr) == (0, "")
    shutil.rmtree(clone)
    return prefix


def test_the_installed_program_runs_without_the_clone(prefix):
    first = run(prefix / "bin/espalier", "--version").stdout.splitlines()[0]
    assert first == run(ESPALIER, "--version").stdout.splitlines()[0]
    assert first.startswith("espalier ")
    linked = run("ldd", prefix / "bin/espalier").stdout
    assert "not found" not in linked and str(ROOT) not in linked
    assert str(ROOT) not in run("readelf", "-d", prefix / "bin/espalier").stdout


def test_swift_needs_no_toolchain(prefix):
    """Each library of Swift that the program loads is beside it."""
    needed = [line.split()[0] for line in run("ldd", ESPALIER).stdout.splitlines() if "/lib/swift/" in line]
    assert len(needed) > 5
    assert set(needed) <= set(os.listdir(prefix / "lib/espalier/bin"))


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", "bash-completion/completions/espalier"),
        ("zsh", "zsh/site-functions/_espalier"),
        ("fish", "fish/vendor_completions.d/espalier.fish"),
    ],
)
def test_completions_have_valid_syntax_and_all_subcommands(shell, place, prefix):
    script = prefix / "share" / place
    text = script.read_text()
    assert all(name in text for name in SUBCOMMANDS) and " characters … " not in text
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    result = run(shell, "-n", script)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["", *(f"-{name}" for name in SUBCOMMANDS)])
def test_manual_pages_render_without_a_warning(name, prefix):
    page = prefix / f"share/man/man1/espalier{name}.1"
    text = page.read_text()
    assert "NAME" in text and " characters … " not in text
    if not shutil.which("man") or not shutil.which("groff"):
        pytest.skip("man or groff is not installed")
    result = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, LC_ALL="C.UTF-8", MANROFFSEQ="")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_page_lists_every_option_of_its_subcommand(prefix):
    text = (prefix / "share/man/man1/espalier-train.1").read_text().replace("\\-", "-")
    for option in ("--model", "--loss-type", "--save-steps", "--lora-r", "--version"):
        assert f"\\fB{option}\\fR" in text
    assert "\n.SH SUBCOMMANDS\n" in (prefix / "share/man/man1/espalier.1").read_text()


def test_the_module_file_sets_the_paths(prefix, tmp_path):
    if not shutil.which("tclsh"):
        pytest.skip("tclsh is not installed")
    (module,) = (prefix / "share/modulefiles/espalier").iterdir()
    script = tmp_path / "module.tcl"
    commands = ["module-whatis", "conflict", "prepend-path", "append-path"]
    procedures = "".join(f"proc {name} {{args}} {{ puts [join [linsert $args 0 {name}] |] }}\n" for name in commands)
    script.write_text(f"{procedures}source [lindex $argv 0]\n")
    result = run("tclsh", script, module)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert f"prepend-path|PATH|{prefix}/bin" in lines
    assert f"prepend-path|MANPATH|{prefix}/share/man" in lines
    assert module.read_text().startswith("#%Module")


@pytest.mark.parametrize("name", ["supervise", "preflight"])
def test_installed_scripts_start_the_installed_program(name, prefix):
    script = prefix / "share/espalier/launch" / name
    assert run(script, "--help").stdout.startswith(f"Usage: launch/{name} ")
    assert ".build" not in script.read_text()
    assert run("bash", "-c", f'source "{script.parent}/common.sh"; "$program" --version').returncode == 0


@pytest.mark.parametrize("name", ["slurm.sbatch", "pbs.sh"])
def test_batch_scripts_start_the_installed_program(name, prefix):
    script = prefix / "share/espalier/launch" / name
    assert ".build" not in script.read_text()
    variables = {"ARGUMENTS": "--version", "CLUSTER": "none.yaml", "PBS_NODEFILE": "none", "PBS_O_WORKDIR": "/"}
    result = run("bash", script, "none.yaml", "plan", **variables)
    assert "none.yaml" in result.stderr and "not found" not in result.stderr, result.stderr


def test_a_second_installation_replaces_the_first_and_removal_leaves_what_was_there(prefix, tmp_path):
    target = tmp_path / "prefix"
    (target / "lib").mkdir(parents=True)
    (target / "lib/mine").write_text("mine")
    before = files(target)
    assert install(target, "--no-python").returncode == 0
    first = files(target)
    # A file of an earlier version, which the present one does not have.
    (target / "bin/espalier-old").write_text("old")
    (target / "share/espalier/own").write_text("own")
    manifest = target / "lib/espalier/installed.txt"
    manifest.write_text(manifest.read_text() + "file bin/espalier-old\n")
    (target / "bin/espalier").unlink()
    assert install(target, "--no-python").returncode == 0
    assert files(target) == first | {"share/espalier/own": b"own"}
    result = install(target, "--uninstall")
    assert (result.returncode, result.stderr) == (0, "")
    assert files(target) == before | {"share": None, "share/espalier": None, "share/espalier/own": b"own"}
    assert install(target, "--uninstall").stderr == f"error: {manifest} was not found: nothing is installed to {target}\n"


def test_what_was_edited_is_kept_when_it_is_replaced_or_removed(tmp_path):
    assert install(tmp_path, "--no-python").returncode == 0
    places = [tmp_path / "share/espalier" / name for name in ("cluster-configs/10gbe.yaml", "launch/slurm.sbatch")]
    shipped = [place.read_text() for place in places]
    edited = [Path(f"{place}.edited") for place in places]
    for place in places:
        place.write_text(place.read_text() + "# mine\n")
    result = install(tmp_path, "--no-python")
    assert result.returncode == 0 and result.stdout.count("was edited; your version is now") == 2
    assert [place.read_text() for place in places] == shipped
    assert [place.read_text() for place in edited] == [text + "# mine\n" for text in shipped]
    # What is as it was installed is not kept.
    assert "was edited" not in install(tmp_path, "--no-python").stdout
    places[1].write_text("# mine too\n")
    result = run(ROOT / "launch/install", "--prefix", tmp_path, "--uninstall")
    assert result.returncode == 0 and result.stdout.count("was edited; your version is now") == 1
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*edited, Path(f"{edited[1]}.~1~")} and edited[1].read_text() == "# mine too\n"


def test_a_file_of_others_is_not_replaced(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/espalier").write_text("mine")
    result = install(tmp_path, "--no-python")
    remedy = "and launch/install did not install it; remove it, or choose another --prefix"
    assert (result.returncode, result.stderr) == (1, f"error: {tmp_path}/bin/espalier exists, {remedy}\n")
    assert install(tmp_path, "--uninstall").returncode == 0
    assert files(tmp_path) == {"bin": None, "bin/espalier": b"mine"}


def test_a_manifest_that_names_other_places_is_refused(tmp_path):
    manifest = tmp_path / "lib/espalier/installed.txt"
    manifest.parent.mkdir(parents=True)
    for entry in ("tree lib/../../x", "tree /etc", "file home/x", "tree", ""):
        manifest.write_text(f"{entry}\n")
        result = install(tmp_path, "--uninstall")
        assert result.returncode == 1 and result.stderr.startswith(f"error: {manifest}: expected "), entry
        assert result.stderr.count("\n") == 1


def test_a_prefix_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    result = install(tmp_path / "file")
    remedy = "is not a directory that you may write to; choose another --prefix, or run as its owner"
    assert (result.returncode, result.stderr) == (1, f"error: {tmp_path}/file {remedy}\n")
    assert install(Path("/")).stderr == "error: --prefix: expected a directory of its own, found /\n"
