"""A list of answers is taken as best first only if nothing in the row may rank it otherwise."""

import re

import pytest
from espalier_data.records.rows import parse
from rows import assistant, notes, reason, shown, user

Q, GOOD, BAD = "Name a river in Peru.", "The Ucayali flows there.", "The Thames, I believe."
ROW = {"question": Q, "responses": [BAD, GOOD]}
ASKED = [f"user: {Q}"]
BEST_FIRST = (ASKED, [[f"assistant: {GOOD}"], [f"assistant: {BAD}"]])
AS_GIVEN = (ASKED, BEST_FIRST[1][::-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("quality", [1, 5]), ("quality", ["2", "4.5"]), ("quality", [False, True]), ("grades", ["D", "A"])],
        *[("feedback", ["Poor.", "Excellent."]), ("annotations", [{"helpful": 1}, {"helpful": 5}])],
        *[("evaluation", {"response_0": 1, "response_1": 5}), ("by_model", {"m": [0.1, 0.9], "n": [0.2, 0.8]})],
        *[("totals", {"m1": 2, "m2": 7}), ("winner_model", "m2"), ("preferred_model", "m2"), ("chosen_model", "m2")],
        *[("best_rank", 1), ("annotators", {"x": 2, "y": 2, "z": 1}), ("metadata", {"scores": [1, 5]})],
        *[("meta", {"winner": "b"}), ("verdicts", ["worse", "better"]), ("ratings_text", '["2", "5"]')],
        *[("opinions", ["rejected", "chosen"]), ("comparison", [{"preferred": 1}, {"preferred": 1}, {"preferred": 0}])],
    ],
)
def test_a_judgement_beside_a_list_is_refused_by_its_column_with_a_remedy_that_works(name, value):
    row = {**ROW, "models": ["m1", "m2"], name: value}
    message = reason(row)
    assert f"the column '{name}' " in message
    assert f"--columns unused={name}" in message
    assert shown(parse(row, {name: "unused"})) == AS_GIVEN
    if f"scores={name}" in message:
        assert shown(parse(row, {name: "scores"})) == BEST_FIRST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("models", ["m1", "m2"]), ("sources", ["x", "y"]), ("ids", ["1", "2"]), ("num_tokens", [5, 9])],
        *[("response_lengths", ["5", "9"]), ("metadata", {"year": 2020, "page": 3}), ("metadata", {"score": 0.5})],
        *[("score", 0.5), ("source", "m2"), ("chosen_model", "m3"), ("timestamps", ["2020", "2021"])],
    ],
)
def test_a_column_that_describes_the_answers_ranks_nothing(name, value):
    row = parse({**ROW, name: value})
    assert (shown(row), notes(row)) == (AS_GIVEN, [])


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("annotations", [{"Helpfulness": {"Rating": "2"}}, {"Helpfulness": {"Rating": "5"}}]),
        *[("scores", [{"help": 1}, {"help": 5}]), ("meta", [{"score": 1}, {"score": 5}]), ("grade", ["D", "A"])],
        *[("judgement", ["Poor.", "Good."]), ("name", ["rejected", "chosen"]), ("type", ["rejected", "chosen"])],
        *[("votes", [2, 25]), ("accepted", [False, True]), ("is_best", ["no", "yes"]), ("level", ["1", "2"])],
    ],
)
def test_a_judgement_in_the_objects_is_refused_by_its_key(key, values):
    entries = [{"text": text, key: value} for text, value in zip((BAD, GOOD), values)]
    message = reason({"question": Q, "answers": entries})
    assert f"the objects in answers have the key '{key}', which may rank them" in message
    assert shown(parse({"question": Q, "answers": entries, "quality": [1, 5]}, {"quality": "scores"})) == BEST_FIRST
    messages = [
        {**assistant(text), "level" if key == "name" else key: value} for text, value in zip((BAD, GOOD), values)
    ]
    if key not in ("meta", "annotations"):
        assert "which may rank them" in reason({"question": Q, "answers": messages})


