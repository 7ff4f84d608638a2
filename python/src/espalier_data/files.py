"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


def check_output(path: Path) -> None:
    """Refuses a name that cannot become a file, before work is done for it."""
    if path.is_dir():
        raise UserError(f"{path}: expected the name of a file to write, found a directory")
    if not path.parent.is_dir():
        raise UserError(f"{path}: cannot be written, since {path.parent} is no directory; make it first")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside `path`: what is written is synchronized, and renamed if the block ends well."""
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
