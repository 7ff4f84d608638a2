"""Writes manual pages from the help that the program prints as JSON on standard input: one for each subcommand."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    version, directory = sys.argv[1], Path(sys.argv[2])
    root = json.load(sys.stdin)["command"]
    for command in [root, *subcommands(root)]:
        name = "-".join(path(command))
        (directory / f"{name}.1").write_text("\n".join(page(command, root, version)) + "\n")


def subcommands(command: dict) -> list[dict]:
    return [inner for inner in command.get("subcommands", []) if inner["commandName"] != "help"]


def path(command: dict) -> list[str]:
    return [*command.get("superCommands", []), command["commandName"]]


def escaped(text: str) -> str:
    """The text with the characters that roff would interpret or typeset otherwise escaped."""
    for character, replacement in {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}.items():
        text = text.replace(character, replacement)
    return re.sub(r"^\.", r"\\&.", text)


def page(command: dict, root: dict, version: str) -> Iterator[str]:
    name = "-".join(path(command))
    yield f'.TH "{escaped(name.upper())}" "1" "" "Espalier {escaped(version)}" "User Commands"'
    yield ".SH NAME"
    yield f"{escaped(name)} \\- {escaped(command.get('abstract', '')).rstrip('.')}"
    yield ".SH SYNOPSIS"
    yield f".B {escaped(' '.join(path(command)))}"
    yield "\\fIsubcommand\\fR" if command is root else "[\\fIoptions\\fR]"
    if command.get("discussion"):
        yield ".SH DESCRIPTION"
        yield from paragraphs(command["discussion"])
    if command is root:
        yield ".SH SUBCOMMANDS"
        for inner in subcommands(root):
            yield from item(f".BR {escaped(name)}\\-{escaped(inner['commandName'])} (1)", inner.get("abstract", ""))
    arguments = [argument for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)]
    if arguments:
        yield ".SH OPTIONS"
        for argument in arguments:
            yield from item(title(argument), explanation(argument))
    if command is not root:
        yield ".SH SEE ALSO"
        yield f".BR {escaped(root['commandName'])} (1)"


def paragraphs(text: str) -> Iterator[str]:
    """Paragraphs; lines that are indented are examples, and stay as they are."""
    is_example = False
    for line in text.split("\n"):
        indented = line.startswith("  ")
        if indented != is_example and line:
            yield from [".PP", ".nf", ".RS 4"] if indented else [".RE", ".fi"]
            is_example = indented
        if not line:
            if not is_example:
                yield ".PP"
        else:
            yield escaped(line.strip() if not indented else line[2:])
    if is_example:
        yield from [".RE", ".fi"]


def item(heading: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield heading
    for line in text.split("\n"):
        yield escaped(line.strip())


def title(argument: dict) -> str:
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names") or []]
    value = argument.get("valueName", "")
    if argument["kind"] == "positional":
        return f"\\fI{escaped(value)}\\fR"
    text = ", ".join(f"\\fB{escaped(name)}\\fR" for name in names)
    return f"{text} \\fI{escaped(value)}\\fR" if argument["kind"] == "option" else text


def explanation(argument: dict) -> str:
    text = argument.get("abstract", "")
    values = argument.get("allValues")
    return f"{text} Values: {', '.join(values)}." if values else text


if __name__ == "__main__":
    main()
