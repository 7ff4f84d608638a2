"""Errors that a user can mend, told in one line."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """What was expected, what was found, where, and the remedy, in one line."""


def run_command(command: Callable[[], int | None]) -> None:
    """Runs a command-line program and ends the process: 1 with one line for an error that the user can mend."""
    try:
        sys.exit(command() or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"error: {error.filename or 'file'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
