"""`espalier-prepare`: converts preferences to token ids."""

import argparse
import json
import sys
from collections.abc import Iterator

from .answers import BadRow
from .arguments import columns, limits, parse_arguments, source_list, template_arguments
from .errors import UserError, run_command
from .files import check_output
from .prepared import PreparedData
from .report import BadRows, report
from .rows import parse
from .sources import Source
from .tables import allow_network
from .tokenization import PreferenceTokenizer, TokenizedRow


def main() -> None:
    run_command(lambda: prepare(parse_arguments(sys.argv[1:])))


def prepare(arguments: argparse.Namespace) -> int:
    """Runs the command; bad rows are reported and skipped, or are errors with `--strict`."""
    data = PreparedData(limits(arguments))
    sources = source_list(arguments)
    check_output(arguments.output)
    if any(source.is_on_hub for source in sources):
        allow_network()
    tokenizer = PreferenceTokenizer(arguments.model, template_arguments(arguments), arguments.last_turn_only)
    for source, number, times, row in _tokenized(sources, tokenizer, arguments, data):
        source.rows_kept += times if data.add(row, number, times) else 0
    if not data.rows:
        raise UserError(f"none of {data.counts['rows_read']} rows can be used; nothing was written")
    metadata = {
        "tokenizer_digest": tokenizer.digest,
        "template_digest": tokenizer.template_digest,
        "sources": json.dumps([source.summary for source in sources], ensure_ascii=False),
    }
    data.write(arguments.output, metadata)
    print(report(data, sources, arguments.output))
    return 0


def _tokenized(
    sources: list[Source], tokenizer: PreferenceTokenizer, arguments: argparse.Namespace, data: PreparedData
) -> Iterator[tuple[Source, int, int, TokenizedRow]]:
    """Yields each usable row with its source, its index over all sources, and its number of repeats."""
    bad_rows, renamed = BadRows(), columns(arguments)
    for position, source in enumerate(sources):
        for record, times in source.weighted_records(seed=f"{arguments.seed}/{position}"):
            number = data.counts["rows_read"]
            data.counts["rows_read"] += 1
            source.rows_read += 1
            if times == 0:
                data.counts["rows_not_drawn"] += 1
                continue
            try:
                if record.problem:
                    raise BadRow(record.problem)
                yield source, number, times, tokenizer(parse(record.value, renamed))
            except BadRow as problem:
                if arguments.strict:
                    raise UserError(f"{record.place}: row {number}: {problem}; nothing was written") from None
                bad_rows.add(f"{record.place}: row {number}", str(problem))
                data.counts["dropped_bad_rows"] += 1
    bad_rows.finish()


if __name__ == "__main__":
    main()
