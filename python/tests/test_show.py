"""`--show` prints rows as the model sees them, and never what a terminal would execute."""

import json
import os
import re
import subprocess
import sys

import pytest
import tiny
from espalier_data.arguments import parse_arguments
from espalier_data.output import show
from espalier_data.output.printable import display_width, printable
from espalier_data.prepare import prepare as prepare_command
from tokenizers import decoders
from transformers import PreTrainedTokenizerFast

USER = {"role": "user", "content": "Hi"}
ROW = {"prompt": [USER], "chosen": "Yes", "rejected": "No"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A model whose tokenizer decodes bytes."""
    directory = tiny.save_model(tmp_path_factory.mktemp("models") / "bytes")
    tokenizer = tiny.byte_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")
    wrapped.chat_template = tiny.CHATML
    wrapped.save_pretrained(directory)
    return directory


@pytest.fixture
def shown(reader, tmp_path, capsys, monkeypatch):
    """Prints rows, in a width of columns, and returns the lines."""

    def run(rows: list, *options, columns: int = 80, terminal: bool = False) -> list[str]:
        (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        words = ["--model", reader, "--data", tmp_path / "data.jsonl", "--show", len(rows), *options]
        arguments = parse_arguments([str(word) for word in words])
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout.isatty", lambda: terminal)
            assert prepare_command(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_row_is_printed_with_its_place_its_counts_and_what_counts(shown, tmp_path):
    lines = shown([ROW])
    assert lines[0].startswith(f"row 1  {tmp_path}/data.jsonl:1 ")
    assert lines[1:] == [
        "prompt  21 tokens, context",
        "  <|im_start|>user⏎",
        "  Hi<|im_end|>⏎",
        "  <|im_start|>assistant⏎",
        "response 1  rank 0, best; 5 tokens, all count",
        "  ⟨Yes<|im_end|>⏎⟩",
        "response 2  rank 1; 4 tokens, all count",
        "  ⟨No<|im_end|>⏎⟩",
        "",
        "⟨…⟩ tokens that count   ⏎ newline   · space at an end",
    ]


def test_context_in_a_response_is_outside_of_the_marks(shown):
    turns = [{"role": "assistant", "content": "Who?"}, USER, {"role": "assistant", "content": "Ten"}]
    lines = shown([{**ROW, "rejected": turns}], "--last-turn-only")
    start = lines.index("response 2  rank 1; 32 tokens, the last 5 count")
    assert lines[start + 1 : start + 6] == [
        "  Who?<|im_end|>⏎",
        "  <|im_start|>user⏎",
        "  Hi<|im_end|>⏎",
        "  <|im_start|>assistant⏎",
        "  ⟨Ten<|im_end|>⏎⟩",
    ]


def test_truncation_and_a_moved_boundary_are_marked(shown):
    rows = [
        {"prompt": "123456789", "chosen": "abcdef", "rejected": "x"},
        {"prompt": "xa", "chosen": "b", "rejected": "c"},
    ]
    lines = shown(rows, "--max-prompt-length", 4, "--max-length", 7)
    assert lines[1:5] == [
        "prompt  4 tokens, context",
        "  [5 tokens removed] 6789",
        "response 1  rank 0, best; 3 tokens, all count",
        "  ⟨abcd⟩ [3 tokens truncated at --max-length 7]",
    ]
    assert "prompt  1 token, context; its end merged with a response" in lines


def test_without_output_nothing_is_written_and_reading_stops(shown, tmp_path):
    lines = shown([ROW, ROW], "--show", 1)
    assert sum(line.startswith("row ") for line in lines) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_with_output_the_file_is_written_too(shown, prepare, reader, tmp_path):
    lines = shown([ROW, ROW], "--show", 1, "--output", tmp_path / "shown.safetensors")
    assert sum(line.startswith("row ") for line in lines) == 1
    assert "  rows kept                          2" in lines
    expected = prepare([ROW, ROW], model=reader).path.read_bytes()
    assert (tmp_path / "shown.safetensors").read_bytes() == expected


def test_rows_that_cannot_be_used_are_counted(reader, prepare):
    outcome = prepare([{"prompt": "P" * 9, "chosen": "y", "rejected": "n"}, ROW], "--max-length", 8, model=reader)
    assert outcome.status == 1
    assert "error: none of 2 rows can be used; 2 dropped: the prompt fills --max-length 8; raise it" in outcome.err


DANGEROUS = "\x1b]0;title\x07 \x1b[31mred\x9b2J\x7f\r\b\u202eevil\u2066\u200b\ufeff\ue000 \u2028end"


@pytest.mark.parametrize("terminal", [False, True])
def test_no_control_character_of_the_data_is_printed(terminal, shown):
    row = {"prompt": [{"role": "user", "content": DANGEROUS}], "chosen": DANGEROUS + "!", "rejected": DANGEROUS}
    text = "\n".join(shown([row], terminal=terminal))
    assert bool(re.search(r"\x1b\[\d", text)) == terminal
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert printable(plain.replace("\n", "")) == plain.replace("\n", "")
    assert plain.count("␛[31mred\\x9b2J␡␍␈\\u202eevil\\u2066\\u200b\\ufeff\\ue000") == 3


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
@pytest.mark.parametrize("terminal", [False, True])
def test_lines_have_at_most_the_width_of_the_terminal_and_all_of_the_text(columns, terminal, shown):
    text = "一二三四五 word " * 9 + "x" * 300 + " é e\u0301 🕙 end "
    lines = shown([{"prompt": text, "chosen": "y" + text, "rejected": "n\n\nm"}], columns=columns, terminal=terminal)
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines[:-2]]
    prompt = plain[2 : next(index for index, line in enumerate(plain) if line.startswith("response 1"))]
    assert all(sum(map(display_width, line)) <= columns for line in prompt)
    assert "".join(line[2:] for line in prompt).replace(" ", "") == text.rstrip().replace(" ", "") + "·"


def test_colours_separate_context_counted_text_and_special_tokens(shown):
    text = "\n".join(shown([ROW], terminal=True))
    assert "\x1b[32mYes\x1b[0m\x1b[1;36m<|im_end|>\x1b[0m" in text
    assert "\x1b[2mHi\x1b[0m\x1b[2;36m<|im_end|>\x1b[0m" in text
    assert "⟨" not in text


def test_a_reader_that_ends_early_is_no_error(reader, tmp_path):
    (tmp_path / "data.jsonl").write_text((json.dumps({**ROW, "chosen": "y" * 500}) + "\n") * 400)
    words = ["--model", reader, "--data", tmp_path / "data.jsonl", "--show", "400"]
    command = [sys.executable, "-m", "espalier_data.prepare", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("row 1 ")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()


def test_an_encoding_without_the_signs_gets_escapes(reader, tmp_path):
    (tmp_path / "data.jsonl").write_text(json.dumps({**ROW, "chosen": "é 🕙"}) + "\n")
    words = ["--model", reader, "--data", tmp_path / "data.jsonl", "--show", "1"]
    command = [sys.executable, "-m", "espalier_data.prepare", *map(str, words)]
    environment = {**os.environ, "PYTHONIOENCODING": "iso-8859-1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="iso-8859-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "\\u27e8é \\U0001f559<|im_end|>\\u23ce\\u27e9" in result.stdout


def test_a_long_word_is_broken_and_a_short_one_is_not():
    lines = show._Lines(14)
    lines.add("one two three four " + "x" * 40, str)
    assert lines.finished() == ["one two ", "three four ", "x" * 12, "x" * 12, "x" * 12, "xxxx"]
