"""Opens directories with the library `datasets`: the split that was asked for, and a note of files that it ignores."""

import sys
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import contents

_DATA = frozenset(".json .jsonl .ndjson .parquet .csv .tsv .arrow".split())
_PACKED = frozenset(".gz .zst .xz .bz2".split())
_ABOUT = frozenset("dataset_info.json dataset_infos.json dataset_dict.json state.json".split())
_NAMED = 3


def saved(library: Any, path: Path, split: str) -> Any:
    """Opens what `save_to_disk` wrote: splits, or one dataset, which may know the split that it was."""
    dataset = library.load_from_disk(str(path))
    instruction = library.ReadInstruction.from_spec(split)
    if isinstance(dataset, library.DatasetDict):
        return _selected(library, dict(dataset), instruction)
    name = split.partition("[")[0].strip()
    known = str(dataset.split) if dataset.split is not None else name
    if name not in (known, "train"):
        raise UserError(f"{path}: holds the split {known} only, expected {name}; check --split {split}")
    return _selected(library, {name: dataset}, instruction)


def loaded(library: Any, path: Path, configuration: str | None, split: str) -> Any:
    """Opens a directory of data files as one of the Hub."""
    settings = library.load_dataset_builder(str(path), configuration).config
    dataset = library.load_dataset(str(path), configuration, split=split)
    if type(settings).__name__ == "CsvConfig":
        # As in a file, all values of a table in text are text, also `NA` and `007`.
        features = library.Features({name: library.Value("string") for name in dataset.column_names})
        options = {"features": features, "keep_default_na": False}
        dataset = library.load_dataset(str(path), configuration, split=split, **options)
    read = settings.data_files or {}
    _note_unread(path, {Path(file).resolve() for files in read.values() for file in files})
    return dataset


def check_downloads(path: Path) -> None:
    """Raises an error if a data file of the directory is a pointer or a page in place of the data."""
    for file in sorted(path.rglob("*")):
        if _is_data(file.relative_to(path)) and file.is_file():
            contents.check_download(file)


def _selected(library: Any, splits: dict[str, Any], instruction: Any) -> Any:
    """Returns the rows of an instruction such as `train[:10%]+test`."""
    sizes = {name: dataset.num_rows for name, dataset in splits.items()}
    parts = [
        splits[part.splitname].select(range(part.from_ or 0, sizes[part.splitname] if part.to is None else part.to))
        for part in instruction.to_absolute(sizes)
    ]
    return parts[0] if len(parts) == 1 else library.concatenate_datasets(parts)


def _note_unread(path: Path, read: set[Path]) -> None:
    """Prints the data files that belong to no split, such as those of another format than most."""
    files = (file for file in path.rglob("*") if _is_data(file.relative_to(path)) and file.is_file())
    unread = sorted(str(file.relative_to(path)) for file in files if file.resolve() not in read)
    if unread:
        names = ", ".join(unread[:_NAMED]) + (", …" if len(unread) > _NAMED else "")
        print(f"note: {path}: {len(unread)} data files belong to no split and are not read: {names}", file=sys.stderr)


def _is_data(file: Path) -> bool:
    """Returns whether the name is that of a data file; hidden files are none."""
    suffixes = [suffix for suffix in file.suffixes if suffix not in _PACKED]
    hidden = any(part.startswith((".", "_")) for part in file.parts)
    return bool(suffixes) and suffixes[-1] in _DATA and not hidden and file.name not in _ABOUT
