"""A context, a question about it, the fact that answers it and a fact that only seems to."""

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw

Message = dict[str, str]


@dataclass(frozen=True)
class Question:
    """What is asked of a context.

    `claim` is a clause with `{}` for the value, and can follow "According to …,". Each detail is a sentence that is
    true of the thing its value belongs to. `place` is where the answer stands, `topic` what is asked for, `keeper`
    whom a reader could ask instead.
    """

    wordings: Sequence[str]
    claim: str
    right: str
    wrong: str
    right_detail: str
    wrong_detail: str
    place: str
    topic: str
    keeper: str


@dataclass(frozen=True)
class Case:
    """A prompt's messages, the last of them asking `question`."""

    prompt: list[Message]
    question: Question


_SYSTEMS = [
    "You answer questions about the documents that colleagues paste here. Be brief and say where you found the answer.",
    "You help at the front desk. Answer from the text you are given, in one or two sentences.",
    "Answer with what the text says. Name the place where you found it.",
    "You are a careful assistant of a small office. Short answers are preferred.",
]


def case(draw: Draw, introduction: str, document: str, question: Question) -> Case:
    """The document and the question in one user message, or the document as the system's."""
    asked = draw.one(question.wordings)
    layout = draw.below(5)
    if layout == 0:
        system = f"{draw.one(_SYSTEMS)}\n\n{introduction}\n\n{document}"
        return Case([message("system", system), message("user", asked)], question)
    text = f"{asked}\n\n{introduction}\n\n{document}" if layout == 1 else f"{introduction}\n\n{document}\n\n{asked}"
    system = [message("system", draw.one(_SYSTEMS))] if layout == 2 else []
    return Case([*system, message("user", text)], question)


def message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
