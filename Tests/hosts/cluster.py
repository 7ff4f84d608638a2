"""A cluster of hosts on this machine, on which `espalier launch` starts ranks by a host file."""

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from network import ADDRESSES, AGENT, Network

# The runs of the fault injection tests.
sys.path.append(str(Path(__file__).parents[1] / "Faults"))
from disturbance import Disturbance  # noqa: E402
from tiny_runs import ESPALIER, Run  # noqa: E402
from tiny_runs import environment as hasty_environment  # noqa: E402

RANK_PROGRAM = ESPALIER.with_name("RankProgram")


def environment() -> dict[str, str]:
    """The environment of tiny runs, but with the second that mpirun gives ranks to print why they exit."""
    return {name: value for name, value in hasty_environment().items() if "sigkill_timeout" not in name}


class Cluster:
    """A network with the files that describe it in a directory; one rank per host, with one thread."""

    def __init__(self, network: Network, directory: Path):
        self.network, self.file = network, directory / "cluster.yaml"
        (directory / "hosts").write_text("".join(f"{host} slots=1\n" for host in network.hosts))
        self.file.write_text(
            "hostfile: hosts\nranks_per: host\nthreads: 1\nbind_to: none\n"
            f"network: {ADDRESSES}\nmca:\n  plm: rsh\n  plm_rsh_agent: {AGENT}\n"
        )

    def command(self, *words) -> list[str]:
        """The arguments that run `espalier` on the first host, where mpirun runs."""
        return self.network.words(0, ESPALIER, *words)

    def launch(self, *words) -> list[str]:
        """The arguments that run a subcommand on all ranks."""
        return self.command("launch", "--cluster", self.file, "--", *words)


class ClusterRun(Run):
    """A run with one rank on each host of a cluster."""

    def __init__(self, root: Path, cluster: Cluster, **settings):
        super().__init__(root, len(cluster.network.hosts), **settings)
        self.cluster = cluster

    def command(self, disturbance: Disturbance | None = None) -> list[str]:
        assert disturbance is None, "no library can be preloaded on other hosts"
        return self.cluster.launch(*self.words)


@dataclass(frozen=True)
class Exchange:
    """The seconds of a reduce-scatter and an all-gather of a bucket on the slowest rank, for each repetition."""

    ranks: int
    bytes: int
    collective: str
    # Bytes per second of a TCP connection between two of the hosts.
    bandwidth: float
    seconds: list[float]

    @property
    def bound(self) -> float:
        """The lower bound for links of `bandwidth` in each direction, without latency."""
        return 2 * (self.ranks - 1) / self.ranks * self.bytes / self.bandwidth

    @property
    def ratio(self) -> float:
        """The ratio of the best repetition, since other processes of this machine disturb the rest."""
        return min(self.seconds) / self.bound


def measure_exchange(cluster: Cluster, size: int, turns: int, collective: str = "auto") -> Exchange:
    """Exchanges a bucket of `size` bytes over all hosts, as a step does; measures the bandwidth before and after."""
    options = {"check": True, "capture_output": True, "text": True, "env": environment(), "timeout": 120}
    dry = subprocess.run(cluster.command("launch", "--dry-run", "--cluster", cluster.file, "--", "doctor"), **options)
    words = shlex.split(dry.stdout.replace("\\\n", ""))
    # In place of espalier and its arguments.
    words[words.index("doctor") - 1 :] = [RANK_PROGRAM, "times", collective, size, turns]
    before = cluster.network.bandwidth()
    report = json.loads(subprocess.run(cluster.network.words(0, *words), **options).stdout)
    bandwidth = max(before, cluster.network.bandwidth())
    return Exchange(len(cluster.network.hosts), size, report["collective"], bandwidth, report["seconds"])
