"""Reads records from files, directories and the Hub."""
