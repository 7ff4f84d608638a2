"""Progress is shown in one line of a terminal, and rarely elsewhere."""

import io
import sys
from dataclasses import dataclass

import pytest
from espalier_data.output import progress
from espalier_data.output.progress import Progress, bar, duration, share_read


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("columns", [0, 1, 10, 40, 60, 79, 200])
@pytest.mark.parametrize("share", [None, 0.0, 0.3, 1.0, 1.5])
@pytest.mark.parametrize("rows", [0, 1, 999, 12_345_678])
def test_a_bar_is_one_line_of_at_most_the_given_columns(columns, share, rows):
    line = bar(rows, 1234.5, share, columns)
    assert len(line) <= columns and "\n" not in line


def test_a_bar_has_the_share_the_rows_their_rate_and_the_time_left():
    line = bar(2500, 25.0, 0.25, 79)
    assert line.endswith("  25 %  2,500 rows  100 rows/s  1:15 left")
    assert (line.count("█"), line.count("░")) == (7, 23)
    assert bar(2500, 25.0, None, 79) == "2,500 rows  100 rows/s"


def test_durations():
    assert [duration(seconds) for seconds in (0, 7, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]


def test_a_terminal_shows_a_bar_that_messages_and_the_end_remove(monkeypatch):
    clock, screen = Clock(), Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    shown = Progress(lambda: 0.1, clock)
    shown.advance(1)
    assert screen.getvalue() == ""
    clock.now = 1.0
    shown.advance(9)
    assert "10 %  10 rows  10 rows/s  0:09 left" in screen.getvalue() and "\n" not in screen.getvalue()
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
    assert file.getvalue().splitlines() == [
        "espalier-prepare: 310 rows, 10 rows/s",
        "espalier-prepare: 610 rows, 10 rows/s",
        "espalier-prepare: 910 rows, 10 rows/s",
    ]


@dataclass
class Reading:
    """A source of which a share is read."""

    name: str
    share: float | None
    rows_read: int = 1

    def progress(self) -> float | None:
        return self.share


def test_the_share_of_several_files_is_that_of_their_bytes(tmp_path):
    for name, size in (("a", 300), ("b", 100)):
        (tmp_path / name).write_bytes(b"x" * size)
    files = [Reading(str(tmp_path / "a"), 1.0), Reading(str(tmp_path / "b"), 0.5)]
    assert share_read(files) == 0.875
    assert share_read([*files, Reading("org/name", 0.0)]) == 0.5
    assert share_read([*files, Reading("org/name", None)]) is None
    assert share_read([*files, Reading("org/name", None, rows_read=0)]) == 0.5
    assert share_read([]) is None


def test_the_columns_are_those_of_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert progress._columns() == 80
    assert sys.stderr is not None
