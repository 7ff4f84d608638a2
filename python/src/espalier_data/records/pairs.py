"""Pairs of responses in the columns of public formats, and which of the two is better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .bad_row import BadRow
from .columns import Columns
from .encoded import structured
from .named import compare_with_chosen, named_pair, refuse_names_of_columns
from .numbers import finite, number
from .opposites import opposites
from .sides import Sides, marked, sides
from .verdicts import advantage, without_verdict

_WINNERS = {"model_a": 1, "model_b": -1, "a": 1, "b": -1, "response_a": 1, "response_b": -1}
_WINNERS |= dict.fromkeys(("tie", "tie (bothbad)", "tie (both bad)", "both_bad", "bothbad"), 0)


@dataclass(frozen=True)
class Pair:
    """Two responses; `advantage` is above 0 if the first is better, below 0 if the second is, and 0 for a tie."""

    responses: list[Any]
    advantage: float
    #: The columns of the responses.
    names: tuple[str, ...]
    #: Prompts in the form's own columns: a column and its text of the user, or messages.
    question: tuple[str, str] | None = None
    prompt: list[Any] | None = None


@dataclass(frozen=True)
class _Form:
    """Two columns and the column of the verdict; without one the first response is better."""

    first: str
    second: str
    verdict: str | None = None
    advantage: Callable[[Any, str], float] | None = None
    #: The column of the question, in forms that define one.
    question: str | None = None


def _negative_first(value: Any, name: str) -> float:
    return -finite([value], name)[0]


def _numbered(value: Any) -> str:
    """Returns the remedies for a winner that is a number."""
    if isinstance(value, bool) or number(value) not in (0, 1, 2):
        return ""
    starts = [start for start in (0, 1) if start <= number(value) <= start + 1]
    options = (f"--columns response_{n}=A response_{n + 1}=B if {n} is A" for n in starts)
    return f"; with A and B for the columns of the answers, use {', or '.join(options)}"


def _winner(value: Any, name: str) -> float:
    text = value.strip().lower() if isinstance(value, str) else ""
    advantage = _WINNERS.get(text, _WINNERS.get(marked(text)))
    if advantage is None:
        raise BadRow(f"{name} must be model_a, model_b or tie, found {value!r}{_numbered(value)}")
    return advantage


def _number(first: int, second: int) -> Callable[[Any, str], float]:
    def advantage(value: Any, name: str) -> float:
        if number(value) not in (first, second):
            raise BadRow(f"{name} must be {first} or {second}, found {value!r}")
        return 1 if number(value) == first else -1

    return advantage


_FORMS = (
    _Form("response_1", "response_2", "preference_strength", _negative_first),  # HelpSteer2
    _Form("response1", "response2", "overall_preference", _negative_first),  # HelpSteer3
    _Form("conversation_a", "conversation_b", "winner", _winner),  # Chatbot Arena
    _Form("response_a", "response_b", "winner", _winner),
    _Form("human_ref_A", "human_ref_B", "labels", _number(1, 0), "history"),  # SHP
    _Form("response_0", "response_1", "better_response_id", _number(0, 1)),  # PKU-SafeRLHF
    _Form("output_1", "output_2", "preference", _number(1, 2)),  # AlpacaFarm
)
# After `chosen` and `rejected`.
_ORDERED = (
    _Form("chosen_response", "rejected_response"),  # Argilla, NeMo-Aligner
    _Form("chosen_conversations", "rejected_conversations"),  # torchtune
    _Form("response_j", "response_k"),  # StackExchange pairs
    _Form("response", "rejected_response", question="query"),  # ms-swift
    _Form("messages", "rejected_messages"),
)


def judged_pair(columns: Columns) -> Pair | None:
    """Returns the responses of a record that says which of two is better."""
    if columns.has("response_a", "response_b", "winner_model_a", "winner_model_b"):
        return _arena_turns(columns)
    for form in _FORMS:
        if columns.has(form.first, form.second, form.verdict):
            _check_turn(columns, form.first)
            pair = _pair(columns, form)
            if form.verdict:
                compare_with_chosen(columns, pair.responses, pair.advantage, form.verdict)
            return pair
    return _named(columns)


def _named(columns: Columns) -> Pair | None:
    """Returns two answers of a record whose `chosen` or `rejected` names one of them."""
    found = named_pair(columns)
    return None if found is None else Pair([columns.read(name) for name in found.names], found.advantage, found.names)


def ordered_pair(columns: Columns) -> Pair | None:
    """Returns the responses of a record whose columns say which is better, other than `chosen` and `rejected`."""
    if columns.has("input", "preferred_output", "non_preferred_output"):
        return _openai(columns)
    for form in _ORDERED:
        if columns.has(form.first, form.second):
            return _pair(columns, form)
    if columns.has("messages", "rejected_response"):
        return _replaced_answer(columns)
    found = sides(columns)
    return _of_sides(columns, found) if found else pair_of_opposites(columns)


def _of_sides(columns: Columns, found: Sides) -> Pair:
    _check_turn(columns, found.names[0])
    better = advantage(columns, found)
    if better is None:
        raise without_verdict(columns, found)
    return Pair([columns.read(name) for name in found.names], better, found.names)


# Columns that may hold an object of two answers, by names such as `preferred` and `dispreferred`.
_OBJECTS = ("completion", "completions", "response", "responses", "answers", "output", "outputs", "candidates", "pair")


def pair_of_opposites(columns: Columns) -> Pair | None:
    """Returns the answers of columns with opposite names, such as `accepted` and `rejected`."""
    texts = [name for name in columns.fields if isinstance(columns.get(name), (str, list, dict))]
    names = opposites(texts)
    if names is not None:
        refuse_names_of_columns(columns, list(names))
        return Pair([columns.read(name) for name in names], 1, names)
    for name in _OBJECTS:
        value = structured(columns.get(name))
        keys = (
            opposites(key for key, item in value.items() if number(item) is None) if isinstance(value, dict) else None
        )
        if keys is not None:
            columns.read(name)
            return Pair([value[key] for key in keys], 1, tuple(f"{name}.{key}" for key in keys))
    return None


def _pair(columns: Columns, form: _Form) -> Pair:
    advantage = form.advantage(columns.read(form.verdict), form.verdict) if form.verdict else 1
    question = columns.read(form.question) if form.question else None
    if question is not None and not isinstance(question, str):
        raise BadRow(f"{form.question} must be text, found {type(question).__name__}")
    names = (form.first, form.second)
    responses = [columns.read(name) for name in names]
    return Pair(responses, advantage, names, (form.question, question) if question and question.strip() else None)


def _check_turn(columns: Columns, name: str) -> None:
    """Raises an error if an earlier turn was judged than the last one of a conversation, as in MT-bench."""
    turn, messages = columns.get("turn"), columns.get(name)
    if not isinstance(turn, int) or not isinstance(messages, list):
        return
    count = sum(isinstance(message, dict) and message.get("role") == "user" for message in messages)
    if turn < count:
        raise BadRow(f"turn says that an earlier turn was judged, but {name} goes on; remove the turns after it")


def _replaced_answer(columns: Columns) -> Pair:
    """Reads ms-swift's form: `messages` end with the better response, and `rejected_response` is the worse one."""
    messages = structured(columns.read("messages"))
    rejected = columns.read("rejected_response")
    if not isinstance(messages, list) or len(messages) < 2:
        raise BadRow("with rejected_response, messages must be a list that ends with the better response")
    return Pair([messages[-1:], rejected], 1, ("messages", "rejected_response"), prompt=messages[:-1])


