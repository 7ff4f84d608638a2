"""Converts prompts and responses to token ids, and checks what chat templates write."""
