#!/usr/bin/env python3
"""Times one step of TRL's DPOTrainer with PEFT on a model of random weights, in the shape of a configuration."""

import argparse
import sys
import tempfile
from typing import Any

# First: it sets the environment that Hugging Face's libraries read.
import trl_dpo

import common
import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from trl import DPOConfig


def random_model(directory: str) -> PreTrainedModel:
    """Returns a bfloat16 model of a directory's configuration, whose matrices repeat one block of random numbers.

    transformers would draw every number by itself, which takes minutes.
    """
    configuration = AutoConfig.from_pretrained(directory)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(configuration, dtype=torch.bfloat16)
    rotary = type(model.model.rotary_emb)(configuration)
    model = model.to_empty(device="cpu")
    # Buffers that are computed from the configuration, and not stored.
    model.model.rotary_emb = rotary
    block = (torch.randn(1 << 20) * 0.02).to(torch.bfloat16)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data.fill_(1)
            continue
        for part in parameter.data.view(-1).split(len(block)):
            part.copy_(block[: len(part)])
    return model


def pair(tree_tokens: int, vocabulary: int) -> dict[str, list[list[int]]]:
    """Returns a pair whose prompt has half of the tree's tokens, and each response a quarter."""
    lengths = {"prompt": tree_tokens // 2, "chosen": tree_tokens // 4, "rejected": tree_tokens // 4}
    generator = torch.Generator().manual_seed(1)
    return {
        f"{part}_ids": [torch.randint(0, vocabulary, (count,), generator=generator).tolist()]
        for part, count in lengths.items()
    }


def step_seconds(arguments: argparse.Namespace, directory: str) -> float:
    """Returns the seconds of the step, the reference included: the model with the adapter switched off."""
    model = random_model(arguments.model)
    clock = trl_dpo.StepClock()
    trainer = trl_dpo.TokenizedDPOTrainer(
        model=model,
        args=DPOConfig(
            output_dir=directory,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=True,
            max_length=None,
            per_device_train_batch_size=1,
            max_steps=1,
            report_to="none",
            save_strategy="no",
            eval_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(pair(arguments.tree_tokens, model.config.vocab_size)),
        processing_class=AutoTokenizer.from_pretrained(arguments.tokenizer),
        callbacks=[clock],
        peft_config=LoraConfig(r=arguments.lora_r, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    trainer.train()
    return clock.seconds[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a directory with a config.json; weights are not read")
    parser.add_argument("--tokenizer", required=True, help="any tokenizer, which TRL needs but this does not use")
    parser.add_argument("--tree-tokens", type=int, default=2048, help="prompt and responses (default %(default)s)")
    parser.add_argument("--lora-r", type=int, default=16, help="rank of the adapter (default %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="number of threads (default %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # The trainer prints its log to standard output.
    output, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as directory:
        seconds = step_seconds(arguments, directory)
    sys.stdout = output
    report: dict[str, Any] = {
        "name": "TRL DPOTrainer with PEFT",
        "step_seconds": seconds,
        "peak_rss_bytes": common.peak_rss_bytes(),
        "versions": {module.__name__: module.__version__ for module in (torch, transformers, trl, peft)},
        "settings": vars(arguments),
    }
    common.write_report(report, None)


if __name__ == "__main__":
    main()
