"""Text that the answers depend on is used, refused with a remedy that works, or noted."""

import shlex

import pytest
from espalier_data.records.rows import parse
from rows import ANSWERS, notes, reason, shown, user

ASKING = {"question": "Where?", **ANSWERS}
CONTINUING = {"prompt": "Where?", **ANSWERS}
MATERIAL = {
    **{"options": ["red", "blue"], "choices": ["A) red"], "persona": "You are a pirate.", "character": "A pirate."},
    **{
        "table": {"rows": [["1"]]},
        "starter_code": "def f():\n    ...",
        "hint": "Look below.",
        "source_text": "Good day",
    },
    **{"target_language": "French", "personaDescription_context": "x", "Hints": ["a"], "search_results": ["b c"]},
}


def remedies(reason: str) -> list[dict[str, str]]:
    """Returns each set of columns that a reason proposes."""
    commands = [part.split(" or ")[0].strip().rstrip(",") for part in reason.split("--columns ")[1:]]
    commands = [command.partition(",")[0] for command in commands]
    return [
        {column: field for field, column in (word.split("=", 1) for word in shlex.split(command))}
        for command in commands
    ]


@pytest.mark.parametrize("row", [ASKING, CONTINUING, {"prompt": [user("Where?")], **ANSWERS}])
@pytest.mark.parametrize("name", MATERIAL)
def test_material_is_refused_and_every_remedy_works(name, row):
    found = reason({**row, name: MATERIAL[name]})
    assert f"the column '{name}' looks like part of the prompt" in found
    proposed = remedies(found)
    assert {name: "unused"} in proposed
    for columns in proposed:
        assert len(parse({**row, name: MATERIAL[name]}, columns).responses) == 2


def test_a_persona_becomes_the_system_message_and_functions_become_tools():
    expected = ["system: A pirate.", "user: Where?"]
    for row in (ASKING, CONTINUING):
        found = remedies(reason({**row, "persona": "A pirate."}))[0]
        assert shown(parse({**row, "persona": "A pirate."}, found))[0] == expected
        functions = '[{"type": "function", "function": {"name": "saw"}}]'
        found = remedies(reason({**row, "functions": functions}))[0]
        assert parse({**row, "functions": functions}, found).template_arguments["tools"][0]["function"]["name"] == "saw"
    assert "system=" not in reason({**ASKING, "system": "S", "persona": "A pirate."})


def test_material_in_addition_to_an_input_is_not_proposed_in_its_place():
    found = reason({"instruction": "Translate.", "input": "Good day", "target_language": "French", **ANSWERS})
    assert "write its text into the prompt" in found and "input=" not in found


def test_the_beginning_of_an_answer_is_not_proposed_as_unused_first():
    found = reason({**CONTINUING, "initial_reason_steps": "Step 1:"})
    assert found.index("at the start of both responses") < found.index("--columns unused=initial_reason_steps")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("source", "Good day"), ("source", "He went home."), ("policy", "Never mention numbers")),
        *(("source", ["Good day"]), ("origin", "From a far land"), ("language", "Answer in French.")),
    ],
)
def test_a_name_of_bookkeeping_with_a_value_of_another_kind_is_noted(name, value):
    assert notes(parse({**CONTINUING, name: value})) == [f"the column '{name}' is not used"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("source", "evol_instruct"), ("source", "https://a.b/c?d=e"), ("created_at", "2024-01-01 10:00:00")),
        *(("category", "creative writing"), ("model", "GPT 4 Turbo"), ("timestamp", "Nov 29, 2026 10:15")),
        *(("turn", 2), ("policy", 3.5), ("metadata", {"note": "a b c"}), ("tags", ["open QA", "math"])),
        *(("sourceId", "7"), ("version", "1.2"), ("language", "English")),
    ],
)
def test_identifiers_dates_addresses_and_tags_are_ignored_in_silence(name, value):
    assert parse({**CONTINUING, name: value}).notes == ()


@pytest.mark.parametrize("name", ["it's", "a b", "指令"])
def test_a_column_is_quoted_for_a_shell_in_a_remedy(name):
    row = {name + " context": "In Rome.", **CONTINUING}
    assert {name + " context": "unused"} in remedies(reason(row))
