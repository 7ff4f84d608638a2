"""With `--last-turn-only` no turn of a response counts but the last."""

from tiny import AB, END, START, answered, asked, turn

USER = {"role": "user", "content": "Hi"}


def response(*texts: str) -> list[dict]:
    """Messages by the assistant and the user in turn."""
    return [{"role": ("assistant", "user")[index % 2], "content": text} for index, text in enumerate(texts)]


def talk(*responses: list[dict]) -> dict:
    return {"prompt": [USER], "responses": list(responses)}


def test_without_it_all_turns_of_a_response_count(prepare):
    prepared = prepare([talk(response("A", "?", "Yes"), response("A", "?", "No"))]).prepared
    prompt, (chosen, _) = prepared.rows[0]
    assert prompt == asked(("user", "Hi"))
    assert chosen == [*b"A", END, *b"\n", *turn("user", "?"), *turn("assistant", "Yes")]
    assert "response_skips" not in prepared.arrays


def test_turns_that_all_responses_have_become_part_of_the_prompt(prepare):
    outcome = prepare([talk(response("A", "?", "Yes"), response("A", "?", "No"))], "--last-turn-only")
    expected = asked(("user", "Hi"), ("assistant", "A"), ("user", "?")), [answered("Yes"), answered("No")]
    assert outcome.prepared.rows == [expected]
    assert "response_skips" not in outcome.prepared.arrays
    assert outcome.prepared.metadata["format_version"] == "1"


def test_turns_that_differ_are_kept_and_not_counted(prepare):
    outcome = prepare([talk(response("A", "?", "Yes"), response("No"))], "--last-turn-only")
    prepared = outcome.prepared
    prompt, (chosen, rejected) = prepared.rows[0]
    context = [*b"A", END, *b"\n", *turn("user", "?"), START, *b"assistant\n"]
    assert (prompt, chosen, rejected) == (asked(("user", "Hi")), context + answered("Yes"), answered("No"))
    skips = prepared.arrays["response_skips"]
    assert (skips.dtype, skips.tolist()) == ("int32", [len(context), 0])
    assert prepared.metadata["format_version"] == "2"
    assert f"response tokens not counted        {len(context)}\n" in outcome.out


def test_a_cut_within_a_token_counts_the_token_and_is_told(prepare, tmp_path):
    import tiny

    # Where the answer begins nothing stands between it and the question.
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    model = tiny.save_model(tmp_path / "bare", template=template)
    prepared = prepare([talk(response("x", "a", "b"), response("y"))], "--last-turn-only", model=model).prepared
    assert prepared.rows == [([*b"Hi"], [[*b"x", AB], [*b"y"]])]
    assert prepared.arrays["response_skips"].tolist() == [1, 0]
    assert prepared.metadata["boundary_mismatches"] == "1"


def test_a_response_that_the_user_ends_is_refused(prepare):
    outcome = prepare([talk(response("A"), response("B", "?")), talk(response("A"), response("B"))], "--last-turn-only")
    reason = "with --last-turn-only a response ends with the assistant's message, found 'user'"
    assert outcome.err.endswith(f"row 0: {reason}\n")
    assert len(outcome.prepared.rows) == 1


def test_texts_are_one_turn(prepare):
    row = {"prompt": "P", "chosen": "y", "rejected": "n"}
    assert prepare([row], "--last-turn-only").path.read_bytes() == prepare([row]).path.read_bytes()
