"""Generates `trl.json`: TRL's tokens for the rows of `chat_templates.py`, with each family's tokenizer.

Needs trl and torch; the result depends on trl's version, which the file contains:

    python python/tests/goldens/make_trl_goldens.py
"""

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import trl
from datasets import Dataset
from transformers import AutoTokenizer
from trl import DPOTrainer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import chat_templates


def tokenized(row: dict, tokenizer) -> dict[str, list[int]]:
    """Tokenizes a row with the trainer's own dataset preparation, which uses only the trainer's tokenizer."""
    settings = SimpleNamespace(dataset_num_proc=None, max_length=None, truncation_mode="keep_start")
    trainer = SimpleNamespace(_tokenizer=tokenizer)
    dataset = Dataset.from_list([row])
    (prepared,) = DPOTrainer._prepare_dataset(trainer, dataset, tokenizer, settings, "train")
    return {name: prepared[f"{name}_ids"] for name in ("prompt", "chosen", "rejected")}


def main() -> None:
    goldens = {}
    for name, family in chat_templates.FAMILIES.items():
        with tempfile.TemporaryDirectory() as directory:
            tokenizer = AutoTokenizer.from_pretrained(chat_templates.save_model(Path(directory), family))
        goldens[name] = {title: tokenized(row, tokenizer) for title, row in chat_templates.ROWS.items()}
    lines = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(title)}: {json.dumps(row)}" for title, row in rows.items())
        + "\n}"
        for name, rows in goldens.items()
    ]
    text = ",\n".join([f'"trl": {json.dumps(trl.__version__)}', *lines])
    (HERE / "trl.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
