"""`espalier-prepare`: converts preferences to token ids."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from .arguments import columns, inputs, limits, parse_arguments, process_count, source_list, template_arguments
from .errors import UserError, run_command, write_output
from .files import check_output
from .nesting import TOO_DEEP, is_too_deep
from .notes import Note
from .outcomes import Outcome, unusable
from .output.prepared import PreparedData
from .output.printable import printable
from .output.progress import Progress, share_read
from .output.remarks import Remarks
from .output.report import report, usable_rows
from .output.show import RowPrinter
from .reading.record import Record
from .reading.sources import Source
from .reading.tables import allow_network
from .records.answers import BadRow
from .records.renaming import has_column, word
from .records.rows import parse
from .tokens.tokenization import NO_TEMPLATE, PreferenceTokenizer
from .workers import chunked, ordered_map

#: The number of records that a worker gets at once.
_CHUNK = 32
NO_USE_OF_TEMPLATE = "prompt= is text that goes through no chat template, although the model has one"


def main() -> None:
    run_command(lambda: prepare(parse_arguments(sys.argv[1:])))


def prepare(arguments: argparse.Namespace) -> int:
    """Runs the command; bad rows are reported and skipped, or are errors with `--strict`."""
    convert = Conversion(arguments, datetime.now())
    sources = source_list(arguments)
    if arguments.output is not None:
        check_output(arguments.output, inputs(arguments))
    if any(source.is_on_hub for source in sources):
        allow_network()
    with closing(_Run(arguments, sources, convert.load())) as run:
        with closing(_outcomes(convert, sources, arguments)) as outcomes:
            for item, outcome in outcomes:
                run.add(item, outcome)
                if run.is_complete:
                    break
        run.finish()
    return 0


class Conversion:
    """Converts records to rows for the file, in this process or in workers."""

    def __init__(self, arguments: argparse.Namespace, moment: datetime) -> None:
        self._arguments, self._moment = arguments, moment
        self._columns, self._limits = columns(arguments), limits(arguments)
        #: The column that the user calls a prompt.
        self._column_of_prompts = {field: column for column, field in self._columns.items()}.get("prompt")
        self._tokenizer: PreferenceTokenizer | None = None

    def __reduce__(self) -> tuple:
        return Conversion, (self._arguments, self._moment)

    def load(self) -> PreferenceTokenizer:
        if self._tokenizer is None:
            # Records are divided among processes; threads inside of one would compete with the others.
            os.environ["TOKENIZERS_PARALLELISM"] = "false"
            words = self._arguments
            self._tokenizer = PreferenceTokenizer(
                words.model, template_arguments(words), words.last_turn_only, self._moment
            )
        return self._tokenizer

    def __call__(self, records: list[Record]) -> list[Outcome]:
        tokenizer = self.load()
        return [self._outcome(record, tokenizer) for record in records]

    def _outcome(self, record: Record, tokenizer: PreferenceTokenizer) -> Outcome:
        try:
            if record.problem:
                raise BadRow(record.problem)
            row = parse(record.value, self._columns)
            # Text may hold JSON.
            if is_too_deep([row.prompt, row.responses, row.template_arguments]):
                raise BadRow(TOO_DEEP)
            tokenized = tokenizer(row)
        except BadRow as problem:
            return unusable(problem)
        counts: Counter[str] = Counter()
        fitted = self._limits.fit(tokenized, counts)
        guessed = row.prompt if row.guessed_prompt and isinstance(row.prompt, str) else None
        notes = tokenized.notes
        if not row.is_conversational and tokenizer.has_template and (column := self._column_of_prompts):
            notes += (Note(f"{NO_USE_OF_TEMPLATE}; {word('question', column)} puts what it holds there"),)
        return Outcome(fitted, dict(counts), notes=notes, guessed_prompt=guessed)


@dataclass(frozen=True)
class _Item:
    """A record, its source's index, and how many times an epoch contains it."""

    source: int
    times: int
    record: Record


def _outcomes(
    convert: Conversion, sources: list[Source], arguments: argparse.Namespace
) -> Iterator[tuple[_Item, Outcome]]:
    """Yields all records in order, each with its outcome; those that no epoch contains have none."""
    size = _CHUNK if arguments.output is not None else 1
    chunks = chunked(_items(sources, arguments.seed), size)
    works = ((chunk, [item.record for item in chunk if item.times]) for chunk in chunks)
    for chunk, found in ordered_map(convert, works, process_count(arguments, sources)):
        results = iter(found)
        for item in chunk:
            yield item, next(results) if item.times else Outcome(None, {"rows_not_drawn": 1})


