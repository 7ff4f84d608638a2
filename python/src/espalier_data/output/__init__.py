"""Writes the prepared file, and reports to the user."""
