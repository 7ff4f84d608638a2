"""Responses that repeat the prompt are used without it; what only looks like it is kept or refused."""

import pytest
from espalier_data.records.rows import parse
from rows import ASKED, assistant, notes, reason, shown, system, user

REPEATED = ["the responses repeat the prompt, which is used once"]
WHERE, HERE, THERE = user("Where?"), assistant("Here."), assistant("There.")


@pytest.mark.parametrize(
    ("prompt", "start"),
    [
        ([WHERE], [WHERE]),
        ([WHERE], [user(" Where?\n", id=7)]),
        ([WHERE], [{"from": "human", "value": "Where?"}]),
        ([system("S"), WHERE], [system("S"), WHERE]),
        ([system("S"), WHERE], [WHERE]),
        ([user("a"), assistant("b"), WHERE], [user("a"), assistant("b"), WHERE]),
        ([user("a"), assistant("b"), WHERE], [WHERE]),
        ([assistant("b"), WHERE], [assistant("b"), WHERE]),
    ],
)
def test_repeated_messages_are_used_once(prompt, start):
    row = parse({"prompt": prompt, "chosen": [*start, HERE], "rejected": [*start, THERE]})
    assert (row.prompt, shown(row)[1], notes(row)) == (prompt, ASKED[1], REPEATED)


def test_a_system_message_of_the_responses_moves_to_the_prompt():
    row = parse({"prompt": [WHERE], "chosen": [system("S"), WHERE, HERE], "rejected": [system("S"), WHERE, THERE]})
    assert shown(row) == (["system: S", "user: Where?"], ASKED[1])


@pytest.mark.parametrize(
    "prompt", ["Where?", " Where?\n", "\n\nHuman: Where?\n\nAssistant:", "<|user|>\nWhere?\n<|assistant|>\n"]
)
def test_a_prompt_of_text_that_the_conversations_say_is_used_once(prompt):
    for start in ([WHERE], [system("S"), WHERE]):
        row = parse({"prompt": prompt, "chosen": [*start, HERE], "rejected": [*start, THERE]})
        assert shown(row)[0][-1] == "user: Where?"
        assert shown(row)[1] == ASKED[1]


def test_a_prompt_of_text_is_what_the_user_says_to_messages():
    assert shown(parse({"prompt": "Where?", "chosen": [HERE], "rejected": THERE})) == ASKED


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"prompt": "When, and where?", "chosen": [WHERE, HERE], "rejected": [WHERE, THERE]},
            "the column 'prompt' holds another prompt",
        ),
        (
            {"question": "When?", "chosen": [WHERE, HERE], "rejected": [WHERE, THERE]},
            "the column 'question' holds another prompt",
        ),
        (
            {"prompt": [user("When?")], "chosen": [WHERE, HERE], "rejected": [WHERE, THERE]},
            "a response begins with a message of the user",
        ),
        (
            {"prompt": [WHERE], "chosen": [WHERE, HERE], "rejected": [THERE]},
            "some responses repeat the messages of the prompt",
        ),
        (
            {"prompt": [WHERE], "chosen": [WHERE, HERE], "rejected": "There."},
            "some responses repeat the messages of the prompt",
        ),
        (
            {"chosen": [system("S"), WHERE, HERE], "rejected": [system("S"), user("When?"), THERE]},
            "the responses are conversations with different",
        ),
        ({"prompt": [WHERE, HERE], "chosen": [HERE], "rejected": [THERE]}, "the prompt ends with one of the responses"),
        (
            {"prompt": "Q: Why?\nA:", "chosen": "Q: Why?\nA: Yes.", "rejected": "No."},
            "some responses begin with the prompt",
        ),
    ],
)
def test_contradictions_are_refused(row, message):
    assert reason(row).startswith(message)


def test_turns_of_the_user_that_all_responses_begin_with_belong_to_the_prompt():
    row = parse({"prompt": [system("S")], "chosen": [WHERE, HERE], "rejected": [WHERE, THERE]})
    assert shown(row) == (["system: S", "user: Where?"], ASKED[1])
    assert notes(row) == ["the responses begin with turns of the user, which are part of the prompt"]


@pytest.mark.parametrize("prompt", ["Q: Why?\nA:", "Why so", "Why?", "Say:\n", "это правда?"])
def test_repeated_text_is_used_once(prompt):
    for answers in ([" Yes.", " No."], [" Yes.", " No.", " Perhaps."]):
        row = parse({"prompt": prompt, "responses": [prompt + answer for answer in answers]})
        assert (row.prompt, row.responses, notes(row)) == (prompt, answers, REPEATED)


def test_space_around_the_prompt_does_not_hide_the_repetition():
    row = parse({"prompt": "Why so?\n", "chosen": "Why so? Yes.", "rejected": "Why so? No."})
    assert (row.responses, notes(row)) == ([" Yes.", " No."], REPEATED)


@pytest.mark.parametrize(
    ("prompt", "chosen", "rejected"),
    [("A", "A river", "A lake"), ("The", "The Amazon", "The Danube"), ("Name 1", "Name 12", "Name 13")],
)
def test_an_answer_may_begin_with_the_words_of_a_short_prompt(prompt, chosen, rejected):
    row = parse({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    assert (row.prompt, row.responses) == (prompt, [chosen, rejected])
    expected = (
        [] if prompt == "Name 1" else ["the responses begin with the prompt, a single word, and are kept as they are"]
    )
    assert notes(row) == expected


def test_a_question_that_all_answers_restate_is_kept_and_noted():
    row = parse({"question": "Why is it so?", "chosen": "Why is it so? Yes.", "rejected": "Why is it so? No."})
    assert row.responses[0][0]["content"] == "Why is it so? Yes."
    assert notes(row) == ["the responses begin with the text of the question, which is kept"]
    assert row.notes[0].warning
