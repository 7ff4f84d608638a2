"""Messages written in text, as JSON or in Python's notation, are read or refused; answers in JSON are text."""

import json

import pytest
from espalier_data.records.rows import parse
from rows import ANSWERS, ASKED, assistant, notes, reason, shown, user

QUESTION = [user("Where?")]


@pytest.mark.parametrize(
    "write", [json.dumps, str, lambda value: json.dumps(json.dumps(value)), lambda v: json.dumps(v, indent=2)]
)
@pytest.mark.parametrize(
    "wrap", [lambda turns: turns, lambda turns: {"messages": turns}, lambda turns: {"conversations": turns}]
)
def test_messages_in_text_are_read(write, wrap):
    answers = {key: write(wrap([assistant(text)])) for key, text in ANSWERS.items()}
    complete = {key: write(wrap([*QUESTION, assistant(text)])) for key, text in ANSWERS.items()}
    for row in (
        {"prompt": "Where?", **answers},
        {"prompt": write(wrap(QUESTION)), **answers},
        {"prompt": write(wrap(QUESTION)), **ANSWERS},
        {"conversations": write(QUESTION), **ANSWERS},
        {"prompt": QUESTION, **answers, "rejected": [assistant("There.")]},
        complete,
        {"responses": [*complete.values()]},
        {"responses": write([*complete.values()])},
    ):
        found = parse(row)
        assert shown(found) == ASKED
        assert any("are written in text" in text for text in notes(found)) or "responses" in row


def test_sharegpt_in_text_is_read():
    row = {"conversations": '[{"from": "human", "value": "Where?"}]'}
    row |= {key: json.dumps({"from": "gpt", "value": text}) for key, text in ANSWERS.items()}
    assert shown(parse(row)) == ASKED


@pytest.mark.parametrize(
    "texts",
    [
        ('{"name": "Ada"}', '{"nom": 1}'),
        ('[{"name": "Ada"}]', "[]"),
        ('{"role": "admin", "name": "Ada"}', '{"role": "guest", "content": "none"}'),
        ('["a", "b"]', "[1, 2]"),
        ('{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}', '{"model": "m"}'),
        ("{'a': 1}", "{broken"),
        ('"[quoted]"', '{"content": "x"}'),
        ("[link](url)", "(a, b)"),
        ('{"type": "text", "size": 4}', '{"type": "number"}'),
        ('{"from": "Ann", "to": "Bob"}', '{"from": "Ann"}'),
    ],
)
def test_an_answer_in_json_stays_the_text_that_it_is(texts):
    chosen, rejected = texts
    assert parse({"prompt": "Give JSON.\n", "chosen": chosen, "rejected": rejected}).responses == [chosen, rejected]
    row = parse({"prompt": [user("Give JSON.")], "chosen": chosen, "rejected": [assistant(rejected)]})
    assert [response[0]["content"] for response in row.responses] == [chosen, rejected]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"prompt": "Hi", "chosen": '[{"role": "assistant", "content": "Y"}]', "rejected": "N"},
            "some responses are text",
        ),
        (
            {
                "prompt": "Hi",
                "chosen": '[{"role": "cat", "content": "Y"}]',
                "rejected": '[{"role": "cat", "content": "N"}]',
            },
            "chosen: unknown role 'cat'",
        ),
        (
            {
                "prompt": "Hi",
                "chosen": '[{"role": "user", "content": "Y"}]',
                "rejected": '[{"role": "user", "content": "N"}]',
            },
            "a response must end with",
        ),
        ({"prompt": '[{"role": "user", "content": "\\ud800"}]', **ANSWERS}, "the text contains a lone surrogate"),
        (
            {"prompt": "[[{'role': 'user', 'content': 'Hi'}]]", **ANSWERS},
            "prompt has lists inside its list of messages",
        ),
        (
            {"prompt": "[{'role': 'user', 'content': 'a'}\n {'role': 'user', 'content': 'b'}]", **ANSWERS},
            "prompt is text that holds messages, but is not",
        ),
        ({"prompt": '[{"role": "user", "content": "cut', **ANSWERS}, "prompt is text that holds messages, but is not"),
        ({"prompt": '{"role": "user", "content": "cut', **ANSWERS}, "prompt is text that holds messages, but is not"),
        (
            {"prompt": '{"system": "S", "messages": [{"role": "user", "content": "a"}]}', **ANSWERS},
            "prompt is text that holds messages with system",
        ),
        ({"prompt": [user('[{"role": "user", "content": "Hi"}]')], **ANSWERS}, "a text holds messages as JSON"),
        ({"question": '[{"role": "user", "content": "Hi"}]', **ANSWERS}, "a text holds messages as JSON"),
        ({"prompt": [user('[{"type": "text", "text": "Hi"}]')], **ANSWERS}, "a text holds content parts as JSON"),
        (
            {"prompt": "Hi", "chosen": "[{'type': 'text', 'text': 'Y'}]", "rejected": "N"},
            "a text holds content parts as JSON",
        ),
        ({"conversations": "Hi", **ANSWERS}, "conversations must be a list of messages"),
    ],
)
def test_messages_in_text_that_cannot_be_read_are_refused(row, message):
    assert reason(row).startswith(message)


def test_lists_of_responses_and_scores_in_text_are_read():
    assert parse({"prompt": "Q", "responses": '["a", "b"]', "scores": "[1, 2]"}).responses == ["b", "a"]
    completions = json.dumps([{"response": "a", "score": 1}, {"response": "b", "score": 2}])
    assert parse({"prompt": "Q", "completions": completions}).responses == ["b", "a"]
