"""Generates small tokenizers of the kinds that the supported families have, and what the library tokenizers makes of texts.

    python Tests/Goldens/make_tokenizer_goldens.py

Each tokenizers/NAME.json is a tokenizer.json with a vocabulary of some hundred pieces, trained on the texts in examples/, and
tokenizers/cases.json has the tokens of the texts below for each, and the texts that these tokens are decoded to.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent / "tokenizers"
EXAMPLES = Path(__file__).parents[2] / "examples" / "train.jsonl"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEXTS = [
    "",
    " ",
    "The capital of France is",
    "  two spaces,   three\tand a tab\n\n\nnew lines \n",
    "It's 2024, and I'LL pay 1234567.89 € for 3½ m² — isn't that naïve?",
    "Cafe\u0301 and caf\u00e9, \u1e9b\u0323, \u0958 and \u0915\u093c",
    "日本語のテキスト、한국어 텍스트, и кириллица; العربية",
    "emoji 👩‍👩‍👧‍👦 🇫🇷 and\u00a0no-break\u2003em space\x0bvertical\x85next line",
    "<s>[INST] special <|end|> tokens <tool>inside</tool> a text<mask> here  <mask>  </s>",
    "code: def f(x):\n    return {x: [i**2 for i in range(10)]}  # ok",
    "▁a metaspace ▁▁ in the text",
    "\x00\x7f control and <0x41> a byte piece",
]
SPECIAL = ["<s>", "</s>", "<|end|>"]


def byte_level(**settings: object) -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer = Tokenizer(models.BPE(**settings))
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(vocab_size=600, special_tokens=SPECIAL, initial_alphabet=alphabet)


def byte_fallback(**settings: object) -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>", **settings))
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    return tokenizer, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", *SPECIAL, *pieces])


def gpt2() -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer, trainer


def spaced() -> tuple[Tokenizer, trainers.BpeTrainer]:
    """With a space before the text, and the end token after it."""
    tokenizer, trainer = byte_level()
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    )
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]),
        ]
    )
    return tokenizer, trainer


def split(expression: str, normalizer: object = None, **settings: object) -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = byte_level(**settings)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer, trainer


def llama3() -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = split(LLAMA3, ignore_merges=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer, trainer


def qwen() -> tuple[Tokenizer, trainers.BpeTrainer]:
    return split(QWEN, normalizers.NFC())


def llama2() -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = byte_fallback()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer, trainer


def gemma() -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = byte_fallback()
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer, trainer


def metaspace(scheme: str) -> tuple[Tokenizer, trainers.BpeTrainer]:
    tokenizer, trainer = byte_fallback()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme)])
    return tokenizer, trainer


KINDS = {
    "gpt2": gpt2,
    "spaced": spaced,
    "llama3": llama3,
    "qwen": qwen,
    "llama2": llama2,
    "gemma": gemma,
    "metaspace-first": lambda: metaspace("first"),
    "metaspace-always": lambda: metaspace("always"),
}


def learned_texts() -> list[str]:
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    return [text for row in rows for text in texts_of(row)] + TEXTS[2:]


def texts_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in texts_of(part)]


def main() -> None:
    HERE.mkdir(exist_ok=True)
    cases = {}
    for name, make in KINDS.items():
        tokenizer, trainer = make()
        tokenizer.train_from_iterator(learned_texts(), trainer)
        added = [AddedToken("<tool>", normalized=False), AddedToken("</tool>", single_word=True, normalized=True)]
        tokenizer.add_tokens(added)
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
        tokenizer.save(str(HERE / f"{name}.json"), pretty=False)
        encoded = [tokenizer.encode(text).ids for text in TEXTS]
        decoded = [tokenizer.decode(tokens) for tokens in encoded]
        cases[name] = [{"text": t, "ids": i, "decoded": d} for t, i, d in zip(TEXTS, encoded, decoded)]
    lines = [
        f'  {json.dumps(name)}: [\n    ' + ",\n    ".join(json.dumps(case) for case in rows) + "\n  ]"
        for name, rows in cases.items()
    ]
    (HERE / "cases.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
