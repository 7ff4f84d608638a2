"""Translates settings of scaled rotary embeddings to `rope_scaling` of config.json."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from .architectures import Architecture
from .metadata import ModelMetadata, shortest

#: The tensors with factors of frequencies, which are settings and not weights.
LLAMA3_FACTORS = "rope_freqs.weight"
LONG_FACTORS, SHORT_FACTORS = "rope_factors_long.weight", "rope_factors_short.weight"
FACTOR_TENSORS = (LLAMA3_FACTORS, LONG_FACTORS, SHORT_FACTORS)
#: Differences of factors that rounding to float32 explains.
_TOLERANCE = 2e-6
#: The lengths for which models with llama3's scaling were first trained.
_ORIGINAL_LENGTHS = (8192, 4096, 16384, 32768)


def scaling(
    metadata: ModelMetadata, kind: Architecture, width: int, base: float, factors: Mapping[str, np.ndarray]
) -> dict[str, Any] | None:
    """Returns `rope_scaling` for heads whose first `width` elements rotate; None without scaling."""
    name, origin = _found(metadata, factors)
    if name is not None and name not in kind.scalings:
        supported = ", ".join(kind.scalings)
        raise UserError(f"{origin} is not supported for {kind.model_type}; supported: {supported}")
    for tensor, values in factors.items():
        if values.shape != (width // 2,) or not np.isfinite(values).all() or not (values > 0).all():
            raise UserError(f"tensor {tensor}: expected {width // 2} positive factors, found the shape {values.shape}")
    original = metadata.count("rope.scaling.original_context_length", metadata.count("context_length"))
    metadata.check("rope.scaling.alpha", (0.0,))
    if name == "longrope":
        return _longrope(metadata, original, factors)
    metadata.check("rope.scaling.attn_factor", (1.0,))
    yarn = _yarn(metadata, original)
    if name == "linear":
        return {"rope_type": "linear", "factor": _factor(metadata)}
    if name == "llama3":
        return _llama3(factors[LLAMA3_FACTORS].astype(np.float64), base, original)
    return yarn if name == "yarn" else None


def _found(metadata: ModelMetadata, factors: Mapping[str, np.ndarray]) -> tuple[str | None, str]:
    """Returns the scaling that a file asks for, and where; llama.cpp scales linearly if a factor has no type."""
    key, named = metadata.key("rope.scaling.type"), metadata.get("rope.scaling.type", "linear")
    origin = f"{key} = {named!r}"
    if not isinstance(named, str):
        raise UserError(f"expected text in {key}, found {named!r}")
    scaled = _factor(metadata) != 1.0
    if "rope.scaling.type" not in metadata:
        origin = f"{metadata.key('rope.scaling.factor')} = {_factor(metadata)!r}"
    if named == "none" or (named in ("linear", "yarn") and not scaled):
        named = None
    tensors = [name for name, values in factors.items() if name != LLAMA3_FACTORS or not (values == 1).all()]
    if not tensors:
        return named, origin
    stored = "llama3" if tensors[0] == LLAMA3_FACTORS else "longrope"
    if named not in (None, stored):
        raise UserError(f"{origin} and the tensor {tensors[0]} exclude each other; is the file from a known converter?")
    return stored, f"the tensor {tensors[0]}"


def _factor(metadata: ModelMetadata) -> float:
    """Returns by how much positions are scaled; 0 stands for 1."""
    old = metadata.optional_positive("rope.scale_linear")
    return metadata.optional_positive("rope.scaling.factor") or old or 1.0


def _yarn(metadata: ModelMetadata, original: int) -> dict[str, Any]:
    result = {"rope_type": "yarn", "factor": _factor(metadata), "original_max_position_embeddings": original}
    metadata.check("rope.scaling.yarn_ext_factor", (1.0, -1.0))
    names = {"yarn_beta_fast": "beta_fast", "yarn_beta_slow": "beta_slow", "yarn_attn_factor": "attention_factor"}
    for name, key in names.items():
        value = metadata.optional_positive(f"rope.scaling.{name}")
        if value is not None:
            result[key] = value
    scale = metadata.optional_positive("rope.scaling.yarn_log_multiplier")
    if scale is not None:
        result |= {"mscale": 1.0, "mscale_all_dim": scale}
    return result


def _llama3(factors: np.ndarray, base: float, original: int) -> dict[str, Any]:
    """Returns the settings that give these factors; several do, and the usual ones are preferred.

    A frequency with the wavelength λ is divided by 1 if λ < o/high, by `factor` if λ > o/low, and by
    1/(s + (1-s)/factor) between these, s = (o/λ - low)/(high - low).
    """
    factor = shortest(float(factors.max()))
    turns = base ** -(np.arange(len(factors)) / len(factors)) / (2 * math.pi)
    for length in dict.fromkeys((original, *_ORIGINAL_LENGTHS)):
        if _fits(factors, turns, factor, 1.0, 4.0, length):
            return _llama3_settings(factor, 1.0, 4.0, length)
    between = (factors > 1 + _TOLERANCE) & (factors < factor * (1 - _TOLERANCE))
    if between.sum() > 1:
        shares = (1 / factors[between] - 1 / factor) / (1 - 1 / factor)
        slope, offset = np.polyfit(turns[between], shares, 1)
        # With o = `original`: slope = o / (high - low), offset = -low / (high - low).
        difference = original / slope
        low, high = -offset * difference, (1 - offset) * difference
        if _fits(factors, turns, factor, low, high, original):
            return _llama3_settings(factor, float(low), float(high), original)
    raise UserError(f"tensor {LLAMA3_FACTORS}: its factors are not those of a llama3 scaling, which alone is supported")


def _llama3_settings(factor: float, low: float, high: float, original: int) -> dict[str, Any]:
    return {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": low,
        "high_freq_factor": high,
        "original_max_position_embeddings": original,
    }


def _fits(factors: np.ndarray, turns: np.ndarray, factor: float, low: float, high: float, original: int) -> bool:
    if not 0 < low < high:
        return False
    share = np.clip((original * turns - low) / (high - low), 0, 1)
    return bool(np.allclose(factors, 1 / (share + (1 - share) / factor), rtol=1e-5, atol=0))


def _longrope(metadata: ModelMetadata, original: int, factors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    missing = [name for name in (LONG_FACTORS, SHORT_FACTORS) if name not in factors]
    if missing:
        raise UserError(f"tensor {missing[0]} is missing, which longrope requires; is the file complete?")
    result = {
        # Versions of transformers before 5 accept this key only, for this type.
        "type": "longrope",
        "short_factor": [shortest(float(value)) for value in factors[SHORT_FACTORS]],
        "long_factor": [shortest(float(value)) for value in factors[LONG_FACTORS]],
    }
    ratio = metadata.count("context_length") / original
    usual = math.sqrt(1 + math.log(ratio) / math.log(original)) if ratio > 1 else 1.0
    found = metadata.positive("rope.scaling.attn_factor", 1.0)
    return result if math.isclose(found, usual, rel_tol=1e-6) else result | {"attention_factor": found}
