"""Decides whether two trainers computed the same, by the metrics of their first two steps."""

import math
from typing import Any

LOGP_TOLERANCE = 1e-4  # relative, first step
LOSS_TOLERANCE = 1e-3  # absolute, first and second step
REWARD_TOLERANCE = 5e-2  # relative to the larger reward, second step: checks the update
# Relative, first step. In bfloat16 2^-8 √(N + 1) with N = 30 layers, as errors of layers are independent.
NORM_TOLERANCE = {"float32": 1e-3, "bfloat16": 2e-2}
# Standard deviation of a token's log-probability in nats, which adds to the tolerances: bfloat16 rounds by at most 2^-9
# of a number, logits are about 2^5, and rounding errors are uniform.
TOKEN_DEVIATION = {"float32": 0.0, "bfloat16": 2**-4 / math.sqrt(3)}
DEVIATIONS = 3

Report = dict[str, Any]


def logp_rounding(report: Report, step: int) -> float:
    """Returns how much the mean log-probability of a step's responses may differ by rounding, in nats.

    Tokens round independently; all of the step are counted, an upper bound of those of its chosen responses.
    """
    done = report["steps"][step - 1]
    deviation = TOKEN_DEVIATION[report["settings"]["precision"]] * math.sqrt(done["shared_tokens"]) / done["pairs"]
    return DEVIATIONS * deviation


def tolerances(peer: Report) -> list[tuple[int, str, float]]:
    """Returns step, metric and largest absolute difference of what is compared."""
    first, second = (step["metrics"] for step in peer["steps"][:2])
    logps, rewards = ([f"{kind}/{response}" for response in ("chosen", "rejected")] for kind in ("logps", "rewards"))
    # A reward is the difference of two log-probabilities, a margin that of two rewards; the loss changes half as much.
    reward_rounding = peer["settings"]["beta"] * math.sqrt(2) * logp_rounding(peer, 2)
    reward = REWARD_TOLERANCE * max(abs(second[name]) for name in rewards) + reward_rounding
    return [
        *((1, name, LOGP_TOLERANCE * abs(first[name]) + logp_rounding(peer, 1)) for name in logps),
        (1, "grad_norm", NORM_TOLERANCE[peer["settings"]["precision"]] * first["grad_norm"]),
        *((2, name, reward) for name in rewards),
        # ln 2 in any precision, if policy and reference round in the same way.
        (1, "loss", LOSS_TOLERANCE),
        (2, "loss", LOSS_TOLERANCE + reward_rounding / math.sqrt(2)),
    ]


def disagreements(own: Report, peer: Report) -> list[str]:
    """Returns the differences between the computations of two trainers."""
    found = []
    for step, name, tolerance in tolerances(peer):
        ours, theirs = (document["steps"][step - 1]["metrics"][name] for document in (own, peer))
        # Also true if either is NaN.
        if not abs(ours - theirs) <= tolerance:
            found.append(
                f"step {step}, {name}: {ours:.6f} of {own['name']}, {theirs:.6f} of {peer['name']}, "
                f"expected to agree within {tolerance:.1e}"
            )
    return found
