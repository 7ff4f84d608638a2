"""Prints the results of a quickstart run, from the JSON files of `espalier evaluate` and `espalier train`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="metrics of the initial model")
    parser.add_argument("--after", type=Path, required=True, help="metrics of the trained model")
    parser.add_argument("--model", type=Path, required=True, help="the trained model, with summary.json")
    arguments = parser.parse_args()
    files = [arguments.before, arguments.after, arguments.model / "summary.json"]
    try:
        print(summary(*(read(file) for file in files), arguments.model))
    except KeyError as error:
        names = ", ".join(str(file) for file in files)
        sys.exit(f"error: one of {names} lacks {error}; remove them and run again")


def read(path: Path) -> dict[str, Any]:
    """The JSON object in a file; exits if there is none."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {path}: expected the metrics of a run: {error}; remove the file and run again")


def summary(before: dict[str, Any], after: dict[str, Any], run: dict[str, Any], model: Path) -> str:
    """The final report: metrics before and after, speed, and the path of the model."""
    saved = 1 - run["tokens_computed"] / run["tokens_unshared"]
    return f"""
{after["pairs"]} held-out pairs                         before    after
  chosen response more likely          {change(before, after, "eval_logps/accuracies", percent)}
  reward accuracy                      {change(before, after, "eval_rewards/accuracies", percent)}
  reward margin                        {change(before, after, "eval_rewards/margins", decimal)}
  loss                                 {change(before, after, "eval_loss", decimal)}
(Rewards are relative to the initial model: before training all are 0.)

{run["pairs"]} training pairs in {run["steps"]} steps on {run["ranks"]} ranks
  speed                                {run["pairs_per_second"]:.2f} pairs/s, including the reference pass
  tokens saved by sharing prefixes     {saved:.0%} ({run["tokens_computed"]:,} instead of {run["tokens_unshared"]:,})

The trained model: {model}
  Metrics of each step: {model / "metrics.jsonl"}
  To use it in Python, with transformers and torch:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    model = AutoModelForCausalLM.from_pretrained("{model}")
    tokenizer = AutoTokenizer.from_pretrained("{model}")"""


def change(before: dict[str, Any], after: dict[str, Any], key: str, form: str) -> str:
    """The two values of a metric in columns; a value that is not finite is null in the file."""
    values = (record[key] for record in (before, after))
    return " ".join("none".rjust(8) if value is None else format(value, form).rjust(8) for value in values)


percent = ".0%"
decimal = ".3f"

if __name__ == "__main__":
    main()
