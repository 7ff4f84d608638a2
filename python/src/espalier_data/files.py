"""Atomic creation of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


def check_output(path: Path) -> None:
    """Raises an error if `path` cannot be created, before the work that produces it."""
    if path.is_dir():
        raise UserError(f"{path}: expected a file name, found a directory")
    if not path.parent.is_dir():
        raise UserError(f"{path}: cannot be written: {path.parent} is not a directory; create it first")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path; on success, synchronizes the file and renames it to `path`."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
