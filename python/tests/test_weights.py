"""A weight is the number of times that an epoch contains the rows of a source."""

import json

import pytest

COUNT = 40


@pytest.fixture
def sources(tmp_path):
    """Writes three files of 40 rows, with the index as prompt and the name of the file as chosen answer."""
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for path in paths:
        rows = [{"prompt": chr(48 + index), "chosen": path.stem, "rejected": "-"} for index in range(COUNT)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return paths


def drawn(outcome) -> dict[str, list[int]]:
    """Returns for each file the indices of its rows, in the order of the output."""
    rows: dict[str, list[int]] = {name: [] for name in "abc"}
    for prompt, responses in outcome.prepared.rows:
        rows[chr(responses[0][0])].append(prompt[0] - 48)
    return rows


def test_integer_weights_repeat_all_rows(prepare, sources):
    outcome = prepare(sources, "--weights", 1, 3, 2)
    everything = list(range(COUNT))
    assert drawn(outcome) == {"a": everything, "b": everything * 3, "c": everything * 2}
    # All rows once before any is repeated.
    assert outcome.prepared.arrays["source_rows"].tolist()[: 3 * COUNT] == list(range(3 * COUNT))


def test_a_fraction_is_drawn_from_the_whole_file_without_repeats(prepare, sources):
    outcome = prepare(sources, "--weights", 0.25, 1, 1.5)
    rows = drawn(outcome)
    assert len(rows["a"]) == len(set(rows["a"])) == COUNT // 4
    assert rows["a"] == sorted(rows["a"]) and min(rows["a"]) < 10 and max(rows["a"]) >= 30
    assert rows["b"] == rows["c"][:COUNT] == list(range(COUNT))
    assert len(rows["c"]) == COUNT * 3 // 2 and len(set(rows["c"][COUNT:])) == COUNT // 2


def test_the_draw_depends_on_the_seed_and_on_the_file(prepare, sources):
    draws = [drawn(prepare(sources, "--weights", 0.5, 0.5, 1, *seed)) for seed in ([], ["--seed", 42], ["--seed", 7])]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0]["a"] != draws[0]["b"]


def test_the_draw_is_the_documented_one(prepare, sources):
    # random.Random("42/0").random() for each of 40 rows: the two smallest.
    rows = drawn(prepare(sources[:1], "--weights", 0.05))
    assert rows["a"] == [28, 30]


def test_counts_are_reported_for_each_source(prepare, sources):
    with open(sources[0], "a") as file:
        file.write("{}\n{}\n")
    outcome = prepare(sources, "--weights", 2, 0.5, 1)
    ends = "40 of 42 rows kept, repeated to 80 by weight 2", "20 of 40 rows kept, weight 0.5", "40 of 40 rows kept"
    for index, (end, count, weight) in enumerate(zip(ends, (80, 20, 40), (2, 0.5, 1))):
        assert f"  {sources[index]}: {end}" in outcome.out.splitlines()
        summary = json.loads(outcome.prepared.metadata["sources"])[index]
        assert (summary["rows_kept"], summary["weight"]) == (count, weight)
    metadata = outcome.prepared.metadata
    assert (metadata["rows_read"], metadata["rows_kept"]) == ("122", "140")
    assert (metadata["rows_not_drawn"], metadata["dropped_bad_rows"]) == ("20", "2")


def test_options_for_sources_can_be_repeated(prepare, sources):
    outcome = prepare(sources[:1], "--data", sources[1], "--weights", 1, "--weights", 2)
    assert {name: len(rows) for name, rows in drawn(outcome).items()} == {"a": COUNT, "b": 2 * COUNT, "c": 0}
