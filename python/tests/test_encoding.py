"""The common start of texts is encoded once, and the tokens are those of each text by itself."""

import random
import re

import pytest
from chat_templates import FAMILIES, save_model
from espalier_data.tokens.encoding import Encoder
from tiny import byte_characters
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

MERGES = [("Ċ", "Ċ"), ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("a", "b"), ("▁", "t"), (">", "a")]


def tokenizer(added: list[AddedToken], before=None, normalizer=None, **options) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with added tokens, a pre-tokenizer and a normalizer."""
    names = [*byte_characters(), "▁", *(left + right for left, right in MERGES)]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    library = Tokenizer(models.BPE(vocab=vocabulary, merges=MERGES, unk_token="?"))
    library.pre_tokenizer = before or pre_tokenizers.ByteLevel(add_prefix_space=False)
    if normalizer:
        library.normalizer = normalizer
    library.add_tokens(added)
    return PreTrainedTokenizerFast(tokenizer_object=library, **options)


def special(content: str, **options: bool) -> AddedToken:
    return AddedToken(content, special=True, normalized=False, **options)


TOKENIZERS = {
    "plain": lambda: tokenizer([special("<|a|>"), special("<|b|>")]),
    "prefix space": lambda: tokenizer([special("<|a|>")], pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "space before the first word": lambda: tokenizer(
        [special("<|a|>")], pre_tokenizers.Metaspace(prepend_scheme="first")
    ),
    "space before every part": lambda: tokenizer([special("<|a|>")], pre_tokenizers.Metaspace(prepend_scheme="always")),
    "prepended": lambda: tokenizer([special("<|a|>")], normalizer=normalizers.Prepend("▁")),
    "white space around": lambda: tokenizer([special("<|a|>", lstrip=True), special("<|b|>", rstrip=True)]),
    "whole words": lambda: tokenizer([special("<|a|>"), AddedToken("the", single_word=True)]),
    "a longer token": lambda: tokenizer([special("<|a|>"), special("<|a|>\n"), special("a<|a|>")]),
    "overlapping": lambda: tokenizer([special("<|a|>"), special("|><|"), special("ab<")]),
    "normalized": lambda: tokenizer([AddedToken("<|a|>", normalized=True)], normalizer=normalizers.Lowercase()),
    "none": lambda: tokenizer([]),
    "not split": lambda: tokenizer([special("<|a|>")], split_special_tokens=True),
}
PIECES = ["<|a|>", "<|b|>", "<|A|>", "\n", " ", "the", " the", "ab", "a", "<", "|>", "é", "🕙", "x" * 9]


def texts(draw: random.Random, common: int, rest: int) -> list[str]:
    start = "".join(draw.choices(PIECES, k=draw.randrange(common)))
    return [start + "".join(draw.choices(PIECES, k=draw.randrange(rest))) for _ in range(draw.randrange(1, 5))]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokens_equal_those_of_each_text(name):
    found = TOKENIZERS[name]()
    encode, draw, cut = Encoder(found), random.Random(name), 0
    for _ in range(400):
        given = texts(draw, 12, 6)
        assert encode(given) == [found(text, add_special_tokens=False)["input_ids"] for text in given], given
        cut += encode._cut is not None and encode._common_end(given) > 0
    # Tokens whose surroundings matter are no place to cut.
    cuts = {"plain", "prefix space", "space before every part", "prepended"}
    assert (cut > 100) == (name in cuts)


@pytest.mark.parametrize("family", FAMILIES)
def test_conversations_of_public_templates_are_cut(family, tmp_path):
    found = AutoTokenizer.from_pretrained(save_model(tmp_path / family, FAMILIES[family]))
    encode = Encoder(found)
    assert encode._cut is not None
    messages = [{"role": "user", "content": "Hi\n\nthe"}]
    given = [
        found.apply_chat_template([*messages, {"role": "assistant", "content": text}], tokenize=False)
        for text in ("the", "\n\n", "")
    ]
    assert encode._common_end(given) > 0
    assert encode(given) == [found(text, add_special_tokens=False)["input_ids"] for text in given]


def test_a_tokenizer_with_its_own_call_is_called(tmp_path):
    class Own(PreTrainedTokenizerFast):
        def __call__(self, text, **options):
            return {"input_ids": [[7] for _ in text] if isinstance(text, list) else [7]}

    assert Encoder(Own(tokenizer_object=TOKENIZERS["plain"]()._tokenizer))(["a", "b"]) == [[7], [7]]


def test_limits_and_padding_of_a_tokenizer_file_do_not_apply():
    found = TOKENIZERS["plain"]()
    found._tokenizer.enable_truncation(2)
    found._tokenizer.enable_padding(length=9)
    assert [len(tokens) for tokens in Encoder(found)(["xxxx", "x"])] == [4, 1]


def test_tokens_of_a_real_tokenizer_equal_those_of_each_text(real_model):
    found = AutoTokenizer.from_pretrained(real_model)
    encode, draw = Encoder(found), random.Random(0)
    names = [*PIECES, "<|im_start|>", "<|im_end|>\n", "<|endoftext|>", "1234", "don't", "   ", "\n\n\n"]
    for _ in range(300):
        start = "".join(draw.choices(names, k=20))
        given = [start + "".join(draw.choices(names, k=9)) for _ in range(3)]
        assert encode(given) == [found(text, add_special_tokens=False)["input_ids"] for text in given]
    assert re.escape("<|im_end|>") in encode._cut.pattern
