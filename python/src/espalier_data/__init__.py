"""Prepares preference data and models for Espalier, on Hugging Face's own tokenizers; needs no torch."""

import os

# Of transformers only tokenizers are wanted: no advice about deep learning libraries, and no network unless rows are
# on the Hub.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
OFFLINE_BY_DEFAULT = "HF_HUB_OFFLINE" not in os.environ
os.environ.setdefault("HF_HUB_OFFLINE", "1")
