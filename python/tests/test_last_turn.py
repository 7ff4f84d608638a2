"""With `--last-turn-only` only the last turn of a response counts."""

from tiny import AB, END, START, answered, asked, turn

USER = {"role": "user", "content": "Hi"}


def response(*texts: str) -> list[dict]:
    """Returns messages of the assistant and the user, alternating."""
    return [{"role": ("assistant", "user")[index % 2], "content": text} for index, text in enumerate(texts)]


def conversation(*responses: list[dict]) -> dict:
    return {"prompt": [USER], "responses": list(responses)}


def test_without_it_all_turns_of_a_response_count(prepare):
    prepared = prepare([conversation(response("A", "?", "Yes"), response("A", "?", "No"))]).prepared
    prompt, (chosen, _) = prepared.rows[0]
    assert prompt == asked(("user", "Hi"))
    assert chosen == [*b"A", END, *b"\n", *turn("user", "?"), *turn("assistant", "Yes")]
    assert "response_skips" not in prepared.arrays


def test_turns_common_to_all_responses_become_part_of_the_prompt(prepare):
    outcome = prepare([conversation(response("A", "?", "Yes"), response("A", "?", "No"))], "--last-turn-only")
    expected = asked(("user", "Hi"), ("assistant", "A"), ("user", "?")), [answered("Yes"), answered("No")]
    assert outcome.prepared.rows == [expected]
    assert "response_skips" not in outcome.prepared.arrays
    assert outcome.prepared.metadata["format_version"] == "1"


def test_turns_that_differ_are_kept_but_do_not_count(prepare):
    outcome = prepare([conversation(response("A", "?", "Yes"), response("No"))], "--last-turn-only")
    prepared = outcome.prepared
    prompt, (chosen, rejected) = prepared.rows[0]
    context = [*b"A", END, *b"\n", *turn("user", "?"), START, *b"assistant\n"]
    assert (prompt, chosen, rejected) == (asked(("user", "Hi")), context + answered("Yes"), answered("No"))
    skips = prepared.arrays["response_skips"]
    assert (skips.dtype, skips.tolist()) == ("int32", [len(context), 0])
    assert prepared.metadata["format_version"] == "2"
    assert f"response tokens not counted        {len(context)}\n" in outcome.out


def test_a_token_across_the_boundary_counts_and_is_reported(prepare, tmp_path):
    import tiny

    # Nothing separates the answer from the question.
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    model = tiny.save_model(tmp_path / "bare", template=template)
    prepared = prepare([conversation(response("x", "a", "b"), response("y"))], "--last-turn-only", model=model).prepared
    assert prepared.rows == [([*b"Hi"], [[*b"x", AB], [*b"y"]])]
    assert prepared.arrays["response_skips"].tolist() == [1, 0]
    assert prepared.metadata["boundary_mismatches"] == "1"


def test_a_response_that_ends_with_the_user_is_rejected(prepare):
    outcome = prepare(
        [conversation(response("A"), response("B", "?")), conversation(response("A"), response("B"))],
        "--last-turn-only",
    )
    reason = "a response must end with a message of the assistant, found 'user'"
    assert outcome.err.endswith(f"data.jsonl:1: {reason}\n")
    assert len(outcome.prepared.rows) == 1


def test_texts_are_one_turn(prepare):
    row = {"prompt": "P", "chosen": "y", "rejected": "n"}
    assert prepare([row], "--last-turn-only").path.read_bytes() == prepare([row]).path.read_bytes()