@pytest.mark.parametrize("key", ["model", "id", "source", "num_tokens", "temperature"])
def test_keys_that_describe_an_answer_rank_nothing(key):
    entries = [{"text": text, key: value} for text, value in zip((BAD, GOOD), ("1", "2"))]
    assert shown(parse({"question": Q, "answers": entries})) == AS_GIVEN


def message(role: str, content: str, text: str, who: str, **keys: object) -> dict:
    return {role: who, content: text, **keys}


@pytest.mark.parametrize("names", [("role", "content", "assistant"), ("from", "value", "gpt")])
@pytest.mark.parametrize(("key", "values"), [("score", [1, 5]), ("rank", ["2", "1"]), ("rating", [2.5, "3"])])
@pytest.mark.parametrize("kind", ["message", "list", "conversation", "object"])
def test_messages_with_scores_are_sorted_and_lose_them(names, key, values, kind):
    role, content, who = names
    answers = [message(role, content, text, who, **{key: value}) for text, value in zip((BAD, GOOD), values)]
    if kind != "message":
        answers = [[answer] for answer in answers]
    if kind == "conversation":
        answers = [[user(Q), *answer] for answer in answers]
    if kind == "object":
        answers = [{"messages": answer} for answer in answers]
    row = parse({"prompt": [user(Q)], "responses": answers})
    assert (shown(row), [turn.keys() for turns in row.responses for turn in turns]) == (
        BEST_FIRST,
        [{"role", "content"}] * 2,
    )


def test_a_score_in_only_some_messages_is_refused():
    answers = [assistant(BAD, score=1), assistant(GOOD)]
    assert "only some messages of responses have the key 'score'" in reason({"question": Q, "responses": answers})


@pytest.mark.parametrize("scores", [{"scores": [1, 5]}, {"ratings": ["1", "5"]}, {"ranks": [2, 1]}])
def test_scores_in_a_column_rank_answers_that_are_objects(scores):
    answers = [{"text": BAD, "model": "m"}, {"text": GOOD, "model": "n"}]
    assert shown(parse({"question": Q, "answers": answers, **scores})) == BEST_FIRST


def test_scores_that_contradict_each_other_are_refused_with_a_remedy_that_works():
    row = {**ROW, "scores": [1, 5], "ratings": [5, 1]}
    found = reason(row)
    assert found.startswith("scores and ratings order the responses differently")
    assert re.findall(r"unused=(\w+)", found) == ["scores", "ratings"]
    assert shown(parse(row, {"ratings": "unused"})) == BEST_FIRST
    assert shown(parse(row, {"scores": "unused"})) == AS_GIVEN
    answers = [{"text": BAD, "score": 1}, {"text": GOOD, "score": 5}]
    row = {"question": Q, "answers": answers, "ranks": [1, 2]}
    assert "unused=ranks" in reason(row)
    assert shown(parse(row, {"ranks": "unused"})) == BEST_FIRST
    assert shown(parse({**row, "ranks": [2, 1]})) == BEST_FIRST


@pytest.mark.parametrize("text", ["response", "text", "answer"])
def test_a_list_for_each_key_is_turned_round(text):
    for name in ("completions", "answers", "responses"):
        for numbers in ([1, 5], ["1", "5"]):
            assert shown(parse({"question": Q, name: {text: [BAD, GOOD], "score": numbers}})) == BEST_FIRST
        assert "the key 'annotations'" in reason(
            {"question": Q, name: {text: [BAD, GOOD], "annotations": [{"Rating": "2"}, {"Rating": "5"}]}}
        )


def test_a_list_of_truth_values_ranks_answers_once_it_is_named():
    row = {**ROW, "labels": [False, True]}
    assert "--columns scores=labels" in reason(row)
    assert shown(parse(row, {"labels": "scores"})) == BEST_FIRST


def test_a_list_of_answers_under_another_name_is_named():
    row = {"question": Q, "replies": [BAD, GOOD], "places": [2, 1]}
    assert "--columns responses=replies" in reason(row)
    assert shown(parse(row, {"replies": "responses", "places": "ranks"})) == BEST_FIRST
