"""Two answers and a verdict in columns of their own are read where the meaning is settled, and refused elsewhere."""

import re

import pytest
from espalier_data.records.answers import EmptyAnswer
from espalier_data.records.column_names import FIELDS
from espalier_data.records.rows import parse
from rows import notes as all_notes
from rows import reason, shown
from tiny import END

Q, GOOD, BAD = "Name a river in Peru.", "The Ucayali flows there.", "The Thames, I believe."
BETTER = (Q, [GOOD, BAD])
STEMS = ["response", "answer", "completion", "output", "summary", "candidate", "model", "conversation"]
MARKS = [("_a", "_b"), ("_1", "_2"), ("_0", "_1"), ("A", "B"), ("1", "2")]


def remedies(message: str) -> list[dict[str, str]]:
    """Returns the renaming of each `--columns` in a message, as `parse` takes it."""
    found = re.findall(r"--columns ((?:\w+=[\w.-]+ ?)+)", message)
    return [dict(reversed(pair.split("=")) for pair in words.split()) for words in found]


def notes(row):
    """Returns the notes of a row, apart from those on names in camelCase, which tests of columns cover."""
    return [note for note in all_notes(row) if " is read as " not in note]


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("verdict", ["winner", "preferred", "preference", "better", "human_preference"])
def test_a_verdict_that_names_a_column_is_read(stem, marks, verdict):
    first, second = (stem + mark for mark in marks)
    for better, texts in ((first, [GOOD, BAD]), (second, [BAD, GOOD])):
        row = {"prompt": Q, **dict(zip((first, second), texts))}
        letter = better.removeprefix(stem).strip("_")
        if (stem, marks, verdict) in ALREADY_READ:
            continue
        for value in (
            better,
            letter,
            letter.upper(),
            f"Response {letter}",
            *((int(letter),) if letter.isdigit() else ()),
        ):
            assert (shown(parse({**row, verdict: value})), notes(parse({**row, verdict: value}))) == (BETTER, [])


# AlpacaFarm's and Chatbot Arena's own forms accept their own values.
ALREADY_READ = {("output", ("_1", "_2"), "preference")}


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("score", ["score", "rating", "reward"])
def test_scores_of_two_answers_are_read_also_as_text(stem, marks, score):
    row = {"prompt": Q, stem + marks[0]: BAD, stem + marks[1]: GOOD}
    for low, high in ((1, 5), ("1.5", "4.5"), (-2, "0")):
        found = parse({**row, score + marks[0]: low, score + marks[1]: high})
        assert (shown(found), notes(found)) == (BETTER, [])
    assert "the same score" in reason({**row, score + marks[0]: 1, score + marks[1]: "1"})


AB = {"prompt": Q, "response_a": BAD, "response_b": GOOD}


@pytest.mark.parametrize("value", [{"winner": "b"}, {"preferred": "response_b", "worker": 3}])
def test_a_verdict_in_an_object_about_the_row_is_read(value):
    assert shown(parse({**AB, "metadata": value})) == BETTER


@pytest.mark.parametrize("tie", ["tie", "both_bad", "neither"])
def test_a_tie_is_refused(tie):
    assert "none is preferred" in reason({**AB, "preferred": tie})


@pytest.mark.parametrize("name", ["label", "verdict", "vote", "selected", "judgment", "gold"])
@pytest.mark.parametrize("value", [0, 1, "1", "b", "response_b"])
def test_a_verdict_without_a_settled_name_is_refused_with_a_remedy_that_works(name, value):
    row = {**AB, name: value}
    message = reason(row)
    assert message.startswith(f"the column '{name}' may say which of response_a and response_b is better")
    assert "chosen=" not in message
    renamed = [names for names in remedies(message) if "unused" not in names.values()]
    expected = {"0": [[BAD, GOOD]], "1": [[GOOD, BAD], [BAD, GOOD]]}.get(str(value), [[GOOD, BAD]])
    assert [shown(parse(row, names))[1] for names in renamed] == expected


@pytest.mark.parametrize("marks", [("_1", "_2"), ("_0", "_1")])
@pytest.mark.parametrize("value", [0, "1", 2])
def test_a_number_without_a_settled_name_has_a_remedy_for_each_meaning(marks, value):
    row = {"prompt": Q, "answer" + marks[0]: BAD, "answer" + marks[1]: GOOD, "label": value}
    read = [shown(parse(row, names))[1] for names in remedies(reason(row)) if "unused" not in names.values()]
    assert read == {0: [[BAD, GOOD]], "1": [[GOOD, BAD], [BAD, GOOD]], 2: [[GOOD, BAD]]}[value]


@pytest.mark.parametrize("value", ["left", 7, True, 1])
def test_a_verdict_with_a_value_that_names_neither_answer_is_refused(value):
    assert f"the column 'preferred' may say which of response_a and response_b is better, but {value!r}" in reason(
        {**AB, "preferred": value}
    )


