"""Prepares preference data and models for Espalier with Hugging Face's tokenizers; does not need torch."""

import os

# Only the tokenizers of transformers are used: suppress advice about deep learning libraries, and disable network
# access unless rows are read from the Hub.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
OFFLINE_BY_DEFAULT = "HF_HUB_OFFLINE" not in os.environ
os.environ.setdefault("HF_HUB_OFFLINE", "1")
