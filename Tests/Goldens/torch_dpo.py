"""What torch and transformers compute for prompts with ranked responses: log-probabilities, DPO and its AdamW steps."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

# Prompts, each with its responses from best to worst.
Rows = list[tuple[list[int], list[list[int]]]]
# A value for each response of each row.
Values = list[list[float]]


def without_padding(model: PreTrainedModel) -> PreTrainedModel:
    """Lets the pad token's embedding learn like any other.

    transformers makes embeddings with `padding_idx = pad_token_id`, so torch leaves the input's part out of that row's
    gradient. That suits rows that padding fills; where the token also occurs in the text, as an end token does, the
    gradient of the loss is not 0, and Espalier, which pads nothing, computes the loss's gradient.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    return model


def initialize(model: PreTrainedModel, scale: float) -> None:
    """Draws factors of norms around 1, biases around 0, and matrices so wide that distributions are far from even."""
    norms = {
        f"{path}.{name}": 0.0 if type(module).__name__.startswith("Gemma") else 1.0
        for path, module in model.named_modules()
        if "Norm" in type(module).__name__
        for name, _ in module.named_parameters(recurse=False)
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0.0, 0.3)
            elif name in norms:
                # Gemma multiplies by 1 + w.
                parameter.normal_(norms[name], 0.2)
            else:
                parameter.normal_(0.0, scale)


def logits(model: PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    """Returns the logits at all positions, `[T, V]`."""
    return model(torch.tensor([tokens])).logits[0]


def token_logps(model: PreTrainedModel, prompt: list[int], response: list[int]) -> torch.Tensor:
    logps = logits(model, prompt + response).log_softmax(-1)[len(prompt) - 1 : -1]
    return logps.gather(1, torch.tensor(response)[:, None])[:, 0]


def all_logps(model: PreTrainedModel, rows: Rows) -> list[list[torch.Tensor]]:
    """Returns the log-probability of every token of every response of every row."""
    return [[token_logps(model, prompt, response) for response in row] for prompt, row in rows]


def dpo_loss(sums: list[list[torch.Tensor]], reference: Values, beta: float) -> torch.Tensor:
    """Returns sigmoid DPO, the mean over the pairs of each row's first response with each other one."""
    losses = [
        -torch.nn.functional.logsigmoid(beta * ((row[0] - ref[0]) - (row[k] - ref[k])))
        for row, ref in zip(sums, reference)
        for k in range(1, len(row))
    ]
    return torch.stack(losses).mean()


def sums_of(logps: list[list[torch.Tensor]]) -> list[list[torch.Tensor]]:
    return [[part.sum() for part in row] for row in logps]


@dataclass(frozen=True)
class Step:
    """An AdamW step: the loss and the gradient's norm before clipping, and the log-probabilities that they are of."""

    loss: float
    norm: float
    logps: list[float]


def steps(
    model: PreTrainedModel,
    rows: Rows,
    reference: Values,
    beta: float,
    count: int = 2,
    rate: float = 1e-3,
    epsilon: float = 1e-8,
) -> Iterator[Step]:
    """Takes AdamW steps over all rows at a constant rate, clipped to a norm of 1; frozen parameters stay."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.999), eps=epsilon, weight_decay=0.0)
    for _ in range(count):
        optimizer.zero_grad()
        sums = sums_of(all_logps(model, rows))
        loss = dpo_loss(sums, reference, beta)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield Step(loss.item(), norm.item(), [value.item() for row in sums for value in row])


def take_steps(
    model: PreTrainedModel,
    rows: Rows,
    reference: Values,
    beta: float,
    count: int = 2,
    rate: float = 1e-3,
    epsilon: float = 1e-8,
) -> tuple[list[float], list[float]]:
    """Takes the steps; returns losses and gradient norms."""
    taken = list(steps(model, rows, reference, beta, count, rate, epsilon))
    return [step.loss for step in taken], [step.norm for step in taken]
