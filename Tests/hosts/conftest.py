"""Fixtures of the tests on several hosts, which skip them where hosts cannot be created."""

import signal
import sys
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tiny_runs")
from cluster import ESPALIER, Cluster  # noqa: E402
from network import Network, obstacle  # noqa: E402
from slurm import Slurm  # noqa: E402
from slurm import obstacle as slurm_obstacle  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def cleanup_on_sigterm():
    """Removes what the tests have created if they are terminated."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def possible() -> None:
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    if reason := obstacle():
        pytest.skip(reason)


@pytest.fixture
def cluster(possible, tmp_path):
    """Creates a cluster of `hosts` hosts with links of `megabits` Mbit/s, which is removed after the test."""
    networks = []

    def cluster(hosts: int, megabits: float) -> Cluster:
        networks.append(Network(hosts, megabits))
        place = tmp_path / f"cluster-{len(networks)}"
        place.mkdir()
        return Cluster(networks[-1], place)

    yield cluster
    for network in networks:
        network.close()


@pytest.fixture
def slurm_on(cluster):
    """Starts Slurm on a number of hosts, until the end of the test."""
    if reason := slurm_obstacle():
        pytest.skip(reason)
    # Socket paths are limited to 107 bytes.
    with tempfile.TemporaryDirectory(prefix="slurm-") as directory:
        started = []

        def slurm_on(hosts: int) -> Slurm:
            started.append(Slurm(cluster(hosts, 1000).network, Path(directory)))
            return started[-1]

        yield slurm_on
        for slurm in started:
            slurm.close()


@pytest.fixture
def root(tmp_path) -> Path:
    """A directory of this test that all hosts share."""
    return tmp_path
