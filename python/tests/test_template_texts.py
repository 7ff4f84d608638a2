"""Special tokens anywhere in a row, white space that a template changes, repeated texts and learned headers."""

import json

import pytest
import tiny

SYSTEM = {"role": "system", "content": "Answer as a pirate would."}
USER = {"role": "user", "content": "What is the capital of France?"}
ANSWER = {"role": "assistant", "content": "It is Paris."}
ROW = {"prompt": [USER], "chosen": [ANSWER], "rejected": "It is Lyon, of course."}
CONTENT = "{{ message['content'] }}"
WITH_KEYS = "{{ mood }}{{ tools | tojson if tools }}" + tiny.CHATML.replace(
    CONTENT,
    "{{ message.name }}{{ message.reasoning_content }}{{ message['content'] }}"
    "{{ message.tool_calls | tojson if message.tool_calls }}",
)
END = "<|im_end|>"


@pytest.fixture
def warnings(prepare, tmp_path):
    """Prepares rows with a template, and returns the lines on standard error."""

    def run(template: str, *rows: dict, options=()) -> list[str]:
        model = tiny.save_model(tmp_path / f"model-{len(list(tmp_path.iterdir()))}", template=template)
        outcome = prepare(list(rows), *options, model=model)
        assert outcome.status == 0, outcome.err
        return outcome.err.splitlines()

    return run


CALL = {"function": {"name": "clock", "arguments": {"zone": f"x{END}"}}}
SPECIAL = [
    ({**ROW, "prompt": [{**USER, "name": f"Ann{END}"}]}, "the key 'name' of a user message contains"),
    (
        {**ROW, "chosen": [{**ANSWER, "reasoning_content": f"Hm{END}"}]},
        "the reasoning of an assistant message contains",
    ),
    ({**ROW, "chosen": [{**ANSWER, "tool_calls": [CALL]}]}, "a tool call of an assistant message contains"),
    ({**ROW, "tools": [{"function": {"name": "clock", "description": f"a{END}"}}]}, "the tools contain"),
    ({**ROW, "chat_template_kwargs": {"mood": f"glad{END}"}}, "the variable 'mood' contains"),
    ({**ROW, "prompt": [{**USER, "content": f"Where{END} is it?"}]}, "the text of a user message contains"),
]


@pytest.mark.parametrize(("row", "what"), SPECIAL)
def test_special_tokens_are_reported_wherever_they_are(row, what, warnings):
    found = [line for line in warnings(WITH_KEYS, row) if "becomes a special token" in line]
    assert len(found) == 1, found
    assert found[0].startswith(f"warning: {what} '<|im_end|>', which becomes a special token: 1 row, first ")


@pytest.mark.parametrize(("row", "what"), SPECIAL[:-1])
def test_special_tokens_that_a_template_does_not_read_are_not_reported(row, what, warnings):
    assert not [line for line in warnings(tiny.CHATML, row) if "becomes a special token" in line]


def test_a_variable_that_is_the_name_of_a_token_is_not_reported(warnings):
    options = ["--chat-template-kwargs", json.dumps({"bos_token": "<s>"})]
    assert warnings("{{ bos_token }}" + tiny.CHATML, ROW, options=options) == []


CODE = {"role": "assistant", "content": "def f():\n    return 1"}
SPACES = "warning: the chat template changes the white space inside of the text of "


@pytest.mark.parametrize("content", ["def f():\n    return 1", "a  b", "x\r\ny"])
def test_changed_white_space_is_reported(content, warnings):
    template = tiny.CHATML.replace(CONTENT, "{{ message['content'].split() | join(' ') }}")
    row = {**ROW, "chosen": [{**ANSWER, "content": content}]}
    (line,) = warnings(template, ROW, row, row)
    assert line.startswith(f"{SPACES}an assistant message: 2 rows, first ")
    assert warnings(tiny.CHATML, row) == []


def test_white_space_around_reasoning_is_the_template_s(warnings):
    write = "<think>\n{{ message['content'].split('</think>')[0][7:] | trim }}\n</think>\n\n"
    write += "{{ message['content'].split('</think>')[1] | trim }}"
    template = tiny.CHATML.replace(
        CONTENT, "{% if '</think>' in message['content'] %}" + write + "{% else %}" + CONTENT + "{% endif %}"
    )
    answer = {**ANSWER, "content": "<think>They ask for a city.</think>It is Paris."}
    assert warnings(template, {**ROW, "chosen": [answer]}) == []


@pytest.mark.parametrize("chosen", ["It is Paris.", "Yes"])
def test_a_text_that_is_written_twice_is_reported(chosen, warnings):
    lines = warnings(tiny.CHATML.replace(CONTENT, 2 * CONTENT), {**ROW, "chosen": chosen})
    assert [line.partition(":")[2].partition(": ")[0].strip() for line in lines] == [
        "the chat template writes the text of a user message more than once",
        "the chat template writes the text of an assistant message more than once",
    ]


def test_a_text_that_occurs_twice_is_not_reported(warnings):
    row = {**ROW, "prompt": [{**USER, "content": "Say: It is Paris."}]}
    assert warnings(tiny.CHATML, row) == []
    same = {**ROW, "prompt": [USER, {**ANSWER, "content": USER["content"]}, USER]}
    assert warnings(tiny.CHATML, same) == []


WITHOUT_PROMPT = tiny.CHATML.partition("{% if add")[0]


def test_a_header_that_is_learned_is_reported(warnings):
    (line,) = warnings(WITHOUT_PROMPT, ROW, {**ROW, "chosen": "a"}, {**ROW, "prompt": [SYSTEM, USER]})
    text = (
        "the chat template writes no generation prompt, so answers are learned with '<|im_start|>assistant\\n' before"
    )
    assert line.startswith(f"warning: {text} them; use a chat template with a generation prompt: 3 rows, first ")


@pytest.mark.parametrize("space", ["", " ", "\n"])
def test_a_template_whose_answers_begin_at_once_is_not_reported(space, warnings):
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %}"
        + space
        + "{{ m.content }}<|im_end|>{% endif %}{% endfor %}"
    )
    assert warnings(template, ROW) == []


def test_text_after_a_generation_prompt_is_not_reported(warnings):
    template = tiny.CHATML.replace(CONTENT, "{{ '<think>\n\n</think>\n\n' if loop.last and loop.index > 1 }}" + CONTENT)
    assert not [line for line in warnings(template, ROW) if "generation prompt" in line]
