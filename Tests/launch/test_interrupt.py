"""Ctrl-C in a terminal: launch/supervise and a real mpirun."""

import os
import pty
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUPERVISE = ROOT / "launch/supervise"
# A rank that saves after its step, which takes longer than mpirun waits after Ctrl-C.
RANK = """
trap 'stop=yes' USR1
trap '' INT
touch "$1/up-$OMPI_COMM_WORLD_RANK"
while [[ -z ${stop-} ]]; do sleep 0.1; done
sleep 4
touch "$1/saved-$OMPI_COMM_WORLD_RANK"
exit 75
"""


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, words: list[str], environment: dict[str, str]):
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.execvpe(words[0], words, environment)

    def press_control_c(self) -> None:
        os.write(self.descriptor, b"\x03")

    def end(self, seconds: float) -> tuple[int, str]:
        """The exit code and the output of the command, which must end within some seconds."""
        output, deadline = b"", time.monotonic() + seconds
        os.set_blocking(self.descriptor, False)
        while True:
            try:
                output += os.read(self.descriptor, 4096)
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                # The terminal has no other end.
                break
            assert time.monotonic() < deadline, output.decode()
        _, status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(status), output.decode()


@pytest.fixture
def supervised(tmp_path):
    """`supervise` in a terminal, with two ranks that run."""
    if not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")
    rank = tmp_path / "rank"
    rank.write_text(RANK)
    ranks = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "2", "bash", str(rank), str(tmp_path)]
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    terminal = Terminal([str(SUPERVISE), "--output", str(tmp_path / "out"), "--", *ranks], environment)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("up-*"))) < 2:
        assert time.monotonic() < deadline, "the ranks do not start"
        time.sleep(0.05)
    return terminal


def test_control_c_lets_the_ranks_of_mpirun_save_and_exits_with_75(supervised, tmp_path):
    supervised.press_control_c()
    status, output = supervised.end(60)
    assert status == 75, output
    assert sorted(path.name for path in tmp_path.glob("saved-*")) == ["saved-0", "saved-1"], output
    assert "supervise: saving after this step; press Ctrl-C again to stop immediately" in output
    assert "restarting" not in output


def test_a_second_control_c_ends_the_run_at_once(supervised, tmp_path):
    supervised.press_control_c()
    time.sleep(0.5)
    supervised.press_control_c()
    status, output = supervised.end(60)
    assert status not in (0, 75), output
    assert not list(tmp_path.glob("saved-*")), output
    assert "restarting" not in output


MAKE = ROOT / "Documentation/images/make"


def make(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([MAKE, *words], capture_output=True, text=True, timeout=60)


def test_the_script_of_the_images_has_a_help_text_and_refuses_a_time_that_is_no_number():
    assert make("--help").stdout.startswith("Usage: Documentation/images/make [--timeout SECONDS]")
    wrong = make("--timeout", "soon")
    assert (wrong.returncode, wrong.stderr) == (1, "error: --timeout: expected seconds, found soon; see --help\n")


@pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")
@pytest.mark.parametrize("script", ["exit 3", "sleep 1000", "kill -9 $PPID"])
@pytest.mark.parametrize("more", [[], ["--ranks", "2"]])
def test_the_script_of_the_images_ends_whatever_the_run_does(script, more, tmp_path):
    # A clone whose run fails, hangs or kills its terminal.
    for name in ("Documentation/images", "launch"):
        (tmp_path / name).mkdir(parents=True)
    copy = shutil.copy(MAKE, tmp_path / "Documentation/images/make")
    run = tmp_path / "launch/quickstart"
    run.write_text(f"#!/usr/bin/env bash\necho started\n{script}\n")
    run.chmod(0o755)
    environment = os.environ | {"ESPALIER_CACHE": str(tmp_path / "cache")}
    words = [copy, "--timeout", "3", *more]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == (3 if script == "exit 3" else 1), result.stderr
    assert not list((tmp_path / "Documentation/images").glob("*.svg"))
