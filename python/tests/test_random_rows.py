"""Random rows in all forms: what is kept has exactly the conversation's tokens, and what has a fault is refused."""

import random
from collections import Counter

import pytest
import tiny
from espalier_data.records.answers import BadRow
from espalier_data.records.rows import parse
from espalier_data.tokens.tokenization import PreferenceTokenizer
from pyarrow import Table, parquet
from random_rows import FAULTS, IGNORED, Made, Writer
from test_public_forms import FORMS

SEEDS = range(600)
SPECIAL = {tiny.START: b"<|im_start|>", tiny.END: b"<|im_end|>", tiny.AB: b"ab"}


@pytest.fixture(scope="module")
def tokenizer(model) -> PreferenceTokenizer:
    return PreferenceTokenizer(model)


def decoded(tokens: list[int]) -> str:
    return b"".join(SPECIAL.get(token) or bytes([token]) for token in tokens).decode()


def written(made: Made) -> list[str]:
    """Returns the conversations in ChatML, with each answer."""
    start = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in made.turns)
    return [f"{start}<|im_start|>assistant\n{answer}<|im_end|>\n" for answer in made.answers]


def test_a_row_without_a_fault_gives_the_tokens_of_its_conversation(tokenizer):
    forms = Counter()
    for seed in SEEDS:
        made = Writer(seed).row(fault=None)
        row = parse(made.row)
        tokens = tokenizer(row)
        texts = [decoded(tokens.prompt + response) for response in tokens.responses]
        assert texts == written(made), (seed, made.row)
        assert row.ranks == list(range(len(texts)))
        remarks = " ".join(note.text for note in row.notes)
        assert all(f"'{name}'" in remarks and text not in texts[0] for name, text in made.noted.items()), (
            seed,
            remarks,
        )
        forms[
            frozenset(made.row) & {"prompt", "conversations", "context", "messages", "input", "question", "history"}
        ] += 1
    assert len(forms) > 6
    assert min(forms.values()) > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_with_a_fault_is_refused(fault):
    reasons = set()
    for seed in range(100):
        made = Writer(seed).row(fault)
        with pytest.raises(BadRow) as caught:
            parse(made.row)
            pytest.fail(f"{seed}: {made.row} is kept")
        reasons.add(str(caught.value))
    assert not any(reason.startswith("no prompt, and") for reason in reasons)


def test_json_and_tables_give_the_same_tokens(prepare, tmp_path):
    kept = 0
    for seed in range(80):
        row = Writer(seed).row(fault=None).row
        try:
            parquet.write_table(Table.from_pylist([row]), tmp_path / "rows.parquet")
        except (TypeError, ValueError):  # A table has one type for each column, so no text beside messages.
            continue
        table = prepare(tmp_path / "rows.parquet").prepared.rows
        assert table == prepare([row]).prepared.rows, seed
        kept += 1
    assert kept > 10


def test_changed_rows_are_refused_or_keep_every_character(tokenizer):
    """Any value at any place is deleted or replaced: whatever is kept is text of the row, and no notation."""
    draw, outcomes = random.Random(17), Counter()
    for seed in SEEDS:
        made = Writer(seed).row(fault=None)
        changed = _changed(draw, made.row)
        try:
            row = parse(changed)
            tokens = tokenizer(row)
        except BadRow:
            outcomes["refused"] += 1
            continue
        outcomes["kept"] += 1
        remarks = " ".join(note.text for note in row.notes)
        texts = [decoded(tokens.prompt + response) for response in tokens.responses]
        for text in texts:
            assert not any(character in text for character in "{}[]\"'"), (seed, changed, text)
            roles = {turn.split("\n")[0] for turn in text.split("<|im_start|>")[1:]}
            assert roles <= {"user", "assistant", "system"}, (seed, changed, text)
        for name, value in changed.items():
            lost = [text for text in _texts(value) if text.strip() and not any(text in whole for whole in texts)]
            assert not lost or f"'{name}'" in remarks or name in IGNORED, (seed, changed, lost)
    assert min(outcomes["kept"], outcomes["refused"]) > 50, outcomes


def _changed(draw: random.Random, value: dict) -> dict:
    """Returns a row in which one value, at any depth, is deleted or replaced."""
    places = list(_places(value))
    path = draw.choice(places)
    replacement = draw.choice((None, "", " ", 7, [], {}, "new words", ["new words"], True))
    return _replaced(value, path, replacement)


def _places(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))


def _replaced(value, path, replacement):
    if not path:
        return replacement
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], replacement)
    return copy


# Keys of messages and parts whose values ChatML does not show.
_UNSHOWN = ("role", "from", "type", "id", "name", "tool_call_id", "image_url")


def _texts(value) -> list[str]:
    """Returns the words of a value that stand for content."""
    if isinstance(value, str):
        # Text that holds messages as JSON counts by its words, which are unlike all others.
        return [value] if value.strip()[:1] not in ("[", "{") else []
    if isinstance(value, dict):
        return [text for key, item in value.items() if key not in _UNSHOWN for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


REPLACEMENTS = (
    *(None, "", 7, [], {}, "new words", ["new words"], True, [1, 2], [None], "[1, 2]", {"messages": []}, "model_a"),
    *([{"from": "gpt", "value": "new words"}], {"role": ["user"], "content": ["new words"]}, [["new words", "more"]]),
)


def test_changed_public_forms_are_read_or_refused(tokenizer):
    draw, outcomes = random.Random(5), Counter()
    for _ in range(3000):
        row = draw.choice(list(FORMS.values()))[0]
        for _ in range(draw.choice((1, 1, 2, 3))):
            row = _replaced(row, draw.choice([*_places(row)] or [()]), draw.choice(REPLACEMENTS))
            row = row if isinstance(row, dict) else {"row": row}
        try:
            tokens = tokenizer(parse(row))
        except BadRow:
            outcomes["refused"] += 1
            continue
        outcomes["kept"] += 1
        for response in tokens.responses:
            text = decoded(tokens.prompt + response)
            assert not any(notation in text for notation in ('{"', "{'", "[{", "': '")), (row, text)
    assert min(outcomes["kept"], outcomes["refused"]) > 500, outcomes
