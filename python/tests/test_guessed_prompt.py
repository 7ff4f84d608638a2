"""A guessed prompt ends before a word: never within a word, a number or a grapheme."""

import pytest
from espalier_data.records.rows import parse
from rows import reason


@pytest.mark.parametrize(
    ("prompt", "answers"),
    [
        ("It is", (" so", " not")),
        ("Say:", ("yes", "no")),
        ("It is", (" 42 km", " 43 km")),
        ("It is", (" 3.14", " 3.15")),
        ("It is", (" 3 km", " 3.5 km")),
        ("It is", (" 1,000 m", " 1,500 m")),
        ("It costs", (" $5", " $7")),
        ("It is", (" -5", " -7")),
        ("At", (" 12:30", " 12:45")),
        ("So", (" 5% more", " 5 more")),
        ("I", (" don't", " don")),
        ("An", (" e-mail", " e-shop")),
        ("See", (" a.com/x", " a.com/y")),
        ("It", (" snake_case", " snake_oil")),
        ("Он", (" пошёл", " пошла")),
        ("नमस्ते", (" क्या", " क्यों")),
        ("친구", (" 안녕하세요", " 안녕하십니까")),
        ("東京は", ("大きい", "小さい")),
        ("今日は3月", ("14日", "15日")),
        ("สวัสดี", ("ครับ", "ค่ะ")),
        ("は", ("か", "か\u3099")),
        ("ok", (" 👨\u200d👩\u200d👧", " 👨\u200d👩\u200d👦")),
        ("ok", (" 👍🏽", " 👍🏿")),
        ("ok 🇩🇪", ("🇫🇷", "🇫🇮")),
        ("ok", (" e\u0301", " e")),
        ("ok", (" ☀\ufe0f", " ☀")),
        ("a\r\n", ("b", "c")),
        ("a ", (" x", " y")),
        ("a\n\n", ("Yes", "No")),
        ("Be", (" well", " well then")),
    ],
)
def test_a_prompt_ends_before_a_word(prompt, answers):
    rows = [prompt + answer for answer in answers]
    for responses in (rows, rows[::-1], [*rows, prompt + " and more" if answers[0][0] == " " else rows[0] + " or"]):
        row = parse({"responses": responses})
        assert row.guessed_prompt
        assert [row.prompt + response for response in row.responses] == responses
        assert row.prompt == prompt


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("Well", "Well then"),
        ("42", "43"),
        ("это", "эти"),
        ("e\u0301", "e"),
        ("👍🏽", "👍🏿"),
        ("\n\nA", "\n\nB"),
        ("- one", "- two"),
        ("http://a", "http://b"),
        ("x_1", "x_2"),
        ("می\u200cروم", "می\u200cخواهم"),
    ],
)
def test_without_a_common_word_there_is_no_prompt(chosen, rejected):
    found = reason({"chosen": chosen, "rejected": rejected})
    assert found.startswith("no prompt, and the responses have no common prefix that ends before a word; found the ")


HUMAN = "\n\nHuman: Where?\n\nAssistant:"


@pytest.mark.parametrize("start", ["", "\n\nHuman: Hi\n\nAssistant: Yes?"])
@pytest.mark.parametrize(
    "answers", [(" I am here", " I was there"), (" It", " Is it"), (" A\n\nHuman: B", " A\n\nHuman: C")]
)
def test_a_dialogue_as_text_ends_after_the_last_shared_name_of_the_assistant(start, answers):
    row = parse(dict(zip(("chosen", "rejected"), (start + HUMAN + answer for answer in answers))))
    if "Human" in answers[0]:
        assert row.prompt == start + HUMAN + " A\n\nHuman:"
    else:
        assert (row.prompt, row.responses) == (start + HUMAN, list(answers))


def test_messages_and_given_prompts_are_not_guessed():
    assert not parse({"prompt": "P", "chosen": "a", "rejected": "b"}).guessed_prompt
    turns = [{"role": "user", "content": "Q"}]
    answers = {key: [*turns, {"role": "assistant", "content": key}] for key in ("chosen", "rejected")}
    assert not parse(answers).guessed_prompt
