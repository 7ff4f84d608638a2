"""Invented documents, threads and conversations, each with a question that it answers."""

from . import records, tables, talks, threads

BUILDERS = [*tables.BUILDERS, *records.BUILDERS, *threads.BUILDERS, *talks.BUILDERS]
