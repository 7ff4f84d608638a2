#!/usr/bin/env python3
"""Times TRL's DPOTrainer on the examples of a prepared file."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")

# Imported after the environment is set, which Hugging Face's libraries read.
import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer

import common
from common import BenchmarkError, Pair, Settings, Step


class TokenizedDPOTrainer(DPOTrainer):
    """Accepts examples that are already tokenized.

    TRL has no setting for this: it computes `prompt_ids`, `chosen_ids` and `rejected_ids` from text in this method, and
    its collator reads them. Nothing else is changed.
    """

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class StepClock(TrainerCallback):
    """Times each step from its batch to the updated weights, without collating and logging."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def train(settings: Settings, pairs: Sequence[Pair], directory: str) -> list[Step]:
    """Trains on the pairs in order."""
    if not hasattr(DPOTrainer, "_prepare_dataset"):
        raise BenchmarkError(f"TRL {trl.__version__} tokenizes differently; install requirements.txt")
    dataset = Dataset.from_dict(
        {f"{part}_ids": [getattr(pair, part) for pair in pairs] for part in ("prompt", "chosen", "rejected")}
    )
    # Differs from TRL's defaults: float32, no activation checkpointing, no truncation, since the examples fit, and the
    # conditions of the comparison (order, constant learning rate).
    configuration = DPOConfig(
        output_dir=directory,
        use_cpu=True,
        bf16=settings.precision == "bfloat16",
        gradient_checkpointing=False,
        max_length=None,
        beta=settings.beta,
        per_device_train_batch_size=settings.batch_size,
        max_steps=settings.steps,
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        weight_decay=0.0,
        max_grad_norm=1.0,
        precompute_ref_log_probs=False,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        eval_strategy="no",
        disable_tqdm=True,
    )
    clock = StepClock()
    trainer = TokenizedDPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(settings.model, dtype=torch.float32),
        args=configuration,
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(settings.model),
        callbacks=[clock],
    )
    trainer.train()
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    steps, tokens = [], 0
    for batch, log, seconds in zip(common.batches(pairs, settings), logs, clock.seconds, strict=True):
        tokens += sum(pair.unshared_tokens for pair in batch)
        if log["num_tokens"] != tokens:
            raise BenchmarkError(f"expected TRL to compute {tokens} tokens, found {log['num_tokens']}")
        shared_tokens = sum(pair.shared_tokens for pair in batch)
        steps.append(Step(seconds, len(batch), shared_tokens, {name: float(log[name]) for name in common.METRICS}))
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser)
    parser.add_argument("--output", help="the report's JSON file (default: standard output)")
    arguments = parser.parse_args()
    settings = common.settings(arguments)
    pairs = common.read_pairs(settings.data, settings.steps * settings.batch_size)
    torch.set_num_threads(settings.threads)
    # The trainer prints its log to standard output.
    output, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as directory:
        steps = train(settings, pairs, directory)
    sys.stdout = output
    versions = {module.__name__: module.__version__ for module in (torch, transformers, trl)}
    document = common.report("TRL DPOTrainer", settings, steps, common.peak_rss_bytes(), versions=versions)
    common.write_report(document, arguments.output)


if __name__ == "__main__":
    try:
        main()
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
