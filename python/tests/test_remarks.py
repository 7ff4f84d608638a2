"""Remarks are printed once with their number, and no data makes the output grow without a limit."""

import pytest
from espalier_data.notes import Note
from espalier_data.outcomes import Outcome
from espalier_data.output import remarks as remarks_module
from espalier_data.output.remarks import Remarks
from espalier_data.tokens.truncation import FittedRow

ROW = FittedRow(b"", (), (), (), 0, (), False)


@pytest.fixture
def remarks():
    found = Remarks(lambda line: found.shown.append(line))
    found.shown = []
    return found


def kept(*notes: Note, guessed: str | None = None) -> Outcome:
    return Outcome(ROW, {}, notes=notes, guessed_prompt=guessed)


def test_equal_notes_have_one_line_with_their_rows_and_the_first_place(remarks):
    remarks.add("a:1", kept())
    remarks.add("a:2", kept(Note("one"), Note("two", warning=True)))
    remarks.add("a:3", kept(Note("one")))
    remarks.add("a:4", kept(Note("three"), Note("two", warning=True), Note("two", warning=True)))
    assert remarks.notes() == ["note: one: 2 rows, first a:2", "note: three: 1 row, first a:4"]
    assert remarks.warnings() == ["warning: two: 3 times in 2 rows, first a:2"]


def test_notes_about_rows_that_are_dropped_are_not_printed(remarks):
    remarks.add("a:1", Outcome(None, {}, notes=(Note("one"),)))
    assert remarks.notes() == []


def test_guessed_prompts_are_counted_and_the_first_is_shown_in_one_line(remarks):
    remarks.add("a:1", kept(guessed="Say\n\x1b[1m it " + "now " * 100))
    remarks.add("a:2", kept(guessed="Other"))
    (line,) = remarks.notes()
    start = (
        "note: no column holds the prompt, so it is the common start of the responses: 2 rows, first a:1: 'Say ␛[1m it "
    )
    assert line.startswith(start) and line.endswith("…'") and len(line) < 250


def test_bad_rows_with_many_reasons_are_limited(remarks):
    for number in range(500):
        for _ in range(2):
            remarks.add(f"a:{number}", Outcome(None, {}, f"reason {number}"))
    assert len(remarks.shown) == 60 and remarks.shown[-1] == "bad row: a:29: reason 29"
    lines = remarks.further_bad_rows()
    assert len(lines) == 21
    assert (lines[0], lines[-1]) == ("bad rows: 2 more: reason 30", "bad rows: 900 more for 450 other reasons")
    assert remarks.reasons.total() == 1000


def test_notes_of_many_kinds_are_limited(remarks, monkeypatch):
    monkeypatch.setattr(remarks_module, "_MOST_KINDS", 400)
    for number in range(500):
        remarks.add(f"a:{number}", kept(Note(f"note {number}")))
        remarks.add(f"a:{number}", Outcome(None, {}, f"reason {number}"))
    assert len(remarks.notes()) == 21 and remarks.notes()[-1] == "note: 380 more notes"
    assert len(remarks.reasons) == 401 and remarks.reasons["other reasons"] == 100
