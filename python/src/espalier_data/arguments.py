"""Command-line options of `espalier-prepare`."""

import argparse
import difflib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from .errors import UserError
from .option_values import json_object, tool_list
from .output.printable import printable
from .processors import available_processors
from .reading.sources import WHOLE, Source
from .records.column_names import FIELDS, UNUSED
from .tokens.truncation import MODES, Limits

_DESCRIPTION = """\
Converts preferences to token ids with a model's own tokenizer and chat template, following
TRL's rules, for `espalier train`. Rows have prompt, chosen and rejected, or only chosen and
rejected, as text or messages; ShareGPT's conversations; or a prompt with a list of responses,
best first or with scores. Rows that cannot be used are reported and counted."""

_EPILOG = """\
Documentation/Data.md describes all row formats, the counts, and the format of the output.

examples:
  espalier-prepare --model MODEL --data pairs.jsonl more.parquet --output train.safetensors
  espalier-prepare --model MODEL --data ours.jsonl HuggingFaceH4/ultrafeedback_binarized \\
      --split train_prefs --weights 2 0.1 --output train.safetensors"""

#: Less data is prepared in one process.
_LITTLE_BYTES = 1 << 20
#: An epoch contains a row at most this many times.
_MOST_WEIGHT = 1_000_000


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def command_line() -> argparse.ArgumentParser:
    """Returns the parser of the command line, with all options and their help texts."""
    parser = _Parser(
        prog="espalier-prepare",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=_columns()),
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a Hugging Face model directory")
    parser.add_argument("--output", type=Path, metavar="OUT.safetensors", help="optional with --show")
    _add_sources(parser)
    _add_template(parser)
    _add_truncation(parser)
    _add_run(parser)
    return parser


def parse_arguments(words: list[str]) -> argparse.Namespace:
    """Parses the command line."""
    parser = command_line()
    arguments, unknown = parser.parse_known_args([_with_hyphens(word) for word in words])
    if unknown:
        parser.error(f"unknown argument {unknown[0]}{_suggestion(unknown[0].partition('=')[0], _options(parser))}")
    if arguments.output is None and arguments.show is None:
        parser.error("the following arguments are required: --output (or --show N, to print rows only)")
    return arguments


def _with_hyphens(word: str) -> str:
    """Returns an option in this program's spelling; TRL's has underscores."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else word


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _suggestion(name: str, known: Iterable[str]) -> str:
    """Returns the known name that is most like `name`, for an error; empty if there is none."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sources")
    group.add_argument(
        "--data",
        required=True,
        nargs="+",
        action="extend",
        metavar="SOURCE",
        help=".json, .jsonl, .csv or .tsv, optionally with .gz; .parquet; a directory of data files or from "
        "save_to_disk; or ORG/NAME on the Hugging Face Hub, if no such file exists",
    )
    group.add_argument(
        "--split",
        default="train",
        help="split of directories and Hub datasets, or a slice such as train[:1000], also of files (default: train)",
    )
    group.add_argument("--dataset-config", metavar="NAME", help="configuration of directories and Hub datasets")
    group.add_argument(
        "--weights",
        type=float,
        nargs="+",
        action="extend",
        metavar="W",
        help="one for each source, in order: the number of times an epoch contains its rows; for a fraction, rows are "
        "drawn once, with --seed (default: 1 each)",
    )
    group.add_argument(
        "--columns",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=COLUMN",
        help="the column that holds a field: prompt=query reads the prompt from the column query; unused=COLUMN "
        "leaves a column out",
    )
    group.add_argument("--seed", type=int, default=42, help="seed for the rows that --weights draws (default: 42)")


