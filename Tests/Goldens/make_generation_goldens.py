"""Generates the greedy continuations that transformers computes, in float64, of the tiny models in this directory.

    python Tests/Goldens/make_generation_goldens.py

Writes generation.json: for each model a prompt, the most probable tokens after it one after the other, and the smallest
difference between the two largest logits on the way, which says how clear the choices are. The prompt is the first one of
the model's data.safetensors, and is continued beyond a window, where the model has one.
"""

import json
from pathlib import Path

import torch
from make_goldens import build
from safetensors.torch import load_file
from transformers import AutoConfig

HERE = Path(__file__).parent
COUNT = 24


def main() -> None:
    goldens = {}
    for path in sorted(HERE.glob("*/golden.safetensors")):
        directory = path.parent
        config = AutoConfig.from_pretrained(directory)
        model = type(build(config)).from_pretrained(directory, attn_implementation="eager").double().eval()
        data = load_file(directory / "data.safetensors")
        tokens = data["prompt_ids"][: data["prompt_offsets"][1]].tolist()
        prompt, margins = list(tokens), []
        with torch.no_grad():
            for _ in range(COUNT):
                # Without a cache of keys and values, whose form differs between models.
                logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1]
                best = torch.topk(logits, 2)
                margins.append((best.values[0] - best.values[1]).item())
                tokens.append(best.indices[0].item())
        goldens[directory.name] = {"prompt": prompt, "tokens": tokens[len(prompt) :], "margin": min(margins)}
        print(f"{directory.name}: {goldens[directory.name]['tokens']}, smallest margin {min(margins):.2g}")
    text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(golden)}" for name, golden in goldens.items())
    (HERE / "generation.json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