def test_two_answers_without_a_verdict_are_refused_without_an_order():
    message = reason({**AB, "opinion_of_staff": "b"})
    assert message.startswith("response_a and response_b without a verdict")
    assert remedies(message) == [{"opinion_of_staff": "winner"}]
    assert shown(parse({**AB, "opinion_of_staff": "b"}, remedies(message)[0])) == BETTER
    assert "chosen=" not in reason(AB)


def test_verdicts_that_contradict_each_other_are_refused():
    assert "name different answers" in reason({**AB, "preferred": "b", "score_a": 5, "score_b": 1})
    for verdict in ("winner", "preferred"):
        row = {**AB, verdict: "b", "chosen": BAD, "rejected": GOOD}
        message = reason(row)
        assert f"the columns '{verdict}' and 'chosen' name different answers" in message
        assert remedies(message) == [{verdict: "unused"}, {"chosen": "unused", "rejected": "unused"}]
        assert [shown(parse(row, names))[1] for names in remedies(message)] == [[BAD, GOOD], [GOOD, BAD]]
        assert shown(parse({**row, verdict: "a"})) == (Q, [BAD, GOOD])


def test_feedback_on_one_answer_is_called_unpaired_and_on_two_is_not():
    assert reason({"prompt": Q, "completion": GOOD, "label": True}).startswith("unpaired feedback (label)")
    assert "unpaired" not in reason({**AB, "label": 1})


def test_more_than_two_answers_in_columns_are_refused():
    row = {"prompt": Q, "response_1": GOOD, "response_2": BAD, "response_3": BAD, "winner": 1}
    assert "more than two answers in the columns response_1, response_2, response_3" in reason(row)


@pytest.mark.parametrize(
    ("columns", "chosen", "rejected"),
    [
        (("response_a", "response_b"), "B", "A"),
        (("response_a", "response_b"), "response_b", "response_a"),
        (("response_1", "response_2"), "2", "1"),
        (("response_0", "response_1"), 1, 0),
        (("model_a_output", "model_b_output"), "model_b", "model_a"),
        (("answer1", "answer2"), "answer2", "answer1"),
    ],
)
def test_chosen_and_rejected_that_name_columns_give_their_answers(columns, chosen, rejected):
    row = {"prompt": Q, columns[0]: BAD, columns[1]: GOOD}
    assert shown(parse({**row, "chosen": chosen, "rejected": rejected})) == BETTER
    assert shown(parse({**row, "chosen": chosen})) == BETTER
    assert shown(parse({**row, "chosen": rejected, "rejected": chosen})) == (Q, [BAD, GOOD])
    assert "may name the answers in" in reason({**row, "chosen": chosen, "rejected": chosen})


@pytest.mark.parametrize("row", [AB, {"prompt": Q, "responses": [BAD, GOOD]}, {"prompt": Q, "candidates": [BAD, GOOD]}])
@pytest.mark.parametrize(("chosen", "rejected"), [(True, False), ("2", "1"), (1, 0), ("E", "F")])
def test_a_label_that_names_no_answer_clearly_is_never_learned(row, chosen, rejected):
    given = {**row, "chosen": chosen, "rejected": rejected}
    if chosen == "E" and "response_a" not in row:
        return
    message = reason(given)
    assert "may name the answers in" in message
    assert repr(chosen) in message


def test_short_answers_and_answers_beside_others_stay_answers():
    short = {"prompt": "Q", "chosen": "A", "rejected": "B"}
    assert shown(parse({**short, "responses": ["C", "D"]})) == ("Q", ["A", "B"])
    assert shown(parse({**AB, "chosen": GOOD, "rejected": BAD})) == BETTER
    given = {**short, "options": ["a long answer", "another answer"]}
    assert shown(parse(given, remedies(reason(given))[0])) == ("Q", ["A", "B"])


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        *[("preferred_response", "dispreferred_response"), ("preferred", "non_preferred"), ("accepted", "rejected")],
        *[("accepted", "reject"), ("good", "bad"), ("Good Answer", "Bad Answer"), ("better", "worse")],
        *[
            ("winner", "loser"),
            ("best_response", "worst_response"),
            ("positive", "negative"),
            ("response_good", "response_bad"),
        ],
        *[("correct_answer", "incorrect_answer"), ("chosen_completion", "rejected_completion"), ("chosen", "reject")],
    ],
)
def test_columns_of_opposite_names_are_a_pair(good, bad):
    assert shown(parse({"prompt": Q, bad: BAD, good: GOOD})) == BETTER
    if good != "chosen" and bad != "rejected":
        assert shown(parse({"prompt": Q, "completion": {bad: BAD, good: GOOD}})) == BETTER


def test_numbers_under_opposite_names_are_no_pair():
    assert "a single response" in reason({"prompt": Q, "output": GOOD, "good": 3, "bad": 1})


