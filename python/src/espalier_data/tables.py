"""Reads the sources that need the extra `hub`: Parquet files, dataset directories, and Hub datasets."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from . import OFFLINE_BY_DEFAULT
from .errors import UserError
from .record import Record

EXTRA = "pip install 'espalier-data[hub]'"


def parquet(path: Path) -> Iterator[Record]:
    """Yields the rows of a Parquet file, read in batches."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"{path}: Parquet files need pyarrow; install it with {EXTRA}") from None
    with open(path, "rb") as file:
        yield from _records(str(path), _parquet_rows(path, file))


def _parquet_rows(path: Path, file: BinaryIO) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException, parquet

    try:
        for batch in parquet.ParquetFile(file).iter_batches():
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({_line(error)}); download or create it again") from None


def directory(path: Path, configuration: str | None, split: str) -> Iterator[Record]:
    """Yields the rows of a directory written by `save_to_disk`, or of one with data files like a Hub dataset."""
    datasets = _library(f"{path}: directories")
    try:
        if (path / "state.json").is_file():
            rows = datasets.load_from_disk(str(path))
        elif (path / "dataset_dict.json").is_file():
            rows = datasets.load_from_disk(str(path))[split]
        else:
            rows = datasets.load_dataset(str(path), configuration, split=split)
    except Exception as error:  # Errors of file systems, file formats, and names of splits and configurations.
        raise UserError(f"{path}: {_unloaded(error)}; {_settings(configuration, split)}") from None
    return _records(str(path), rows)


def hub(name: str, configuration: str | None, split: str) -> Iterator[Record]:
    """Yields the rows of a Hugging Face Hub dataset, which `datasets` caches."""
    datasets = _library(f"{name}: no such file, and Hub datasets")
    try:
        rows = datasets.load_dataset(name, configuration, split=split)
    except ConnectionError as error:
        raise UserError(
            f"{name}: no such file, and the Hugging Face Hub cannot be reached ({_line(error)}); "
            "check the name and the network, or download the files and pass their paths"
        ) from None
    except Exception as error:  # As above, and errors of the Hub.
        raise UserError(
            f"{name}: no such file, and as a Hub dataset it {_unloaded(error)}; {_settings(configuration, split)}"
        ) from None
    return _records(name, rows)


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
        yield Record(f"{name}[{index}]", _without_missing(row))


def _without_missing(value: Any) -> Any:
    """Removes keys with null values, which columns of tables contain if the objects of a list have different keys."""
    if isinstance(value, dict):
        return {key: _without_missing(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_missing(inner) for inner in value]
    return value


def _settings(configuration: str | None, split: str) -> str:
    name = f" and --dataset-config {configuration}" if configuration else ""
    return f"check the name, --split {split}{name}"


def _unloaded(error: Exception) -> str:
    return f"cannot be loaded ({type(error).__name__}: {_line(error)})"


def _line(error: Exception) -> str:
    """Returns the first line of an error message, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
