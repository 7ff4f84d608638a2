"""A flipped bit, on disk or in memory, is reported, and the run resumes from valid data."""

import json
import shutil

import pytest
from disturbance import Disturbance, Fault
from tiny_runs import Run, flip_bit, is_complete

FILES = ["model.safetensors", "optimizer.safetensors", "config.json"]
FILES += ["espalier-state.json", "espalier.yaml", "metrics.jsonl"]
CHANGED = "some of its bytes have changed"


@pytest.fixture
def run(calm, place) -> Run:
    """A run of one process that was killed at its end, with checkpoints after steps 5 and 10."""
    finished, _ = calm(None)
    run = Run(place / "run", None)
    shutil.copytree(finished.root, run.root, symlinks=True, dirs_exist_ok=True)
    # Without the record of its end, so that --resume continues it.
    path = run.output / "espalier-run.json"
    record = json.loads(path.read_text())
    del record["finished"]
    path.write_text(json.dumps(record))
    return run


def expect_skipped(run: Run, calm: Run, file: str, fault: str) -> None:
    resumed = run.finish(None, "--resume")
    checkpoint = run.output / "checkpoint-10"
    lines = [line for line in resumed.stderr.splitlines() if not line.startswith("note: ")]
    assert lines[0].startswith(f"warning: skipped checkpoint: {checkpoint / file}: {fault}"), resumed.stderr
    assert f"resuming after step 5 from {run.output / 'checkpoint-5'}\n" in resumed.stderr
    run.expect_same(calm)


@pytest.mark.parametrize("file", FILES)
def test_a_checkpoint_with_a_changed_bit_is_skipped(file, run, calm):
    flip_bit(run.output / "checkpoint-10" / file, 0.7)
    expect_skipped(run, calm(None)[0], file, f"its SHA-256 differs from manifest.json: {CHANGED}")


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_checkpoint_with_an_incomplete_manifest_is_skipped(share, run, calm):
    manifest = run.output / "checkpoint-10/manifest.json"
    # Without only its last newline it would still be complete.
    manifest.write_bytes(manifest.read_bytes().rstrip()[: int(share * manifest.stat().st_size)])
    fault = "expected a manifest of format version 1, found other or incomplete content"
    expect_skipped(run, calm(None)[0], "manifest.json", fault)


@pytest.mark.parametrize("position", [0.6, 0.9, 1])
def test_a_reference_cache_with_a_changed_bit_is_rejected_and_recomputed(position, run, calm):
    flip_bit(run.cache, position)
    refused = run.start(None, "--resume")
    assert refused.returncode != 0
    fault = "expected the values that were written, found changed bytes; remove the file to recompute them"
    assert refused.stderr.endswith(f"error: {run.cache}: {fault}\n"), refused.stderr
    run.cache.unlink()
    run.finish(None, "--resume")
    run.expect_same(calm(None)[0])
    assert run.summary["reference_rows"] > 0


WEIGHTS = {
    "after an update": (lambda record: Fault("flip", record.LINE, 10), 10, 5),
    "in a step": (lambda record: record.fault("flip", 8, "product", 0, 1), 7, 5),
    "in a step, of the first rank": (lambda record: record.fault("flip", 8, "product", 0, 0), 7, 5),
    "after the last save": (lambda record: record.fault("flip", 12, "product", 0, 1), 11, 10),
}


def expect_named(run: Run, calm: Run, disturbance: Disturbance, step: int, save: int) -> None:
    """Expects that the rank is named after a step and not saved, and that the run resumes from an earlier save."""
    stopped = run.start(disturbance)
    assert stopped.returncode != 0
    fault = f"error: after step {step} the weights of rank 1 differ from those of rank 0: "
    assert fault in stopped.stderr, stopped.stderr
    assert run.newest == save and not (run.output / "model.safetensors").exists()
    assert f"resuming after step {save} " in run.finish(disturbance, "--resume").stderr
    run.expect_same(calm)


@pytest.mark.parametrize("moment", WEIGHTS)
def test_a_rank_with_a_changed_weight_is_named_before_it_is_saved(moment, calm, disturbed, place):
    # Comparisons in each step, whose calls identify the places of faults.
    (undisturbed, record), (point, step, save) = calm(rank_check_steps=1), WEIGHTS[moment]
    expect_named(Run(place / "run", rank_check_steps=1), undisturbed, disturbed(point(record)), step, save)


def test_a_rank_that_received_a_changed_weight_is_named_before_the_next_update(calm, disturbed, place):
    undisturbed, record = calm(rank_check_steps=1)
    # The weights that step 7 has updated.
    fault = record.sent("flip", 8, "weights", 0)
    expect_named(Run(place / "run", rank_check_steps=1), undisturbed, disturbed(fault), 7, 5)


def test_a_gradient_changed_in_transit_changes_all_ranks_identically_and_is_not_detected(calm, disturbed, place):
    """As documented in Documentation/Security.md: the owner of the slice updates it, and all receive equal weights."""
    undisturbed, record = calm(rank_check_steps=1)
    run = Run(place / "run", rank_check_steps=1)
    run.finish(disturbed(record.sent("flip", 8, "gradients", 0)))
    assert run.metrics[:7] == undisturbed.metrics[:7]
    assert run.metrics[7]["loss"] == undisturbed.metrics[7]["loss"]
    assert run.metrics[7]["grad_norm"] != undisturbed.metrics[7]["grad_norm"]
    assert run.model != undisturbed.model and is_complete(run.checkpoints[-1])
