"""Prints the results of a quickstart run, from the JSON files of `espalier evaluate` and `espalier train`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="metrics of the initial model, with those of --after")
    parser.add_argument("--after", type=Path, help="metrics of the trained model")
    parser.add_argument("--continuations", type=Path, nargs=2, default=[], help="those of both models, as JSON lines")
    parser.add_argument("--model", type=Path, required=True, help="the trained model, with summary.json")
    arguments = parser.parse_args()
    evaluations = [arguments.before, arguments.after] if arguments.before and arguments.after else []
    files = [*evaluations, arguments.model / "summary.json"]
    try:
        *evaluations, run = [read(file) for file in files]
        parts = [held_out(*evaluations)] if evaluations else []
        print("\n".join([*parts, training(run), files_of(arguments.model)]))
        if arguments.continuations:
            print(continuations(*map(read_lines, arguments.continuations)), end="")
    except KeyError as error:
        names = ", ".join(str(file) for file in [*files, *arguments.continuations])
        sys.exit(f"error: one of {names} lacks {error}; remove them and run again")


def read(path: Path) -> dict[str, Any]:
    """The JSON object in a file; exits if there is none."""
    return parsed(path)[0]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects in the lines of a file; exits if there are none."""
    return parsed(path, lines=True)


def parsed(path: Path, lines: bool = False) -> list[dict[str, Any]]:
    try:
        text = path.read_text()
        return [json.loads(line) for line in (text.splitlines() if lines else [text])]
    except (OSError, ValueError) as error:
        sys.exit(f"error: {path}: expected the results of a run: {error}; remove the file and run again")


def held_out(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The metrics of held-out pairs before and after."""
    return f"""
{after["pairs"]} held-out pairs                         before    after
  chosen response more likely          {change(before, after, "eval_logps/accuracies", percent)}
  reward accuracy                      {change(before, after, "eval_rewards/accuracies", percent)}
  reward margin                        {change(before, after, "eval_rewards/margins", decimal)}
  loss                                 {change(before, after, "eval_loss", decimal)}
(Rewards and loss are relative to the initial model, which has none itself.)"""


def training(run: dict[str, Any]) -> str:
    """The size and the speed of the run."""
    saved = 1 - run["tokens_computed"] / run["tokens_unshared"]
    return f"""
{run["pairs"]} training pairs in {run["steps"]} steps on {run["ranks"]} ranks
  speed                                {run["pairs_per_second"]:.2f} pairs/s, including the reference pass
  tokens saved by sharing prefixes     {saved:.0%} ({run["tokens_computed"]:,} instead of {run["tokens_unshared"]:,})"""


def files_of(model: Path) -> str:
    """The paths of the model, of its metrics and of its report, and how to load it."""
    return f"""
The trained model: {model}
  Curves of the run, for a browser: {model / "report.html"}
  Metrics of each step: {model / "metrics.jsonl"}
  To use it in Python, with transformers and torch:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    model = AutoModelForCausalLM.from_pretrained("{model}")
    tokenizer = AutoTokenizer.from_pretrained("{model}")"""


def continuations(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    """Prompts, each with what both models continue it with."""
    text = ""
    for first, second in zip(before, after):
        prompt = first["prompt"].strip().splitlines()
        text += f"\nPrompt: … {prompt[-2] if len(prompt) > 1 else ''.join(prompt)}\n"
        text += f"  before: {shortened(first['completion'])}\n  after:  {shortened(second['completion'])}\n"
    return text


def shortened(text: str) -> str:
    """A text on one line, which a terminal shows without its control characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= 160 else line[:159] + "…"


def change(before: dict[str, Any], after: dict[str, Any], key: str, form: str) -> str:
    """The two values of a metric in columns; a value that is not finite is null in the file."""
    values = (record[key] for record in (before, after))
    return " ".join("none".rjust(8) if value is None else format(value, form).rjust(8) for value in values)


percent = ".0%"
decimal = ".3f"

if __name__ == "__main__":
    main()
