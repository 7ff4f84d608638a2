"""The chat templates in Documentation/Data.md write what they describe, and are used without a remark."""

import re
from pathlib import Path

import pytest
import tiny
from transformers import AutoTokenizer

PAGE = Path(__file__).parents[2] / "Documentation/Data.md"
CHATML, GEMMA = re.findall(r"```jinja\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TALK = [{"role": "user", "content": "A prime?"}, {"role": "assistant", "content": "7"}]


@pytest.fixture
def written(tmp_path):
    """Renders messages with a template in the model directory."""

    def run(template: str, messages: list[dict], **options) -> str:
        model = tiny.save_model(tmp_path / "model", template=None, bos_token="<s>")
        (model / "chat_template.jinja").write_text(template, encoding="utf-8")
        return AutoTokenizer.from_pretrained(model).apply_chat_template(messages, tokenize=False, **options)

    return run


def test_chatml(written):
    asked = "<|im_start|>user\nA prime?<|im_end|>\n<|im_start|>assistant\n"
    assert written(CHATML, TALK[:1], add_generation_prompt=True) == asked
    assert written(CHATML, TALK) == asked + "7<|im_end|>\n"


def test_gemma(written):
    asked = "<s><start_of_turn>user\nA prime?<end_of_turn>\n<start_of_turn>model\n"
    assert written(GEMMA, TALK[:1], add_generation_prompt=True) == asked
    assert written(GEMMA, TALK) == asked + "7<end_of_turn>\n"
    with pytest.raises(Exception, match="no system role"):
        written(GEMMA, [{"role": "system", "content": "S"}, *TALK])


def test_the_first_is_used_without_a_remark(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model", template=None)
    (model / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
    outcome = prepare([{"prompt": TALK[:1], "chosen": "7", "rejected": "8"}], model=model)
    assert outcome.err == ""
    assert outcome.prepared.rows == [(tiny.asked(("user", "A prime?")), [tiny.answered("7"), tiny.answered("8")])]
