"""Generates objectives.json: losses, gradients and rewards that TRL's trainers compute from given log-probabilities.

    python Tests/Goldens/make_objective_goldens.py

Run only to generate new goldens, in an environment with torch, transformers and trl (1.16): the tests need none of them
(`ObjectiveGoldenTests.swift`). The trainers are not constructed: their methods run on a stub with the attributes that
they read. Everything is float64, except two losses that TRL itself computes in float32 (`alpha_divergence`, `orpo`).
"""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import torch
from trl import DPOConfig, DPOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

# Token counts of the chosen and of the rejected response of each pair.
CHOSEN, REJECTED = [3, 6, 4, 1], [5, 2, 4, 2]
LENGTHS = CHOSEN + REJECTED


def numbers(seed: int, low: float, high: float) -> list[list[float]]:
    """Returns a number for each token of each response, multiples of 1/64: exact in float32."""
    values, state = [], seed
    for count in LENGTHS:
        row = []
        for _ in range(count):
            state = (state * 1103515245 + 12345) % 2**31
            row.append(round((low + (high - low) * state / 2**31) * 64) / 64)
        values.append(row)
    return values


LOGPS = numbers(1, -3, 0)
REFERENCE = [[p + d for p, d in zip(ps, ds)] for ps, ds in zip(LOGPS, numbers(2, -1, 1))]
# log Σ p²: between the logarithm of the largest probability and that of a uniform distribution.
SQUARES = numbers(3, -4, 0)

DPO_CASES = [
    {"loss_type": "sigmoid"},
    {"loss_type": "sigmoid", "beta": 2.0},
    {"loss_type": "hinge", "beta": 0.5},
    {"loss_type": "ipo", "beta": 0.3},
    {"loss_type": "exo_pair", "label_smoothing": 0.001, "beta": 0.7},
    {"loss_type": "nca_pair", "beta": 0.5},
    {"loss_type": "robust", "label_smoothing": 0.2},
    {"loss_type": "bco_pair", "beta": 0.4},
    {"loss_type": "sppo_hard", "beta": 0.2},
    {"loss_type": "aot", "beta": 0.6},
    {"loss_type": "aot", "beta": 0.6, "label_smoothing": 0.1},
    {"loss_type": "aot_unpaired", "beta": 0.6},
    {"loss_type": "aot_unpaired", "beta": 0.6, "label_smoothing": 0.1},
    {"loss_type": "apo_zero", "beta": 0.5},
    {"loss_type": "apo_down", "beta": 0.5},
    {"loss_type": "discopop", "beta": 0.1},
    {"loss_type": "discopop", "beta": 0.5, "discopop_tau": 0.5},
    {"loss_type": "sft"},
    {"loss_type": "sigmoid_norm", "beta": 5.0},
    # RPO, and MPO with the weights of its paper.
    {"loss_type": ["sigmoid", "sft"]},
    {"loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0]},
    {"loss_type": ["aot", "hinge"], "loss_weights": [0.5, 2.0]},
    {"loss_type": "sigmoid", "use_weighting": True},
    {"loss_type": ["ipo", "apo_zero"], "loss_weights": [1.0, 0.5], "use_weighting": True},
    {"loss_type": "sigmoid", "ld_alpha": 0.4},
    {"loss_type": "ipo", "ld_alpha": 0.0},
    {"loss_type": ["sigmoid", "sft"], "ld_alpha": 0.7},
    {"loss_type": "aot_unpaired", "ld_alpha": 0.5},
    {"loss_type": "sppo_hard", "ld_alpha": 0.5, "use_weighting": True},
] + [
    {"loss_type": loss, "f_divergence_type": divergence, "beta": 0.3} | more
    for loss, more in [("sigmoid", {}), ("ipo", {}), ("exo_pair", {"label_smoothing": 0.01}), ("sigmoid_norm", {"ld_alpha": 0.5})]
    for divergence in ["forward_kl", "js_divergence", "alpha_divergence"]
] + [
    {"loss_type": "hinge", "f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": coefficient}
    for coefficient in [0.0, 1.0, 2.0]
]

CPO_CASES = [
    {"loss_type": "cpo"},
    {"loss_type": "cpo", "cpo_alpha": 0.0, "beta": 0.4},
    {"loss_type": "cpo", "cpo_alpha": 0.25, "label_smoothing": 0.1},
    {"loss_type": "simpo", "beta": 2.0},
    {"loss_type": "simpo", "beta": 2.5, "simpo_gamma": 1.25, "label_smoothing": 0.2},
    # What TRL calls simpo with its cpo_alpha of 1.
    {"loss_type": ["simpo", "sft"], "beta": 2.0},
]
ORPO_CASES = [{"loss_type": "orpo"}, {"loss_type": "orpo", "beta": 0.5}]

ACCELERATOR = SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x)


def tensors(values: list[list[float]], dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.tensor(row, dtype=dtype, requires_grad=True) for row in values]


