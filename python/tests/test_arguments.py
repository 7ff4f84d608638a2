"""Options in other trainers' spelling are accepted, and unknown ones are answered with the nearest."""

import pytest
from espalier_data.arguments import columns, parse_arguments
from espalier_data.errors import UserError

GIVEN = ["--model", "M", "--data", "d.jsonl", "--output", "o"]


@pytest.mark.parametrize("words", [["--max_length", "7"], ["--max_length=7"], ["--max-length", "7"]])
def test_options_may_have_underscores(words):
    assert parse_arguments([*GIVEN, *words]).max_length == 7


def test_values_keep_their_underscores():
    words = [*GIVEN[:3], "my_data.jsonl", "--truncation_mode=keep_end", "--output", "my_file"]
    arguments = parse_arguments(words)
    assert (arguments.data, arguments.truncation_mode, str(arguments.output)) == (
        ["my_data.jsonl"],
        "keep_end",
        "my_file",
    )


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("--max-lenght", "; did you mean --max-length?\n"),
        ("--template-kwargs=x", "; did you mean --chat-template-kwargs?\n"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(word, end, capsys):
    with pytest.raises(SystemExit) as error:
        parse_arguments([*GIVEN, word])
    assert error.value.code == 2
    assert capsys.readouterr().err.endswith(f"unknown argument {word}{end}")


def test_an_unknown_option_like_no_other_has_no_suggestion(capsys):
    with pytest.raises(SystemExit):
        parse_arguments([*GIVEN, "--xyz"])
    assert capsys.readouterr().err.endswith("unknown argument --xyz\n")


def test_an_unknown_name_in_columns_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown name 'promt'.*; did you mean prompt\?$"):
        columns(parse_arguments([*GIVEN, "--columns", "promt=query"]))


def test_names_in_the_other_order_are_answered_with_the_right_one():
    with pytest.raises(UserError, match=r"unknown name 'Frage'.*; did you mean question=Frage\?$"):
        columns(parse_arguments([*GIVEN, "--columns", "Frage=question"]))