def _items(sources: list[Source], seed: int) -> Iterator[_Item]:
    for index, source in enumerate(sources):
        for record, times in source.weighted_records(seed=f"{seed}/{index}"):
            # The record must not be sent to a worker, since Python's limit of the nesting depends on the caller.
            yield _Item(index, times, Record(record.place, problem=TOO_DEEP) if is_too_deep(record.value) else record)


class _Run:
    """The results of a run: the file, the counts, and what is printed."""

    def __init__(self, arguments: argparse.Namespace, sources: list[Source], tokenizer: PreferenceTokenizer) -> None:
        self._arguments, self._sources, self._tokenizer = arguments, sources, tokenizer
        self._limits = limits(arguments)
        self._data = PreparedData(self._limits, arguments.output) if arguments.output is not None else None
        self._counts: Counter[str] = Counter()
        self._distinct: Counter[int] = Counter()
        self._progress = Progress(partial(share_read, sources))
        self._remarks = Remarks(self._progress.message)
        self._printer = RowPrinter(tokenizer.tokenizer, self._limits) if arguments.show is not None else None
        self._shown = 0
        #: Columns that --columns names and no row has had so far.
        self._absent = set(columns(arguments))

    @property
    def is_complete(self) -> bool:
        """Whether all rows to show are shown, and no file needs the others."""
        return self._data is None and self._shown == self._arguments.show

    def add(self, item: _Item, outcome: Outcome) -> None:
        # Without a template no conversation can be used; data that begins with text may have a few of them.
        lacks_template = outcome.reason == NO_TEMPLATE and not self._distinct
        if outcome.reason is not None and (self._arguments.strict or lacks_template):
            raise UserError(printable(f"{item.record.place}: {outcome.reason}; nothing was written"))
        number = self._counts["rows_read"]
        self._counts["rows_read"] += 1
        self._sources[item.source].rows_read += 1
        if self._absent and isinstance(item.record.value, dict):
            self._absent = {column for column in self._absent if not has_column(item.record.value, column)}
        self._counts.update(outcome.counts)
        self._remarks.add(item.record.place, outcome)
        if outcome.row is not None:
            self._keep(item, outcome, number)
        self._progress.advance(1)

    def _keep(self, item: _Item, outcome: Outcome, number: int) -> None:
        self._distinct[item.source] += 1
        self._sources[item.source].rows_kept += item.times
        if self._data is not None:
            self._data.add(outcome.row, number, item.times)
        if self._printer is not None and self._shown < self._arguments.show:
            self._shown += 1
            self._progress.clear()
            write_output(self._printer.row(self._shown, item.record.place, outcome.row))

    def close(self) -> None:
        """Removes the progress bar, also after an error."""
        self._progress.clear()

    def finish(self) -> None:
        """Writes the file, and prints the table, the notes, and last the warnings."""
        self._progress.clear()
        for line in self._remarks.further_bad_rows() + self._remarks.notes():
            self._progress.message(line)
        for column in sorted(self._absent):
            self._progress.message(printable(f"warning: --columns: none of the rows read has the column '{column}'"))
        kept = self._distinct.total()
        usable = usable_rows(kept, self._counts, self._limits, self._remarks)
        if not kept:
            raise UserError(printable(f"{usable}; nothing was written"))
        if self._printer is not None:
            write_output(self._printer.legend())
            if not self.is_complete and self._data is None and kept < self._counts["rows_read"]:
                self._progress.message(f"note: {usable}")
        if self._data is not None:
            self._write(self._data)
        for line in self._remarks.warnings():
            self._progress.message(line)

    def _write(self, data: PreparedData) -> None:
        metadata = {
            "tokenizer_digest": self._tokenizer.digest,
            "template_digest": self._tokenizer.template_digest,
            "sources": json.dumps([source.summary for source in self._sources], ensure_ascii=False),
        }
        data.write(self._counts, metadata)
        write_output(report(data, self._counts, self._sources, self._distinct))


if __name__ == "__main__":
    main()
