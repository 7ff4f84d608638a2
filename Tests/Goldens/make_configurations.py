"""Completes `configurations.json`: configurations of published models, with what transformers makes of them.

    python Tests/Goldens/make_configurations.py

Each entry has the model's `config.json` as its directory on the Hub has it, in the form of transformers 4, with the keys
that matter; the long lists of LongRoPE's factors are replaced by simple ones. The script adds

    parameters   the number of elements of the text model, each tensor once
    newer        the same configuration as transformers 5 writes it
"""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedConfig

FILE = Path(__file__).parent / "configurations.json"
IMAGES = ("model.vision_tower.", "model.multi_modal_projector.")


def read(config: dict[str, Any]) -> PreTrainedConfig:
    """Returns the configuration of the family's class in transformers, whatever code the model brings."""
    known = {key: value for key, value in config.items() if key != "auto_map"}
    return CONFIG_MAPPING[config["model_type"]].from_dict(known)


def count(config: PreTrainedConfig) -> int:
    """Returns the number of elements of a text model's parameters, without memory for them."""
    family = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        model = family.from_config(config)
    return sum(values.numel() for name, values in model.named_parameters() if not name.startswith(IMAGES))


def line(entry: dict[str, Any]) -> str:
    """Returns an entry with a line for each key."""
    return ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in entry.items())


def main() -> None:
    entries = {}
    for name, entry in json.loads(FILE.read_text()).items():
        config = read(json.loads(json.dumps(entry["config"])))
        newer = json.loads(config.to_json_string())
        entries[name] = {"parameters": count(config), "config": entry["config"], "newer": newer}
    texts = [f" {json.dumps(name)}: {{\n{line(entry)}}}" for name, entry in entries.items()]
    FILE.write_text("{\n" + ",\n".join(texts) + "\n}\n")


if __name__ == "__main__":
    main()
