#!/usr/bin/env python3
"""Trains on the same preference examples with Espalier and its peers, one after the other, and compares them."""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import common
from agreement import Report, disagreements
from common import BenchmarkError, Settings
from runs import run_espalier, run_peer

ESPALIER = "espalier"
PEERS = ("trl", "torch")


def loss_table(reports: dict[str, Report]) -> str:
    """Formats each step's loss by trainer."""
    names = [report["name"] for report in reports.values()]
    lines = ["  ".join([f"{'loss of step':<24}", *(f"{name:>24}" for name in names)])]
    for step in zip(*(report["steps"] for report in reports.values())):
        values = [f"{part['metrics']['loss']:>24.6f}" for part in step]
        lines.append("  ".join([f"{step[0]['step']:<24}", *values]))
    return "\n".join(lines)


def figures(rounds: list[dict[str, Report]]) -> list[dict[str, Any]]:
    """Returns a line for each trainer: medians over rounds, with ratios within a round."""
    table = []
    for key, first in rounds[0].items():
        runs = [reports[key] for reports in rounds]
        rates = [run["pairs_per_second"] for run in runs]
        ratios = [reports[ESPALIER]["pairs_per_second"] / rate for reports, rate in zip(rounds, rates)]
        table.append(
            {
                "name": first["name"],
                "pairs_per_second": median(rates),
                "lowest": min(rates),
                "highest": max(rates),
                "espalier_is_faster_by": median(ratios),
                "shared_tokens_per_second": median(run["shared_tokens_per_second"] for run in runs),
                "peak_rss_bytes": max(run["peak_rss_bytes"] for run in runs),
            }
        )
    return table


def figure_table(table: list[dict[str, Any]]) -> str:
    """Formats the figures as a table."""
    heads = [f"{'pairs/s':>8}", f"{'lowest–highest':>15}", f"{'Espalier':>9}", f"{'shared tokens/s':>15}"]
    lines = ["  ".join([" " * 24, *heads, f"{'memory':>8}"])]
    for line in table:
        spread = f"{line['lowest']:.3f}–{line['highest']:.3f}"
        lines.append(
            f"{line['name']:<24}  {line['pairs_per_second']:>8.3f}  {spread:>15}  "
            f"{line['espalier_is_faster_by']:>8.2f}×  {line['shared_tokens_per_second']:>15.1f}  "
            f"{line['peak_rss_bytes'] / 1e9:>5.1f} GB"
        )
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--espalier", required=True, help="the espalier binary")
    common.add_arguments(parser)
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="peers to run, separated by commas (default %(default)s)"
    )
    parser.add_argument("--ranks", type=int, help="Espalier's ranks, a divisor of --threads (default 2, or 1)")
    parser.add_argument(
        "--sharing", default="any", choices=("none", "prompt", "prefix", "any"), help="Espalier's sharing mode"
    )
    parser.add_argument(
        "--row-tokens", type=int, default=2048, help="tokens of Espalier's packed sequences (default %(default)s)"
    )
    default = common.TORCH_ROW_TOKENS
    parser.add_argument("--torch-row-tokens", type=int, default=default, help="those of PyTorch (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="rounds, in alternating order (default %(default)s)")
    parser.add_argument("--json", help="write all reports and figures to this file")
    return parser.parse_args()


def trainers(arguments: argparse.Namespace, settings: Settings) -> dict[str, Callable[[Path], Report]]:
    """Returns the trainers of a round, Espalier first."""
    chosen = [name for name in arguments.peers.split(",") if name]
    if unknown := sorted(set(chosen) - set(PEERS)):
        raise BenchmarkError(f"--peers: expected {' or '.join(PEERS)}, found {', '.join(unknown)}")
    ranks = arguments.ranks or math.gcd(2, settings.threads)
    if ranks < 1 or settings.threads % ranks:
        raise BenchmarkError(f"expected --ranks to divide {settings.threads} threads, found {ranks}")
    peers: dict[str, Callable[[Path], Report]] = {
        "trl": lambda place: run_peer("trl_dpo.py", settings, place),
        "torch": lambda place: run_peer(
            "torch_shared.py", settings, place, "--row-tokens", str(arguments.torch_row_tokens)
        ),
    }
    return {
        ESPALIER: lambda place: run_espalier(
            arguments.espalier,
            settings,
            place,
            ranks=ranks,
            sharing=arguments.sharing,
            row_tokens=arguments.row_tokens,
        )
    } | {name: peers[name] for name in PEERS if name in chosen}


def run_round(todo: dict[str, Callable[[Path], Report]], backwards: bool) -> dict[str, Report]:
    """Runs each trainer once; deletes what they write except their reports."""
    done = {}
    for name in reversed(todo) if backwards else todo:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="espalier-peers-") as directory:
            done[name] = todo[name](Path(directory))
        rate = f"{done[name]['pairs_per_second']:.3f} pairs/s"
        print(f"  {name}: {rate}, {time.monotonic() - start:.0f} s including start-up and exit", file=sys.stderr)
    return {name: done[name] for name in todo}


def main() -> None:
    arguments = parse()
    settings = common.settings(arguments)
    if arguments.repeats < 1:
        raise BenchmarkError(f"expected --repeats of at least 1, found {arguments.repeats}")
    # Report unsuitable examples before anything runs.
    common.read_pairs(settings.data, settings.steps * settings.batch_size)
    todo = trainers(arguments, settings)
    print(
        f"{settings.steps} steps of {settings.batch_size} pairs, {settings.threads} threads, {settings.precision}; "
        "step 1 is a warm-up"
    )
    rounds = []
    for number in range(1, arguments.repeats + 1):
        print(f"round {number} of {arguments.repeats}", file=sys.stderr)
        rounds.append(run_round(todo, backwards=number % 2 == 0))
    pairs = [(reports[ESPALIER], reports[name]) for reports in rounds for name in todo if name != ESPALIER]
    found = [text for own, peer in pairs for text in disagreements(own, peer)]
    table = figures(rounds)
    print(f"\n{figure_table(table)}\n\n{loss_table(rounds[0])}\n")
    if arguments.json:
        common.write_report({"figures": table, "disagreements": found, "rounds": rounds}, arguments.json)
    if found:
        raise BenchmarkError("these are not the same computation:\n" + "\n".join(found))
    if pairs:
        print("The same computation: log-probabilities and gradient norm of step 1 agree, rewards of step 2, losses.")


if __name__ == "__main__":
    try:
        main()
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
