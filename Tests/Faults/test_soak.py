"""A soak test of 200 steps; `ESPALIER_SOAK_STEPS=2000` selects the long one."""

import os
import random

import pytest
from soak import Killer, Memory, supervised, watched
from tiny_runs import Run

STEPS = int(os.environ.get("ESPALIER_SOAK_STEPS", "200"))
SEED = int(os.environ.get("ESPALIER_SOAK_SEED", "1"))
# Steps until memory is stable, and its allowed growth afterwards.
SETTLED, ALLOWED = 100, 0.01
# Timeout of a run in seconds: many times its duration on an idle machine.
LIMIT = max(600, STEPS)


def test_a_run_whose_ranks_are_killed_repeatedly_has_the_bits_of_an_undisturbed_one(library, place):
    settings = {"max_steps": STEPS, "save_steps": 20, "save_total_limit": 3}
    calm, killed, memory = Run(place / "calm", **settings), Run(place / "killed", **settings), Memory()
    status, log = watched(calm, lambda: memory.sample(calm), LIMIT)
    assert status == 0, log[-2000:]
    killer = Killer(random.Random(SEED))
    status, log = supervised(killed, killer, LIMIT)
    assert status == 0, log[-2000:]
    # A rank that is killed after its last step may have exited already, which fails no job.
    unnoticed = killer.kills - log.count("supervise: exited with")
    assert killer.kills >= STEPS // 70 and 0 <= unnoticed <= (killer.killed_after == STEPS), log[-2000:]
    killed.expect_same(calm)
    # Both have the same files, and no others remain.
    files = [sorted(path.relative_to(run.root) for path in run.root.rglob("*")) for run in (calm, killed)]
    assert files[0] == files[1] and len(killed.checkpoints) == 3
    growth = {rank: memory.growth(rank, SETTLED, STEPS) for rank in range(2)}
    print(f"{STEPS} steps, {killer.kills} kills, growth of resident memory {growth}")
    if STEPS < 2 * SETTLED:
        pytest.skip(f"memory is evaluated over at least {2 * SETTLED} steps")
    assert all(share <= ALLOWED for share in growth.values()), growth
