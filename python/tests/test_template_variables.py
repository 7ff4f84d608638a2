"""Variables that the template must not get, and the digest of the template that is used."""

import hashlib
import json

import pytest
import tiny

USER = {"role": "user", "content": "What is the capital of France?"}
ROW = {"prompt": [USER], "chosen": "It is Paris.", "rejected": "It is Lyon, of course."}


@pytest.mark.parametrize("name", ["add_generation_prompt", "conversation", "tokenize", "padding", "messages"])
@pytest.mark.parametrize("value", [False, []])
def test_names_that_rendering_uses_are_an_error_at_the_start(name, value, prepare):
    outcome = prepare([ROW], "--chat-template-kwargs", json.dumps({name: value}))
    (line,) = outcome.err.splitlines()
    assert outcome.status == 1
    assert line.startswith(f"error: --chat-template-kwargs: {name!r} is reserved for rendering; other names than ")
    assert "add_generation_prompt, " in line and " tools" not in line


WRONG = [
    ({"tools": 5}, "'tools' must be a list of objects, found int"),
    ({"tools": [5]}, "'tools' must be a list of objects, found int in it"),
    ({"documents": {}}, "'documents' must be a list of objects, found dict"),
    ({"chat_template": 5}, "'chat_template' must be text, found int"),
]


@pytest.mark.parametrize(("variables", "reason"), WRONG)
def test_variables_of_a_wrong_kind_are_an_error_at_the_start(variables, reason, prepare):
    outcome = prepare([ROW], "--chat-template-kwargs", json.dumps(variables))
    assert (outcome.status, outcome.err) == (1, f"error: --chat-template-kwargs: {reason}\n")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [*WRONG[:3], ({"tokenize": True}, "'tokenize' is reserved for rendering; other names than")],
)
def test_such_variables_of_a_row_are_a_bad_row(variables, reason, prepare, tmp_path):
    outcome = prepare([ROW, {**ROW, "chat_template_kwargs": variables}])
    assert outcome.status == 0
    assert outcome.err.startswith(f"bad row: {tmp_path}/data.jsonl:2: chat_template_kwargs: {reason}")


def test_the_template_that_is_used_has_the_digest(prepare):
    other = tiny.CHATML.replace("assistant", "model")
    outcome = prepare([ROW], "--chat-template-kwargs", json.dumps({"chat_template": other}))
    assert outcome.prepared.metadata["template_digest"] == hashlib.sha256(other.encode()).hexdigest()
    usual = prepare([ROW]).prepared.metadata["template_digest"]
    assert usual == hashlib.sha256(tiny.CHATML.encode()).hexdigest()


def test_marks_of_the_template_that_is_used_are_not_foreign(prepare):
    other = "{# It may write <|bot|>. #}" + tiny.CHATML
    row = {**ROW, "chosen": "It is <|bot|> Paris."}
    assert "'<|bot|>', which is no token" in prepare([row]).err
    assert prepare([row], "--chat-template-kwargs", json.dumps({"chat_template": other})).err == ""
