"""Commands that convert a file, for error messages; none of them writes to the file that it reads."""

import shlex
from pathlib import Path

# `t` has a dictionary of cells for each column, also if the file has a list.
_BY_COLUMNS = (
    "import json; t = json.load(open(0, encoding='utf-8')); "
    "t = {k: v if isinstance(v, dict) else dict(enumerate(v)) for k, v in t.items() if isinstance(v, (dict, list))}; "
    "[print(json.dumps({k: v.get(i) for k, v in t.items()})) for i in dict.fromkeys(i for v in t.values() for i in v)]"
)
_BY_ROWS = (
    "import json; t = json.load(open(0, encoding='utf-8')); "
    "[print(json.dumps(dict(zip(t['columns'], row)))) for row in t['data']]"
)


def utf8(path: Path, encoding: str) -> str:
    """Returns the command that converts text to UTF-8."""
    return f"{_fed(path, f'iconv -f {encoding} -t UTF-8')} > {_output(path, 'utf8', _source(path).suffix)}"


def records(path: Path, expression: str) -> str:
    """Returns the command that writes the values of a jq expression as JSON lines."""
    return f"{_fed(path, f'jq -c {shlex.quote(expression)}')} > {_output(path, 'lines')}"


def table_by_columns(path: Path) -> str:
    """Returns the command that writes the rows of a table by columns as JSON lines."""
    return _with_python(path, _BY_COLUMNS)


def table_by_rows(path: Path) -> str:
    """Returns the command that writes rows that are lists of cells, with the names of columns, as JSON lines."""
    return _with_python(path, _BY_ROWS)


def _with_python(path: Path, program: str) -> str:
    return f"{_fed(path, f'python3 -c {shlex.quote(program)}')} > {_output(path, 'lines')}"


def _source(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path


def _fed(path: Path, command: str) -> str:
    """Returns a command that reads the file, decompressed, from standard input."""
    file = shlex.quote(str(path))
    return f"gzip -dc {file} | {command}" if path.suffix == ".gz" else f"{command} < {file}"


def _output(path: Path, kind: str, suffix: str = ".jsonl") -> str:
    """Returns the name of a new file in the working directory."""
    return shlex.quote(f"{_source(path).stem}.{kind}{suffix}")
