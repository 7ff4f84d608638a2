"""Verifies that the steps of the adapters' goldens are those of TRL's `DPOTrainer`.

    python Tests/Goldens/verify_trl_adapters.py

Trains a new adapter of a configuration (`peft_config`), whose reference is the model with the adapter off, and a given
one (a `PeftModel`), whose reference is a frozen copy of the adapter at the start, in float64 by TRL and by `torch_dpo`.
Losses, gradient norms, rewards and trained tensors must agree; TRL computes log-probabilities in float32.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import sys
import tempfile
import warnings
from typing import Any

import datasets
import numpy as np
import torch
import transformers
from adapter_kinds import ADAPTERS
from low_rank import Tensors, attach, by_rows, load, rows_of, stored, stored_name
from make_adapter_goldens import EPSILON, response_logps
from make_goldens import BETA, HERE
from model_files import read_model
from peft import LoraConfig
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch_dpo import Rows, steps
from transformers import PreTrainedModel, PreTrainedTokenizerFast, PrinterCallback
from trl import DPOConfig, DPOTrainer

# Models without windows, with which padded rows of a float64 model become NaN in transformers.
NAMES = ["linear/saved", "qwen3-biases/dora", "qwen3-biases/pattern", "phi3/plain", "yarn/plain"]
RATE = 1e-3


def tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """Returns a tokenizer whose words are the tokens' numbers."""
    model = Tokenizer(WordLevel({f"{token}": token for token in range(vocabulary)}, unk_token="0"))
    model.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=model, eos_token="2", pad_token="2", unk_token="0")


def pairs(rows: Rows) -> Rows:
    """Returns the first two responses of each row."""
    return [(prompt, responses[:2]) for prompt, responses in rows]


def texts(rows: Rows) -> datasets.Dataset:
    def text(tokens: list[int]) -> str:
        return " ".join(f"{token}" for token in tokens)

    return datasets.Dataset.from_list(
        [{"prompt": text(p) + " ", "chosen": text(a), "rejected": text(b)} for p, (a, b) in pairs(rows)]
    )


def train(model: PreTrainedModel, rows: Rows, settings: dict[str, Any], place: str) -> DPOTrainer:
    """Takes two steps over all rows with TRL."""
    arguments = DPOConfig(
        output_dir=place,
        per_device_train_batch_size=len(rows),
        max_steps=2,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        adam_epsilon=EPSILON,
        max_grad_norm=1.0,
        beta=BETA,
        logging_steps=1,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        max_length=None,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = DPOTrainer(
        model=model,
        args=arguments,
        train_dataset=texts(rows),
        processing_class=tokenizer(model.config.vocab_size),
        **settings,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer


def tokens(trainer: DPOTrainer) -> Rows:
    """Returns the rows as TRL has tokenized them, with an end token after each response."""
    return [(row["prompt_ids"], [row["chosen_ids"], row["rejected_ids"]]) for row in trainer.train_dataset]


def compare(name: str, is_given: bool) -> float:
    """Takes the steps twice; returns the largest difference relative to what is tolerated."""
    golden = ADAPTERS[name]
    base, directory = HERE / golden.base, HERE / "adapters" / name
    rows = rows_of(base / "data.safetensors")
    with tempfile.TemporaryDirectory() as place:
        if is_given:
            trainer = train(load(read_model(base), directory), rows, {}, place)
            adapted = load(read_model(base), directory)
        else:
            config = LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **golden.settings)
            trainer = train(read_model(base), rows, {"peft_config": config}, place)
            adapted = attach(read_model(base), golden.settings, golden.base)
            copy_start(trainer, adapted, read_model(base), golden.settings)
    assert ("ref" in trainer.model.peft_config) == is_given
    return differences(trainer, adapted.double(), tokens(trainer))


def copy_start(trainer: DPOTrainer, adapted: Any, model: PreTrainedModel, settings: dict[str, Any]) -> None:
    """Gives the adapter TRL's start, which is drawn after its seed is set."""
    transformers.set_seed(trainer.args.seed)
    start = attach(model, settings, "")
    with torch.no_grad():
        for mine, other in zip(adapted.parameters(), start.parameters()):
            mine.copy_(other)


def trained_tensors(trainer: DPOTrainer) -> Tensors:
    parameters = trainer.model.named_parameters()
    return {stored_name(name): value.detach() for name, value in parameters if ".default." in name}


def differences(trainer: DPOTrainer, adapted: Any, rows: Rows) -> float:
    start = response_logps(adapted, rows)
    with adapted.disable_adapter():
        off = response_logps(adapted, rows)
    taken = list(steps(adapted, rows, by_rows(start, rows), BETA, 2, RATE, EPSILON))
    log = [line for line in trainer.state.log_history if "grad_norm" in line]
    rewards = [BETA * np.subtract(step.logps, start) for step in taken]
    found = {
        "loss": max(abs(line["loss"] - step.loss) / 1e-5 for line, step in zip(log, taken)),
        "norm": max(abs(line["grad_norm"] / step.norm - 1) / 1e-4 for line, step in zip(log, taken)),
        "chosen": max(abs(line["rewards/chosen"] - part[::2].mean()) / 1e-4 for line, part in zip(log, rewards)),
        "rejected": max(abs(line["rewards/rejected"] - part[1::2].mean()) / 1e-4 for line, part in zip(log, rewards)),
    }
    expected, final = stored(adapted), trained_tensors(trainer)
    assert expected.keys() == final.keys()
    found["weights"] = max((expected[key] - final[key]).abs().max().item() for key in final) / (1e-2 * RATE)
    distance = np.abs(np.subtract(start, off)).max()
    parts = ", ".join(f"{key} {value:.2g}" for key, value in found.items())
    print(f"    {parts}; log-probabilities of start and model differ by {distance:.2g}")
    return max(found.values())


def main() -> int:
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    failed = False
    for name in NAMES:
        for is_given in (False, True):
            print(name, "given" if is_given else "new", "in parts of what is tolerated:", flush=True)
            failed |= not compare(name, is_given) <= 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
