"""Blank prompts and answers have one verdict in all forms."""

import pytest
from espalier_data.records.answers import EmptyAnswer
from espalier_data.records.rows import parse
from rows import assistant, notes, reason, user

BLANK = [
    "",
    " ",
    "\n\t",
    "\u3000",
    [],
    {},
    [assistant("")],
    [assistant(" \n")],
    assistant([]),
    [assistant("", tool_calls=[])],
]
FEWER = "a response is empty, and fewer than two of different rank remain"
TOPICS = [
    {"prompt": [user("Q")]},
    {"prompt": "Q"},
    {"question": "Q"},
    {"conversations": [{"from": "human", "value": "Q"}]},
]


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("start", TOPICS)
def test_a_pair_with_a_blank_answer_is_dropped(blank, start):
    for answers in (
        {"chosen": blank, "rejected": "No"},
        {"chosen": "No", "rejected": blank},
        {"responses": [blank, "No"]},
    ):
        assert reason({**start, **answers}, kind=EmptyAnswer) == FEWER


@pytest.mark.parametrize("blank", [blank for blank in BLANK if blank != {}])
def test_a_blank_answer_of_a_longer_list_is_dropped_and_noted(blank):
    row = parse({"prompt": [user("Q")], "responses": ["a", blank, "b"], "scores": [1, 2, 3]})
    assert ([response[0]["content"] for response in row.responses], row.ranks) == (["b", "a"], [0, 1])
    assert notes(row) == ["a response is empty and is dropped"]


def test_answers_of_one_rank_are_dropped_with_the_blank_one():
    assert reason({"prompt": "Q", "responses": ["a", "", "b"], "scores": [1, 2, 1]}, kind=EmptyAnswer) == FEWER
    row = parse({"prompt": "Q", "responses": ["a", "", "b", "c"], "scores": [1, 2, 1, 0]})
    assert (row.responses, row.ranks) == (["a", "b", "c"], [0, 0, 1])


def test_blank_conversations_and_continuations_are_dropped():
    complete = {"chosen": [user("Q"), assistant(" ")], "rejected": [user("Q"), assistant("No")]}
    assert reason(complete, kind=EmptyAnswer) == FEWER
    repeated = {"prompt": "Why so?", "chosen": "Why so?", "rejected": "Why so? No."}
    assert reason(repeated, kind=EmptyAnswer) == FEWER
    dialogue = {"chosen": "\n\nHuman: Q\n\nAssistant:", "rejected": "\n\nHuman: Q\n\nAssistant: No"}
    assert reason(dialogue, kind=EmptyAnswer) == FEWER


def test_an_answer_of_tool_calls_or_thoughts_is_not_blank():
    call = {"function": {"name": "f", "arguments": {}}}
    for keys in ({"tool_calls": [call]}, {"reasoning_content": "Hm"}):
        assert len(parse({"prompt": [user("Q")], "chosen": [assistant("", **keys)], "rejected": "No"}).responses) == 2


@pytest.mark.parametrize("blank", ["", " ", "\n", [], {}, [user("")], [user(" "), user("\n")]])
@pytest.mark.parametrize("name", ["prompt", "conversations", "question", "instruction"])
def test_a_blank_prompt_is_dropped(blank, name):
    assert reason({name: blank, "chosen": "It is", "rejected": "It was"}, kind=EmptyAnswer).startswith(
        "the prompt is empty"
    )


def test_a_blank_prompt_beside_complete_conversations_is_as_none():
    row = parse({"prompt": "", "chosen": [user("Q"), assistant("a")], "rejected": [user("Q"), assistant("b")]})
    assert row.prompt == [user("Q")]
