"""Continuations by a real model, and tokens by its real tokenizer."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tokenizers import Tokenizer

ESPALIER = Path(__file__).parents[2] / ".build/release/espalier"
# What `generate(do_sample=False, max_new_tokens=24)` of transformers 5.24 in float32 gives.
CONTINUATIONS = {
    "The capital of France is": " Paris.\n\nThe answer is: 2018-01-22 12:1",
    "Once upon a time": ", the city of Nova Haven was a thriving metropolis, with towering skyscrapers and bustling "
    "streets. But as the years went by",
}
TEXTS = [
    "It's 2024, and I'LL pay 1234567.89 € for 3½ m² — isn't that naïve?",
    "日本語のテキスト、한국어 텍스트, и кириллица; العربية 👩‍👩‍👧‍👦\n\n\tdef f(x):\n        return x",
    "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
]


@pytest.fixture(scope="module")
def generate(model, tmp_path_factory):
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")

    def generate(prompts: list[str], count: int) -> list[dict]:
        output = tmp_path_factory.mktemp("generate") / "out.jsonl"
        words = [word for prompt in prompts for word in ("--prompt", prompt)]
        command = [ESPALIER, "generate", "--model", model, "--max-new-tokens", str(count), "--output", output, *words]
        subprocess.run(command, check=True, env=os.environ)
        return [json.loads(line) for line in output.read_text().splitlines()]

    return generate


def test_greedy_continuations_are_those_of_transformers(generate):
    found = generate(list(CONTINUATIONS), 24)
    assert {line["prompt"]: line["completion"] for line in found} == CONTINUATIONS


def test_prompts_have_the_tokens_of_the_library(generate, model):
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    found = generate(TEXTS, 1)
    assert [line["prompt_ids"] for line in found] == [tokenizer.encode(text).ids for text in TEXTS]
    assert [line["prompt"] for line in found] == [tokenizer.decode(line["prompt_ids"]) for line in found]
