"""Atomic creation of files that are not also inputs."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from .errors import UserError

_PREPARED = "espalier-preferences"
#: The temporary file's name has at most this many characters of the output's, so that it is not too long.
_NAME = 40
#: Files of which each says that a directory holds a model, an adapter or a run.
_SIGNS = ("config.json", "adapter_config.json", "espalier-run.json")


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raises an error if `path` cannot be created, or is one of the inputs, before the work that produces it.

    Inputs are files, and directories with all files in them; those that do not exist, such as Hub names, are ignored.
    """
    try:
        if not path.parent.is_dir():
            raise UserError(f"{path}: cannot be written: {path.parent} is not a directory; create it first")
        _check_regular(path)
    except OSError as error:
        raise _failure(path, error) from None
    check_not_input(path, inputs)
    if path.exists() and any((path.parent / sign).exists() for sign in _SIGNS) and not _is_prepared(path):
        raise UserError(f"{path}: belongs to the model or the run in its directory; choose another output")


def _check_regular(path: Path) -> None:
    """Raises an error if `path` is anything but a regular file, a link to one, or the name of a new file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise UserError(f"{path}: expected a file name, found a directory")
    if not stat.S_ISREG(mode):
        found = "a FIFO" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise UserError(f"{path}: expected a regular file, found {found}; choose another output")


def _failure(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written: {error.strerror}")


def check_not_input(path: Path, inputs: Iterable[Path]) -> None:
    """Raises an error if `path` is one of the inputs or a file in one, also by another name: a link of either kind.

    A file that `espalier-prepare` wrote into a directory of inputs is not an input and may be replaced.
    """
    if not path.exists():
        return
    for given in inputs:
        for file in given.rglob("*") if given.is_dir() else [given]:
            if file.is_file() and file.samefile(path) and not (given.is_dir() and _is_prepared(path)):
                name = "it" if str(file) == str(path) else str(file)
                raise UserError(f"{path}: expected a new file, but {name} is read as an input; choose another output")


def _is_prepared(path: Path) -> bool:
    try:
        with safe_open(path, "numpy") as file:
            return (file.metadata() or {}).get("format") == _PREPARED
    except (OSError, SafetensorError):
        return False


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path; on success, synchronizes the file and renames it to `path`."""
    temporary = path.with_name(f"{path.name[:_NAME]}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        _check_regular(path)
        temporary.replace(path)
    except OSError as error:
        raise _failure(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)
