"""launch/supervise with programs that fail, save and stop as a training run does."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SUPERVISE = Path(__file__).parents[2] / "launch/supervise"

# Records its arguments, one line per start; $1 is the directory of the test.
NOTE = 'printf "%s|" "${@:2}" >>"$1/starts"; echo >>"$1/starts"; n=$(wc -l <"$1/starts")\n'


def command(directory: Path, script: str) -> list[str]:
    """A program that records its start, then runs `script`, where `$n` is the number of the start."""
    path = directory / "run of mine"
    path.write_text(f"#!/usr/bin/env bash\n{NOTE}{script}\n")
    path.chmod(0o755)
    (directory / "out").mkdir()
    return [str(SUPERVISE), "--output", str(directory / "out"), "--delay", "0", "--", str(path), str(directory)]


def starts(directory: Path) -> int:
    return len((directory / "starts").read_text().splitlines())


def test_a_run_that_fails_is_restarted_with_the_same_arguments_until_it_succeeds(tmp_path):
    words = command(tmp_path, "((n == 3)) || exit 1")
    result = subprocess.run([*words, "train", "--config", "a b.yaml"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    line = f"train|--config|a b.yaml|--output|{tmp_path / 'out'}|--resume|\n"
    assert (tmp_path / "starts").read_text() == 3 * line
    assert result.stderr == 2 * "supervise: exited with 1; restarting in 0 s\n"


def test_it_gives_up_on_a_run_without_progress(tmp_path):
    words = command(tmp_path, "kill -9 $$")
    words[3:3] = ["--retries", "2"]
    result = subprocess.run(words, capture_output=True, text=True)
    assert (result.returncode, starts(tmp_path)) == (1, 3)
    reason = "3 consecutive failures without a new checkpoint; see its last error"
    assert result.stderr.endswith(f"error: exited with 137, {reason}\n")


def test_each_new_checkpoint_resets_the_retries(tmp_path):
    words = command(tmp_path, 'ln -sfn "checkpoint-$((n / 2))" "$1/out/latest"; ((n < 8)) && exit 1; exit 0')
    words[3:3] = ["--retries", "2"]
    result = subprocess.run(words, capture_output=True, text=True)
    assert (result.returncode, starts(tmp_path)) == (0, 8), result.stderr


def test_a_run_that_is_refused_is_not_restarted(tmp_path):
    result = subprocess.run(command(tmp_path, "exit 64"), capture_output=True, text=True)
    assert (result.returncode, starts(tmp_path)) == (64, 1)
    assert result.stderr == "error: refused; fix the cause of its last error, and start it again\n"


def test_a_refusal_after_a_checkpoint_is_retried_since_the_settings_were_accepted_before(tmp_path):
    script = '((n == 1)) && { ln -sfn checkpoint-5 "$1/out/latest"; exit 124; }; ((n == 2)) && exit 64; exit 0'
    result = subprocess.run(command(tmp_path, script), capture_output=True, text=True)
    assert (result.returncode, starts(tmp_path)) == (0, 3), result.stderr
    assert result.stderr == "".join(f"supervise: exited with {status}; restarting in 0 s\n" for status in (124, 64))


def test_a_launcher_that_outlives_its_processes_is_killed_and_restarted(tmp_path):
    # A zombie process, as mpirun has them when it hangs; then none.
    words = command(tmp_path, "((n == 2)) && exit 0; sleep 2 & exec sleep 1000")
    words[3:3] = ["--linger", "2"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (result.returncode, starts(tmp_path)) == (0, 2), result.stderr
    assert "supervise: the launcher has outlived its processes by 2 s; killing it\n" in result.stderr
    assert result.stderr.endswith("supervise: exited with 137; restarting in 0 s\n")


def test_a_program_without_child_processes_is_not_killed(tmp_path):
    words = command(tmp_path, "exec sleep 5")
    words[3:3] = ["--linger", "1"]
    result = subprocess.run(words, capture_output=True, text=True)
    assert (result.returncode, result.stderr, starts(tmp_path)) == (0, "", 1)


# --- Hosts ---


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """An `espalier` with four hosts, and a probe that succeeds for those that `up` names."""
    words = command(tmp_path, 'case "$*" in *--list-hosts) ;; *) . "$1/script" ;; esac')
    program = tmp_path / "espalier"
    program.write_text(
        "#!/usr/bin/env bash\n"
        "[[ $* == *--list-hosts ]] && { printf 'n%d\\n' 1 2 3 4; exit; }\n"
        f"""exec '{tmp_path / "run of mine"}' '{tmp_path}' "$@"\n"""
    )
    probe = tmp_path / "probe"
    probe.write_text(f"#!/usr/bin/env bash\ngrep -qx -- \"$1\" '{tmp_path}/up'\n")
    for path in (program, probe):
        path.chmod(0o755)
    monkeypatch.setenv("ESPALIER", str(program))

    def run(up: str, script: str, *more: str) -> subprocess.CompletedProcess:
        (tmp_path / "up").write_text("".join(f"{host}\n" for host in up.split()))
        (tmp_path / "script").write_text(script)
        options = ["--cluster", "my cluster.yaml", "--probe", str(probe), *more]
        return subprocess.run([*words[:5], *options, "--", "train", "--seed", "7"], capture_output=True, text=True)

    run.directory = tmp_path
    return run


def line(directory: Path, *absent: str) -> str:
    without = "".join(f"--without|{host}|" for host in absent)
    return f"launch|--cluster|my cluster.yaml|{without}--|train|--seed|7|--output|{directory / 'out'}|--resume|\n"


def test_a_run_starts_without_hosts_that_do_not_respond_and_with_them_when_they_do(cluster):
    directory = cluster.directory
    # The second start finds one more host missing, the third all of them.
    script = """
        case $n in
            1) printf 'n1\\nn4\\n' >"$1/up"; exit 1 ;;
            2) printf 'n%d\\n' 1 2 3 4 >"$1/up"; exit 1 ;;
        esac
        exit 0"""
    result = cluster("n1 n3 n4", script)
    assert result.returncode == 0, result.stderr
    expected = line(directory, "n2") + line(directory, "n2", "n3") + line(directory)
    assert (directory / "starts").read_text() == expected
    assert [text for text in result.stderr.splitlines() if "hosts" in text] == [
        "supervise: no response from n2; 3 of 4 hosts remain",
        "supervise: no response from n2 n3; 2 of 4 hosts remain",
        "supervise: all 4 hosts respond again",
    ]


def test_fewer_hosts_than_the_minimum_start_nothing_and_are_checked_again(cluster):
    result = cluster("n1 n2", "exit 0", "--min-hosts", "3", "--retries", "2")
    assert result.returncode == 1
    assert not (cluster.directory / "starts").exists()
    assert result.stderr.count("supervise: no response from n3 n4; 2 of 4 hosts remain\n") == 3


def test_a_run_that_is_refused_on_fewer_hosts_is_retried_until_all_respond(cluster):
    script = """
        ((n == 1)) && { printf 'n%d\\n' 1 2 3 4 >"$1/up"; exit 64; }
        exit 0"""
    result = cluster("n1 n2 n3", script)
    assert (result.returncode, starts(cluster.directory)) == (0, 2), result.stderr
    assert result.stderr.endswith("supervise: exited with 64; restarting in 0 s\nsupervise: all 4 hosts respond again\n")


def test_an_invalid_cluster_file_ends_it(cluster, monkeypatch):
    (cluster.directory / "espalier").write_text("#!/bin/sh\nexit 64\n")
    assert cluster("n1", "exit 0").returncode == 64


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_forwarded_and_the_stopped_run_is_not_restarted(tmp_path, number):
    words = command(tmp_path, 'trap "exit 75" USR1; touch "$1/up"; for ((i = 0; i < 200; i++)); do sleep 0.05; done')
    # In the background SIGINT is ignored, and bash cannot trap a signal that was ignored when it started.
    reset = lambda: signal.signal(number, signal.SIG_DFL)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=reset)
    while not (tmp_path / "up").exists():
        time.sleep(0.01)
    os.kill(process.pid, number)
    errors = process.communicate(timeout=30)[1]
    assert (process.returncode, starts(tmp_path), errors) == (75, 1, "")


@pytest.mark.parametrize("finishes, status", [(False, 75), (True, 0)])
def test_a_launcher_that_exits_with_0_after_a_signal_has_stopped_a_run_without_a_summary(tmp_path, finishes, status):
    save = 'touch "$1/out/summary.json"; ' if finishes else ""
    wait = "for ((i = 0; i < 200; i++)); do sleep 0.05; done"
    words = command(tmp_path, f"""trap '{save}exit 0' USR1; touch "$1/up"; {wait}""")
    process = subprocess.Popen(words)
    while not (tmp_path / "up").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(20) == status
    assert starts(tmp_path) == 1


def test_a_signal_ends_the_pause_between_two_starts(tmp_path):
    words = command(tmp_path, "exit 1")
    words[words.index("--delay") + 1] = "250"
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == "supervise: exited with 1; restarting in 250 s\n"
    # The line is printed just before the pause begins.
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, starts(tmp_path)) == (75, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--", "true"], "--output is missing; see --help"),
        (["--output", "x"], "expected a command after --, found nothing; see --help"),
        (["--output", "x", "true"], "unknown argument true; the command follows --; see --help"),
        (["--output", "x", "--probe", "true", "--", "true"], "--probe needs --cluster, whose hosts it checks"),
        (["--output", "x", "--retries", "two", "--", "true"], "--retries: expected a whole number, found two"),
    ],
)
def test_wrong_arguments_end_in_one_line(words, message):
    result = subprocess.run([SUPERVISE, *words], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"error: {message}\n"
