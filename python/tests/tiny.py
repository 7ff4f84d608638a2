"""A tokenizer with token ids that can be written by hand: bytes are their own ids, followed by four tokens."""

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

START, END, BOS = 256, 257, 258
# The only merge: "ab" is one token, so a boundary between a and b lies inside a token.
AB = 259
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_characters() -> list[str]:
    """Returns the character that represents each byte in byte-level BPE."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def byte_tokenizer() -> Tokenizer:
    """Builds a tokenizer in which every byte is its own id and only "ab" is merged."""
    tokens = [*byte_characters(), "<|im_start|>", "<|im_end|>", "<s>", "ab"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[256:259]])
    return tokenizer


def save_model(directory: Path, frame: str = "$A", template: str | None = CHATML, **roles: str | None) -> Path:
    """Saves a model directory with a tokenizer only; `frame` has the tokens that it adds, such as "<s> $A"."""
    tokenizer = byte_tokenizer()
    special = [("<s>", BOS), ("<|im_end|>", END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=frame, special_tokens=special)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{"eos_token": "<|im_end|>", **roles})
    wrapped.chat_template = template
    wrapped.save_pretrained(directory)
    return directory


def turn(role: str, content: str) -> list[int]:
    """Returns the tokens of a message in ChatML."""
    return [START, *f"{role}\n{content}".encode(), END, *b"\n"]


def asked(*messages: tuple[str, str]) -> list[int]:
    """Returns the tokens of a prompt in ChatML, including the generation prompt."""
    return [token for message in messages for token in turn(*message)] + [START, *b"assistant\n"]


def answered(content: str) -> list[int]:
    """Returns the tokens of an answer after `asked`."""
    return [*content.encode(), END, *b"\n"]
