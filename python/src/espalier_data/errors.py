"""Errors that a user can fix, reported in one line."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from .output.printable import printable


class UserError(Exception):
    """An error with what was expected, what was found, where, and the remedy, in one line."""


def one_line(message: object) -> str:
    """Returns a library's message in one line, with escapes for control characters."""
    text = " ".join(str(message).split())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def write_output(text: str) -> None:
    """Prints text on standard output; a full disk is an error that names standard output."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise UserError(f"standard output: cannot be written: {error.strerror}") from None


def run_command(command: Callable[[], int | None]) -> None:
    """Runs a command-line program and exits: with 1 and a one-line message for an error that the user can fix."""
    if sys.stderr is None:  # It is closed.
        sys.stderr = open(os.devnull, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Other encodings than UTF-8 lack characters of names and of rows.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(command() or 0)
    except UserError as error:
        _print_error(str(error))
        sys.exit(1)
    except BrokenPipeError:
        # The reader of the output, such as `head`, has ended.
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _print_error(f"{os.fsdecode(error.filename or 'file')}: {error.strerror}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _print_error(text: str) -> None:
    with suppress(OSError):  # The exit code reports the error too.
        print(f"error: {printable(text)}", file=sys.stderr)


def _discard_output() -> None:
    """Sends standard output nowhere, so that Python does not try to write the rest of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
