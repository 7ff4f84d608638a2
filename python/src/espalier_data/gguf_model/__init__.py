"""Translates a GGUF file to the parts of a Hugging Face model directory."""
