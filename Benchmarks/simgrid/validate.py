#!/usr/bin/env python3
"""Compares the predicted communication time with a simulation of its messages by SimGrid's SMPI.

Needs smpicc and smpirun (Debian: libsimgrid-dev), mpirun and a release build. The simulation describes a network with
the same two numbers; in addition, messages share links, wait for each other, and are limited in number while in flight.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "Tests/hosts"))
from cluster import ESPALIER, environment  # noqa: E402
from sized_model import make_model  # noqa: E402

PLATFORM = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="hosts" prefix="h" suffix="" radical="0-{last}" speed="1Gf" bw="{bandwidth}Bps" lat="{latency}s"
           sharing_policy="SPLITDUPLEX"/>
</platform>
"""
# A message takes latency + bytes / bandwidth, without TCP corrections; computation takes no time.
SETTINGS = ("network/model:CM02", "network/crosstraffic:0", "smpi/simulate-computation:0")


def output_of(*words, **options) -> str:
    words = [str(word) for word in words]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment(), **options).stdout


class Simulation:
    """Sends a bucket there and back between hosts on a switch of unlimited capacity."""

    def __init__(self, place: Path):
        self.place, self.program = place, place / "exchange"
        output_of("smpicc", "-O2", "-o", self.program, HERE / "exchange.c")

    def seconds(self, nodes: int, size: int, network: dict) -> float:
        platform, hosts = self.place / "platform.xml", self.place / "hosts"
        # There are two links between two hosts.
        numbers = {"bandwidth": network["bytes_per_second"], "latency": network["latency_seconds"] / 2}
        platform.write_text(PLATFORM.format(last=nodes - 1, **numbers))
        hosts.write_text("".join(f"h{node}\n" for node in range(nodes)))
        settings = [f"--cfg={setting}" for setting in SETTINGS]
        where = ("-np", nodes, "-platform", platform, "-hostfile", hosts, "--log=root.thresh:error")
        return float(output_of("smpirun", *where, *settings, self.program, size))


def predict(study: Path, nodes: int, network: str) -> tuple[dict, float]:
    """Returns the network's parameters and the predicted communication seconds on `nodes` nodes, without summation."""
    report = study.with_name("prediction.json")
    words = ("--from", study, "--predict", nodes, "--network", network, "--json", report)
    subprocess.run([str(word) for word in (ESPALIER, "scaling", *words)], check=True, stdout=subprocess.DEVNULL)
    prediction = json.loads(report.read_text())
    point = prediction["forecast_points"][-1]
    assert point["nodes"] == nodes
    added = (nodes - 1) / nodes * prediction["subject"]["gradient_bytes"]
    numbers = prediction["forecast"]
    return numbers, point["communication_seconds"] - added * numbers["summing_seconds_per_byte"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=16, help="size of the gradient in MiB, at most one bucket of 25")
    parser.add_argument(
        "--nodes", type=int, nargs="+", default=[2, 3, 4, 6, 12, 16, 31, 64, 256], help="numbers of nodes"
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        default=["10gbe", "25gbe", "100gbe"],
        help="networks, as for --network of espalier scaling",
    )
    options = parser.parse_args()
    if missing := [tool for tool in ("smpicc", "smpirun", "mpirun") if not shutil.which(tool)]:
        sys.exit(f"error: {', '.join(missing)} not installed")
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        model, study = make_model(place / "model", options.mib << 20), place / "study.json"
        what = ("--model", model, "--tree-tokens", 8, "--rows", 1, "--warm-up", 1, "--repeats", 1, "--steps", 1)
        output_of(ESPALIER, "scaling", "--ranks", "1", *what, "--json", study, cwd=place)
        size = json.loads(study.read_text())["subject"]["gradient_bytes"]
        simulation = Simulation(place)
        print(f"{size / 2**20:.1f} MiB   nodes   predicted  simulated   error")
        for network in options.networks:
            for nodes in options.nodes:
                numbers, predicted = predict(study, nodes, network)
                simulated = simulation.seconds(nodes, size, numbers)
                error = 100 * (predicted / simulated - 1)
                print(
                    f"{network:8} {nodes:7} {1e3 * predicted:7.2f} ms {1e3 * simulated:8.2f} ms {error:+6.1f} %",
                    flush=True,
                )


if __name__ == "__main__":
    main()
