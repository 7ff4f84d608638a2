"""Several hosts: the same bits as on one, messages at the speed of the links, and an exit if a host is disconnected."""

import re
import subprocess
import time

import pytest
from cluster import RANK_PROGRAM, ClusterRun, environment, measure_exchange
from sized_model import make_model
from tiny_runs import GOLDEN, Run


def test_four_hosts_have_the_bits_of_one(cluster, root):
    settings = {"shards": 4}
    one = Run(root / "one", None, **settings)
    one.finish()
    several = ClusterRun(root / "several", cluster(4, 1000), **settings)
    errors = several.finish().stderr
    assert "--hostfile" in errors and "--map-by ppr:1:node" in errors
    assert several.summary["ranks"] == 4 and one.summary["ranks"] == 1
    several.expect_same(one)


# Links slow enough to be the bottleneck, rather than the processors of a small machine.
@pytest.mark.skipif(not RANK_PROGRAM.exists(), reason="the tests have not been built for release")
@pytest.mark.parametrize("hosts", [3, 4, 6])
def test_a_bucket_of_4_mib_takes_at_most_a_quarter_longer_than_the_lower_bound(hosts, cluster):
    exchange = measure_exchange(cluster(hosts, 100), 4 << 20, 4)
    # A ratio below 1 would mean that the links are faster than they should be.
    assert 0.95 < exchange.ratio <= 1.25, exchange


SILENT = 2


def test_a_job_with_a_disconnected_host_ends_on_every_host_and_names_the_rank(cluster, root):
    hosts = cluster(4, 100)
    output, errors = root / "out", root / "errors"
    words = ["train", "--model", make_model(root / "model", 4 << 20), "--data", GOLDEN / "data.safetensors"]
    words += ["--output", output, "--max-steps", "1000", "--global-batch-size", "4"]
    with errors.open("w") as file:
        job = subprocess.Popen(hosts.launch(*words), stdout=file, stderr=file, env=environment())
        wait_for_steps(job, output / "metrics.jsonl", 2)
        # Nearly all of a step is communication.
        time.sleep(0.2)
        hosts.network.cut(SILENT)
        start = time.monotonic()
        while (hosts.network.running or job.poll() is None) and time.monotonic() - start < 60:
            time.sleep(0.1)
        seconds = time.monotonic() - start
        running = hosts.network.running
        hosts.network.close()
        job.wait()
    text = errors.read_text()
    assert running == {} and seconds <= 30, f"{running} after {seconds:.0f} s\n{text}"
    assert job.returncode != 0
    name = rf"rank {SILENT} on {hosts.network.hosts[SILENT]} \(process \d+\)"
    assert re.search(rf"^error: stalled: .*{name}", text, re.MULTILINE), text
    others = [rank for rank in range(4) if rank != SILENT and f"rank {rank} on" in text]
    assert others == [], text


def wait_for_steps(job: subprocess.Popen, metrics, steps: int) -> None:
    deadline = time.monotonic() + 60
    while not metrics.exists() or metrics.read_text().count("\n") < steps:
        assert job.poll() is None and time.monotonic() < deadline, "no step completed"
        time.sleep(0.02)
