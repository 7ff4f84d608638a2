"""Writes Options.md, the options of all commands: from the help that the program prints as JSON, and from the parser of
espalier-prepare. Runs in the Python environment of the latter.

espalier --experimental-dump-help | .cache/venv/bin/python Documentation/options.py > Documentation/Options.md
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from espalier_data.arguments import command_line

ROOT = Path(__file__).parents[1]
HEAD = """# Options

Every option of every command, from the help texts of the program: `Documentation/options.py` writes this page, and a test
compares it with the program. `espalier COMMAND --help` prints the same, `man espalier-COMMAND` too after
[`launch/install`](Commands.md#install). [Commands](Commands.md) has examples,
[cluster-configs/train.yaml](../cluster-configs/train.yaml) a file with all settings.
"""
TRAIN = """An option of `train` is a setting of the same name in a file for `--config`, with `_` for `-`, such as `learning_rate: 5e-6` for
`--learning-rate 5e-6`, and `shuffle: false` for `--no-shuffle`. Options override the file. Those without a setting are marked ○."""
#: The part of a help text that states the default.
DEFAULT = re.compile(r" ?\(default:? ((?:[^()]|\([^()]*\))*)\)")
#: The title of options of a command that have none, and what comes first.
UNTITLED = {"train": "Optimizer, Logging and Others"}
FIRST = ["Model, Data and Output", *UNTITLED.values(), "General"]
#: Options that are other names of a setting: as a flag and in a file.
OTHER_NAMES = {
    "resume": "resume_from_checkpoint", "recompute": "gradient_checkpointing", "lora-modules-to-save": "modules_to_save",
}  # fmt: skip


def main() -> None:
    root = json.load(sys.stdin)["command"]
    sys.stdout.write("\n".join([HEAD, *program(root), *preparation()]))


def program(root: dict) -> Iterator[str]:
    """The lines of all subcommands, of which `train` is the first."""
    commands = [command for command in root["subcommands"] if command["commandName"] != "help"]
    for command in sorted(commands, key=lambda command: command["commandName"] != "train"):
        name = command["commandName"]
        yield f"## espalier {name}\n\n{command['abstract'].rstrip('.')}.\n"
        if name == "train":
            yield f"{TRAIN}\n"
        shown = [argument for argument in command["arguments"] if is_listed(argument)]
        keys = settings() if name == "train" else None
        sections: dict[str, list[dict]] = {}
        for argument in shown:
            sections.setdefault(argument.get("sectionTitle") or UNTITLED.get(name, "General"), []).append(argument)
        # The optimizer's are the last in the help.
        order = [*filter(sections.get, FIRST), *(title for title in sections if title not in FIRST)]
        for title, arguments in ((title, sections[title]) for title in order):
            if len(sections) > 1:
                yield f"### {title}\n"
            yield from table(row(argument, keys) for argument in merged(arguments))


def preparation() -> Iterator[str]:
    """The lines of espalier-prepare."""
    yield "## espalier-prepare\n\nTokenizes preferences with a model's tokenizer and chat template.\n"
    for group in command_line()._action_groups:
        actions = [action for action in group._group_actions if "--help" not in action.option_strings]
        if actions:
            yield f"### {group.title.capitalize()}\n"
            yield from table(map(preparation_row, actions))


def table(rows: Iterable[str]) -> Iterator[str]:
    yield "| option | default | meaning |\n|---|---|---|"
    yield from rows
    yield ""


def is_listed(argument: dict) -> bool:
    return argument.get("shouldDisplay", True) and argument["valueName"] not in ("help", "version")


def settings() -> set[str]:
    """The settings of a file, those that the example has as comments too."""
    lines = (ROOT / "cluster-configs/train.yaml").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"(?:# )?([a-z_0-9]+):", line))}


def merged(arguments) -> Iterator[dict]:
    """The arguments, with a flag and its negation as one."""
    for _, same in groupby(arguments, key=lambda argument: (argument["kind"], argument.get("abstract"))):
        first, *others = same
        names = [name for argument in (first, *others) for name in argument.get("names") or []]
        yield first | {"names": names}


def row(argument: dict, keys: set[str] | None) -> str:
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]]
    heading = ", ".join(f"`{name}`" for name in names) or f"`{argument['valueName'].upper()}`"
    own = argument["names"][0]["name"] if argument["names"] else ""
    if keys is not None and OTHER_NAMES.get(own, own.replace("-", "_")) not in keys:
        heading += " ○"
    # That of an option with an optional value is the value if none is given.
    default = argument.get("defaultValue") if own not in OTHER_NAMES else None
    return explained(heading, argument.get("abstract", ""), argument.get("allValues"), default)


def preparation_row(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")
    return explained(", ".join(f"`{name}`" for name in action.option_strings), f"{text}.", action.choices)


def explained(heading: str, text: str, values: Iterable[str] | None, default: str | None = None) -> str:
    found = DEFAULT.search(text)
    default = found[1] if found else default
    text = DEFAULT.sub("", text)
    if values:
        text += f" Values: {', '.join(f'`{value}`' for value in values)}."
    return f"| {heading} | {escaped(default or '')} | {escaped(text)} |"


def escaped(text: str) -> str:
    return re.sub(r"([|*<])", r"\\\1", text)


if __name__ == "__main__":
    main()
