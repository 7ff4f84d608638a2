"""A small sample of the form of each public data set, with sentences of our own."""

from typing import Any

import pytest
from espalier_data.records.answers import BadRow
from espalier_data.records.rows import parse
from rows import assistant, notes, reason, shown, system, user

Q, GOOD, BAD = "Name a river in Peru.", "The Ucayali.", "The Thames."
ASKED = ([f"user: {Q}"], [[f"assistant: {GOOD}"], [f"assistant: {BAD}"]])
GUIDED = (["system: Be brief.", *ASKED[0]], ASKED[1])
AFTER_TURNS = (["user: Hi", "assistant: Hello", *ASKED[0]], ASKED[1])
CONTINUED = (Q, [GOOD, BAD])
DIALOGUE = f"\n\nHuman: {Q}\n\nAssistant:"
BETTER, WORSE = [user(Q), assistant(GOOD)], [user(Q), assistant(BAD)]
PAIR = {"chosen": BETTER, "rejected": WORSE}
TEXTS = {"chosen": GOOD, "rejected": BAD}


def unused(*columns: str) -> list[str]:
    return [f"the column '{column}' is not used" for column in columns]


def human(value: str) -> dict[str, str]:
    return {"from": "human", "value": value}


def gpt(value: str) -> dict[str, str]:
    return {"from": "gpt", "value": value}


def completion(model: str, response: str, score: float) -> dict[str, Any]:
    details = {"annotations": {"honesty": {"Rating": "5", "Rationale": "It is so."}}, "critique": "Well done."}
    guidance = {"custom_system_prompt": "Be honest.", "principle": "honesty", "fine-grained_score": score}
    return {"model": model, "response": response, "overall_score": score, **details, **guidance}


ARENA = {"question_id": "q1", "model_a": "m", "model_b": "n", "turn": 1, "language": "English", "tstamp": 1.5}
REDDIT = {"post_id": "x", "domain": "travel", "upvote_ratio": 0.9, "c_root_id_A": "a", "c_root_id_B": "b"}
REDDIT |= {"created_at_utc_A": 1, "created_at_utc_B": 2, "score_A": 3, "score_B": 9, "score_ratio": 3.0}

