"""A field that `--columns` names comes from the named column alone, and names that nearly fit are read or proposed."""

import shlex

import pytest
from espalier_data.records.rows import parse
from rows import ANSWERS, ASKED, CONTINUED, assistant, notes, reason, shown, user

WHERE = {"prompt": "Where?", **ANSWERS}


def options(reason: str) -> dict[str, str]:
    """Returns the columns that a reason proposes, as `parse` takes them."""
    command = reason.rpartition("--columns ")[2].rstrip("?,")
    return {
        column: field
        for field, column in (word.split("=", 1) for word in shlex.split(command.split(" or ")[0].rstrip(",")))
    }


@pytest.mark.parametrize("nothing", [{}, {"query": None}])
def test_a_required_field_is_never_read_from_a_column_of_its_own_name(nothing):
    found = reason({"prompt": "Old", **ANSWERS, **nothing}, {"query": "prompt"})
    assert found.startswith(
        "--columns prompt=query: the row has no column 'query'; found the columns prompt, chosen, rejected"
    )


@pytest.mark.parametrize(
    ("typed", "column"), [("wrose", "worse"), ("Worse", "worse"), ("worse ", "worse"), ("worseAnswer", "worse answer")]
)
def test_the_nearest_column_is_proposed_for_a_mistyped_one_and_works(typed, column):
    row = {**WHERE, column: "Nowhere."}
    found = reason(row, {typed: "rejected"})
    assert found.startswith(f"--columns rejected={shlex.quote(typed)}: the row has no column '{typed}'; found the ")
    assert "did you mean --columns rejected=" in found
    assert shown(parse(row, options(found)))[1] == ["Here.", "Nowhere."]


@pytest.mark.parametrize("field", ["system", "history", "tools"])
def test_a_field_that_a_row_may_lack_is_absent_without_its_column(field):
    row = {"question": "Where?", **ANSWERS, field: [["a", "b"]]}
    found = parse(row, {"other": field})
    assert (shown(found), notes(found)) == (ASKED, [f"the column '{field}' is not used"])
    assert shown(parse({"q": "Where?", **ANSWERS}, {"q": "instruction", "more": "input"})) == ASKED


def test_numbers_that_a_row_lacks_do_not_make_its_order_the_ranking():
    assert reason({"prompt": "Q", "responses": ["a", "b"]}, {"quality": "scores"}).startswith(
        "--columns scores=quality"
    )


def test_a_column_is_named_by_its_path_in_an_object():
    row = {"question": {"full_text": "Where?", "id": "q1", "dataset": "eli5"}, **ANSWERS}
    found = reason(row)
    assert found == (
        "no prompt, but the column 'question' holds text; it is an object; name its text with --columns "
        "question=question.full_text, or leave it out with --columns unused=question"
    )
    read = parse(row, options(found.partition(", or")[0]))
    assert (shown(read), notes(read)) == (ASKED, [])
    more = {**row, "question": {**row["question"], "remark": "x", "context": "In Rome."}}
    assert "'question.context' looks like part" in reason(more, {"question.full_text": "question"})
    left = parse(more, {"question.full_text": "question", "question.context": "unused"})
    assert notes(left) == ["the column 'question.remark' is not used"]


def test_a_path_is_a_column_of_the_run(prepare):
    rows = [{"data": {"deep": {"q": "Where?"}}, **ANSWERS}]
    outcome = prepare(rows, "--columns", "prompt=data.deep.q", "system=data.none")
    assert (outcome.status, outcome.prepared.rows[0][0]) == (0, [*b"Where?"])
    assert outcome.err.count("warning") == 1 and "has the column 'data.none'" in outcome.err


@pytest.mark.parametrize("name", ["row", "data", "record"])
def test_rows_inside_of_an_object_are_described_and_the_remedy_works(name):
    row = {"row_idx": 1, name: {**WHERE, "id": 3}}
    found = reason(row)
    assert found.startswith(f"the row's columns are inside of the column '{name}' (prompt, chosen, rejected, id)")
    assert shown(parse(row, options(found))) == CONTINUED


def test_exports_of_annotation_tools_and_lists_of_rows_are_described():
    answers = {"prompt": "Q", "answer1": "a", "answer2": "b"}
    assert "as Label Studio exports them" in reason({"id": 1, "data": answers, "annotations": [{"result": []}]})
    assert "as Argilla exports them" in reason({"fields": {"prompt": "Q", "response1": "a"}, "responses": [{"v": 1}]})
    assert "jq -c '.samples[]'" in reason({"samples": [WHERE, WHERE]})


@pytest.mark.parametrize(
    "names",
    [
        ("Prompt", "Chosen", "Rejected"),
        (" prompt", "chosen ", "rejected"),
        ("PROMPT", "chosenResponse", "Rejected Response"),
        ("prompt\u00a0", "chosen-response", "REJECTED_RESPONSE"),
    ],
)
def test_columns_whose_names_differ_by_case_and_signs_are_read_and_noted(names):
    row = parse(dict(zip(names, ("Where?", "Here.", "There."))))
    assert shown(row) == CONTINUED
    different = [name for name in names if name not in ("rejected",)]
    assert [note for note in notes(row) if "is read as" in note] == notes(row) and len(notes(row)) == len(different)


def test_names_that_are_ambiguous_are_not_read():
    assert "the column 'Prompt' looks like part of the prompt" in reason({"Prompt": "No", **WHERE})
    assert reason({"Chosen": "a", "CHOSEN": "b", "prompt": "Q", "rejected": "c"}).startswith("chosen is missing")


def test_missing_fields_are_named_at_once_with_the_columns_that_may_hold_them():
    row = {"No.": 1, "Frage": "Where?", "Our Chosen Text": "Here.", "Our Rejected Text": "There."}
    found = reason(row)
    assert found == (
        "chosen and rejected are missing; a row needs chosen and rejected, or responses; found the columns No., Frage, "
        "Our Chosen Text, Our Rejected Text; name their columns with --columns prompt=COLUMN chosen='Our Chosen Text' "
        "rejected='Our Rejected Text'; question= in place of prompt= puts it into the chat template"
    )
    columns = options(found.partition("; question=")[0].replace("COLUMN", "Frage"))
    assert shown(parse(row, columns)) == CONTINUED
    assert "found the columns ' x ', chosen" in reason({" x ": "Q", "chosen": "a"})


def test_messages_in_a_column_of_another_case_are_a_prompt():
    assert shown(parse({"Messages": [user("Where?")], "chosen": [assistant("Here.")], "rejected": "There."})) == ASKED


def test_rows_with_the_same_fault_and_other_nulls_are_counted_together(prepare):
    rows = [{"prompt": "P", "chosen": "y", **more} for more in ({"a": 1}, {"b": 1}, {}, {"a": 1, "b": 2}, {"c": 3})]
    err = prepare([*rows, WHERE]).err
    assert err.count("bad row: ") == 3 and "found the columns prompt, chosen, b;" in err
    assert "bad rows: 2 more: rejected is missing; " in err


def test_lists_that_are_written_as_text_are_noted():
    row = parse({"prompt": "Q", "responses": '["a", "b"]', "scores": "[1, 2]"})
    assert row.responses == ["b", "a"]
    assert notes(row) == [
        f"the column '{name}' holds a list that is written as text, which is read as a list"
        for name in ("responses", "scores")
    ]
    assert notes(parse({**WHERE, "answers": "[1, 2]"})) == ["the column 'answers' is not used"]
