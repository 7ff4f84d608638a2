"""Errors that a user can fix, reported in one line."""

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """An error with what was expected, what was found, where, and the remedy, in one line."""


def one_line(message: object) -> str:
    """Returns a library's message in one line, with escapes for control characters."""
    text = " ".join(str(message).split())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def run_command(command: Callable[[], int | None]) -> None:
    """Runs a command-line program and exits: with 1 and a one-line message for an error that the user can fix."""
    try:
        sys.exit(command() or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of the output, such as `head`, has ended; Python must not try to write the rest of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(f"error: {error.filename or 'file'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
