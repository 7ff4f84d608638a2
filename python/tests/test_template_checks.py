"""What a chat template does to a conversation is reported: no end token, the clock, and texts that it leaves out."""

import json
import random
import re
import time

import pytest
import tiny
from espalier_data.records.answers import BadRow
from espalier_data.records.rows import PreferenceRow
from espalier_data.tokens.tokenization import PreferenceTokenizer

SYSTEM = {"role": "system", "content": "Answer as a pirate would."}
USER = {"role": "user", "content": "What is the capital of France?"}
ROW = {"prompt": [USER], "chosen": "It is Paris.", "rejected": "It is Lyon, of course."}
ENDLESS = (
    "{% for m in messages %}{{ m['role'] | upper }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)
ASKING = "{% if add_generation_prompt %}assistant: {% endif %}"


@pytest.fixture
def warnings(prepare, tmp_path):
    """Prepares rows with a template, and returns the lines on standard error."""

    def run(template: str, *rows: dict, options=(), **roles) -> list[str]:
        model = tiny.save_model(tmp_path / f"model-{len(list(tmp_path.iterdir()))}", template=template, **roles)
        outcome = prepare(list(rows), *options, model=model)
        assert outcome.status == 0, outcome.err
        return outcome.err.splitlines()

    return run


def test_a_usual_template_gives_no_remark(warnings):
    assert warnings(tiny.CHATML, ROW, {**ROW, "prompt": [SYSTEM, USER]}) == []


def test_answers_without_an_end_token_are_counted_in_one_warning(warnings, tmp_path):
    (line,) = warnings(ENDLESS, ROW, ROW, {"prompt": "P", "chosen": "y", "rejected": "n"})
    assert line.startswith("warning: the chat template writes no end token after an answer, so the model does not")
    assert "use a chat template that writes one, or provide the data as text" in line
    assert line.endswith(f": 4 times in 2 rows, first {tmp_path}/data.jsonl:1")


def test_an_end_at_which_generation_does_not_stop_is_one_note(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model", eos_token="<s>")
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": tiny.BOS}))
    assert prepare([ROW, ROW], model=model).err == (
        "note: the model learns to end answers with '<|im_end|>', at which generation does not stop: neither eos_token of "
        "the tokenizer nor eos_token_id of generation_config.json or config.json has it; add its id 257 to eos_token_id "
        f"in generation_config.json: 4 times in 2 rows, first {tmp_path}/data.jsonl:1\n"
    )
    for name in ("config.json", "generation_config.json"):
        (model / name).write_text(json.dumps({"eos_token_id": [tiny.BOS, tiny.END]}))
        assert prepare([ROW], model=model).err == ""
        (model / name).write_text("{}")


@pytest.mark.parametrize("end", ["<|im_end|>", "<|im_end|>\n", "<|im_end|> \n\n", "{{ eos_token }}"])
def test_white_space_after_the_end_token_is_no_reason_for_a_warning(end, warnings):
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}" + end + "{% endfor %}" + ASKING
    assert warnings(template, ROW) == []


def test_an_end_token_of_the_generation_configuration_counts(prepare, tmp_path):
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<s>{% endfor %}" + ASKING
    model = tiny.save_model(tmp_path / "model", template=template)
    assert "writes no end token" in prepare([ROW], model=model).err
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [tiny.END, tiny.BOS]}))
    assert prepare([ROW], model=model).err == ""


def test_the_generation_prompt_after_an_answer_is_no_end(warnings):
    (line,) = warnings(tiny.CHATML.replace("{% if add_generation_prompt %}", "{% if true %}"), ROW)
    assert "writes no end token" in line


def test_texts_of_a_tokenizer_without_end_token_are_reported(warnings):
    (line,) = warnings(tiny.CHATML, {"prompt": "P", "chosen": "y", "rejected": "n"}, eos_token=None)
    assert line.startswith(
        "warning: an answer ends in no end token, so the model does not learn to stop; set eos_token"
    )


