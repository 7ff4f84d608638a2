"""Truncation at `max_length` and `max_prompt_length`."""

import tiny
from tiny import END


def row(prompt: str, chosen: str, rejected: str) -> dict:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def test_responses_are_truncated_at_the_end_and_counted(prepare):
    outcome = prepare([row("12345", "abcdefgh", "xy"), row("1", "abcdefgh", "stuvwxyz")], "--max-length", 8)
    assert outcome.prepared.rows == [
        ([*b"12345"], [[259, *b"cd"], [*b"xy", END]]),
        ([*b"1"], [[259, *b"cdefgh"], [*b"stuvwxy"]]),
    ]
    metadata = outcome.prepared.metadata
    assert (metadata["truncated_rows"], metadata["truncated_responses"]) == ("2", "3")
    assert metadata["truncation_mode"] == "keep_start"


def test_a_response_that_exactly_fits_keeps_its_end_token(prepare):
    prepared = prepare([row("12345", "xy", "z")], "--max-length", 8).prepared
    assert prepared.rows == [([*b"12345"], [[*b"xy", END], [*b"z", END]])]
    assert prepared.metadata["truncated_rows"] == "0"


def test_a_prompt_that_fills_the_length_is_dropped_and_counted(prepare):
    outcome = prepare(
        [row("1234567", "p", "q"), row("12345678", "p", "q"), row("123456789", "p", "q")], "--max-length", 8
    )
    assert outcome.prepared.rows == [([*b"1234567"], [[*b"p"], [*b"q"]])]
    assert outcome.prepared.arrays["source_rows"].tolist() == [0]
    assert outcome.prepared.metadata["dropped_prompt_fills_max_length"] == "2"
    assert "dropped prompt fills max length    2\n" in outcome.out


def test_responses_that_become_identical_are_counted(prepare):
    prepared = prepare([row("123456", "same then", "same now"), row("1", "p", "q")], "--max-length", 8).prepared
    assert prepared.rows[0] == ([*b"123456"], [[*b"sa"], [*b"sa"]])
    assert prepared.metadata["identical_responses"] == "1"


def test_no_remaining_row_is_an_error(prepare):
    outcome = prepare([row("12345678", "p", "q")], "--max-length", 8)
    assert (outcome.status, outcome.path.exists()) == (1, False)
    assert outcome.err == (
        "error: none of 1 row can be used; 1 dropped: the prompt fills --max-length 8; raise it, or shorten prompts "
        "with --max-prompt-length or --truncation-mode keep_end; nothing was written\n"
    )


def test_the_last_tokens_of_a_long_prompt_are_kept_and_counted(prepare):
    outcome = prepare([row("12345678", "p", "q"), row("123", "p", "q")], "--max-prompt-length", 3)
    assert [prompt for prompt, _ in outcome.prepared.rows] == [[*b"678"], [*b"123"]]
    assert outcome.prepared.metadata["truncated_prompts"] == "1"
    assert outcome.prepared.metadata["max_prompt_length"] == "3"
    assert "truncated prompts                  1\n" in outcome.out


def test_the_prompt_is_truncated_before_the_length_of_both_is_checked(prepare):
    options = "--max-length", 8, "--max-prompt-length", 5
    assert prepare([row("123456789", "xyz", "z")], *options).prepared.rows == [([*b"56789"], [[*b"xyz"], [*b"z", END]])]


KEEP_END = "--max-length", 8, "--truncation-mode", "keep_end"


def test_keep_end_truncates_the_prompt_as_the_longest_response_requires(prepare):
    outcome = prepare([row("1234567", "xyz", "z"), row("1234", "xyz", "z")], *KEEP_END)
    assert outcome.prepared.rows == [
        ([*b"4567"], [[*b"xyz", END], [*b"z", END]]),
        ([*b"1234"], [[*b"xyz", END], [*b"z", END]]),
    ]
    metadata = outcome.prepared.metadata
    assert (metadata["truncated_prompts"], metadata["truncated_responses"]) == ("1", "0")
    assert metadata["truncation_mode"] == "keep_end"


def test_keep_end_keeps_a_token_of_the_prompt_and_truncates_longer_responses(prepare):
    prepared = prepare([row("123", "stuvwxyz", "z"), row("123456789", "stuvwx", "z")], *KEEP_END).prepared
    assert prepared.rows == [
        ([*b"3"], [[*b"stuvwxy"], [*b"z", END]]),
        ([*b"9"], [[*b"stuvwx", END], [*b"z", END]]),
    ]
    assert prepared.metadata["truncated_responses"] == "1"


def test_keep_end_drops_no_row_for_its_prompt(prepare):
    prepared = prepare([row("1" * 100, "p", "q")], *KEEP_END).prepared
    assert prepared.rows == [([*b"111111"], [[*b"p", END], [*b"q", END]])]
    assert "dropped_prompt_fills_max_length" not in prepared.metadata


def test_keep_end_equals_trl_for_the_longest_response_and_keeps_less_for_shorter_ones(prepare):
    # TRL keeps the last tokens of each sequence separately.
    prompt, longer, shorter = [*b"123456789"], [*b"xyz", END], [*b"z", END]
    ((kept, responses),) = prepare([row("123456789", "xyz", "z")], *KEEP_END).prepared.rows
    assert kept + responses[0] == (prompt + longer)[-8:]
    assert kept + responses[1] == (prompt + shorter)[-6:]


def test_a_completely_truncated_last_turn_drops_the_row(prepare):
    user = {"role": "user", "content": "Hi"}
    turns = [[{"role": "assistant", "content": text}, user, {"role": "assistant", "content": "!"}] for text in "ab"]
    conversation = {"prompt": [user], "chosen": turns[0], "rejected": turns[1]}
    before = len(tiny.asked(("user", "Hi"), ("assistant", "a"), ("user", "Hi")))
    outcome = prepare([conversation, row("1", "p", "q")], "--last-turn-only", "--max-length", before)
    assert len(outcome.prepared.rows) == 1
    assert outcome.prepared.metadata["dropped_last_turn_beyond_max_length"] == "1"
    kept = prepare([conversation], "--last-turn-only", "--max-length", before + 1).prepared.rows[0]
    assert [response[-1:] for response in kept[1]] == [[*b"!"], [*b"!"]]
