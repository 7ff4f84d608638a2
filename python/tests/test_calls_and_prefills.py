"""Tool calls without text, and prompts that end with the beginning of an answer."""

import pytest
import tiny
from espalier_data.records.rows import parse
from jinja2.sandbox import ImmutableSandboxedEnvironment
from rows import ANSWERS, assistant, reason, shown, user

CALL = {"type": "function", "function": {"name": "find", "arguments": {"place": "here"}}}
PROMPT = [user("Where?")]

# How public templates write a message with tool calls: Qwen 2.5, Llama 3.1, Mistral, Cohere, SmolLM 3.
QWEN = (
    "{% for message in messages %}{% if message.role == 'assistant' and message.tool_calls %}<a>"
    "{% if message.content %}{{ '\\n' + message.content }}{% endif %}{% for call in message.tool_calls %}"
    "<call>{{ call.function | tojson }}</call>{% endfor %}</a>{% else %}<m>{{ message.content }}</m>{% endif %}"
    "{% endfor %}"
)
LLAMA = (
    "{% for message in messages %}{% if 'tool_calls' in message %}<call>{{ message.tool_calls[0].function.name }}"
    "{{ message.tool_calls[0].function.arguments | tojson }}</call>{% else %}{{ message.content | trim }}{% endif %}"
    "{% endfor %}"
)
MISTRAL = (
    "{% for message in messages %}{% if message.tool_calls is defined and message.tool_calls is not none %}"
    "[CALLS]{{ message.tool_calls | tojson }}{% elif message.role == 'assistant' %}{{ ' ' + message.content|trim }}"
    "{% else %}[INST] {{ message.content }} [/INST]{% endif %}{% endfor %}"
)
PRINTED = (
    "{% for message in messages %}{{ message.role }}: {{ message['content'] }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name }}{% endfor %}{% endfor %}"
)
SMOLLM = (
    "{% for message in messages %}{% set content = message.content if message.content is string else '' %}"
    "{{ content.lstrip('\\n') }}{% for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}{% endfor %}"
)


@pytest.mark.parametrize("template", [QWEN, LLAMA, MISTRAL, PRINTED, SMOLLM])
@pytest.mark.parametrize("absent", [{}, {"content": None}])
def test_a_template_that_accepts_calls_without_text_writes_the_same_for_empty_text(template, absent):
    render = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template).render
    message = {"role": "assistant", "tool_calls": [CALL]}
    row = parse({"prompt": PROMPT, "chosen": [{**message, **absent}], "rejected": "No"})
    assert render(messages=[*PROMPT, *row.responses[0]]) == render(messages=[*PROMPT, message])


def test_calls_without_text_go_through_a_template_that_joins_texts(prepare, tmp_path):
    joined = (
        "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content }}"
        "{% for call in message.tool_calls or [] %}{{ call.function.name }}{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    model = tiny.save_model(tmp_path / "joined", template=joined)
    call = {**CALL, "function": {"name": "find", "arguments": {}}}
    rows = [{"prompt": PROMPT, "chosen": [{"role": "assistant", "tool_calls": [call]}], "rejected": "No"}]
    [row] = prepare(rows, model=model).prepared.rows
    assert row == (tiny.asked(("user", "Where?")), [tiny.answered("find"), tiny.answered("No")])


@pytest.mark.parametrize("answers", [ANSWERS, {key: [assistant(text)] for key, text in ANSWERS.items()}])
@pytest.mark.parametrize("begun", ["Let me think", "", " "])
def test_a_prompt_that_ends_with_the_beginning_of_the_answers_is_refused(answers, begun):
    found = reason({"prompt": [*PROMPT, assistant(begun)], **answers})
    assert found.startswith("the prompt in 'prompt' ends with a message of the assistant, which the template closes")
    moved = {key: [assistant(begun + text)] for key, text in ANSWERS.items()}
    assert len(parse({"prompt": PROMPT, **moved}).responses) == 2


def test_a_turn_of_the_user_after_an_answer_of_the_prompt_is_no_beginning():
    further = {key: [user("And?"), assistant(text)] for key, text in ANSWERS.items()}
    row = parse({"prompt": [*PROMPT, assistant("Here.")], **further})
    assert shown(row)[0] == ["user: Where?", "assistant: Here.", "user: And?"]
    row = parse({"prompt": [*PROMPT, assistant("", tool_calls=[CALL]), {"role": "tool", "content": "x"}], **ANSWERS})
    assert len(row.prompt) == 3


def test_an_error_of_messages_names_their_column():
    assert reason({"prompt": PROMPT, "responses": [["a"], ["b"]]}).startswith(
        "responses: expected a message, found str"
    )
    assert reason({"context": [{"role": "cat", "content": "x"}], **ANSWERS}).startswith("context: unknown role 'cat'")
