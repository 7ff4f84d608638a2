#!/usr/bin/env python3
"""Times DPO with prefix sharing and packing, written by hand in PyTorch, on the examples of a prepared file.

A packed sequence holds several trees, each a prompt followed by its two responses. A mask separates trees and
responses, positions continue from the prompt's length in both responses, and logits exist only where a response token
is predicted.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")

# Imported after the environment is set, which Hugging Face's libraries read.
import torch
import transformers
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM

import common
from common import BenchmarkError, Pair, Settings, Step

MAX_GRAD_NORM = 1.0
# For --check: float32 sums in a different order. bfloat16 also rounds, by a standard deviation of 2^-4 / √3 nats a token
# (agreement.py), within 1e-2 of 300 tokens of a nat each; gradients by about 2 · 2^-8 √31 of 30 layers.
LOGP_TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}
GRADIENT_TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2}


@dataclass(frozen=True)
class PackedSequence:
    """`T` tokens of `P` pairs; `S` response tokens to predict."""

    ids: Tensor  # [1, T]
    positions: Tensor  # [1, T]
    mask: Tensor  # [1, 1, T, T], added to attention scores
    sources: Tensor  # [S], the prediction positions: indices of the hidden states that predict
    labels: Tensor  # [S], the token that is predicted
    responses: Tensor  # [S], the response that it counts for, chosen 2p and rejected 2p + 1
    pair_count: int


def autocast(precision: str) -> torch.autocast:
    """Returns the context of a forward pass, with products in bfloat16 or without any effect.

    On CPUs it computes `cross_entropy` in float32, but not `log_softmax`.
    """
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16")


def pack(pairs: Sequence[Pair], row_tokens: int) -> list[list[Pair]]:
    """Packs pairs into sequences of at most `row_tokens`, first-fit decreasing; a longer pair has its own sequence."""
    packed: list[list[Pair]] = []
    capacity: list[int] = []
    for pair in sorted(pairs, key=lambda pair: -pair.shared_tokens):
        index = next((n for n, free in enumerate(capacity) if pair.shared_tokens <= free), len(packed))
        if index == len(packed):
            packed.append([])
            capacity.append(row_tokens)
        packed[index].append(pair)
        capacity[index] -= pair.shared_tokens
    return packed


def flatten(pairs: Sequence[Pair]) -> PackedSequence:
    """Returns the tensors of a packed sequence."""
    length = sum(pair.shared_tokens for pair in pairs)
    # An additive mask: every layer would convert a boolean mask to one.
    mask = torch.full((length, length), -torch.inf)
    ids, positions, sources, labels, responses = [], [], [], [], []
    for index, pair in enumerate(pairs):
        start, prompt = len(ids), len(pair.prompt)
        chosen, rejected = start + prompt, start + prompt + len(pair.chosen)
        end = start + pair.shared_tokens
        mask[start:end, start:end].triu_(diagonal=1)
        mask[rejected:end, chosen:rejected] = -torch.inf
        ids += pair.prompt + pair.chosen + pair.rejected
        positions += range(prompt)
        for branch, (first, tokens) in enumerate(((chosen, pair.chosen), (rejected, pair.rejected))):
            positions += range(prompt, prompt + len(tokens))
            # The prompt's last token predicts the first token of both responses.
            sources += [chosen - 1, *range(first, first + len(tokens) - 1)]
            labels += tokens
            responses += [2 * index + branch] * len(tokens)
    return PackedSequence(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        mask=mask[None, None],
        sources=torch.tensor(sources),
        labels=torch.tensor(labels),
        responses=torch.tensor(responses),
        pair_count=len(pairs),
    )


def response_logps(model: LlamaForCausalLM, sequence: PackedSequence) -> Tensor:
    """Returns `[P, 2]`, the summed log-probabilities of the chosen and the rejected responses, in nats."""
    output = model.model(
        input_ids=sequence.ids, attention_mask=sequence.mask, position_ids=sequence.positions, use_cache=False
    )
    hidden = output.last_hidden_state[0].index_select(0, sequence.sources)
    token_logps = -functional.cross_entropy(model.lm_head(hidden), sequence.labels, reduction="none")
    return token_logps.new_zeros(2 * sequence.pair_count).index_add(0, sequence.responses, token_logps).view(-1, 2)


def losses(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Returns `[P]`, the sigmoid loss of each pair."""
    rewards = beta * (policy - reference)
    return functional.softplus(rewards[:, 1] - rewards[:, 0])


