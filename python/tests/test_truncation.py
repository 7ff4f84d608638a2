"""What happens at `max_length`."""

from tiny import END


def row(prompt: str, chosen: str, rejected: str) -> dict:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def test_responses_are_cut_at_the_end_and_counted(prepare):
    outcome = prepare([row("12345", "abcdefgh", "xy"), row("1", "abcdefgh", "stuvwxyz")], "--max-length", 8)
    assert outcome.prepared.rows == [
        ([*b"12345"], [[259, *b"cd"], [*b"xy", END]]),
        ([*b"1"], [[259, *b"cdefgh"], [*b"stuvwxy"]]),
    ]
    metadata = outcome.prepared.metadata
    assert (metadata["truncated_rows"], metadata["truncated_responses"]) == ("2", "3")
    assert metadata["truncation_mode"] == "keep_start"


def test_a_response_that_just_fits_keeps_its_end_token(prepare):
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


def test_responses_that_become_the_same_are_counted(prepare):
    prepared = prepare([row("123456", "same then", "same now"), row("1", "p", "q")], "--max-length", 8).prepared
    assert prepared.rows[0] == ([*b"123456"], [[*b"sa"], [*b"sa"]])
    assert prepared.metadata["identical_responses"] == "1"


def test_nothing_left_is_an_error(prepare):
    outcome = prepare([row("12345678", "p", "q")], "--max-length", 8)
    assert (outcome.status, outcome.path.exists()) == (1, False)
    assert outcome.err == "error: no usable row of 1 read; nothing was written\n"


def test_a_length_without_room_for_a_response_is_refused(prepare):
    outcome = prepare([row("1", "p", "q")], "--max-length", 1)
    assert (outcome.status, outcome.err) == (1, "error: --max-length must be at least 2, found 1\n")