FORMS: dict[str, tuple[dict[str, Any], Any, list[str]]] = {
    "UltraFeedback, binarized": (
        {"prompt": Q, "prompt_id": "7f", **PAIR, "messages": BETTER, "score_chosen": 8.5, "score_rejected": 2.0},
        ASKED,
        [],
    ),
    "UltraFeedback, full": (
        {
            **{"source": "evol_instruct", "instruction": Q, "models": ["m", "n"]},
            "completions": [completion("m", BAD, 2.0), completion("n", GOOD, 8.5)],
            **{"correct_answers": ["None"], "incorrect_answers": ["None"]},
        },
        ASKED,
        ["the key 'custom_system_prompt' of completions is not used", *unused("correct_answers", "incorrect_answers")],
    ),
    "UltraFeedback, Argilla's": (
        {
            **{"source": "sharegpt", "instruction": Q, "chosen_response": GOOD, "rejected_response": BAD},
            **{"chosen_avg_rating": 5.0, "rejected_avg_rating": 2.5, "chosen_model": "m"},
        },
        ASKED,
        [],
    ),
    "UltraFeedback, Argilla's cleaned": (
        {
            **{"source": "sharegpt", "prompt": Q, **PAIR, "chosen-rating": 5.0, "rejected-rating": 2.5},
            **{"chosen-model": "m", "rejected-model": "n"},
        },
        ASKED,
        [],
    ),
    "Nectar": (
        {
            **{"prompt": DIALOGUE + " ", "turns": 1, "num_responses": 2, "source": ["lmsys"], "good_natured": True},
            "answers": [{"answer": BAD, "model": "m", "rank": 2.0}, {"answer": GOOD, "model": "n", "rank": 1.0}],
        },
        (DIALOGUE + " ", [GOOD, BAD]),
        [],
    ),
    "HH-RLHF": (
        {"chosen": f"{DIALOGUE} {GOOD}", "rejected": f"{DIALOGUE} {BAD}"},
        (DIALOGUE, [f" {GOOD}", f" {BAD}"]),
        [],
    ),
    "SHP": (
        {**REDDIT, "history": Q, "human_ref_A": BAD, "human_ref_B": GOOD, "labels": 0, "seconds_difference": 9.0},
        ASKED,
        [],
    ),
    "Orca DPO pairs": ({"system": "Be brief.", "question": Q, **TEXTS}, GUIDED, []),
    "Orca DPO pairs, Argilla's": (
        {
            **{"system": "Be brief.", "input": Q, **TEXTS, "generations": [BAD, GOOD], "rating": [2.0, 9.0]},
            **{"labelling_model": "m", "labelling_prompt": [system("Judge."), user("Which?")], "chosen_score": 9.0},
            **{"raw_labelling_response": "2 9", "rationale": "The second is right.", "order": ["rejected", "chosen"]},
        },
        GUIDED,
        unused("generations", "labelling_prompt", "raw_labelling_response", "rationale", "order"),
    ),
    "Argilla, without a verdict": (
        {"instruction": Q, "generations": [BAD, GOOD], "ratings": [2, 4], "rationales": ["No.", "Yes."]},
        ASKED,
        unused("rationales"),
    ),
    "Tulu 3 preference": (
        {
            **{"id": "a", "source": "tulu", "prompt": Q, **PAIR, "chosen_rating": 4.75, "rejected_rating": 3},
            **{"chosen_model": "m", "rejected_model": "n"},
        },
        ASKED,
        [],
    ),
    "HelpSteer2": (
        {
            **{"split": "train", "prompt": Q, "response_1": BAD, "response_2": GOOD, "preference_strength": 2},
            **{"preference_statement": "The second is right.", "preference_elaboration": "It is in Peru."},
        },
        CONTINUED,
        unused("preference_statement", "preference_elaboration"),
    ),
    "HelpSteer3": (
        {
            **{"domain": "general", "language": "english", "context": [user("Hi"), assistant("Hello"), user(Q)]},
            **{"response1": GOOD, "response2": BAD, "overall_preference": -3},
            "individual_preference": [{"score": -3, "reasoning": "Right.", "feedback_1": "a", "feedback_2": "b"}],
        },
        AFTER_TURNS,
        unused("individual_preference"),
    ),
    "Skywork": ({**PAIR, "source": "helpsteer2"}, ASKED, []),
    "ORPO DPO mix": ({"source": "x", **PAIR, "prompt": Q, "question": Q}, ASKED, []),
    "Chatbot Arena": (
        {**ARENA, "conversation_a": WORSE, "conversation_b": BETTER, "winner": "model_b", "anony": True, "judge": "j"},
        ASKED,
        [],
    ),
    "Arena, 140k": (
        {
            **{"model_a": "m", "model_b": "n", "winner": "model_a", "evaluation_session_id": "s", "is_code": False},
            "conversation_a": [
                user([{"type": "text", "text": Q, "image": None}]),
                assistant([{"type": "text", "text": GOOD}]),
            ],
            "conversation_b": [
                user([{"type": "text", "text": Q, "image": None}]),
                assistant([{"type": "text", "text": BAD}]),
            ],
        },
        ASKED,
        unused("is_code"),
    ),
    "Arena, 55k": (
        {
            **{"id": 3, "prompt": f'["{Q}"]', "response_a": f'["{GOOD}"]', "response_b": f'["{BAD}"]'},
            **{"winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0, "model_a": "m", "model_b": "n"},
        },
        ASKED,
        [],
    ),
    "LLaMA-Factory, alpaca": (
        {"instruction": "Name a river", "input": "in Peru.", **TEXTS, "history": [["Hi", "Hello"]], "system": ""},
        (["user: Hi", "assistant: Hello", "user: Name a river\nin Peru."], ASKED[1]),
        [],
    ),
    "LLaMA-Factory, alpaca, before": ({"instruction": Q, "input": "", "output": [GOOD, BAD]}, ASKED, []),
    "LLaMA-Factory, sharegpt": (
        {"conversations": [human(Q)], "chosen": gpt(GOOD), "rejected": gpt(BAD), "system": "Be brief.", "tools": ""},
        GUIDED,
        [],
    ),
    "ms-swift": ({"messages": [system("Be brief."), *BETTER], "rejected_response": BAD, "images": []}, GUIDED, []),
    "ms-swift, messages": ({"messages": BETTER, "rejected_messages": WORSE}, ASKED, []),
    "ms-swift, query": (
        {"query": Q, "response": GOOD, "rejected_response": BAD, "history": [["Hi", "Hello"]]},
        AFTER_TURNS,
        [],
    ),
    "axolotl, chat_template": (
        {"messages": [user(Q)], "chosen": assistant(GOOD), "rejected": assistant(BAD)},
        ASKED,
        [],
    ),
    "axolotl, icr": ({"system": "Be brief.", "input": Q, **TEXTS}, GUIDED, []),
    "TRL, messages": ({"prompt": [user(Q)], "chosen": BETTER[1:], "rejected": WORSE[1:]}, ASKED, []),
    "TRL, text": ({"prompt": Q, **TEXTS}, CONTINUED, []),
    "OpenAI": (
        {
            "input": {"messages": [user("Hi"), assistant("Hello"), user(Q)], "tools": [], "parallel_tool_calls": True},
            **{"preferred_output": [assistant(GOOD)], "non_preferred_output": [assistant(BAD)]},
        },
        AFTER_TURNS,
        unused("input.parallel_tool_calls"),
    ),
    "NeMo RL": (
        {
            "context": [user(Q)],
            "completions": [{"rank": 0, "completion": BETTER[1:]}, {"rank": 1, "completion": WORSE[1:]}],
        },
        ASKED,
        [],
    ),
    "torchtune": ({"chosen_conversations": BETTER, "rejected_conversations": WORSE}, ASKED, []),
    "PKU-SafeRLHF": (
        {
            **{"prompt": Q, "response_0": BAD, "response_1": GOOD, "better_response_id": 1, "safer_response_id": 0},
            **{"prompt_source": "x", "response_0_source": "m", "response_0_sha256": "f0"},
        },
        CONTINUED,
        [],
    ),
    "AlpacaFarm": ({"instruction": Q, "input": "", "output_1": BAD, "output_2": GOOD, "preference": 2}, ASKED, []),
    "StackExchange pairs": (
        {"qid": 1, "question": Q, "response_j": GOOD, "response_k": BAD, "date": "2020"},
        ASKED,
        [],
    ),
    "StackExchange preferences": (
        {
            **{"qid": 1, "question": Q, "date": "2020", "metadata": ["url"]},
            "answers": [
                {"answer_id": 1, "author": "a", "pm_score": 1, "selected": False, "text": BAD},
                {"answer_id": 2, "author": "b", "pm_score": 4, "selected": True, "text": GOOD},
            ],
        },
        ASKED,
        [],
    ),
    "Snorkel, SimPO": (
        {
            **{"prompt_id": "x", "prompt": Q, **PAIR, "all_generated_responses": [BAD, GOOD]},
            "all_rm_scores": [0.1, 0.2],
        },
        ASKED,
        unused("all_generated_responses"),
    ),
    "OASST pairs": ({"lang": "en", "parent_id": "p", "prompt": [user(Q)], **TEXTS}, ASKED, []),
    "Capybara": (
        {
            **{"source": "x", "conversation": [{"input": Q, "output": GOOD}], "original_response": GOOD, **PAIR},
            **{"rating_chosen": 5, "rating_rejected": 2},
        },
        ASKED,
        [],
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_public_form_gives_its_prompt_and_its_answers(name):
    value, expected, remarks = FORMS[name]
    row = parse(value)
    assert (shown(row), notes(row)) == (expected, remarks)
    assert row.guessed_prompt == (name == "HH-RLHF")


REFUSED = {
    "KTO": ({"prompt": Q, "completion": GOOD, "label": True}, "unpaired feedback (label), as for KTO"),
    "KTO, LLaMA-Factory": ({"messages": BETTER, "kto_tag": True}, "unpaired feedback (kto_tag), as for KTO"),
    "fine-tuning": ({"messages": BETTER}, "a single response (messages), as for supervised fine-tuning"),
    "Alpaca": ({"instruction": Q, "input": "", "output": GOOD}, "a single response (output), as for supervised"),
    "LLaMA-Factory, three outputs": (
        {"instruction": Q, "output": [GOOD, BAD, BAD]},
        "output must be a list of the better and the worse response, found 3",
    ),
    "Arena, tie": (
        {"conversation_a": BETTER, "conversation_b": WORSE, "winner": "tie (bothbad)"},
        "all responses have the same score, so none is preferred",
    ),
    "Arena, no verdict": (
        {"conversation_a": BETTER, "conversation_b": WORSE},
        "conversation_a and conversation_b without",
    ),
    "Arena, unknown verdict": (
        {"conversation_a": BETTER, "conversation_b": WORSE, "winner": "me"},
        "winner must be model_a, model_b or tie, found 'me'",
    ),
    "MT-bench, first turn": (
        {"conversation_a": BETTER + BETTER, "conversation_b": BETTER + WORSE, "winner": "model_a", "turn": 1},
        "turn says that an earlier turn was judged, but conversation_a goes on",
    ),
    "Argilla, tie": ({"input": Q, "generations": [GOOD, BAD], "rating": [9, 9]}, "all responses have the same score"),
    "SHP, unknown label": (
        {"history": Q, "human_ref_A": GOOD, "human_ref_B": BAD, "labels": 2},
        "labels must be 1 or 0",
    ),
    "RLAIF-V": ({"image": {"bytes": "x"}, "question": Q, **TEXTS}, "the column 'image' holds what a text model cannot"),
    "Math-Step-DPO": (
        {"prompt": Q, "initial_reason_steps": "Step 1.", **TEXTS, "answer": "7"},
        "the column 'initial_reason_steps' looks like part of the prompt",
    ),
    "SQL": ({"schema": "CREATE TABLE t", "question": Q, **TEXTS}, "the column 'schema' looks like part of the prompt"),
    "ms-swift, one message": (
        {"messages": [assistant(GOOD)], "rejected_response": BAD},
        "with rejected_response, messages",
    ),
    "arrays of texts": ({"prompt": Q, "chosen": [GOOD], "rejected": [BAD]}, "chosen: expected a message, found str"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_gives_no_preference_is_refused_by_its_name(name):
    value, message = REFUSED[name]
    assert reason(value, kind=BadRow).startswith(message)
