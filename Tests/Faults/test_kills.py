"""A rank is killed at any point of a step, a save, an evaluation or the end: the resumed run has the same bits."""

import re

import pytest
from disturbance import Fault, Record
from tiny_runs import Run, write_rows

# Between the second checkpoint and the end; nothing is due after it.
STEP = 8
SAVE = "out/.checkpoint-10.*"


def before(event: str, count: int = 1):
    return lambda record: Fault("kill", event, count)


def after(event: str, count: int = 1):
    return lambda record: Fault("kill", event, count, when="after")


def product(share: float, rank: int, step: int = STEP):
    return lambda record: record.fault("kill", step, "product", share, rank)


def collective(share: float, rank: int):
    return lambda record: record.fault("kill", STEP, Record.COLLECTIVE, share, rank)


def sent(what: str, rank: int, when: str):
    return lambda record: record.sent("kill", STEP, what, rank, when)


def past(event: str, count: int, then: str):
    return lambda record: Fault("kill", then, since=event, since_count=count)


# For a run with a checkpoint every five steps that keeps the newest.
POINTS = {
    "before the first collective call": lambda record: Fault("kill", Record.COLLECTIVE, rank=1),
    "while the reference cache is written": before("write reference.safetensors.*", 2),
    "before the reference cache has its name": before("rename reference.safetensors"),
    "before the run is recorded": before("rename out/espalier-run.json"),
    "before the first line of metrics": before("open out/metrics.jsonl.*"),
    "in the forward pass": product(0.1, 1),
    "in the forward pass of the first rank": product(0.2, 0),
    "in the head": product(0.4, 1),
    "in the backward pass": product(0.7, 1),
    "in the backward pass of the first rank": product(0.9, 0),
    "before ranks first meet": collective(0, 0),
    "before gradients are sent": sent("gradients", 1, "before"),
    "when gradients are sent, before the update": sent("gradients", 0, "after"),
    "before updated weights are sent": sent("weights", 1, "before"),
    "while statistics are added up": collective(1, 1),
    "before the line of metrics": before(Record.LINE, STEP),
    "after the line of metrics": after(Record.LINE, STEP),
    "before ranks compare their weights": before("collective MPI_Gather", 2),
    "before the thread that writes a checkpoint": past("collective MPI_Gather", 2, "pthread_create"),
    "after the checkpoint's directory is made": after(f"mkdir {SAVE}"),
    "in the state of a checkpoint": before(f"write {SAVE}/espalier-state.json.*"),
    "in the moments of a checkpoint": before(f"write {SAVE}/optimizer.safetensors.*", 30),
    "before the moments are synchronized": before(f"fsync {SAVE}/optimizer.safetensors.*"),
    "in the weights of a checkpoint": before(f"write {SAVE}/model.safetensors.*", 17),
    "between tensor file and manifest": before(f"open {SAVE}/manifest.json.*"),
    "in the manifest": before(f"write {SAVE}/manifest.json.*", 2),
    "before the checkpoint has its name": before("rename out/checkpoint-10"),
    "after the rename, before its directory is synchronized": after("rename out/checkpoint-10"),
    "before latest points to it": before("rename out/latest", 2),
    "before the old checkpoint loses its name": before("rename out/.checkpoint-5.*.old.tmp"),
    "while the old checkpoint is removed": before("unlink out/.checkpoint-5.*.old.tmp/*", 3),
    "in the trained model": before("write out/model.safetensors.*", 9),
    "before the trained model has its name": before("rename out/model.safetensors"),
    "after the trained model, before the summary": before("open out/summary.json.*"),
    "before the model card has its name": before("rename out/README.md"),
    "in the report": before("write out/report.html.*"),
    "before the report has its name": before("rename out/report.html"),
    "before the end of the run is recorded": before("rename out/espalier-run.json", 2),
}

