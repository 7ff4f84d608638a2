"""Generates optimizer.json: learning rates from transformers, weights after steps of torch.optim.AdamW.

    python Tests/Goldens/make_optimizer_goldens.py

Run only to generate new goldens: the tests need neither torch nor transformers. Weights and gradients are simple
formulas of their index that are exact in float32, so that the test generates the same ones (`OptimizerTests.swift`).
"""

import json
import math
from pathlib import Path

import torch
from transformers import get_scheduler

# The tensors of a model with one layer, in the order of `ParameterLayout`.
SHAPES = [(4,), (3, 4), (4, 3), (3, 4), (3, 4), (4,), (4, 4), (4, 4), (2, 4), (2, 4), (4,), (3, 4)]
PEAK = 0.05
WEIGHT_DECAY = 0.25
MAX_GRAD_NORM = 1.0
# Only some of the gradients are clipped.
GRADIENT_SCALES = [1.0, 8.0, 0.25, 4.0, 0.0625, 2.0]


def rates(kind: str, steps: int, warmup_ratio: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    warmup = math.ceil(warmup_ratio * steps)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


def flat(values: list[float]) -> list[torch.Tensor]:
    parts = torch.tensor(values).split([math.prod(shape) for shape in SHAPES])
    return [part.reshape(shape).clone() for part, shape in zip(parts, SHAPES)]


def trajectory() -> dict:
    count = sum(math.prod(shape) for shape in SHAPES)
    tensors = [torch.nn.Parameter(part) for part in flat([(i * 37 % 101 - 50) / 64 for i in range(count)])]
    groups = [
        {"params": [tensor for tensor in tensors if tensor.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [tensor for tensor in tensors if tensor.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.999), eps=1e-8)
    scheduler = get_scheduler("linear", optimizer, num_warmup_steps=2, num_training_steps=len(GRADIENT_SCALES))
    norms, weights = [], []
    for step, scale in enumerate(GRADIENT_SCALES):
        gradient = flat([((i * 53 + step * 29) % 97 - 48) / 256 * scale for i in range(count)])
        for tensor, part in zip(tensors, gradient):
            tensor.grad = part
        norms.append(torch.nn.utils.clip_grad_norm_(tensors, MAX_GRAD_NORM).item())
        optimizer.step()
        scheduler.step()
        weights.append([value for tensor in tensors for value in tensor.detach().flatten().tolist()])
    return {"norms": norms, "weights": weights}


if __name__ == "__main__":
    schedules = [
        {"kind": kind, "steps": steps, "warmup_ratio": ratio, "rates": rates(kind, steps, ratio)}
        for kind in ["linear", "cosine", "constant", "constant_with_warmup"]
        for steps, ratio in [(10, 0.0), (10, 0.1), (10, 0.25), (7, 0.5), (1, 0.0), (1, 0.5), (3, 1.0), (10, 0.12), (100, 0.07)]
    ]
    path = Path(__file__).parent / "optimizer.json"
    path.write_text(json.dumps({"schedules": schedules, "trajectory": trajectory()}) + "\n")
