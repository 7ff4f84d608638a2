"""Every column is used, reported by its name, or known to describe the record."""

import pytest
from espalier_data.records.rows import parse
from rows import ANSWERS, ASKED, CONTINUED, assistant, notes, reason, shown, system, user
from tiny import END, answered, asked

WHERE = {"prompt": "Where?", **ANSWERS}
BOOKKEEPING = {
    **{"id": "a-1", "prompt_id": "x", "idx": 3, "source": "evol_instruct", "dataset": "org/name", "lang": "en"},
    **{"timestamp": "2024-01-01", "created_at": 1.5, "score_chosen": 8.0, "score_rejected": 1, "chosen-model": "m"},
    **{"chosen_model": "m", "rejected_rating": 2, "margin": 0.5, "annotator_ids": ["a", "b"], "created_at_utc_A": 1},
    **{"Unnamed: 0": 3, "__index_level_0__": 3},
    **{"categoryId": 4, "language": "English", "metadata": {"note": "kept"}, "chosen_avg_rating": 5.0},
}


def test_columns_that_describe_the_record_are_ignored_in_silence():
    row = parse({**WHERE, **BOOKKEEPING})
    assert (shown(row), row.notes) == (CONTINUED, ())
    implicit = parse({"chosen": "It is so", "rejected": "It is not", **BOOKKEEPING})
    assert (implicit.prompt, implicit.notes, implicit.guessed_prompt) == ("It is", (), True)


@pytest.mark.parametrize("name", ["topic", "answer", "explanation", "qualities", "my column"])
def test_any_other_column_is_noted_by_its_name(name):
    assert notes(parse({**WHERE, name: "some text"})) == [f"the column '{name}' is not used"]
    assert (
        parse({**WHERE, name: ""}).notes == parse({**WHERE, name: None}).notes == parse({**WHERE, name: []}).notes == ()
    )


@pytest.mark.parametrize(
    "name",
    ["query", "problem", "input", "question", "context", "instruction", "user_prompt", "sub_question", "document"],
)
def test_a_column_that_looks_like_the_prompt_is_refused_in_addition_to_another(name):
    found = reason({**WHERE, name: "In which city?"})
    assert f"the column '{name}' looks like part of the prompt, but the prompt is 'prompt'" in found
    assert f"--columns unused={name}" in found
    assert shown(parse({**WHERE, name: "Where?"})) == shown(parse({**WHERE, name: " "})) == CONTINUED


@pytest.mark.parametrize("name", ["query", "problem", "text", "topic", "body", "user", "premise"])
@pytest.mark.parametrize("rejected", ["The Danube.", "Honey."])
def test_no_prompt_is_guessed_if_a_column_that_is_not_read_holds_text(name, rejected):
    found = reason({name: "Name a river.", "chosen": "The Amazon.", "rejected": rejected})
    assert found.startswith(f"no prompt, but the column '{name}' holds text; name it with --columns prompt={name}")


@pytest.mark.parametrize("answers", [ANSWERS, {key: [assistant(text)] for key, text in ANSWERS.items()}])
def test_a_blank_prompt_does_not_hide_a_column_that_holds_it(answers):
    for nothing in ({}, {"prompt": None}, {"prompt": ""}, {"question": " "}, {"prompt": []}):
        assert "the column 'query' holds text" in reason({**nothing, "query": "Where?", **answers})


def test_a_source_that_is_a_sentence_is_no_name_of_a_source():
    assert "'source'" in reason({"source": "Name a river.", "chosen": "The Amazon.", "rejected": "The Danube."})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"query": "prompt"}, CONTINUED),
        ({"query": "question"}, ASKED),
        ({"query": "instruction", "context": "input"}, (["user: Where?\nC"], ASKED[1])),
        ({"query": "question", "context": "system"}, (["system: C", "user: Where?"], ASKED[1])),
    ],
)
def test_columns_can_be_renamed(columns, expected):
    row = parse({"query": "Where?", "context": "C", **ANSWERS}, {"context": "unused"} | columns)
    assert (shown(row), row.notes) == (expected, ())


def test_a_column_that_is_no_number_is_as_absent():
    nan = float("nan")
    row = parse({**WHERE, "system": nan, "history": nan, "context": nan, "topic": nan})
    assert (shown(row), row.notes) == (CONTINUED, ())
    undecided = {"prompt": "Q", "response_1": "a", "response_2": "b", "preference_strength": nan}
    assert reason(undecided).startswith("response_1 and response_2 without a verdict")