@pytest.mark.parametrize(
    "scores",
    [
        {"score_chosen": 1.0, "score_rejected": 5},
        {"chosen_score": "2", "rejected_score": "4.5"},
        {"chosen_avg_rating": 3, "rejected_avg_rating": 3},
        {"chosen_rank": 2, "rejected_rank": 1},
        {"margin": -0.5},
    ],
)
def test_scores_that_contradict_a_pair_are_a_warning(scores):
    row = parse({"prompt": Q, "chosen": GOOD, "rejected": BAD, **scores})
    assert shown(row) == BETTER
    assert [note.text for note in row.notes if note.warning] == [
        f"chosen is scored no higher than rejected ({', '.join(scores)})"
    ]


def test_scores_that_agree_with_a_pair_are_no_warning():
    for scores in ({"score_chosen": 5, "score_rejected": "1"}, {"chosen_rank": 0, "rejected_rank": 1}, {"margin": 1}):
        assert notes(parse({"prompt": Q, "chosen": GOOD, "rejected": BAD, **scores})) == []


@pytest.mark.parametrize("value", ["b", "a", "lamb", "tie", "first"])
def test_a_short_value_is_not_said_by_a_prompt_that_contains_its_letters(value):
    row = {"question": "Mary had a first lamb.", "chosen": GOOD, "rejected": BAD}
    expected = [] if value == "lamb" else ["the column 'opinion_of_staff' is not used"]
    assert notes(parse({**row, "opinion_of_staff": value})) == expected
    assert notes(parse({**row, "opinion_of_staff": "had a fir"})) == ["the column 'opinion_of_staff' is not used"]


@pytest.mark.parametrize("names", [("left_answer", "right_answer"), ("left", "right")])
@pytest.mark.parametrize("pair", [("chosen", "rejected"), ("winner", "loser"), ("better", "worse")])
def test_words_of_other_columns_are_never_learned_as_answers(names, pair):
    row = {"question": Q, **dict(zip(names, (BAD, GOOD))), **dict(zip(pair, ("right", "left")))}
    message = reason(row)
    assert (
        f"'{pair[0]}' ('right') and '{pair[1]}' ('left') may name the answers in {names[1]} and {names[0]}" in message
    )
    assert len(re.findall("unused=", message)) == 2
    assert shown(parse(row, {name: "unused" for name in names}))[1] == [["assistant: right"], ["assistant: left"]]


@pytest.mark.parametrize("stem", ["response", "answer", "conversation"])
@pytest.mark.parametrize("value", [0, 1, "2"])
def test_a_winner_by_number_of_answers_by_letter_is_refused_with_its_meanings(stem, value):
    message = reason({"prompt": Q, f"{stem}_a": BAD, f"{stem}_b": GOOD, "winner": value})
    options = re.findall(r"--columns response_(\d)=\w+ response_(\d)=\w+ if (\d) is", message)
    assert options == {0: [("0", "1", "0")], 1: [("0", "1", "0"), ("1", "2", "1")], "2": [("1", "2", "1")]}[value]


def test_a_winner_by_letter_of_answers_by_number_is_refused_with_a_remedy_that_works():
    for name in ("winner", "preferred", "label"):
        row = {"prompt": Q, "answer_1": BAD, "answer_2": GOOD, name: "B"}
        assert shown(parse(row, remedies(reason(row))[0])) == BETTER


def test_an_empty_answer_of_two_is_dropped_and_counted():
    assert "a response is empty" in reason({**AB, "response_a": " ", "preferred": "b"}, kind=EmptyAnswer)


@pytest.mark.parametrize("value", [-1, -2, "-2", 1.5, "+"])
def test_a_number_of_a_scale_is_no_number_of_an_answer(value):
    row = {"prompt": Q, "answer_1": BAD, "answer_2": GOOD}
    assert "has no settled meaning" in reason({**row, "preference": value})


def test_ranks_of_two_answers_are_read_and_votes_are_refused_with_a_remedy_that_works():
    assert shown(parse({**AB, "rank_a": 2, "rank_b": "1"})) == BETTER
    message = reason({**AB, "votes_a": 1, "votes_b": 9})
    assert message.startswith("the columns votes_a and votes_b may say which of response_a and response_b is better")
    assert remedies(message) == [{"votes_a": "score_a", "votes_b": "score_b"}]
    assert shown(parse({**AB, "votes_a": 1, "votes_b": 9}, remedies(message)[0])) == BETTER
    assert remedies(reason({"votes_b": 9, "votes_a": 1, **AB})) == remedies(message)
    assert reason({**AB, "votes_a": 1}).startswith("response_a and response_b without a verdict")
    assert set(remedies(message)[0].values()) | {"winner", "response_0", "response_1", "response_2"} <= FIELDS


def test_remedies_work_on_the_command_line(prepare):
    row = {**AB, "label": 1}
    expected = [[*GOOD.encode(), END], [*BAD.encode(), END]]
    words = ("response_0=response_a", "response_1=response_b", "winner=label")
    assert prepare([row], "--columns", *words).prepared.rows[0][1] == expected
    row = {**AB, "votes_a": 1, "votes_b": 9}
    assert prepare([row], "--columns", "score_a=votes_a", "score_b=votes_b").prepared.rows[0][1] == expected
