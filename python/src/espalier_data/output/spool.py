"""Token ids on disk while rows are read, so that memory does not grow with the data."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UserError

_BLOCK = 1 << 20


class Spool:
    """Bytes in an unnamed temporary file next to `output`; nothing is left of it, however the process ends."""

    def __init__(self, output: Path) -> None:
        self._output = output
        try:
            self._file = tempfile.TemporaryFile(dir=output.parent, buffering=_BLOCK)
        except OSError as error:
            raise self._failure(error) from None

    def add(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise self._failure(error) from None

    def read(self, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Yields the bytes of several ranges, in blocks."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from None
        for start, end in ranges:
            self._file.seek(start)
            while start < end and (block := self._file.read(min(_BLOCK, end - start))):
                start += len(block)
                yield block

    def _failure(self, error: OSError) -> UserError:
        return UserError(f"{self._output}: cannot be written: {error.strerror}")