def padded(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def dpo(case: dict, logps: list[torch.Tensor], dtype: torch.dtype) -> tuple[torch.Tensor, dict]:
    names = case["loss_type"] if isinstance(case["loss_type"], list) else [case["loss_type"]]
    defaults = {name: DPOConfig.__dataclass_fields__[name].default for name in SETTINGS}
    trainer = SimpleNamespace(
        **defaults | {name: case[name] for name in SETTINGS if name in case},
        loss_types=names,
        loss_weights=case.get("loss_weights") or [1.0] * len(names),
        args=SimpleNamespace(gradient_checkpointing_kwargs=None, discopop_tau=case.get("discopop_tau", 0.05)),
        model=SimpleNamespace(training=True, is_gradient_checkpointing=False),
        accelerator=ACCELERATOR,
        aux_loss_enabled=False,
        precompute_ref_logps=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    # One prompt token before each response.
    mask = padded([torch.tensor([0] + [1] * count) for count in LENGTHS])

    def stub_model(values: torch.Tensor):
        shape = values.shape
        return lambda **inputs: SimpleNamespace(
            log_probs=values,
            log_sum_sq_probs=padded([torch.tensor(row, dtype=dtype) for row in SQUARES]),
            entropy=torch.zeros(shape, dtype=dtype),
            mean_logits=torch.zeros(shape, dtype=dtype),
            is_top1=torch.zeros(shape, dtype=torch.bool),
        )

    trainer.ref_model = stub_model(padded(tensors(REFERENCE, dtype)).detach())
    inputs = {"input_ids": torch.zeros_like(mask), "attention_mask": torch.ones_like(mask), "completion_mask": mask}
    loss = DPOTrainer._compute_loss(trainer, stub_model(padded(logps)), inputs, return_outputs=False)
    return loss, {key: values[0] for key, values in trainer._metrics["train"].items()}


SETTINGS = ["beta", "label_smoothing", "f_divergence_type", "f_alpha_divergence_coef", "use_weighting", "ld_alpha"]


def without_reference(trainer_type: type, case: dict, logps: list[torch.Tensor]) -> tuple[torch.Tensor, dict]:
    """Returns a step of the trainers without a reference; the likelihood counts the response, not the prompt."""
    first = case["loss_type"] if isinstance(case["loss_type"], str) else case["loss_type"][0]
    alone = first == "simpo" and isinstance(case["loss_type"], str)
    average = first in ["simpo", "orpo"]
    scores = torch.stack([row.mean() if average else row.sum() for row in logps])
    likelihood = -torch.cat(logps[: len(CHOSEN)]).mean()
    trainer = SimpleNamespace(
        accelerator=ACCELERATOR,
        aux_loss_enabled=False,
        alpha=0.0,
        beta=case.get("beta", 0.1),
        label_smoothing=case.get("label_smoothing", 0.0),
        loss_type="simpo" if first == "simpo" else "sigmoid",
        cpo_alpha=0.0 if alone else case.get("cpo_alpha", 1.0),
        simpo_gamma=case.get("simpo_gamma", 0.5),
    )
    chosen, rejected = scores[: len(CHOSEN)], scores[len(CHOSEN) :]
    trainer.concatenated_forward = lambda model, batch: (chosen, rejected, chosen, rejected, likelihood)
    for method in ["cpo_loss", "odds_ratio_loss"]:
        if hasattr(trainer_type, method):
            setattr(trainer, method, getattr(trainer_type, method).__get__(trainer))
    return trainer_type.get_batch_loss_metrics(trainer, None, {})


def golden(case: dict, compute) -> dict:
    single = case["loss_type"] == "orpo" or case.get("f_divergence_type") == "alpha_divergence"
    dtype = torch.float32 if single else torch.float64
    torch.set_default_dtype(dtype)
    logps = tensors(LOGPS, dtype)
    loss, metrics = compute(case, logps, dtype)
    loss.backward()
    # A response that the loss does not use has no gradient.
    gradients = [(torch.zeros_like(row) if row.grad is None else row.grad).tolist() for row in logps]
    return {
        "settings": case,
        "float32": single,
        "loss": loss.item(),
        "gradients": gradients,
        "rewards": {key: value for key, value in metrics.items() if key.startswith("rewards/")},
    }


if __name__ == "__main__":
    cases = [golden(case, dpo) for case in DPO_CASES]
    cases += [golden(case, lambda c, x, _: without_reference(CPOTrainer, c, x)) for case in CPO_CASES]
    cases += [golden(case, lambda c, x, _: without_reference(ORPOTrainer, c, x)) for case in ORPO_CASES]
    path = Path(__file__).parent / "objectives.json"
    # Chosen responses first, then the rejected of the same pairs.
    inputs = {"logps": LOGPS, "reference_logps": REFERENCE, "log_squares": SQUARES}
    path.write_text(json.dumps(inputs | {"cases": cases}) + "\n")
    print(len(cases), "cases")
