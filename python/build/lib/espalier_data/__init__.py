"""Prepares preference data and models for Espalier, on Hugging Face's own tokenizers; needs no torch."""