def test_a_renamed_column_replaces_one_of_that_name():
    row = parse({"prompt": "Old", "query": "Where?", **ANSWERS}, {"query": "prompt"})
    assert (shown(row), notes(row)) == (CONTINUED, ["the column 'prompt' is not used"])
    assert shown(parse(WHERE, {"chosen": "rejected", "rejected": "chosen"})) == ("Where?", ["There.", "Here."])


def test_columns_are_named_on_the_command_line(prepare):
    rows = [{"query": "Where?", "topic": "places", **ANSWERS}]
    outcome = prepare(rows, "--columns", "question=query", "unused=topic")
    assert outcome.prepared.rows == [(asked(("user", "Where?")), [answered("Here."), answered("There.")])]
    assert prepare(rows, "--columns", "prompt=query").prepared.rows == [
        ([*b"Where?"], [[*b"Here.", END], [*b"There.", END]])
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["query"], "--columns: expected NAME=COLUMN, such as prompt=query or chosen='best answer', found 'query'"),
        (["=query"], "--columns: expected NAME=COLUMN, such as prompt=query or chosen='best answer', found '=query'"),
        (["promt=query"], "--columns: unknown name 'promt'; expected one of answers, "),
        (
            ["prompt=a", "prompt=b"],
            "--columns: prompt=b occurs in addition to another entry for the same name or column",
        ),
        (
            ["prompt=a", "chosen=a"],
            "--columns: chosen=a occurs in addition to another entry for the same name or column",
        ),
    ],
)
def test_wrong_names_on_the_command_line_are_reported(words, message, prepare):
    outcome = prepare([WHERE], "--columns", *words)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {message}")


@pytest.mark.parametrize("name", ["images", "image", "audio", "videos", "image_url", "pixel_values"])
def test_media_are_refused(name):
    assert f"the column '{name}' holds what a text model cannot read" in reason({**WHERE, name: ["a.png"]})
    assert parse({**WHERE, name: []}).notes == ()


CONVERSATION = {"prompt": [user("Where?")], **ANSWERS}
COMPLETE = {key: [user("Where?"), assistant(text)] for key, text in ANSWERS.items()}


@pytest.mark.parametrize(
    "row",
    [
        CONVERSATION,
        COMPLETE,
        {"prompt": "Where?", **COMPLETE},
        {"conversations": [user("Where?")], **ANSWERS},
        {"instruction": "Where?", **ANSWERS},
        {"question": "Where?", **ANSWERS},
        {"input": "Where?", **ANSWERS},
        {"context": [user("Where?")], "response1": "There.", "response2": "Here.", "overall_preference": 1},
        {"query": "Where?", "response": "Here.", "rejected_response": "There."},
        {"messages": [user("Where?"), assistant("Here.")], "rejected_response": "There."},
        {"messages": [user("Where?")], "chosen": assistant("Here."), "rejected": assistant("There.")},
        {"conversation_a": COMPLETE["chosen"], "conversation_b": COMPLETE["rejected"], "winner": "model_a"},
        {"input": {"messages": [user("Where?")]}, "preferred_output": "Here.", "non_preferred_output": "There."},
    ],
)
def test_a_system_message_comes_first_in_every_conversation_and_once(row):
    expected = (["system: Be a pirate.", "user: Where?"], ASKED[1])
    for name in ("system", "system_prompt"):
        given = parse({**row, name: "Be a pirate."})
        assert (shown(given), given.notes) == (expected, ())
        assert shown(parse({**row, name: [system("Be a pirate.")]})) == expected
    for nothing in (None, "", " ", []):
        assert shown(parse({**row, "system": nothing})) == ASKED


def test_a_system_message_that_the_prompt_has_is_not_added_and_another_one_is_refused():
    for row in (
        {**CONVERSATION, "prompt": [system("Be a pirate."), user("Where?")]},
        {key: [system("Be a pirate."), *turns] for key, turns in COMPLETE.items()},
        {"prompt": [user("Where?")], **{key: [system("Be a pirate."), *turns] for key, turns in COMPLETE.items()}},
    ):
        assert shown(parse({**row, "system": "Be a pirate."}))[0] == ["system: Be a pirate.", "user: Where?"]
        assert reason({**row, "system": "Be kind."}).startswith("system differs from the system message of the prompt")
    assert reason({**CONVERSATION, "system": "A", "system_prompt": "B"}) == (
        "system and system_prompt differ; provide one system message"
    )


@pytest.mark.parametrize(
    "row", [WHERE, {"chosen": "It is so", "rejected": "It is not"}, {"prompt": "Q", "responses": ["a", "b"]}]
)
@pytest.mark.parametrize(("name", "value"), [("system", "Be a pirate."), ("tools", [{"name": "saw"}])])
def test_a_system_message_and_tools_are_refused_with_text(row, name, value):
    found = reason({**row, name: value})
    assert found.startswith(
        f"{name} cannot be used with text, which goes through no chat template; put the prompt into "
    )


