"""Jobs of a real Slurm with `launch/slurm.sbatch`: on two nodes, stopped by a signal, and requeued."""

import os
import re
import shlex
import time

import pytest
from network import ADDRESSES
from slurm import Slurm
from tiny_runs import ESPALIER, ROOT, Run

SCRIPT = ROOT / "launch/slurm.sbatch"


@pytest.fixture
def slurm(slurm_on):
    slurm = slurm_on(2)
    slurm.environment["ESPALIER"] = str(ESPALIER)
    return slurm


def cluster_file(root, launcher: str):
    """One rank per node with one thread, since nodes share the processors here."""
    path = root / f"{launcher}.yaml"
    lines = [f"launcher: {launcher}", "ranks_per: host", "threads: 1", f"network: {ADDRESSES}"]
    path.write_text("\n".join([*lines, *(["bind_to: none"] if launcher == "mpirun" else [])]) + "\n")
    return path


def wait_for(slurm: Slurm, job: int, what: str, happens) -> None:
    deadline = time.monotonic() + 90
    while not happens(slurm.job(job)):
        assert time.monotonic() < deadline, f"{what}\n{slurm.job(job)}\n{slurm.log(job)}"
        time.sleep(0.1)


def expect_complete(slurm: Slurm, job: int) -> None:
    active = ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "CONFIGURING")
    wait_for(slurm, job, "the job does not end", lambda found: found["JobState"] not in active)
    found = slurm.job(job)
    assert (found["JobState"], found["ExitCode"]) == ("COMPLETED", "0:0"), slurm.log(job)


def test_a_stopped_job_is_requeued_and_has_the_bits_of_one_process(slurm, root):
    settings = {"shards": 2, "max_steps": 800, "save_steps": 400, "resume_from_checkpoint": "auto"}
    one = Run(root / "one", None, **settings)
    one.finish()
    run = Run(root / "several", None, **settings)
    words = [cluster_file(root, "mpirun"), *run.words, "--output", run.output]
    slurm.submit("--test-only", SCRIPT, *words)
    job = slurm.submit(SCRIPT, *words)
    metrics = run.output / "metrics.jsonl"
    wait_for(slurm, job, "no step completes", lambda _: metrics.exists() and metrics.read_text().count("\n") > 2)
    # As Slurm does before the time limit, by the script's `--signal`.
    slurm.output("scancel", "--batch", "--signal=USR1", job)
    wait_for(slurm, job, "the job is not requeued", lambda found: found["Restarts"] == "1")
    assert 0 < run.newest < 800, slurm.log(job)
    expect_complete(slurm, job)
    # The log has both starts, and the second resumes: starting again at the first step would give the same bits too.
    log = slurm.log(job)
    assert "stopped after step" in log and log.count("train: step 1/") == 1, log
    assert run.summary["ranks"] == 2
    run.expect_same(one)


def test_srun_starts_the_ranks_if_it_supports_pmix(slurm, root):
    known = slurm.run("srun", "--mpi=list")
    if "pmix" not in known.stdout + known.stderr:
        pytest.skip("this Slurm does not support PMIx")
    one, run = (Run(root / name, None, shards=2) for name in ("one", "several"))
    one.finish()
    job = slurm.submit(SCRIPT, cluster_file(root, "srun"), *run.words, "--output", run.output)
    expect_complete(slurm, job)
    assert run.summary["ranks"] == 2
    run.expect_same(one)


def test_ranks_of_srun_divide_the_processors_of_their_node(slurm):
    if "pmix" not in (known := slurm.run("srun", "--mpi=list")).stdout + known.stderr:
        pytest.skip("this Slurm does not support PMIx")
    words = ["srun", "--mpi=pmix", "--cpu-bind=none", ESPALIER, "doctor"]
    job = slurm.submit("--ntasks-per-node=2", f"--wrap={shlex.join(map(str, words))}")
    expect_complete(slurm, job)
    processors = len(os.sched_getaffinity(0))
    found = re.findall(r"binding +(\d+) threads? on (\d+) of \d+ processors, (\d+) ranks? on this host", slurm.log(job))
    assert set(found) == {(str(max(1, processors // 2)), str(processors), "2")}, slurm.log(job)


def test_srun_without_pmix_is_refused_and_the_script_of_a_job_is_not(slurm):
    alone = shlex.join(map(str, [ESPALIER, "doctor", "--threads", "1"]))
    job = slurm.submit(f"--wrap={alone}; srun --mpi=none {alone}")
    ended = ("FAILED", "COMPLETED")
    wait_for(slurm, job, "the job does not end", lambda found: found["JobState"] in ended)
    log = slurm.log(job)
    assert slurm.job(job)["ExitCode"] == "64:0", log
    assert log.count("one process, not started by mpirun") == 1, log
    error = "error: expected 2 ranks (the launcher's SLURM_STEP_NUM_TASKS=2), found 1 in MPI_COMM_WORLD: "
    assert log.count(error) == 2, log


def test_preflight_checks_the_nodes_of_a_job(slurm, root):
    words = [ROOT / "launch/preflight", "--cluster", cluster_file(root, "mpirun")]
    job = slurm.submit(f"--wrap={shlex.join(map(str, words))}")
    expect_complete(slurm, job)
    log = slurm.log(job)
    assert all(host in log for host in slurm.network.hosts), log
    assert "✓ build         the same program on all ranks" in log and "2 hosts: " in log, log


def test_doctor_and_launch_report_the_processors_that_slurm_grants(slurm, root):
    doctor = shlex.join(map(str, [ESPALIER, "doctor", "--threads", "1"]))
    words = [ESPALIER, "launch", "--dry-run", "--cluster", cluster_file(root, "mpirun"), "--", "doctor"]
    launch = shlex.join(map(str, words))
    # The nodes have two processors each; the ranks use one.
    job = slurm.submit("--cpus-per-task=2", f"--wrap={doctor}; {launch}")
    expect_complete(slurm, job)
    log = slurm.log(job)
    source = r"processors granted by Slurm \(SLURM_JOB_CPUS_PER_NODE=2\(x2\)\)"
    assert re.search(rf"! granted +1 rank uses 1 of 2 {source}", log), log
    assert re.search(rf"launch: warning: 1 rank uses 1 of 2 {source}.*set threads to 2", log), log