def _openai(columns: Columns) -> Pair:
    """Reads the form of OpenAI's preference fine-tuning: an object `input` with messages and tools."""
    given = columns.get("input")
    if not isinstance(given, dict) or not isinstance(given.get("messages"), list):
        raise BadRow("with preferred_output, input must be an object with a list of messages")
    columns.unfold("input")
    names = ("preferred_output", "non_preferred_output")
    return Pair([columns.read(name) for name in names], 1, names, prompt=columns.read("messages"))


def _arena_turns(columns: Columns) -> Pair:
    """Reads Chatbot Arena's form of a JSON list of texts in each of `prompt`, `response_a` and `response_b`."""
    first, second = (finite([columns.read(name)], name)[0] for name in ("winner_model_a", "winner_model_b"))
    columns.read("winner_tie")
    names = ("response_a", "response_b")
    asked, *answers = (_texts(columns, name) for name in ("prompt", *names))
    if any(len(turns) != len(asked) for turns in answers):
        raise BadRow("prompt, response_a and response_b must have the same number of turns")
    return Pair([_alternating(asked, turns) for turns in answers], first - second, names)


def _texts(columns: Columns, name: str) -> list[str]:
    turns = structured(columns.read(name))
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
        raise BadRow(f"with winner_model_a, {name} must be a list of texts, one for each turn")
    return turns


def _alternating(asked: list[str], answered: list[str]) -> list[dict[str, str]]:
    return [
        message
        for question, answer in zip(asked, answered)
        for message in ({"role": "user", "content": question}, {"role": "assistant", "content": answer})
    ]