class Trainer:
    """A policy, its frozen reference model, and AdamW."""

    def __init__(self, settings: Settings, row_tokens: int) -> None:
        self.settings = settings
        self.row_tokens = row_tokens
        self.policy = load(settings.model)
        self.reference = load(settings.model).requires_grad_(False)
        self.parameters = list(self.policy.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=settings.learning_rate, weight_decay=0.0, fused=True)

    def step(self, pairs: Sequence[Pair]) -> Step:
        """Makes a step on the mean loss of the pairs, with gradients accumulated sequence by sequence."""
        start = time.perf_counter()
        loss, policy_logps, reference_logps = 0.0, [], []
        for packed in pack(pairs, self.row_tokens):
            sequence = flatten(packed)
            with torch.no_grad(), autocast(self.settings.precision):
                reference = response_logps(self.reference, sequence)
            with autocast(self.settings.precision):
                policy = response_logps(self.policy, sequence)
            part = losses(policy, reference, self.settings.beta).sum() / len(pairs)
            part.backward()
            loss += part.item()
            policy_logps.append(policy.detach())
            reference_logps.append(reference)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRAD_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        chosen, rejected = torch.cat(policy_logps).mean(0).tolist()
        rewards = self.settings.beta * (torch.cat(policy_logps) - torch.cat(reference_logps))
        margins = rewards[:, 0] - rewards[:, 1]
        metrics = {
            "loss": loss,
            "grad_norm": norm.item(),
            "rewards/chosen": rewards[:, 0].mean().item(),
            "rewards/rejected": rewards[:, 1].mean().item(),
            "rewards/accuracies": (margins > 0).float().mean().item(),
            "rewards/margins": margins.mean().item(),
            "logps/chosen": chosen,
            "logps/rejected": rejected,
        }
        seconds = time.perf_counter() - start
        return Step(seconds, len(pairs), sum(pair.shared_tokens for pair in pairs), metrics)


def load(directory: str) -> LlamaForCausalLM:
    """Loads a model in float32; Llama's configuration has no dropout to disable."""
    return LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="sdpa")


def check(model: LlamaForCausalLM, pairs: Sequence[Pair], beta: float, row_tokens: int, precision: str) -> None:
    """Compares log-probabilities and the loss's gradient with an ordinary forward pass for each response.

    The gradient is that of a first step, whose reference is the policy itself.
    """

    def gradient(logps: Tensor) -> Tensor:
        losses(logps, logps.detach(), beta).sum().backward()
        flat = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
        model.zero_grad()
        return flat

    # Packing changes the order of the pairs; the plain passes use the same order.
    packed = pack(pairs, row_tokens)
    with autocast(precision):
        shared = torch.cat([response_logps(model, flatten(part)) for part in packed])
    shared_gradient = gradient(shared)
    ordered = [pair for part in packed for pair in part]
    with autocast(precision):
        responses = [plain_logp(model, pair.prompt, ids) for pair in ordered for ids in (pair.chosen, pair.rejected)]
    plain = torch.stack(responses).view(-1, 2)
    plain_gradient = gradient(plain)
    logp_error = ((shared - plain).abs() / plain.abs()).max().item()
    gradient_error = ((shared_gradient - plain_gradient).norm() / plain_gradient.norm()).item()
    lengths = [sum(pair.shared_tokens for pair in part) for part in packed]
    print(f"{len(pairs)} pairs in {len(packed)} packed sequences of tokens: {lengths}")
    logp_limit, gradient_limit = LOGP_TOLERANCE[precision], GRADIENT_TOLERANCE[precision]
    print(f"log-probabilities, largest relative difference: {logp_error:.1e} (at most {logp_limit:.0e})")
    print(f"gradient, norm of the difference over its norm: {gradient_error:.1e} (at most {gradient_limit:.0e})")
    if not (logp_error <= logp_limit and gradient_error <= gradient_limit):
        raise BenchmarkError("shared and unshared passes differ")


def plain_logp(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
    """Returns the summed log-probability of a response from an ordinary pass over prompt and response."""
    logits = model(input_ids=torch.tensor([prompt + response]), use_cache=False).logits[0]
    predicting = logits[len(prompt) - 1 : -1].float().log_softmax(-1)
    return predicting.gather(1, torch.tensor(response)[:, None]).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common.add_arguments(parser)
    default = common.TORCH_ROW_TOKENS
    parser.add_argument(
        "--row-tokens", type=int, default=default, help="tokens of a packed sequence (default %(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="compare with unshared passes on --rows (default 3)")
    parser.add_argument("--output", help="the report's JSON file (default: standard output)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.check:
        pairs = common.read_pairs(arguments.data, arguments.rows or 3)
        check(load(arguments.model), pairs, arguments.beta, arguments.row_tokens, arguments.precision)
        return
    settings = common.settings(arguments)
    pairs = common.read_pairs(settings.data, settings.steps * settings.batch_size)
    trainer = Trainer(settings, arguments.row_tokens)
    steps = []
    for batch in common.batches(pairs, settings):
        steps.append(trainer.step(batch))
        print(f"step {len(steps)}/{settings.steps}: {steps[-1]}", file=sys.stderr)
    versions = {module.__name__: module.__version__ for module in (torch, transformers)}
    document = common.report(
        "PyTorch, shared by hand",
        settings,
        steps,
        common.peak_rss_bytes(),
        versions=versions,
        row_tokens=arguments.row_tokens,
    )
    common.write_report(document, arguments.output)


if __name__ == "__main__":
    try:
        main()
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