def _add_template(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("conversations")
    group.add_argument(
        "--tools",
        type=Path,
        metavar="FILE.json",
        help="a list of tools for the chat template, for rows without their own",
    )
    group.add_argument(
        "--chat-template-kwargs",
        type=json_object,
        default={},
        metavar="JSON",
        help="variables for the chat template, such as '{\"enable_thinking\": false}'; those of a row take precedence",
    )
    group.add_argument(
        "--last-turn-only",
        action="store_true",
        help="train on the last message of each response only; by default on all of its messages, as in TRL",
    )


def _add_truncation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("truncation")
    group.add_argument(
        "--max-length",
        type=int,
        default=1024,
        metavar="N",
        help="maximum tokens of a prompt and a response together (default: 1024)",
    )
    group.add_argument("--max-prompt-length", type=int, metavar="N", help="keep the last N tokens of longer prompts")
    group.add_argument(
        "--truncation-mode",
        choices=MODES,
        default="keep_start",
        help="keep_start truncates responses at --max-length and drops rows whose prompt fills it (default); keep_end "
        "first truncates the prompt from the left, identically for all responses of a row",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="stop at the first bad row")
    parser.add_argument(
        "--show",
        type=_positive,
        metavar="N",
        help="print the first N rows as the model sees them; without --output, nothing is written",
    )
    parser.add_argument(
        "--num-proc",
        type=_positive,
        metavar="N",
        help="number of processes; any number gives the same file (default: the processors that this process may use)",
    )


def source_list(arguments: argparse.Namespace) -> list[Source]:
    """Returns the sources with their weights."""
    names, weights = arguments.data, arguments.weights or [1] * len(arguments.data)
    if len(weights) != len(names):
        raise UserError(f"--weights: expected one for each of {len(names)} sources, found {len(weights)}")
    for weight in weights:
        if not 0 < weight <= _MOST_WEIGHT:
            raise UserError(f"--weights must be positive numbers, at most {_MOST_WEIGHT}, found {weight}")
    sources = [
        Source(str(name), weight, arguments.dataset_config, arguments.split) for name, weight in zip(names, weights)
    ]
    if not any(source.is_dataset for source in sources):
        _check_files(arguments)
    return sources


def _check_files(arguments: argparse.Namespace) -> None:
    """Raises an error for options that select a part of a dataset, if all sources are files."""
    name = arguments.split.partition("[")[0].strip()
    if name != WHOLE:
        raise UserError(f"--split {arguments.split}: expected {WHOLE} or a slice of it, since the sources are files")
    if arguments.dataset_config is not None:
        raise UserError(f"--dataset-config {arguments.dataset_config}: the sources are files, which have none")


def inputs(arguments: argparse.Namespace) -> list[Path]:
    """Returns the files and directories that are read, and names of Hub datasets."""
    tools = [arguments.tools] if arguments.tools is not None else []
    return [*map(Path, arguments.data), arguments.model, *tools]


def columns(arguments: argparse.Namespace) -> dict[str, str]:
    """Returns the field that each renamed column holds."""
    renamed: dict[str, str] = {}
    for word in arguments.columns:
        field, equals, column = word.partition("=")
        if not (field and equals and column):
            examples = "prompt=query or chosen='best answer'"
            raise UserError(f"--columns: expected NAME=COLUMN, such as {examples}, found {word!r}")
        if field not in FIELDS:
            hint = _suggestion(field, FIELDS) or (f"; did you mean {column}={field}?" if column in FIELDS else "")
            raise UserError(f"--columns: unknown name {field!r}; expected one of {', '.join(sorted(FIELDS))}{hint}")
        if column in renamed or (field != UNUSED and field in renamed.values()):
            raise UserError(f"--columns: {word} occurs in addition to another entry for the same name or column")
        renamed[column] = field
    return renamed


def limits(arguments: argparse.Namespace) -> Limits:
    """Returns the length limits."""
    for name, value, least in (
        ("--max-length", arguments.max_length, 2),
        ("--max-prompt-length", arguments.max_prompt_length, 1),
    ):
        if value is not None and value < least:
            raise UserError(f"{name} must be at least {least}, found {value}")
    return Limits(arguments.max_length, arguments.max_prompt_length, arguments.truncation_mode)


def template_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the variables for every chat template."""
    if arguments.tools is None:
        return arguments.chat_template_kwargs
    return {"tools": tool_list(arguments.tools), **arguments.chat_template_kwargs}


def process_count(arguments: argparse.Namespace, sources: list[Source]) -> int:
    """Returns the number of processes; by default one for little data, since each takes a moment to start."""
    if arguments.num_proc is not None:
        return arguments.num_proc
    if arguments.output is None or sum(map(_size, sources)) < _LITTLE_BYTES:
        return 1
    return available_processors()


def _size(source: Source) -> float:
    """Returns the bytes of a file; directories and Hub datasets count as large."""
    path = Path(source.name)
    return path.stat().st_size if path.is_file() else math.inf


def _columns() -> int:
    """Returns the width of the terminal, at most 100."""
    try:
        return min(100, os.get_terminal_size().columns)
    except OSError:
        return 100


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, found {value}")
    return value
