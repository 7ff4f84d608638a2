"""Names of columns whose meaning is known: fields that `--columns` can set, bookkeeping, media, and material."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

#: A column renamed to this is not read, and nothing is reported about it.
UNUSED = "unused"

#: Columns of text that becomes a message of the user; `query` and `history` only in the forms that define them.
QUESTIONS = ("instruction", "question", "input")
#: Columns of messages that come before the responses.
CONVERSATIONS = ("conversations", "context", "messages", "trajectory")
SYSTEMS = ("system", "system_prompt", "system_message")
LISTS = ("responses", "response", "completions", "answers", "generations", "output")
SCORES = ("scores", "ratings", "rewards", "score", "rating", "reward")
RANKS = ("ranks", "rank")

#: Every name that `--columns NAME=COLUMN` accepts.
FIELDS = frozenset(
    {"prompt", "query", "history", "tools", "chat_template_kwargs", "chosen", "rejected", "winner", "labels", UNUSED}
    | {"chosen_response", "rejected_response", "rejected_messages", "preferred_output", "non_preferred_output"}
    | {"response_a", "response_b", "conversation_a", "conversation_b", "response_1", "response_2"}
    | {"preference_strength", "response1", "response2", "overall_preference", "output_1", "output_2", "preference"}
    | {"human_ref_A", "human_ref_B", "response_0", "better_response_id", "response_j", "response_k"}
    | {"chosen_conversations", "rejected_conversations", "score_a", "score_b", "score_0", "score_1", "score_2"}
    | {*QUESTIONS, *CONVERSATIONS, *SYSTEMS, *LISTS, *SCORES, *RANKS}
)
#: Fields that a row may lack, also if `--columns` names their column.
OPTIONAL = frozenset({*SYSTEMS, "history", "tools", "chat_template_kwargs", UNUSED})

_MEDIA = {"image", "images", "img", "audio", "audios", "video", "videos", "pixel", "speech", "picture", "pictures"}

# Material that a model may have to see in order to answer.
_MATERIAL = {
    *(*QUESTIONS, *CONVERSATIONS, *SYSTEMS, "prompt", "prompts", "query", "queries", "history", "questions"),
    *("inputs", "instructions", "contexts", "problem", "problems", "conversation", "dialogue", "dialog", "message"),
    *("passage", "passages", "document", "documents", "article", "articles", "post", "user", "human", "user_input"),
    *("user_message", "request", "premise", "paragraph", "background", "initial_reason_steps", "schema", "story"),
    *("functions", "tools", "rejected_response", "chat", "turns_before", "knowledge", "evidence", "reference_text"),
    *("options", "choices", "answer_choices", "persona", "personality", "character", "character_description"),
    *("table", "tables", "starter_code", "code_context", "buggy_code", "function_signature", "hint", "hints"),
    *("source_text", "source_code", "source_sentence", "original_text", "text_to_translate", "transcript"),
    *("target_language", "target_lang", "tgt_lang", "output_language", "search_results", "retrieved_documents"),
    *("developer_message", "system_instruction", "available_tools", "few_shot_examples", "rules"),
}
#: Of these, columns that say who answers, and that list functions.
PERSONAS = frozenset({"persona", "personality", "character", "character_description", "rules", "developer_message"})
FUNCTIONS = frozenset({"functions", "available_tools"})
#: Text that the answers continue.
BEGINNINGS = frozenset({"initial_reason_steps"})
_MATERIAL_LAST = {
    *("prompt", "question", "query", "instruction", "instructions", "context", "input", "problem", "passage"),
    *("document", "article", "history", "conversation", "dialogue", "messages"),
}
# Texts about the data or its judgement, not what the model sees.
_ABOUT = re.compile(
    r"(label+ing|generation|judge|judgement|judgment|annotation|annotator|critique|grading|evaluation|scoring|rating)_"
)

_BOOKKEEPING = {
    *("id", "ids", "qid", "idx", "index", "uid", "uuid", "guid", "key", "hash", "md5", "sha", "sha256", "url", "urls"),
    *("source", "sources", "dataset", "datasets", "subset", "subsets", "split", "origin", "license", "version"),
    *("timestamp", "timestamps", "tstamp", "date", "time", "created", "updated", "utc", "lang", "langs", "language"),
    *("languages", "locale", "domain", "domains", "category", "categories", "model", "models", "policy", "policies"),
    *("score", "scores", "rating", "ratings", "reward", "rewards", "rank", "ranks", "margin", "margins", "judge"),
    *("annotator", "annotators", "worker", "workers", "batch", "logp", "logps", "logprobs", "tokens", "count", "ratio"),
    *("length", "lengths", "len", "metadata", "meta", "conv_metadata", "openai_moderation", "toxic_chat_tag"),
    *("anony", "tag", "tags", "turn", "turns", "num_responses", "good_natured", "seconds_difference", "at"),
}
# Of these, names that also stand for material, unless the value is an identifier, a date or the like.
_NAMES_OF_LITTLE = {
    *("source", "sources", "origin", "policy", "policies", "key", "turn", "turns", "at", "time", "version", "index"),
    *("judge", "batch", "hash", "url", "urls"),
}
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")
_MAX_DATE_WORDS = 6
# Words at the end of a name that say which response it is about: `score_chosen`, `created_at_utc_A`.
_SIDES = {"chosen", "rejected", "a", "b", "j", "k", "0", "1", "2"}
_MAX_LABEL_WORDS = 8
_ENDS = (".", "?", "!", ":", "。", "？", "！", "؟")


def is_bookkeeping(name: str, value: Any) -> bool:
    """Returns whether a column describes the record, by its name, and holds no text of a sentence's length."""
    parts = words(name)
    if "_".join(parts) in _MATERIAL:
        return False
    while len(parts) > 1 and parts[-1] in _SIDES:
        parts.pop()
    if parts in (["unnamed"], ["index", "level"]):  # Written by pandas.
        return True
    if name.lower() not in _BOOKKEEPING and parts[-1] not in _BOOKKEEPING:
        return False
    is_label = _is_tag if parts[-1] in _NAMES_OF_LITTLE else _is_label
    return not _hold_messages(value) and all(is_label(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Yields all text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _hold_messages(value: Any) -> bool:
    entries = value if isinstance(value, list) else [value]
    return are_messages(value) and all({"content", "value"} & entry.keys() for entry in entries)


def is_media(name: str) -> bool:
    """Returns whether a column holds what a text model cannot read, by its name."""
    return not _MEDIA.isdisjoint(words(name))


def is_material(name: str, value: Any) -> bool:
    """Returns whether a column, by its name or since it holds messages, may be what the responses answer."""
    parts = words(name)
    if _ABOUT.match("_".join(parts)):
        return False
    return "_".join(parts) in _MATERIAL or parts[-1] in _MATERIAL_LAST or are_messages(value)


def words(name: str) -> list[str]:
    """Returns the words of a name in snake_case, kebab-case or camelCase, in small letters."""
    return list(_words(str(name)))


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(re.split(r"[^a-z0-9]+", spaced.lower().strip().strip("_- "))) or ("",)


def _is_label(text: str) -> bool:
    return not _is_prose(text)


def _is_tag(text: str) -> bool:
    """Returns whether a text is an identifier, a number, a date, an address or one word."""
    text = text.strip()
    if text.endswith(_ENDS) or "\n" in text:
        return False
    count = len(text.split())
    return count < 2 or (count <= _MAX_DATE_WORDS and _DATE.search(text) is not None)


def _is_prose(text: str) -> bool:
    return "\n" in text.strip() or text.rstrip().endswith(_ENDS) or len(text.split()) > _MAX_LABEL_WORDS


def is_question(name: str) -> bool:
    """Returns whether a column may be the prompt, by its name."""
    return words(name)[-1] in {*_MATERIAL_LAST, "user", "human", "request", "message", "chat", "dialog", "post"}


def are_messages(value: Any) -> bool:
    """Returns whether a value is a message or a list of messages."""
    entries = value if isinstance(value, list) else [value]
    return bool(entries) and all(isinstance(entry, dict) and ("role" in entry or "from" in entry) for entry in entries)
