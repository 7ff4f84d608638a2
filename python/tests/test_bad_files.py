"""Files that cannot be read or written end the command with one line, and nothing is left behind."""

import gzip
import json

import pytest
import tiny
from espalier_data.arguments import parse_arguments
from espalier_data.reading import text_records

GOOD = {"prompt": "P", "chosen": "y", "rejected": "n"}
LINES = (json.dumps(GOOD) + "\n").encode() * 40


def compressed() -> bytes:
    return gzip.compress(LINES + bytes(range(128)) * 20)


def test_a_missing_file_is_named(prepare, tmp_path):
    outcome = prepare(tmp_path / "nowhere.json")
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/nowhere.json: No such file or directory\n")


def test_a_directory_without_data_is_reported(prepare, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = prepare(tmp_path / "empty")
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {tmp_path}/empty: cannot be loaded (EmptyDatasetError: ")
    assert outcome.err.endswith("; check the name, --split train\n")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "an empty file; check the program that wrote it, or download it again"),
        ("\n \n", "only blank lines; check the program that wrote it, or download it again"),
        ("[]", "an empty list; check the program that wrote it"),
        (" [ ] ", "an empty list; check the program that wrote it"),
    ],
)
def test_an_empty_file_is_named(content, message, prepare, tmp_path):
    (tmp_path / "empty.json").write_text(content)
    outcome = prepare(tmp_path / "empty.json")
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/empty.json: {message}\n")
    assert not outcome.path.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            compressed()[:-9],
            "not a complete gzip file (Compressed file ended before the end-of-stream marker was reached)",
        ),
        (LINES, "not a complete gzip file (Not a gzipped file (b'{\"'))"),
        (
            compressed()[:10] + b"\xff" + compressed()[11:],
            "not a complete gzip file (Error -3 while decompressing data: ",
        ),
    ],
    ids=["truncated", "not compressed", "damaged"],
)
def test_a_broken_gzip_file_is_reported(content, reason, prepare, tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(content)
    outcome = prepare(path)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {path}: {reason}")
    assert outcome.err.endswith("; download or create it again\n")
    assert outcome.err.count("\n") == 1


def test_a_small_file_that_decompresses_to_a_large_one_is_rejected(prepare, tmp_path, monkeypatch):
    monkeypatch.setattr(text_records, "MAX_DECOMPRESSED_BYTES", 1000)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 1_000_000))
    limit = 100 * path.stat().st_size
    outcome = prepare(path)
    message = f"error: {path}: decompresses to more than {limit} bytes; decompress it by hand if this is intended\n"
    assert (outcome.status, outcome.err) == (1, message)
    # A file with the compression ratio of text is read.
    path.write_bytes(gzip.compress(LINES))
    assert path.stat().st_size * 100 > len(LINES) > 1000
    assert len(prepare(path).prepared.rows) == 40


def test_a_tokenizer_with_code_is_rejected_without_a_prompt(prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model")
    settings = json.loads((model / "tokenizer_config.json").read_text())
    settings["auto_map"] = {"AutoTokenizer": [None, "evil.Tokenizer"]}
    settings["tokenizer_class"] = "EvilTokenizer"
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    (model / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Tokenizer: pass\n")
    outcome = prepare([GOOD], model=model)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {model}: the tokenizer cannot be loaded (")
    assert not (tmp_path / "ran").exists()


def test_text_in_another_encoding_is_reported_with_its_location(prepare, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINES + '{"prompt": "é'.encode("latin-1"))
    outcome = prepare(path)
    position = len(LINES) + 12
    message = f"error: {path}:41: not UTF-8 at byte {position} of the file; convert it, "
    assert outcome.status == 1 and outcome.err.startswith(message)


def test_a_missing_model_is_reported(prepare, tmp_path):
    outcome = prepare([GOOD], model=tmp_path / "nowhere")
    assert (outcome.status, outcome.err) == (
        1,
        f"error: {tmp_path}/nowhere: expected a Hugging Face model directory, found none\n",
    )


def test_a_model_without_tokenizer_is_reported(prepare, tmp_path):
    (tmp_path / "model").mkdir()
    outcome = prepare([GOOD], model=tmp_path / "model")
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {tmp_path}/model: expected tokenizer.json")


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", ""), ("tokenizer.json", "{"), ("tokenizer.json", "{}"), ("tokenizer_config.json", "{")],
)
def test_a_broken_tokenizer_is_reported_in_one_line(name, content, prepare, tmp_path):
    model = tiny.save_model(tmp_path / "model")
    (model / name).write_text(content)
    outcome = prepare([GOOD], model=model)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {model}: the tokenizer cannot be loaded (")
    assert outcome.err.count("\n") == 1


def test_an_output_that_cannot_be_written_is_reported_before_the_work(prepare, tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    messages = {
        "directory": "expected a file name, found a directory",
        "file/out": f"cannot be written: {tmp_path}/file is not a directory; create it first",
        "nowhere/out": f"cannot be written: {tmp_path}/nowhere is not a directory; create it first",
    }
    for name, message in messages.items():
        outcome = prepare(tmp_path / "no data", output=tmp_path / name)
        assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/{name}: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --model, --data"),
        (["--model", "M", "--data", "D"], "the following arguments are required: --output (or --show N, to print rows"),
        (["--show", "0"], "argument --show: must be at least 1, found 0"),
        (["--num-proc", "two"], "argument --num-proc: invalid int value: 'two'"),
        (["--max-length", "many"], "argument --max-length: invalid int value: 'many'"),
        (["--truncation-mode", "keep_all"], "argument --truncation-mode: invalid choice: 'keep_all'"),
        (["--chat-template-kwargs", "{"], "argument --chat-template-kwargs: not valid JSON: Expecting property name"),
        (["--chat-template-kwargs", "[1]"], "argument --chat-template-kwargs: expected a JSON object, found [1]"),
    ],
)
def test_wrong_arguments_are_reported(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        parse_arguments(arguments)
    assert (end.value.code, message in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-length", 1], "--max-length must be at least 2, found 1"),
        (["--max-prompt-length", 0], "--max-prompt-length must be at least 1, found 0"),
        (["--weights", 1, 2], "--weights: expected one for each of 1 sources, found 2"),
        (["--weights", 0], "--weights must be positive numbers, at most 1000000, found 0.0"),
        (["--weights", "nan"], "--weights must be positive numbers, at most 1000000, found nan"),
    ],
)
def test_invalid_numbers_are_reported(options, message, prepare):
    outcome = prepare([GOOD], *options)
    assert (outcome.status, outcome.err) == (1, f"error: {message}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "not valid JSON: Expecting value: line 1 column 2 (char 1)"),
        ("{}", "expected a list of tools, found dict"),
    ],
)
def test_an_invalid_file_of_tools_is_reported(content, message, prepare, tmp_path):
    (tmp_path / "tools.json").write_text(content)
    outcome = prepare([GOOD], "--tools", tmp_path / "tools.json")
    assert (outcome.status, outcome.err) == (1, f"error: {tmp_path}/tools.json: {message}\n")


def test_help_fits_100_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as end:
        parse_arguments(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert (end.value.code, max(map(len, lines)) <= 100, len(lines) > 20) == (0, True, True)
