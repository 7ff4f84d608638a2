"""Slurm on the hosts of a network, with separate daemons, files and keys."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from cluster import environment
from network import Network

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
SETTINGS = """
ClusterName=hosts
SlurmctldHost={control}({address})
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits until the credential of its first start has expired.
AuthInfo=socket={place}/munge.socket,cred_expire=5
StateSaveLocation={place}/state
SlurmctldPidFile={place}/control.pid
SlurmdPidFile={place}/%n.pid
SlurmdSpoolDir={place}/%n
# PMIx writes files for each step there, and nodes share /tmp.
TmpFS={place}/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
"""


def obstacle() -> str | None:
    """The reason why Slurm cannot run on hosts of this machine; None if it can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"{', '.join(missing)} not installed (Debian: slurm-wlm)" if missing else None


class Slurm:
    """A controller on the first host and a node of two processors on every host; `close` ends the daemons."""

    def __init__(self, network: Network, directory: Path):
        self.network, self.directory = network, directory
        self.environment = environment() | {"SLURM_CONF": str(directory / "slurm.conf")}
        self.daemons = []
        (directory / "state").mkdir()
        (directory / "slurm.conf").write_text(self._configuration())
        # Otherwise slurmd looks for version 2, and a network namespace's /sys has no control groups.
        (directory / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _configuration(self) -> str:
        addresses = {host: self.network.address(number) for number, host in enumerate(self.network.hosts)}
        values = {"control": self.network.hosts[0], "place": self.directory}
        nodes = [f"NodeName={host} NodeAddr={address} CPUs=2 State=UNKNOWN" for host, address in addresses.items()]
        settings = SETTINGS.format(address=addresses[values["control"]], **values)
        return "\n".join([settings, *nodes, "PartitionName=all Nodes=ALL Default=YES State=UP"]) + "\n"

    def _start(self) -> None:
        kinds = ("key-file", "log-file", "pid-file", "seed-file", "socket")
        files = {kind: self.directory / f"munge.{kind}" for kind in kinds}
        files["key-file"].write_bytes(os.urandom(64))
        files["key-file"].chmod(0o400)
        # With --force, since the directories above may belong to other users.
        self._daemon(["munged", "--foreground", "--force", *(f"--{kind}={path}" for kind, path in files.items())])
        self._wait(lambda: files["socket"].exists(), "munged creates no socket")
        self._daemon(self.network.words(0, "slurmctld", "-D"))
        for number, host in enumerate(self.network.hosts):
            (self.directory / host).mkdir()
            self._daemon(self.network.words(number, "slurmd", "-D", "-N", host))
        count = len(self.network.hosts)
        self._wait(lambda: self.output("sinfo", "-Nho", "%T").split() == ["idle"] * count, "nodes are not idle")

    def _daemon(self, words: list[str]) -> None:
        with (self.directory / f"daemon-{len(self.daemons)}.log").open("w") as log:
            self.daemons.append(subprocess.Popen(words, stdout=log, stderr=log, env=self.environment))

    def _wait(self, happens, failure: str) -> None:
        deadline = time.monotonic() + 60
        while not happens():
            logs = [path.read_text()[-2000:] for path in sorted(self.directory.glob("daemon-*.log"))]
            assert time.monotonic() < deadline, "\n".join([failure, *logs])
            time.sleep(0.1)

    def output(self, *words) -> str:
        """The output of a Slurm command on the first host."""
        return self.run(*words).stdout

    def run(self, *words) -> subprocess.CompletedProcess:
        words = self.network.words(0, *words)
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)

    def submit(self, *words) -> int:
        """Submits a script, or the command of `--wrap=`, with a one-processor task on each node; returns the job ID."""
        size = (f"--nodes={len(self.network.hosts)}", "--ntasks-per-node=1", "--cpus-per-task=1")
        places = (f"--chdir={self.directory}", "--output=job-%j.log")
        result = self.run("sbatch", "--parsable", *size, *places, *words)
        assert result.returncode == 0, result.stderr
        return int(result.stdout or 0)

    def job(self, number: int) -> dict[str, str]:
        """Slurm's record of a job, such as JobState and Restarts."""
        words = self.output("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, number: int) -> str:
        """The output of a job."""
        path = self.directory / f"job-{number}.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        self.network.close()
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait()
