"""A soak of 200 steps; `ESPALIER_SOAK_STEPS=2000` makes it the long one."""

import os
import random

import pytest
from soak import Killer, Memory, supervised, watched
from tiny_runs import Run

STEPS = int(os.environ.get("ESPALIER_SOAK_STEPS", "200"))
SEED = int(os.environ.get("ESPALIER_SOAK_SEED", "1"))
# Steps until memory has found its size, and how much it may grow from then on.
SETTLED, ALLOWED = 100, 0.01
# Seconds of a run: many times what it takes on a machine that does nothing else.
LIMIT = max(600, STEPS)


def test_a_run_whose_ranks_are_killed_again_and_again_has_the_bits_of_one_that_was_not(library, place):
    settings = {"max_steps": STEPS, "save_steps": 20, "save_total_limit": 3}
    calm, killed, memory = Run(place / "calm", **settings), Run(place / "killed", **settings), Memory()
    status, told = watched(calm, lambda: memory.sample(calm), LIMIT)
    assert status == 0, told[-2000:]
    killer = Killer(random.Random(SEED))
    status, told = supervised(killed, killer, LIMIT)
    assert status == 0, told[-2000:]
    assert killer.kills >= STEPS // 70 and told.count("supervise: exited with") == killer.kills, told[-2000:]
    killed.expect_same(calm)
    # Neither has more files than the other, but those of the settings.
    files = [sorted(path.relative_to(run.root) for path in run.root.rglob("*")) for run in (calm, killed)]
    assert files[0] == files[1] and len(killed.checkpoints) == 3
    growth = {rank: memory.growth(rank, SETTLED, STEPS) for rank in range(2)}
    print(f"{STEPS} steps, {killer.kills} kills, growth of resident memory {growth}")
    if STEPS < 2 * SETTLED:
        pytest.skip(f"memory is judged over at least {2 * SETTLED} steps")
    assert all(share <= ALLOWED for share in growth.values()), growth
