"""`espalier-prepare`: preference files to token ids."""

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from . import sources
from .errors import UserError, run_command
from .files import check_output
from .prepared import PreparedData
from .rows import BadRow, parse
from .tokenization import PreferenceTokenizer, TokenizedRow


def main() -> None:
    run_command(lambda: prepare(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="espalier-prepare",
        description="Tokenizes preferences with a model's tokenizer and chat template, by the rules of TRL.",
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a Hugging Face model directory")
    parser.add_argument(
        "--data", type=Path, required=True, nargs="+", metavar="FILE", help=".json, .jsonl, either also .gz"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.safetensors")
    parser.add_argument("--max-length", type=int, default=1024, help="tokens of prompt and response (default 1024)")
    parser.add_argument("--truncation-mode", choices=["keep_start"], default="keep_start")
    parser.add_argument("--strict", action="store_true", help="stop at the first bad row")
    return parser.parse_args()


def prepare(arguments: argparse.Namespace) -> int:
    """Runs the command; bad rows are told and left out, unless `--strict`."""
    if arguments.max_length < 2:
        raise UserError(f"--max-length must be at least 2, found {arguments.max_length}")
    check_output(arguments.output)
    tokenizer = PreferenceTokenizer(arguments.model)
    data = PreparedData(arguments.max_length)
    for source, row in _tokenized(arguments.data, tokenizer, arguments.strict, data):
        data.add(row, source)
    if not data.prompts:
        raise UserError(f"no usable row of {data.counts['rows_read']} read; nothing was written")
    metadata = {
        "tokenizer_digest": tokenizer.digest,
        "template_digest": tokenizer.template_digest,
        "truncation_mode": arguments.truncation_mode,
        "sources": " ".join(str(path) for path in arguments.data),
    }
    data.write(arguments.output, metadata)
    print(report(data, arguments.output))
    return 0


def _tokenized(
    paths: list[Path], tokenizer: PreferenceTokenizer, strict: bool, data: PreparedData
) -> Iterator[tuple[int, TokenizedRow]]:
    for record in (record for path in paths for record in sources.read(path)):
        index = data.counts["rows_read"]
        data.counts["rows_read"] += 1
        try:
            if record.problem:
                raise BadRow(record.problem)
            yield index, tokenizer(parse(record.value))
        except BadRow as problem:
            message = f"{record.place}: row {index}: {problem}"
            if strict:
                raise UserError(f"{message}; nothing was written") from None
            print(f"bad row: {message}", file=sys.stderr)
            data.counts["dropped_bad_rows"] += 1


def report(data: PreparedData, output: Path) -> str:
    """A short table of what was kept, dropped and cut, and what sharing will save."""
    prompts = [len(prompt) for prompt in data.prompts]
    responses = [len(response) for row in data.responses for response in row]
    unshared = sum(len(row) * prompt for row, prompt in zip(data.responses, prompts)) + sum(responses)
    shared = sum(prompts) + sum(responses)
    lines = [("rows read", data.counts["rows_read"]), ("rows kept", len(prompts))]
    lines += [(name.replace("_", " "), n) for name, n in sorted(data.counts.items()) if n and name != "rows_read"]
    lines += [
        ("prompt tokens, median", round(statistics.median(prompts))),
        ("response tokens, median", round(statistics.median(responses))),
        ("tokens, prompt shared", shared),
        ("unshared / shared", f"{unshared / shared:.2f}"),
    ]
    table = "\n".join(f"  {name:<34} {value}" for name, value in lines)
    return f"{output}\n{table}"


if __name__ == "__main__":
    main()
