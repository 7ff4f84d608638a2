"""Invented documents, threads and talks, each with a question whose answer stands in it."""

from . import records, tables, talks, threads

BUILDERS = [*tables.BUILDERS, *records.BUILDERS, *threads.BUILDERS, *talks.BUILDERS]