# For a run that evaluates its model every four steps and keeps the best.
EVALUATED_POINTS = {
    "in an evaluation": product(0.5, 1, step=5),
    "in the best model": before("write out/model.safetensors.*", 40),
    "before a better model has its name": before("rename out/model.safetensors", 2),
    "after a better model has its name": after("rename out/model.safetensors", 2),
    "before the best model has a second name": before("link out/.checkpoint-10.best.*"),
    "before the best model is in the checkpoint": before(f"rename {SAVE}/best.safetensors"),
}

# For a run whose reference pass has three chunks, of which the journal gets two.
JOURNAL = "reference.safetensors.journal"
JOURNAL_POINTS = {
    "before the reference journal has its name": before(f"rename {JOURNAL}"),
    "before the first rows are in the journal": before(f"write {JOURNAL}"),
    "before the first rows in the journal are synchronized": before(f"fsync {JOURNAL}"),
    "after the second rows are in the journal": after(f"write {JOURNAL}", 2),
    "before the cache with the examples of the journal has its name": before("rename reference.safetensors"),
    "before the journal is removed": before(f"unlink {JOURNAL}"),
    "after the journal is removed": after(f"unlink {JOURNAL}"),
}


def expect_survived(run: Run, calm: Run, disturbed, fault: Fault) -> None:
    """Expects that a run with a killed rank resumes from its newest complete checkpoint and equals the calm one."""
    disturbance = disturbed(fault)
    killed = run.start(disturbance)
    assert disturbance.has_fired() and killed.returncode != 0, killed.stderr
    newest = run.newest
    resumed = run.finish(disturbance, "--resume")
    found = re.search(r"resuming after step (\d+) ", resumed.stderr)
    assert (int(found[1]) if found else 0) == newest, resumed.stderr
    assert "skipped checkpoint" not in resumed.stderr
    run.expect_same(calm)


@pytest.mark.parametrize("point", POINTS)
def test_a_rank_killed(point, calm, disturbed, place):
    run, record = calm(save_total_limit=1)
    expect_survived(Run(place / "run", save_total_limit=1), run, disturbed, POINTS[point](record))


@pytest.mark.parametrize("point", EVALUATED_POINTS)
def test_a_rank_killed_while_the_best_model_is_kept(point, calm, evaluated, disturbed, place):
    run, record = calm(**evaluated)
    expect_survived(Run(place / "run", **evaluated), run, disturbed, EVALUATED_POINTS[point](record))


@pytest.fixture(scope="session")
def long_pass(memory) -> dict:
    """Settings of a run whose steps visit more than 2,048 examples."""
    write_rows(memory / "rows.safetensors", 2200)
    return {"data": memory / "rows.safetensors", "global_batch_size": 160}


@pytest.mark.parametrize("point", JOURNAL_POINTS)
def test_a_rank_killed_while_the_reference_is_in_the_journal(point, calm, long_pass, disturbed, place):
    run, record = calm(**long_pass)
    expect_survived(Run(place / "run", **long_pass), run, disturbed, JOURNAL_POINTS[point](record))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("kill", "rename out/.checkpoint-10.*.former.tmp", when="after"),
        Fault("kill", "rename out/checkpoint-10", when="after"),
        Fault("kill", "unlink out/.checkpoint-10.*.former.tmp/*", 2),
    ],
    ids=["between the two renames", "after them", "while the former is removed"],
)
def test_a_rank_killed_while_a_checkpoint_replaces_one_of_the_same_step(fault, calm, disturbed, place):
    run, undisturbed = Run(place / "run"), calm()[0]
    run.finish()
    disturbance = disturbed(fault)
    killed = run.start(disturbance, "--resume", run.output / "checkpoint-5")
    assert killed.returncode != 0 and "resuming after step 5 " in killed.stderr
    resumed = run.finish(disturbance, "--resume")
    assert "resuming after step 10 " in resumed.stderr
    run.expect_same(undisturbed)
