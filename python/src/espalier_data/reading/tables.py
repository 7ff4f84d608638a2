"""Reads the sources that need the extra `hub`: Parquet files, dataset directories, and Hub datasets."""

import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from .. import OFFLINE_BY_DEFAULT
from ..errors import UserError, one_line
from . import contents, dataset_directories
from .record import Progress, Record

EXTRA = "pip install './python[hub]' in a clone of Espalier"
#: Rows that are converted to Python objects at a time.
BATCH = 256
#: Bytes of a column that are read at a time, so that memory does not depend on the size of row groups.
_BUFFER = 1 << 20


def parquet(path: Path, progress: Progress | None = None) -> Iterator[Record]:
    """Yields the rows of a Parquet file, read in batches."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"{path}: Parquet files need pyarrow; install it with {EXTRA}") from None
    with open(path, "rb") as file:
        head = file.read(512)
        contents.check(path, head, but="a Parquet file")
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            raise UserError(f"{path}: JSON text, expected a Parquet file; rename it to end with .jsonl")
        file.seek(0)
        yield from _records(str(path), _parquet_rows(path, file, progress or Progress()))


def parquet_size(path: Path) -> int | None:
    """Returns the number of rows of a Parquet file if it can be read."""
    try:
        from pyarrow import parquet

        return parquet.read_metadata(path).num_rows
    except Exception:  # `parquet` reports the error with its remedy.
        return None


def _parquet_rows(path: Path, file: BinaryIO, progress: Progress) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        progress.total = table.metadata.num_rows
        _check_columns(path, table.schema_arrow.names)
        for batch in table.iter_batches(batch_size=BATCH):
            progress.done += batch.num_rows
            yield from _rows(path, batch)
    except (ArrowException, OSError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({_line(error)}); download or create it again") from None


def directory(path: Path, configuration: str | None, split: str) -> Any:
    """Opens a directory written by `save_to_disk`, or one with data files like a Hub dataset."""
    datasets = _library(f"{path}: directories")
    try:
        if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
            return dataset_directories.saved(datasets, path, split)
        return dataset_directories.loaded(datasets, path, configuration, split)
    except UserError:
        raise
    except Exception as error:  # Errors of file systems, file formats, and names of splits and configurations.
        dataset_directories.check_downloads(path)
        raise UserError(f"{path}: {_unloaded(error)}; {_settings(configuration, split)}") from None


def ranges(path: Path, split: str, count: int) -> list[tuple[int, int]]:
    """Returns the beginnings and ends of a slice of a file of `count` records, which has any one split."""
    library = _library("slices of --split")
    try:
        name = split.partition("[")[0].strip()
        parts = library.ReadInstruction.from_spec(split).to_absolute({name: count})
    except (AssertionError, ValueError) as error:
        remedy = "expected a slice of the one split of a file, such as train[:90%]"
        raise UserError(f"{path}: --split {split}: {_line(error)}; {remedy}") from None
    return [(part.from_ or 0, count if part.to is None else part.to) for part in parts]


def hub(name: str, configuration: str | None, split: str) -> Any:
    """Opens a Hugging Face Hub dataset, which `datasets` caches."""
    datasets = _library(f"{name}: no such file, and Hub datasets")
    try:
        return datasets.load_dataset(name, configuration, split=split)
    except ConnectionError as error:
        raise UserError(
            f"{name}: no such file, and the Hugging Face Hub cannot be reached ({_line(error)}); "
            "check the name and the network, or download the files and pass their paths"
        ) from None
    except Exception as error:  # As above, and errors of the Hub.
        raise UserError(
            f"{name}: no such file, and as a Hub dataset it {_unloaded(error)}; {_settings(configuration, split)}"
        ) from None


def dataset_records(name: str, dataset: Any, progress: Progress) -> Iterator[Record]:
    """Yields the rows of an open dataset, in batches; images and sounds stay as they are stored."""
    progress.total = dataset.num_rows
    yield from _records(name, _dataset_rows(name, dataset, progress))


def _dataset_rows(name: str, dataset: Any, progress: Progress) -> Iterator[dict[str, Any]]:
    try:
        for batch in dataset.with_format("arrow").iter(batch_size=BATCH):
            progress.done += batch.num_rows
            yield from _rows(name, batch)
    except UserError:
        raise
    except Exception as error:  # Errors of file systems and of damaged files.
        raise UserError(f"{name}: cannot be read ({type(error).__name__}: {_line(error)}); create it again") from None


def _rows(name: str | Path, batch: Any) -> list[dict[str, Any]]:
    """Returns the rows of an Arrow batch."""
    try:
        return batch.to_pylist()
    except Exception:  # Values that Python's types cannot hold, such as times in the year 10000.
        columns = {column: _values(name, column, batch.column(column)) for column in batch.schema.names}
        return [dict(zip(columns, values)) for values in zip(*columns.values())]


def _values(name: str | Path, column: str, array: Any) -> list[Any]:
    """Returns a column's values; times as numbers, if Python's types cannot hold them."""
    try:
        return array.to_pylist()
    except Exception:
        pass
    try:
        return array.cast(_with_numbers(array.type)).to_pylist()
    except Exception as error:
        kind = " ".join(str(array.type).split())
        raise UserError(
            f"{name}: the column {column!r} of type {kind} cannot be read ({_line(error)}); remove or convert it"
        ) from None


def _with_numbers(kind: Any) -> Any:
    """Returns an Arrow type with whole numbers in place of times."""
    import pyarrow
    from pyarrow import types

    if types.is_struct(kind):
        return pyarrow.struct([(field.name, _with_numbers(field.type)) for field in kind])
    if types.is_list(kind) or types.is_large_list(kind):
        return pyarrow.list_(_with_numbers(kind.value_type))
    if types.is_temporal(kind):
        return pyarrow.int32() if kind.bit_width == 32 else pyarrow.int64()
    return kind


def _check_columns(path: Path, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: {names.count(twice)} columns have the name {twice!r}; rename or remove all but one")


def allow_network() -> None:
    """Enables access to the Hub, unless the user has disabled it; call this before importing the Hub's libraries."""
    if OFFLINE_BY_DEFAULT:
        os.environ["HF_HUB_OFFLINE"] = "0"


def _library(what: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise UserError(f"{what} need the library datasets; install it with {EXTRA}") from None
    datasets.disable_progress_bars()
    return datasets


def _records(name: str, rows: Iterable[Any]) -> Iterator[Record]:
    for index, row in enumerate(rows):
        yield Record(f"{name}[{index}]", _plain(row))


def _plain(value: Any) -> Any:
    """Returns what JSON would hold: objects without null keys, also for maps, and numbers for decimals.

    Columns of tables contain null keys if the objects of a list have different keys.
    """
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return {key: _plain(inner) for key, inner in value if inner is not None}
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    return value


def _settings(configuration: str | None, split: str) -> str:
    name = f" and --dataset-config {configuration}" if configuration else ""
    return f"check the name, --split {split}{name}"


def _unloaded(error: Exception) -> str:
    return f"cannot be loaded ({type(error).__name__}: {_line(error)})"


def _line(error: Exception) -> str:
    """Returns the first line of an error message, without its full stop."""
    return one_line((str(error).strip().splitlines() or [type(error).__name__])[0]).rstrip(".:")
