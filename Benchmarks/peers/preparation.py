"""Times the conversion of preferences to token ids: TRL's `DPOTrainer`, and `espalier-prepare`.

Needs the environment of requirements.txt and the package in python/. Both convert the same rows with the same
tokenizer and the same number of processes, several times in turn; the best times are compared. The time of the
processors shows how much work it is, also on a machine where other programs run:

    python Benchmarks/peers/preparation.py --model MODEL --data rows.jsonl --num-proc 2
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import datasets
import numpy as np
import transformers
import trl
from safetensors.numpy import load_file

from espalier_data.arguments import parse_arguments
from espalier_data.prepare import prepare

LENGTH = 1024


@dataclass
class Seconds:
    """Elapsed time, and the time of all processors in this process and in its workers that have ended."""

    elapsed: float
    processors: float

    @classmethod
    def now(cls) -> "Seconds":
        times = os.times()
        return cls(time.perf_counter(), times.user + times.system + times.children_user + times.children_system)

    def since(self, start: "Seconds") -> "Seconds":
        return Seconds(self.elapsed - start.elapsed, self.processors - start.processors)


def with_trl(tokenizer, rows: datasets.Dataset, processes: int) -> tuple[Seconds, datasets.Dataset]:
    """Converts the rows as the trainer does at its start; the time excludes reading the file."""
    settings = SimpleNamespace(
        dataset_num_proc=processes if processes > 1 else None, max_length=LENGTH, truncation_mode="keep_start"
    )
    trainer = SimpleNamespace(_tokenizer=tokenizer)
    start = Seconds.now()
    prepared = trl.DPOTrainer._prepare_dataset(trainer, rows, tokenizer, settings, "train")
    return Seconds.now().since(start), prepared


def with_espalier(model: str, data: str, processes: int, output: Path) -> Seconds:
    """Converts the rows; the time includes loading the tokenizer, reading, and writing the file."""
    words = ["--model", model, "--data", data, "--output", str(output), "--num-proc", str(processes)]
    start = Seconds.now()
    with contextlib.redirect_stdout(io.StringIO()):
        prepare(parse_arguments([*words, "--max-length", str(LENGTH)]))
    return Seconds.now().since(start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, help="JSON lines with prompt, chosen and rejected")
    parser.add_argument("--num-proc", type=int, nargs="+", default=[1, os.cpu_count()])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    datasets.disable_caching()
    datasets.disable_progress_bars()
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    rows = datasets.load_dataset("json", data_files=arguments.data, split="train")
    print(f"{len(rows)} rows; trl {trl.__version__}, transformers {transformers.__version__}")
    for processes in arguments.num_proc:
        times: dict[str, list[Seconds]] = {"TRL": [], "espalier-prepare": []}
        for _ in range(arguments.repeats):
            seconds, prepared = with_trl(tokenizer, rows, processes)
            times["TRL"].append(seconds)
            with tempfile.TemporaryDirectory() as directory:
                file = Path(directory) / "rows.safetensors"
                times["espalier-prepare"].append(with_espalier(arguments.model, arguments.data, processes, file))
                compare(prepared, load_file(file))
        for name, seconds in times.items():
            best = min(taken.elapsed for taken in seconds)
            work = min(taken.processors for taken in seconds)
            print(
                f"{processes} processes, {name}: {best:.1f} s, {len(rows) / best:.0f} rows/s; processors {work:.1f} s"
            )


def compare(theirs: datasets.Dataset, ours: dict[str, np.ndarray]) -> None:
    """Checks that both keep the same rows, with the same tokens up to the maximum length."""
    assert len(theirs) == len(ours["source_rows"]) > 0
    prompts, responses = ours["prompt_offsets"], ours["response_offsets"]
    for index, expected in enumerate(theirs):
        prompt = ours["prompt_ids"][prompts[index] : prompts[index + 1]].tolist()
        assert prompt == expected["prompt_ids"], index
        for number, name in enumerate(("chosen_ids", "rejected_ids")):
            first = ours["row_offsets"][index] + number
            response = ours["response_ids"][responses[first] : responses[first + 1]].tolist()
            assert response == expected[name][: LENGTH - len(prompt)], index


if __name__ == "__main__":
    main()
