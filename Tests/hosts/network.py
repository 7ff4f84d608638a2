"""Several hosts on one machine: network namespaces with links of a chosen rate, and a launch agent instead of ssh.

Each host has a name, an address and one link to a switch, all in namespaces of their own, so that nothing is visible
outside. Hosts share processors, memory and files.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AGENT = Path(__file__).with_name("enter")
ADDRESSES = "10.77.0.0/16"
# The burst of a port: a larger one would let short messages exceed the rate of the link.
BURST = "32kb"

RECEIVE = """
import socket, sys, time
server = socket.create_server(("", 7777))
print("ready", flush=True)
link = server.accept()[0]
buffer, size = bytearray(1 << 20), int(sys.argv[1])
def take(count):
    while count > 0:
        count -= link.recv_into(buffer, min(count, len(buffer)))
take(size // 4)
start = time.monotonic()
take(size)
print(size / (time.monotonic() - start))
"""

# The features that the kernel must support.
TRIAL = f"""
ip netns list
hostname trial
ip link add ports type bridge
ip link add eth0 type veth peer name port0
tc qdisc add dev eth0 root tbf rate 1mbit burst {BURST} latency 50ms
"""

SEND = """
import socket, sys
with socket.create_connection((sys.argv[2], 7777)) as link:
    link.sendall(bytes(int(sys.argv[1]) * 5 // 4))
"""


def obstacle() -> str | None:
    """The reason why hosts cannot be created here; None if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [tool for tool in ("ip", "tc", "unshare", "mpirun") if not shutil.which(tool)]:
        return f"{', '.join(missing)} not installed"
    trial = subprocess.run(["unshare", "--net", "--uts", "sh", "-ec", TRIAL], capture_output=True, text=True)
    if trial.returncode != 0:
        return f"this kernel or container refuses network namespaces: {trial.stderr.strip()}"
    return None


def command(*words) -> str:
    """The output of a command; raises if it fails."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


class Network:
    """Hosts on a switch, each with a link of `megabits` Mbit/s in each direction.

    Names contain the process ID, so that several networks may exist; `close` kills all processes and removes the hosts.
    """

    made = 0

    def __init__(self, count: int, megabits: float):
        Network.made += 1
        stem = f"esp-{os.getpid()}-{Network.made}"
        self.switch, self.hosts = f"{stem}-switch", [f"{stem}-{host}" for host in range(count)]
        self.megabits = megabits
        try:
            self._make_switch()
            for number, host in enumerate(self.hosts):
                self._make_host(number, host)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _make_switch(self) -> None:
        command("ip", "netns", "add", self.switch)
        self._run(self.switch, "ip", "link", "add", "name", "ports", "type", "bridge")
        self._run(self.switch, "ip", "link", "set", "ports", "up")

    def _make_host(self, number: int, host: str) -> None:
        command("ip", "netns", "add", host)
        port = f"port{number}"
        peer = ("peer", "name", "eth0", "netns", host)
        command("ip", "link", "add", "name", port, "netns", self.switch, "type", "veth", *peer)
        self._run(self.switch, "ip", "link", "set", port, "master", "ports", "up")
        self._run(host, "ip", "address", "add", f"{self.address(number)}/16", "dev", "eth0")
        for device in ("lo", "eth0"):
            self._run(host, "ip", "link", "set", device, "up")
        # Every kernel supports it, and all machines should behave identically.
        self._run(host, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
        # A link has the same rate in both directions: sending is limited at the host, receiving at the switch.
        shape = ("tbf", "rate", f"{self.megabits}mbit", "burst", BURST, "latency", "50ms")
        self._run(host, "tc", "qdisc", "add", "dev", "eth0", "root", *shape)
        self._run(self.switch, "tc", "qdisc", "add", "dev", port, "root", *shape)

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.0.{number + 1}"

    @staticmethod
    def _run(host: str, *words) -> str:
        return command("ip", "netns", "exec", host, *words)

    def words(self, number: int, *words) -> list[str]:
        """The arguments that run a command on a host."""
        return [str(AGENT), self.hosts[number], *(shlex.quote(str(word)) for word in words)]

    def cut(self, number: int) -> None:
        """Disconnects a host at the switch, without a sign of it on the host."""
        self._run(self.switch, "ip", "link", "set", f"port{number}", "nomaster")

    def processes(self, host: str) -> list[int]:
        result = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True)
        return [int(word) for word in result.stdout.split()]

    @property
    def running(self) -> dict[str, list[int]]:
        """The processes of each host that has any."""
        found = {host: self.processes(host) for host in self.hosts}
        return {host: processes for host, processes in found.items() if processes}

    def bandwidth(self, size: int = 8 << 20) -> float:
        """Bytes per second of one TCP connection between two hosts."""
        python = (sys.executable, "-c")
        receiver = subprocess.Popen(self.words(1, *python, RECEIVE, size), stdout=subprocess.PIPE, text=True)
        with receiver:
            assert receiver.stdout.readline() == "ready\n"
            subprocess.run(self.words(0, *python, SEND, size, self.address(1)), check=True)
            return float(receiver.stdout.readline())

    def close(self) -> None:
        for _ in range(100):
            for process in sum(self.running.values(), []):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not self.running:
                break
            time.sleep(0.05)
        # Deleting a namespace removes the host's end of a link, and with it the other end.
        for name in [*self.hosts, self.switch]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
        # Files that killed daemons of Open MPI leave behind.
        for host in self.hosts:
            for directory in Path(tempfile.gettempdir()).glob(f"ompi.{host}.*"):
                shutil.rmtree(directory, ignore_errors=True)
