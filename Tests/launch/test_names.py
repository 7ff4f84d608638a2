"""Launch scripts with names that contain spaces, newlines, quotes and dashes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ODD = "a b\n$(touch ran) 'c' \"d\" *;&"


def run(*command, cwd: Path, **variables) -> subprocess.CompletedProcess:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, cwd=cwd)


@pytest.fixture
def clone(tmp_path) -> Path:
    """The launch scripts in a clone with an unusual name."""
    shutil.copytree(ROOT / "launch", tmp_path / ODD / "launch")
    (tmp_path / ODD / "Tests/Fuzz/Corpus/json").mkdir(parents=True)
    return tmp_path / ODD


def nothing_ran(directory: Path) -> bool:
    return not list(directory.rglob("ran"))


def shell(clone: Path, script: str, *arguments, **variables) -> subprocess.CompletedProcess:
    """Runs lines of bash after `common.sh` of the clone, in the directory above it."""
    words = ["bash", "-c", f'source "$0"\n{script}', clone / "launch/common.sh", *arguments]
    return run(*words, cwd=clone.parent, **variables)


@pytest.mark.parametrize("name", ["fuzz", "install", "preflight", "quickstart", "supervise", "test"])
def test_a_script_finds_its_directory(clone, name):
    result = run(clone / "launch" / name, "--help", cwd=clone.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: launch/{name} ")
    assert nothing_ran(clone.parent)


@pytest.mark.parametrize("variables", [{}, {"CDPATH": ".:/"}], ids=["plain", "with CDPATH"])
def test_root_and_cache_are_absolute_paths(clone, variables):
    result = shell(clone, 'printf "%s|%s" "$root" "$cache"', **variables)
    assert result.stdout == f"{clone}|{clone}/.cache"
    result = shell(clone, 'cd / && printf "%s" "$cache"', ESPALIER_CACHE="my cache", **variables)
    assert result.stdout == f"{clone.parent}/my cache"


def test_a_step_runs_once_for_files_of_any_name(clone):
    step = 'work() { echo run >>"$root/runs"; : >"$2"; }\nonce "$1" "Working" "$2" -- work "$2" "$1"\n'
    output, given = clone / f"-{ODD}", clone / f"--{ODD}"
    given.write_text("a")
    for _ in range(2):
        result = shell(clone, step, output, given)
        assert result.returncode == 0, result.stderr
    assert (clone / "runs").read_text() == "run\n"
    assert nothing_ran(clone.parent)


@pytest.mark.parametrize("name", ["-model", "-", "--", "models of mine\nand yours"])
def test_a_model_directory_of_any_name_is_found(clone, name):
    model = clone.parent / name
    model.mkdir()
    for file in ("config.json", "tokenizer.json"):
        (model / file).write_text("{}")
    for given in (model, f"./{name}"):
        result = shell(clone, 'model_directory "$1"', given, CDPATH=f"{clone.parent}")
        assert (result.returncode, result.stdout, result.stderr) == (0, f"{model}\n", "")


def test_supervise_passes_its_arguments_unchanged(clone):
    program = clone / "run of mine"
    program.write_text('#!/usr/bin/env bash\nprintf "[%s]" "$@"\n')
    program.chmod(0o755)
    result = run(clone / "launch/supervise", "--output", ODD, "--", program, ODD, "", "-x", cwd=clone.parent)
    assert (result.returncode, result.stdout) == (0, f"[{ODD}][][-x][--output][{ODD}][--resume]")
    assert nothing_ran(clone.parent)


def test_batch_scripts_find_a_program_of_any_name(clone):
    program = clone / ODD
    program.write_text('#!/usr/bin/env bash\nprintf "[%s]" "$@"\n')
    program.chmod(0o755)
    words = [clone / "launch/slurm.sbatch", ODD, "train", ODD]
    result = run("bash", *words, cwd=clone.parent, ESPALIER=program, SLURM_SUBMIT_DIR=clone)
    assert (result.returncode, result.stdout) == (0, f"[launch][--cluster][{ODD}][--][train][{ODD}]")
    variables = {"ESPALIER": program, "PBS_O_WORKDIR": clone, "CLUSTER": ODD, "ARGUMENTS": "train --config $(touch ran) *"}
    result = run("bash", clone / "launch/pbs.sh", cwd=clone.parent, **variables)
    words = "[train][--config][$(touch][ran)][*]"
    assert (result.returncode, result.stdout) == (0, f"[launch][--cluster][{ODD}][--]{words}")
    assert nothing_ran(clone.parent)


def test_preflight_checks_a_program_of_any_name(clone, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    script = "#!/usr/bin/env bash\n"
    for path, text in {
        clone / ODD: 'case "$*" in *--list-hosts) echo node01 ;; *) printf "[%s]" "$@" ;; esac\n',
        programs / "ssh": 'while [[ $1 != -- ]]; do shift; done; exec "${@:3}"\n',
        programs / "mpirun": 'echo "mpirun (Open MPI) 4.1.4"\n',
    }.items():
        path.write_text(script + text)
        path.chmod(0o755)
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "ESPALIER": clone / ODD}
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        variables[name] = ""
    result = run(clone / "launch/preflight", "--cluster", ODD, cwd=clone.parent, **variables)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"[launch][--cluster][{ODD}][--][doctor]" in result.stdout
    assert nothing_ran(clone.parent)


def test_fuzz_refuses_a_target_outside_its_corpus(clone):
    for name in ("../Corpus/json", "none", ".", ""):
        result = run(clone / "launch/fuzz", name, cwd=clone.parent)
        assert (result.returncode, result.stderr) == (1, f"error: unknown target {name}; see Tests/Fuzz/Corpus\n")
