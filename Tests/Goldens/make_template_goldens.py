"""Generates templates.json: the digest of the chat template that transformers loads from some tokenizer directories.

    PYTHONPATH=python/src:python/tests python Tests/Goldens/make_template_goldens.py

Run only to generate new goldens. The digest is that of `espalier-prepare`: SHA-256 of Python's text of the template.
"""

import json
import tempfile
from pathlib import Path

import tiny
from espalier_data.tokens.tokenization import PreferenceTokenizer

ONE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
OTHER = 'tool "use" it\'s \\ tab\t bell\a nbsp\u00a0 zwj\u200d é 漢 😀 \u2028 \ue000'
SETTINGS, FILE, FOLDER = "tokenizer_config.json", "chat_template.jinja", "additional_chat_templates"


def settings(template: object) -> str:
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template})


def named(**templates: str) -> str:
    return settings([{"name": name, "template": template} for name, template in templates.items()])


#: The files of each directory in addition to `tokenizer.json`.
CASES = {
    "no template": {SETTINGS: json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"})},
    "a null template": {SETTINGS: settings(None)},
    "an empty template": {SETTINGS: settings("")},
    "one template in the settings": {SETTINGS: settings(ONE)},
    "one template that is not ASCII": {SETTINGS: settings(OTHER)},
    "returns in a template of the settings": {SETTINGS: settings("a\r\nb\rc")},
    "a file": {FILE: ONE, SETTINGS: settings(None)},
    "a file and the settings": {FILE: ONE, SETTINGS: settings(OTHER)},
    "a file with returns": {FILE: "a\r\nb\rc\r\r\n\nd", SETTINGS: settings(None)},
    "a file with a byte order mark": {FILE: "\ufeff" + ONE, SETTINGS: settings(None)},
    "a list": {SETTINGS: named(default=ONE, tool_use=OTHER)},
    "a list in another order": {SETTINGS: named(tool_use=OTHER, default=ONE, rag="'quoted'")},
    "a list of one": {SETTINGS: named(default=ONE)},
    "a list of none": {SETTINGS: settings([])},
    "a file and a folder": {FILE: ONE, f"{FOLDER}/tool_use.jinja": OTHER, SETTINGS: settings("unused")},
    "a folder only": {f"{FOLDER}/tool_use.jinja": ONE, SETTINGS: settings("unused")},
    "a folder with the default": {FILE: OTHER, f"{FOLDER}/default.jinja": ONE, SETTINGS: settings(None)},
    "a folder with another suffix": {FILE: ONE, f"{FOLDER}/tool_use.txt": OTHER, SETTINGS: settings(None)},
}


def digest(files: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        tiny.byte_tokenizer().save(str(directory / "tokenizer.json"))
        for name, text in files.items():
            (directory / name).parent.mkdir(exist_ok=True)
            # Bytes: text mode would change the ends of lines.
            (directory / name).write_bytes(text.encode())
        return PreferenceTokenizer(directory).template_digest


def main() -> None:
    cases = [{"name": name, "files": files, "digest": digest(files)} for name, files in CASES.items()]
    text = json.dumps(cases, indent=1, ensure_ascii=True)
    Path(__file__).with_name("templates.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
