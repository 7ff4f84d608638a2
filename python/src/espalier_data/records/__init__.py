"""Converts records in any supported format to prompts and ranked responses."""
