"""Generates the tiny models and their golden values, in float64, with torch and transformers.

    python Tests/Goldens/make_goldens.py [NAME …]

Run only to generate new goldens: the tests need neither torch nor transformers. Each model is a Hugging Face directory;
its data.safetensors is a prepared dataset, and golden.safetensors has its tensors and the expected results for it:

    token_logps      float32 [tokens of all responses]
    response_logps   float64 [responses]
    logits           float32 [T, V]  of the first sequence, prompt and first response
    reference_logps  float64 [responses]  policy plus fixed offsets, for the DPO step
    loss, grad.NAME  of sigmoid DPO, beta 0.5, mean over the pairs of the best with each other response of all examples
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, PreTrainedModel, Qwen2Config

HERE = Path(__file__).parent
BETA = 0.5
COMMON = dict(
    vocab_size=131,
    intermediate_size=88,
    num_hidden_layers=3,
    max_position_embeddings=512,
    rms_norm_eps=1e-5,
    attn_implementation="eager",
)
SMALL = COMMON | dict(hidden_size=48, num_attention_heads=6, num_key_value_heads=2, head_dim=8)
# Each with the seed of its weights and its data.
MODELS: dict[str, tuple[int, PreTrainedConfig]] = {
    "tied": (20, LlamaConfig(**SMALL, rope_theta=10000.0, tie_word_embeddings=True)),
    "free-head": (
        21,
        LlamaConfig(
            **COMMON, hidden_size=40, num_attention_heads=4, num_key_value_heads=4, head_dim=12, rope_theta=100000.0
        ),
    ),
    "biases": (23, LlamaConfig(**SMALL, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
    "qwen2": (24, Qwen2Config(**SMALL, tie_word_embeddings=True, rope_theta=1000000.0)),
    # Lengths at which some frequencies stay, some are interpolated and some divided.
    "llama3": (
        22,
        LlamaConfig(
            **SMALL,
            tie_word_embeddings=True,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
    ),
}


def rows(random: np.random.Generator) -> list[tuple[list[int], list[list[int]]]]:
    """Returns prompts with responses: plain pairs, shared prefixes, one prefix of another, three and five responses."""

    def tokens(count: int) -> list[int]:
        return random.integers(0, COMMON["vocab_size"], count).tolist()

    start = tokens(7)
    return [
        (tokens(23), [tokens(9), tokens(14)]),
        (tokens(1), [tokens(1), tokens(3)]),
        (tokens(40), [start + tokens(5), start + tokens(8)]),
        (tokens(17), [start, start + tokens(4)]),
        (tokens(12), [start + tokens(3), start[:4] + tokens(6), tokens(5)]),
        (tokens(90), [tokens(30), start + tokens(2), start + tokens(9), start[:2], tokens(21)]),
    ]


def dataset(data: list[tuple[list[int], list[list[int]]]]) -> dict[str, np.ndarray]:
    responses = [response for _, row in data for response in row]

    def offsets(parts: list) -> np.ndarray:
        return np.cumsum([0] + [len(part) for part in parts], dtype=np.int64)

    return {
        "prompt_ids": np.array([t for prompt, _ in data for t in prompt], dtype=np.int32),
        "prompt_offsets": offsets([prompt for prompt, _ in data]),
        "response_ids": np.array([t for response in responses for t in response], dtype=np.int32),
        "response_offsets": offsets(responses),
        "row_offsets": offsets([row for _, row in data]),
    }


def token_logps(model: PreTrainedModel, prompt: list[int], response: list[int]) -> torch.Tensor:
    logits = model(torch.tensor([prompt + response])).logits[0]
    logps = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    return logps.gather(1, torch.tensor(response)[:, None])[:, 0]


def initialize(name: str, parameter: torch.Tensor) -> None:
    """Draws norms around 1, biases around 0, and matrices wide enough that the distributions are far from even."""
    if name.endswith("bias"):
        parameter.normal_(0.0, 0.3)
    elif parameter.dim() == 1:
        parameter.normal_(1.0, 0.2)
    else:
        parameter.normal_(0.0, 0.15)


def make(name: str, seed: int, config: PreTrainedConfig) -> None:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            initialize(key, parameter)
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    model = model.double()

    data = rows(random)
    logps = [[token_logps(model, prompt, response) for response in row] for prompt, row in data]
    sums = [[part.sum() for part in row] for row in logps]
    reference = [[value.item() + random.normal(0, 2) for value in row] for row in sums]
    losses = [
        -torch.nn.functional.logsigmoid(BETA * ((row[0] - ref[0]) - (row[k] - ref[k])))
        for row, ref in zip(sums, reference)
        for k in range(1, len(row))
    ]
    loss = torch.stack(losses).mean()
    loss.backward()
    first = data[0][0] + data[0][1][0]
    golden = dataset(data) | {
        "token_logps": torch.cat([part for row in logps for part in row]).detach().float().numpy(),
        "response_logps": np.array([value.item() for row in sums for value in row]),
        "reference_logps": np.array([value for row in reference for value in row]),
        "logits": model(torch.tensor([first])).logits[0].detach().float().numpy(),
        "loss": np.array([loss.item()]),
    }
    golden |= {f"grad.{key}": value.grad.float().numpy() for key, value in model.named_parameters()}
    metadata = {
        "format": "espalier-preferences",
        "format_version": "1",
        "max_length": "512",
        "beta": str(BETA),
    }
    prepared = {key: value for key, value in metadata.items() if key != "beta"}
    save_file({key: np.ascontiguousarray(value) for key, value in dataset(data).items()}, directory / "data.safetensors", prepared)
    save_file({key: np.ascontiguousarray(value) for key, value in golden.items()}, directory / "golden.safetensors", metadata)
    print(name, json.dumps({"loss": loss.item(), "pairs": len(losses)}))


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name, *MODELS[name])