def test_history_is_earlier_turns():
    turns = ["user: Capital of Peru?", "assistant: Lima.", "user: Where?"]
    for history in (
        [["Capital of Peru?", "Lima."]],
        '[["Capital of Peru?", "Lima."]]',
        [user("Capital of Peru?"), assistant("Lima.")],
    ):
        for name in ("instruction", "question", "input"):
            assert shown(parse({name: "Where?", "history": history, **ANSWERS})) == (turns, ASKED[1])
        row = parse({"prompt": [system("S"), user("Where?")], "history": history, **ANSWERS})
        assert shown(row)[0] == ["system: S", *turns]
    for nothing in (None, [], "", "[]"):
        assert shown(parse({"question": "Where?", "history": nothing, **ANSWERS})) == ASKED


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Where?", "history": [["a"]], **ANSWERS}, "history must be a list of pairs"),
        ({"question": "Where?", "history": "before", **ANSWERS}, "history must be a list of pairs"),
        ({"prompt": "Where?", "history": [["a", "b"]], **ANSWERS}, "history cannot be used with text"),
        ({**COMPLETE, "history": [["a", "b"]]}, "the column 'history' looks like part of the prompt"),
        (
            {"conversations": [user("a"), assistant("b"), user("c")], "history": [["a", "b"]], **ANSWERS},
            "history cannot be used with a prompt of several turns",
        ),
    ],
)
def test_history_that_has_no_place_is_refused(row, message):
    assert reason(row).startswith(message)


def test_messages_that_equal_the_better_conversation_are_ignored_and_others_refused():
    assert parse({**COMPLETE, "messages": COMPLETE["chosen"]}).notes == ()
    assert "the column 'messages'" in reason({**COMPLETE, "messages": [user("When?"), assistant("Now.")]})


def test_an_unknown_number_for_each_response_is_refused():
    row = {"prompt": "Q", "responses": ["a", "b"]}
    assert "the column 'quality' has a number for each of the responses" in reason({**row, "quality": [1, 2]})
    assert shown(parse({**row, "quality": [1, 2]}, {"quality": "scores"}))[1] == ["b", "a"]
    assert notes(parse({**row, "num_tokens": [1, 2]})) == []
    entries = [{"text": "a", "quality": 1}, {"text": "b", "quality": 2}]
    assert "the objects in answers have the key 'quality'" in reason({"question": "Q", "answers": entries})


def test_a_named_column_that_no_row_has_is_reported(prepare):
    rows = [{"query": "Where?", **ANSWERS}, {"prompt": "Why?", **ANSWERS}]
    outcome = prepare(rows, "--columns", "prompt=query", "unused=topic", "unused=mood")
    expected = "warning: --columns: none of the rows read has the column '{}'"
    assert outcome.status == 0
    assert [line for line in outcome.err.splitlines() if "--columns:" in line] == [
        expected.format("mood"),
        expected.format("topic"),
    ]


@pytest.mark.parametrize(
    "name", ["label", "best", "preferred", "chosen_index", "winner", "is_correct", "ranking", "choice"]
)
@pytest.mark.parametrize("value", [1, "b", [1, 0]])
def test_a_verdict_that_is_not_read_is_refused_with_a_list_in_its_own_order(name, value):
    row = {"prompt": "Q", "responses": ["a", "b"]}
    assert f"the column '{name}' " in reason({**row, name: value})
    assert shown(parse({**row, name: value, "scores": [1, 2]}))[1] == ["b", "a"]
    assert shown(parse({**row, name: value}, {name: "unused"}))[1] == ["a", "b"]
    entries = [{"text": "a", name: False}, {"text": "b", name: True}]
    assert f"the objects in answers have the key '{name}'" in reason({"question": "Q", "answers": entries})


def test_a_column_that_repeats_another_response_than_the_first_is_refused():
    row = {"prompt": "Q", "responses": ["a", "b"]}
    assert "the column 'final' may say which of the responses is best" in reason({**row, "final": "b"})
    assert shown(parse({**row, "final": "a"}))[1] == ["a", "b"]


def test_a_missing_field_names_the_columns_found_and_the_remedy():
    assert reason({"query": "Q", "chosen": "a", "worse": "b"}) == (
        "rejected is missing; a row needs chosen and rejected, or responses; found the columns query, chosen, worse; "
        "name its column with --columns rejected=COLUMN"
    )
