"""Marks of other models in texts are reported, and an end token that a text already has is not doubled."""

import pytest
from tiny import END, answered

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("end", ["<|im_end|>", "<|im_end|>\n", "<|im_end|> \n\n"])
def test_an_end_token_before_white_space_is_not_doubled(end, prepare):
    outcome = prepare([{"prompt": "P:", "chosen": "yes" + end, "rejected": "no" + end}])
    space = [*end.removeprefix("<|im_end|>").encode()]
    assert outcome.prepared.rows == [([*b"P:"], [[*b"yes", END, *space], [*b"no", END, *space]])]
    assert outcome.err == ""


def test_an_end_token_inside_a_text_does_not_replace_the_last(prepare):
    outcome = prepare([{"prompt": "P:", "chosen": "a<|im_end|>b", "rejected": "no"}])
    assert outcome.prepared.rows[0][1][0] == [*b"a", END, *b"b", END]


@pytest.mark.parametrize("mark", ["</s>", "<|eot_id|>", "<end_of_turn>", "[INST]", "<image>", "<|vision_start|>"])
def test_a_mark_that_is_no_token_is_reported_once_by_name(mark, prepare, tmp_path):
    texts = [{"prompt": "P:", "chosen": f"yes{mark}", "rejected": f"no{mark}"}] * 2
    outcome = prepare([*texts, {"prompt": [{**HI, "content": f"Hi {mark}"}], "chosen": "y", "rejected": "n"}])
    text = f"the text contains {mark!r}, which is no token of this model and is learned as text"
    assert outcome.err == f"warning: {text}: 3 rows, first {tmp_path}/data.jsonl:1\n"
    assert len(outcome.prepared.rows) == 3


def test_marks_of_the_model_and_other_brackets_give_no_remark(prepare):
    html = "<b>bold</b> <s2> a <| b |> [INSTALL] <images> 1 < 2"
    rows = [
        {"prompt": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "chosen": "y", "rejected": "n"},
        {"prompt": [HI], "chosen": html, "rejected": "n"},
    ]
    outcome = prepare(rows)
    assert outcome.err == ""
    assert outcome.prepared.rows[1][1][0] == answered(html)
