"""A context, a question about it, the fact that answers it and a similar fact that does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw

Message = dict[str, str]


@dataclass(frozen=True)
class Question:
    """A question about a context.

    `claim` is a clause with `{}` for the value, and can follow "According to …,". Each detail is a true sentence about
    the thing that its value belongs to. `place` is the location of the answer, `topic` the subject of the question,
    `keeper` a person or office that a reader could ask instead.
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
    """The messages of a prompt, the last of which asks `question`."""

    prompt: list[Message]
    question: Question


_SYSTEMS = [
    "You answer questions about the documents that colleagues paste here. Be brief and say where you found the answer.",
    "You help at the front desk. Answer from the text you are given, in one or two sentences.",
    "Answer with what the text says. Name the place where you found it.",
    "You are a careful assistant of a small office. Short answers are preferred.",
]


def case(draw: Draw, introduction: str, document: str, question: Question) -> Case:
    """Builds a case with document and question in one user message, or with the document in the system message."""
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
