"""Several responses to a prompt, in the formats of public datasets, and their ranks."""

import pytest
from tiny import END, answered, asked

BEST_FIRST = [[*b"A", END], [*b"B", END], [*b"C", END]]
ASKED = asked(("user", "Q"))


def entries(key: str, number: str, values: list) -> list[dict]:
    return [{key: text, number: value, "model": "m"} for text, value in zip("BCA", values)]


@pytest.mark.parametrize(
    "row",
    [
        {"responses": ["A", "B", "C"]},
        {"response": ["A", "B", "C"]},
        {"responses": ["B", "C", "A"], "scores": [0.5, -2, 7]},
        {"responses": ["B", "C", "A"], "ratings": [2, 1, 3]},
        {"responses": ["B", "C", "A"], "rewards": [2, 1, 10**400]},
        {"response": ["B", "C", "A"], "rank": [2, 3, 1]},
        {"completions": entries("response", "overall_score", [7.5, 2, 8])},
        {"answers": entries("answer", "rank", [2.0, 3.0, 1.0])},
        {"responses": entries("text", "reward", [-1, -2, 0])},
    ],
    ids=["list", "singular", "scores", "ratings", "rewards", "ranks", "ultrafeedback", "nectar", "objects"],
)
def test_responses_are_sorted_best_first(row, prepare):
    prepared = prepare([{"prompt": "Q", **row}]).prepared
    assert prepared.rows == [([*b"Q"], BEST_FIRST)]
    assert "response_ranks" not in prepared.arrays
    assert prepared.metadata["format_version"] == "1"


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Q", "response_1": "B", "response_2": "A", "preference_strength": 2},
        {"prompt": "Q", "response_1": "A", "response_2": "B", "preference_strength": -1},
    ],
)
def test_a_number_selects_the_better_of_two_responses(row, prepare):
    assert prepare([row]).prepared.rows == [([*b"Q"], BEST_FIRST[:2])]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Q", "completions": entries("response", "overall_score", [2, 1, 3])[::2]},
        {"context": [{"role": "user", "content": "Q"}], "response1": "B", "response2": "A", "overall_preference": 1},
        {"question": "Q", "chosen": "A", "rejected": "B"},
        {"instruction": "Q", "input": "", "chosen": "A", "rejected": "B"},
        {
            "question": "Q",
            **{
                k: [{"role": "user", "content": "Q"}, {"role": "assistant", "content": a}]
                for k, a in (("chosen", "A"), ("rejected", "B"))
            },
        },
    ],
    ids=["ultrafeedback", "helpsteer3", "question", "instruction", "question with conversations"],
)
def test_questions_are_put_into_the_chat_template(row, prepare):
    assert prepare([row]).prepared.rows == [(ASKED, [answered("A"), answered("B")])]


def test_an_instruction_has_its_input_below_and_its_system_above(prepare):
    row = {"system": "S", "instruction": "Q", "input": "I", "chosen": "A", "rejected": "B"}
    expected = asked(("system", "S"), ("user", "Q\nI"))
    assert prepare([row]).prepared.rows == [(expected, [answered("A"), answered("B")])]


def test_equal_scores_tie_and_keep_their_order(prepare):
    rows = [
        {"prompt": "Q", "responses": ["B", "C", "A", "D"], "scores": [2, 1, 3, 2]},
        {"prompt": "P", "chosen": "y", "rejected": "n"},
        {
            "prompt": "Q",
            "answers": [{"answer": "x", "rank": 1}, {"answer": "z", "rank": 2}, {"answer": "y", "rank": 1}],
        },
    ]
    prepared = prepare(rows).prepared
    assert [chr(response[0]) for row in prepared.rows for response in row[1]] == [*"ABDC", *"yn", *"xyz"]
    ranks = prepared.arrays["response_ranks"]
    assert (ranks.dtype, ranks.tolist()) == ("int32", [0, 1, 1, 2, 0, 1, 0, 0, 1])
    assert prepared.metadata["format_version"] == "2"


def test_whole_conversations_can_be_scored(prepare):
    conversations = [[{"role": "user", "content": "Q"}, {"role": "assistant", "content": text}] for text in "BCA"]
    prepared = prepare([{"responses": conversations, "scores": [2, 1, 3]}]).prepared
    assert prepared.rows == [(ASKED, [answered("A"), answered("B"), answered("C")])]


def test_a_pair_takes_precedence_over_a_list(prepare):
    row = {"prompt": "Q", "chosen": "A", "rejected": "B", "responses": ["C", "D"], "score_chosen": 1}
    assert prepare([row]).prepared.rows == [([*b"Q"], BEST_FIRST[:2])]
