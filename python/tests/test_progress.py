"""Progress is shown in one line of a terminal, and rarely elsewhere."""

import io
import json
import sys

import pytest

from espalier_data import progress
from espalier_data.progress import Progress, bar, duration, total_rows
from espalier_data.sources import Source


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("columns", [0, 1, 10, 40, 60, 79, 200])
@pytest.mark.parametrize("total", [None, 0, 5, 1000, 12_345_678])
@pytest.mark.parametrize("rows", [0, 1, 999, 12_345_678])
def test_a_bar_is_one_line_of_at_most_the_given_columns(columns, total, rows):
    line = bar(rows, total, 1234.5, columns)
    assert len(line) <= columns and "\n" not in line


def test_a_bar_has_rows_their_rate_and_the_time_left():
    line = bar(250, 1000, 10.0, 79)
    assert line.endswith("  250 of 1,000 rows  10 rows/s  1:15 left")
    assert (line.count("█"), line.count("░")) == (7, 23)
    assert bar(250, None, 10.0, 79) == "250 rows  10 rows/s"
    # More rows than expected: the total was wrong.
    assert bar(250, 100, 10.0, 79) == "250 rows  10 rows/s"


def test_durations():
    assert [duration(seconds) for seconds in (0, 7, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]


def test_a_terminal_shows_a_bar_that_messages_and_the_end_remove(monkeypatch):
    clock, screen = Clock(), Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    shown = Progress(lambda: 100, clock)
    shown.advance(1)
    assert screen.getvalue() == ""
    clock.now = 1.0
    shown.advance(9)
    assert "10 of 100 rows" in screen.getvalue() and "\n" not in screen.getvalue()
    shown.advance(1)
    shown.message("bad row: \x1b[2J")
    shown.clear()
    assert screen.getvalue().endswith("left\r\x1b[Kbad row: ␛[2J\n")


def test_elsewhere_a_line_comes_every_half_minute(monkeypatch):
    clock, file = Clock(), io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    shown = Progress(lambda: None, clock)
    for clock.now in range(0, 100):
        shown.advance(10)
    assert file.getvalue().splitlines() == [f"espalier-prepare: {rows} rows, 10 rows/s" for rows in (310, 610, 910)]


def test_the_total_is_asked_for_once_and_only_if_it_is_shown(monkeypatch):
    clock, calls = Clock(), []
    monkeypatch.setattr("sys.stderr", Terminal())
    shown = Progress(lambda: calls.append(1), clock)
    shown.advance(1)
    assert calls == []
    for clock.now in (1.0, 2.0, 3.0):
        shown.advance(1)
    assert calls == [1]


def test_totals_are_those_of_lines_and_tables(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"prompt": "P"}] * 7
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    names = {name: Source(str(tmp_path / name)) for name in ("rows.jsonl", "rows.json", "rows.parquet", "none.jsonl")}
    assert total_rows([names["rows.jsonl"], names["rows.parquet"]]) == 14
    assert total_rows([names["rows.jsonl"], names["rows.json"]]) is None
    assert total_rows([names["none.jsonl"]]) is None


def test_the_columns_are_those_of_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert progress._columns() == 80
    assert sys.stderr is not None
