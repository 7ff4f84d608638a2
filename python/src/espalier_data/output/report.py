"""The table at the end of `espalier-prepare`, and the error if no row can be used."""

from collections import Counter

import numpy as np

from ..reading.sources import Source
from ..tokens.truncation import Limits
from .prepared import PreparedData
from .printable import printable
from .remarks import Remarks

#: The number of reasons that the error for no usable row contains.
_REASONS = 3


def report(data: PreparedData, counts: Counter[str], sources: list[Source], distinct: Counter[int]) -> str:
    """Returns a table of kept, dropped and truncated rows and of the tokens that sharing saves.

    `distinct` is the number of rows kept of each source, by its index, without repeats.
    """
    prompts, responses = data.prompt_lengths, data.response_lengths
    skipped = int(data.skips.sum())
    unshared = int((data.response_counts * prompts.astype(np.int64)).sum() + responses.sum())
    shared = int(prompts.sum() + responses.sum())
    lines = [("rows read", counts["rows_read"]), ("rows kept", len(prompts))]
    lines += [(name.replace("_", " "), n) for name, n in sorted(counts.items()) if n and name != "rows_read"]
    lines += [("response tokens not counted", skipped)] if skipped else []
    lines += [
        ("prompt tokens, median", round(float(np.median(prompts)))),
        ("response tokens, median", round(float(np.median(responses)))),
        ("tokens, prompt shared", shared),
        ("unshared / shared", f"{unshared / shared:.2f}"),
    ]
    table = [f"  {name:<34} {value}" for name, value in lines]
    if len(sources) > 1 or any(source.weight != 1 for source in sources):
        table += [_source_line(source, distinct[index]) for index, source in enumerate(sources)]
    return "\n".join(map(printable, [str(data.output), *table]))


def _source_line(source: Source, distinct: int) -> str:
    line = f"  {source.name}: {distinct} of {source.rows_read} rows kept"
    if source.weight == 1:
        return line
    if source.rows_kept == distinct:
        return f"{line}, weight {source.weight:g}"
    return f"{line}, repeated to {source.rows_kept} by weight {source.weight:g}"


def usable_rows(kept: int, counts: Counter[str], limits: Limits, remarks: Remarks) -> str:
    """Returns how many rows can be used, and why others cannot: counts, options to change, and the first reasons."""
    causes = []
    if counts["rows_not_drawn"]:
        causes.append(f"{counts['rows_not_drawn']} not drawn: --weights is below 1; raise it")
    if counts["dropped_prompt_fills_max_length"]:
        remedy = "raise it, or shorten prompts with --max-prompt-length or --truncation-mode keep_end"
        number = counts["dropped_prompt_fills_max_length"]
        causes.append(f"{number} dropped: the prompt fills --max-length {limits.max_length}; {remedy}")
    if counts["dropped_last_turn_beyond_max_length"]:
        number = counts["dropped_last_turn_beyond_max_length"]
        causes.append(f"{number} dropped: the last turn is beyond --max-length {limits.max_length}; raise it")
    reasons = remarks.reasons.most_common()
    causes += [f"{count} dropped: {reason}" for reason, count in reasons[:_REASONS]]
    if len(reasons) > _REASONS:
        causes.append(f"{sum(count for _, count in reasons[_REASONS:])} dropped for other reasons")
    rows = counts["rows_read"]
    return f"{kept or 'none'} of {rows} row{'s' * (rows != 1)} can be used" + "".join(f"; {cause}" for cause in causes)
