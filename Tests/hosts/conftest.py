"""What the tests of several hosts share: whether there can be any here, and what they are made of."""

import signal
import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tiny_runs")
from cluster import ESPALIER, Cluster  # noqa: E402
from network import Network, obstacle  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def ended_in_order():
    """Where the tests are asked to end, what they have made is removed."""
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
    """Makes a cluster of so many hosts with links of so many Mbit/s, which is gone after the test."""
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
def root(tmp_path) -> Path:
    """A directory of this test, which all hosts see."""
    return tmp_path