CLOCKS = {
    "date_string": (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y %H:%M:%S') %}{% endif %}"
        "Today: {{ date_string }}\n"
    ),
    "today": "{{ today if today is defined else strftime_now('%Y-%m-%d') }}\n",
    "current_date": (
        "{%- set current_date = current_date or strftime_now('%B %Y, day %d, %H:%M') -%}{{ current_date }}\n"
    ),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_template_with_the_date_is_reported_with_the_variable_that_fixes_it(name, warnings):
    template = CLOCKS[name] + tiny.CHATML
    (line,) = warnings(template, ROW, ROW)
    assert line.startswith("warning: the chat template writes the current date or time, ")
    given = json.loads(re.search(r"--chat-template-kwargs '(.*)': 2 rows, first", line)[1])
    assert list(given) == [name] and given[name]
    assert warnings(template, ROW, options=["--chat-template-kwargs", json.dumps(given)]) == []


def test_with_the_fixed_date_two_runs_give_the_same_bytes(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model", template=CLOCKS["date_string"] + tiny.CHATML)
    options = [], ["--chat-template-kwargs", '{"date_string": "26 Jul 2024"}']
    contents = []
    for words in options:
        for _ in range(2):
            contents.append(prepare([ROW], *words, model=model).path.read_bytes())
            time.sleep(1.1)
    assert (contents[0] == contents[1], contents[2] == contents[3]) == (False, True)


def test_a_date_without_a_variable_has_another_remedy(warnings):
    (line,) = warnings("{{ strftime_now('%A %d %H %M') }}" + tiny.CHATML, ROW)
    assert "use a chat template that takes the date from a variable: 1 row" in line


def test_a_clock_that_does_not_matter_is_not_reported(warnings):
    assert warnings("{% set unused = strftime_now('%H:%M:%S') %}" + tiny.CHATML, ROW) == []
    system = "{% if messages[0]['role'] == 'system' %}{{ strftime_now('%d %b %Y') }}{% endif %}"
    assert warnings(system + tiny.CHATML, ROW) == []
    assert len(warnings(system + tiny.CHATML, {**ROW, "prompt": [SYSTEM, USER]}, ROW)) == 1


def test_the_prompt_and_its_answers_see_the_same_time(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model", template="{{ strftime_now('%f') }}" + tiny.CHATML)
    assert prepare([ROW] * 20, model=model).prepared.metadata["boundary_mismatches"] == "0"


def test_a_generation_prompt_that_answers_do_not_follow_is_reported(warnings):
    template = tiny.CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
    (line,) = warnings(template, ROW, ROW)
    assert line.startswith(
        "warning: the chat template writes '<think>\\n' at the end of a prompt but not before an answer"
    )
    (line,) = warnings(template.replace("<think>", ""), ROW)
    assert line.startswith("note: the chat template writes '\\n' at the end of a prompt but not before an answer")


def test_random_text_is_reported(warnings):
    lines = warnings("Hello {{ range(99999) | random }}" + tiny.CHATML, ROW)
    assert [line.partition(": 1 row, first ")[0] for line in lines] == [
        "warning: the chat template writes conversations that do not start as their prompt",
        "warning: the chat template writes random text, so the same data has other tokens",
    ]


WITHOUT_SYSTEM = tiny.CHATML.replace(
    "{% for message in messages %}", "{% for message in messages if message['role'] != 'system' %}"
)
WITHOUT_REASONING = tiny.CHATML.replace(
    "{{ message['content'] }}",
    "{{ message['content'].split('</think>')[-1] if message['role'] == 'assistant' and not loop.last "
    "else message['content'] }}",
)
THOUGHT = {"role": "assistant", "content": "<think>\nThey want a city.\n</think>\n\nDo you mean the largest city?"}


@pytest.mark.parametrize(
    ("template", "row", "what"),
    [
        (WITHOUT_SYSTEM, {**ROW, "prompt": [SYSTEM, USER]}, "leaves out the text of a system message"),
        (
            WITHOUT_SYSTEM,
            {**ROW, "prompt": [{**SYSTEM, "content": "s"}, USER]},
            "leaves out the text of a system message",
        ),
        # The text of the system message is also a part of the question.
        (WITHOUT_SYSTEM, {**ROW, "prompt": [{**SYSTEM, "content": "the capital of"}, USER]}, "of a system message"),
        (
            WITHOUT_REASONING,
            {**ROW, "prompt": [USER, THOUGHT, USER]},
            "leaves out the reasoning (<think> … </think>) of an assistant message",
        ),
        (
            tiny.CHATML.replace("message['content'] }}", "message['content'][:30] }}"),
            {**ROW, "prompt": [{**USER, "content": "Please, " + USER["content"]}]},
            "leaves out a part of the text of a user message",
        ),
        (tiny.CHATML, {**ROW, "tools": [{"function": {"name": "clock"}}]}, "leaves out the tools"),
        (
            tiny.CHATML,
            {**ROW, "chosen": [{"role": "assistant", "content": "It is Paris.", "reasoning_content": "Hm, France."}]},
            "does not read the key 'reasoning_content' of an assistant message",
        ),
        (tiny.CHATML, {**ROW, "chat_template_kwargs": {"mood": 1}}, "does not read the variable 'mood'"),
    ],
)
def test_what_a_template_leaves_out_is_reported_with_its_place(template, row, what, warnings, tmp_path):
    lines = warnings(template, ROW, row, row)
    assert len(lines) == 1, lines
    assert lines[0].startswith("warning: the chat template ") and what in lines[0]
    assert lines[0].endswith(f": 2 rows, first {tmp_path}/data.jsonl:2")


def test_variables_for_texts_are_reported(warnings):
    (line,) = warnings(
        "{{ mood }}" + tiny.CHATML,
        {"prompt": "P", "chosen": "y", "rejected": "n"},
        ROW,
        options=["--chat-template-kwargs", '{"mood": "glad"}'],
    )
    assert line.startswith(
        "warning: text does not go through the chat template, so --tools and --chat-template-kwargs do"
    )


def test_other_keys_that_a_template_does_not_read_are_a_note(warnings):
    (line,) = warnings(tiny.CHATML, {**ROW, "prompt": [{**USER, "name": "Ann"}]})
    assert line.startswith("note: the chat template does not read the key 'name' of a user message: 1 row, first ")


@pytest.mark.parametrize(
    "template",
    [
        tiny.CHATML.replace("{{ message['content'] }}", "{{ message['content'] | trim }}"),
        tiny.CHATML.replace("{{ message['content'] }}", "{{ message['content'] | tojson }}"),
    ],
    ids=["trimmed", "JSON"],
)
def test_a_text_in_another_form_is_not_left_out(template, warnings):
    spaced = [{**USER, "content": ' "What"  is\nthe capital?\n'}]
    assert warnings(template, {**ROW, "prompt": spaced}) == []


def test_a_system_message_in_a_question_is_not_left_out(warnings):
    template = (
        "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' %}"
        "{% for m in messages if m['role'] != 'system' %}{{ m['role'] }}: {{ m['content'] }}"
        "{{ '\n' + system if system and loop.first }}<|im_end|>{% endfor %}" + ASKING
    )
    assert warnings(template, {**ROW, "prompt": [SYSTEM, USER]}) == []


def test_special_tokens_in_a_text_are_reported(warnings):
    (line,) = warnings(tiny.CHATML, {**ROW, "chosen": "It is<|im_end|> Paris."}, ROW)
    assert line.startswith("warning: the text of an assistant message contains '<|im_end|>', which becomes a special")


def test_answers_that_a_template_makes_equal_are_a_bad_row(prepare, tmp_path):
    template = tiny.CHATML.replace("{{ message['content'] }}", "{{ message['content'].split('#')[0] }}")
    model = tiny.save_model(tmp_path / "model", template=template)
    outcome = prepare([{**ROW, "chosen": "Yes, sir # 1", "rejected": "Yes, sir # 2"}, ROW], model=model)
    reason = "all responses have the same tokens, so none is preferred"
    assert outcome.err == f"bad row: {tmp_path}/data.jsonl:1: {reason}\n"
    assert outcome.prepared.metadata["dropped_bad_rows"] == "1"


def test_an_answer_that_only_adds_the_end_token_is_equal(prepare):
    outcome = prepare([{"prompt": "P", "chosen": "y", "rejected": "y<|im_end|>"}])
    assert outcome.status == 1 and "all responses have the same tokens" in outcome.err


def test_an_answer_that_a_template_empties_is_dropped_and_counted(prepare, tmp_path):
    template = tiny.CHATML.replace("{{ message['content'] }}", "{{ message['content'].split('</think>')[-1] }}")
    model = tiny.save_model(tmp_path / "model", template=template)
    outcome = prepare([{**ROW, "chosen": "<think>They ask again.</think>\n"}, ROW], model=model)
    assert outcome.err.startswith(f"bad row: {tmp_path}/data.jsonl:1: a response is empty as tokens, and fewer")
    metadata = outcome.prepared.metadata
    assert (metadata["dropped_empty_prompt_or_response"], "dropped_bad_rows" in metadata) == ("1", False)


def test_warnings_come_last(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model", template=ENDLESS)
    outcome = prepare([{**ROW, "prompt": [{**USER, "name": "Ann"}]}, {}], model=model)
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["bad row", "note", "warning"]


CONTENT = "{{ message['content'] }}"
RANDOM_TEMPLATES = [
    tiny.CHATML,
    tiny.CHATML.replace(CONTENT, "{{ message['content'] | trim }}"),
    tiny.CHATML.replace(CONTENT, "{{ message['content'][:30] }}"),
    tiny.CHATML.replace(CONTENT, "{{ message['content'].split('</think>')[-1] }}"),
    tiny.CHATML.replace(CONTENT, "{{ message['content'] if loop.index > 1 or message['role'] != 'system' }}"),
    tiny.CHATML.replace(CONTENT, "{{ message['content'] | replace('e', '') }}"),
    WITHOUT_SYSTEM,
    WITHOUT_REASONING,
]


def random_messages(draw: random.Random, roles: list[str]) -> list[dict]:
    words = ["one", "the end", "<think>", "</think>", "é", '{"a": 1}', "\n", " ", "system", "user", "b" * 30, "."]
    return [{"role": role, "content": "".join(draw.choices(words, k=draw.randrange(1, 9))) + "!"} for role in roles]


@pytest.mark.parametrize("index", range(len(RANDOM_TEMPLATES)))
def test_every_text_of_a_random_conversation_is_in_the_tokens_or_reported(index, tmp_path):
    model = tiny.save_model(tmp_path / "model", template=RANDOM_TEMPLATES[index])
    tokenize, draw = PreferenceTokenizer(model), random.Random(index)
    kept = reported = 0
    for _ in range(300):
        prompt = random_messages(draw, draw.choice([["user"], ["system", "user"], ["user", "assistant", "user"]]))
        responses = [random_messages(draw, ["assistant"]) for _ in range(draw.randrange(2, 4))]
        try:
            row = tokenize(PreferenceRow(prompt, responses, list(range(len(responses)))))
        except BadRow:
            continue
        kept += 1
        is_reported = any("the chat template leaves out" in note.text for note in row.notes)
        reported += is_reported
        for messages, response in zip(responses, row.responses):
            # Ids below 256 are bytes; the only merge is "ab", which no word contains.
            text = bytes(token for token in row.prompt + response if token < 256).decode(errors="replace")
            assert is_reported or all(message["content"].strip() in text for message in prompt + messages)
    assert kept > 200
    assert (reported == 0) == (index in (0, 1))
