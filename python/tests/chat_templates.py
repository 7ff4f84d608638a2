"""Five public chat templates, each with a tiny tokenizer that has its special tokens, and test conversations.

The templates reproduce those of the models' `tokenizer_config.json`: their markers, their treatment of system messages
and white space, and their generation prompt.
"""

from dataclasses import dataclass
from pathlib import Path

from tiny import byte_characters
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# Meta-Llama-3-8B-Instruct: contents are trimmed, and the template writes BOS.
LLAMA3 = (
    "{% for message in messages %}{{ bos_token if loop.first }}"
    "<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

# Mistral-7B-Instruct-v0.2: the system message is part of the first question; roles alternate; no generation prompt.
MISTRAL = (
    "{% set system = messages[0].content if messages[0].role == 'system' %}"
    "{% set turns = messages[1:] if messages[0].role == 'system' else messages %}"
    "{{ bos_token }}{% for message in turns %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must take turns') }}{% endif %}"
    "{% if message.role == 'user' %} [INST] {{ system + '\\n\\n' if loop.first and system }}{{ message.content }} [/INST]"
    "{% else %} {{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
)

# zephyr-7b-beta: its markers are not special tokens, and each end of text is followed by a newline.
ZEPHYR = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}{{ eos_token }}\n\n"
    "{% if loop.last and add_generation_prompt %}<|assistant|>\n\n{% endif %}{% endfor %}"
)

# Qwen2.5-Instruct: a default system message; tools and their calls as JSON.
QWEN = (
    "{% set own = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' %}"
    "<|im_start|>system\n{{ messages[0].content if messages[0].role == 'system' else own }}"
    "{% if tools %}\n\n# Tools\n\n<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools>{% endif %}"
    "<|im_end|>\n{% for message in messages %}{% if not (loop.first and message.role == 'system') %}"
    "<|im_start|>{{ 'user' if message.role == 'tool' else message.role }}"
    "{{ '\\n<tool_response>' if message.role == 'tool' }}{{ '\\n' + message.content if message.content }}"
    "{{ '\\n</tool_response>' if message.role == 'tool' }}{% for call in message.tool_calls or [] %}"
    "\n<tool_call>\n{{ call.function | tojson }}\n</tool_call>{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """A chat template, and the special tokens of its tokenizer; `bos`, if any, precedes every text."""

    template: str
    special: list[str]
    eos: str
    bos: str | None = None


FAMILIES = {
    "chatml": Family(CHATML, ["<|im_start|>", "<|im_end|>"], "<|im_end|>"),
    "llama3": Family(
        LLAMA3,
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        "<|eot_id|>",
        "<|begin_of_text|>",
    ),
    "mistral": Family(MISTRAL, ["<s>", "</s>"], "</s>", "<s>"),
    "zephyr": Family(ZEPHYR, ["<s>", "</s>"], "</s>", "<s>"),
    "qwen": Family(QWEN, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>"),
}

# Merges across or near the end of a prompt: a blank line, and possible beginnings of an answer.
_MERGES = [("Ċ", "Ċ"), ("]", "Ġ"), ("Ċ", "N"), ("Ġ", "t"), ("h", "e"), ("Ġt", "he")]


def save_model(directory: Path, family: Family) -> Path:
    """Saves a model directory with a tokenizer only: bytes, some merges, and the family's special tokens."""
    tokens = [*byte_characters(), *(left + right for left, right in _MERGES), *family.special]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=_MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in family.special])
    special = {"eos_token": family.eos}
    if family.bos:
        special["bos_token"] = family.bos
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=[(family.bos, vocabulary[family.bos])]
        )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    wrapped.chat_template = family.template
    wrapped.save_pretrained(directory)
    return directory


def _messages(*turns: tuple[str, str]) -> list[dict]:
    return [{"role": role, "content": content} for role, content in turns]


_QUESTION = _messages(("user", "What is the time?"))
_TOOLS = [{"type": "function", "function": {"name": "clock", "parameters": {"zone": "string"}}}]

ROWS = {
    "question": {
        "prompt": _QUESTION,
        "chosen": _messages(("assistant", "Ten")),
        "rejected": _messages(("assistant", "Who?")),
    },
    "system": {
        "prompt": _messages(("system", "Be brief.\n"), ("user", " the end ")),
        "chosen": _messages(("assistant", "the start")),
        "rejected": _messages(("assistant", "No")),
    },
    "earlier turns": {
        "prompt": _messages(("user", "Hi"), ("assistant", "Hello\n"), ("user", "And?")),
        "chosen": _messages(("assistant", "the rest")),
        "rejected": _messages(("assistant", "the rest, too")),
    },
    "turns in the answer": {
        "prompt": _QUESTION,
        "chosen": _messages(("assistant", "Where?"), ("user", "Here"), ("assistant", "Ten")),
        "rejected": _messages(("assistant", "Never")),
    },
    # White space that some templates trim, and a first letter that merges with the preceding newline.
    "white space": {
        "prompt": _QUESTION,
        "chosen": _messages(("assistant", "\n Noon \n")),
        "rejected": _messages(("assistant", "Noon")),
    },
    "not ascii": {
        "prompt": _messages(("user", "Wie spät?")),
        "chosen": _messages(("assistant", "“zehn” 🕙")),
        "rejected": _messages(("assistant", "zwölf")),
    },
    "implicit": {
        "chosen": _QUESTION + _messages(("assistant", "the hour is ten")),
        "rejected": _QUESTION + _messages(("assistant", "the hour is two")),
    },
    "tools": {
        "prompt": _QUESTION,
        "chosen": [{"role": "assistant", "content": "Ten", "tool_calls": None}],
        "rejected": _messages(("assistant", "No")),
        "tools": _TOOLS,
    },
    "text": {"prompt": "the time is\n", "chosen": " the right one", "rejected": "No"},
    "implicit text": {"chosen": "Well, the time", "rejected": "Well, no time"},
}
