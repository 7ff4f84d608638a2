#!/usr/bin/env python3
"""Predicts steps on 4 and 6 simulated hosts of this machine from steps on 1 to 3, and compares with measurements.

Needs root, mpirun and a release build. Validates communication only, since the hosts share this machine's processors.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "Tests/hosts"))
from cluster import ESPALIER, Cluster, environment  # noqa: E402
from network import Network, obstacle  # noqa: E402
from sized_model import make_model  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=16, help="size of the gradient in MiB")
    parser.add_argument("--megabits", type=float, default=100, help="the links' rate in each direction, in Mbit/s")
    parser.add_argument("--repeats", type=int, default=3, help="runs per number of hosts")
    parser.add_argument("--steps", type=int, default=5, help="timed steps per run")
    options = parser.parse_args()
    if reason := obstacle() or (None if ESPALIER.exists() else f"{ESPALIER} has not been built"):
        sys.exit(f"error: {reason}")
    # Remove the hosts even if the job is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated by SIGTERM"))
    with Network(6, options.megabits) as network, tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        cluster, model = Cluster(network, place), make_model(place / "model", options.mib << 20)
        what = ["--model", model, "--tree-tokens", "8", "--rows", "1", "--warm-up", "1"]
        what += ["--repeats", options.repeats, "--steps", options.steps]
        for ranks, study in [("1,2,3", "few.json"), ("4,6", "many.json")]:
            words = ["scaling", "--cluster", cluster.file, "--ranks", ranks, *what, "--json", place / study]
            subprocess.run(cluster.command(*words), check=True, cwd=place, env=environment())
        studies = ["--from", place / "few.json", "--validate", place / "many.json"]
        subprocess.run([ESPALIER, "scaling", *studies], check=True)


if __name__ == "__main__":
    main()
