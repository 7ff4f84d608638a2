"""A limit for the nesting of values, which all programs that read them can handle."""

from typing import Any

#: Python's own limit depends on the code that runs into it.
MOST_LEVELS = 100
TOO_DEEP = f"nested more than {MOST_LEVELS} levels deep"


def is_too_deep(value: Any) -> bool:
    """Returns whether lists and objects in `value`, with itself, are nested in more than `MOST_LEVELS` levels."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list, tuple))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
