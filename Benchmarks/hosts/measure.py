#!/usr/bin/env python3
"""Measures exchanges between several simulated hosts on this machine, relative to the bound of their links.

Needs root, mpirun, and a release build with tests: `swift build -c release --build-tests`.
Documentation/Scaling.md has results.
"""

import argparse
import json
import signal
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "Tests/hosts"))
from cluster import RANK_PROGRAM, Cluster, measure_exchange  # noqa: E402
from network import Network, obstacle  # noqa: E402


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=numbers, default=[3, 4, 6], help="numbers of hosts")
    parser.add_argument("--mib", type=numbers, default=[4, 16], help="bucket sizes in MiB")
    parser.add_argument("--megabits", type=float, default=100, help="the links' rate in each direction, in Mbit/s")
    parser.add_argument("--turns", type=int, default=7, help="timed exchanges per bucket size")
    parser.add_argument("--collectives", default="auto", help="collectives to measure, separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if reason := obstacle() or (None if RANK_PROGRAM.exists() else f"{RANK_PROGRAM} has not been built"):
        sys.exit(f"error: {reason}")
    # Remove the hosts even if the job is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated by SIGTERM"))
    lines = []
    print("hosts   MiB  collective   Mbit/s  best   median  worst   (seconds over the bound)")
    for hosts in options.hosts:
        with Network(hosts, options.megabits) as network, tempfile.TemporaryDirectory() as place:
            cluster = Cluster(network, Path(place))
            for mib in options.mib:
                for collective in options.collectives.split(","):
                    found = measure_exchange(cluster, mib << 20, options.turns, collective)
                    ratios = [seconds / found.bound for seconds in found.seconds]
                    best, median, worst = min(ratios), statistics.median(ratios), max(ratios)
                    name, rate = found.collective, found.bandwidth * 8e-6
                    row = f"{hosts:5} {mib:5}  {name:10} {rate:8.1f} {best:6.3f} {median:7.3f} {worst:6.3f}"
                    print(row, flush=True)
                    figures = {"hosts": hosts, "mib": mib, "collective": name, "mbit_s": rate, "ratios": ratios}
                    lines.append(figures)
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
