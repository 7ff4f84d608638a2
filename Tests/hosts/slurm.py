"""Slurm on the hosts of a network: daemons of its own on each, and files and keys of this cluster alone."""

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
# A job that is queued again waits until what allowed its first start is out of date.
AuthInfo=socket={place}/munge.socket,cred_expire=5
StateSaveLocation={place}/state
SlurmctldPidFile={place}/control.pid
SlurmdPidFile={place}/%n.pid
SlurmdSpoolDir={place}/%n
# PMIx has files for each step there, and nodes share /tmp.
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
    """Why there can be no Slurm here, where there can be hosts; None where there can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"{', '.join(missing)} not installed (Debian: slurm-wlm)" if missing else None


class Slurm:
    """A controller on the first host, and every host a node of two processors; `close` ends the daemons."""

    def __init__(self, network: Network, directory: Path):
        self.network, self.directory = network, directory
        self.environment = environment() | {"SLURM_CONF": str(directory / "slurm.conf")}
        self.daemons = []
        (directory / "state").mkdir()
        (directory / "slurm.conf").write_text(self._configuration())
        # Else slurmd looks for version 2, and there are no control groups in a network namespace's /sys.
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
        # By force, since the directories above may be others'.
        self._daemon(["munged", "--foreground", "--force", *(f"--{kind}={path}" for kind, path in files.items())])
        self._wait(lambda: files["socket"].exists(), "munged makes no socket")
        self._daemon(self.network.words(0, "slurmctld", "-D"))
        for number, host in enumerate(self.network.hosts):
            (self.directory / host).mkdir()
            self._daemon(self.network.words(number, "slurmd", "-D", "-N", host))
        count = len(self.network.hosts)
        self._wait(lambda: self.tell("sinfo", "-Nho", "%T").split() == ["idle"] * count, "nodes are not idle")

    def _daemon(self, words: list[str]) -> None:
        with (self.directory / f"daemon-{len(self.daemons)}.log").open("w") as log:
            self.daemons.append(subprocess.Popen(words, stdout=log, stderr=log, env=self.environment))

    def _wait(self, happens, failure: str) -> None:
        deadline = time.monotonic() + 60
        while not happens():
            logs = [path.read_text()[-2000:] for path in sorted(self.directory.glob("daemon-*.log"))]
            assert time.monotonic() < deadline, "\n".join([failure, *logs])
            time.sleep(0.1)

    def tell(self, *words) -> str:
        """What a command of Slurm's prints on the first host."""
        return self.run(*words).stdout

    def run(self, *words) -> subprocess.CompletedProcess:
        words = self.network.words(0, *words)
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)

    def submit(self, *words) -> int:
        """Submits a script, or what `--wrap=` has, for a task of one processor on each node; gives the job's number."""
        size = (f"--nodes={len(self.network.hosts)}", "--ntasks-per-node=1", "--cpus-per-task=1")
        places = (f"--chdir={self.directory}", "--output=job-%j.log")
        result = self.run("sbatch", "--parsable", *size, *places, *words)
        assert result.returncode == 0, result.stderr
        return int(result.stdout or 0)

    def job(self, number: int) -> dict[str, str]:
        """What Slurm knows of a job, such as JobState and Restarts."""
        words = self.tell("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, number: int) -> str:
        """What a job has printed."""
        path = self.directory / f"job-{number}.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        self.network.close()
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait()
