"""Random rows: a conversation and its answers, written in a random public form, perhaps with one fault."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

ALIASES = {
    "user": ("user", "human", "User", "HUMAN", "prompter"),
    "assistant": ("assistant", "gpt", "Assistant", "model", "bot", "chatgpt"),
    "system": ("system", "System"),
}
_LETTERS = "acdefghijklmnopqrstuvwxyzäéßжшあ漢字🙂 \n.,:;!?-"
#: Columns that describe a record, others that are noted, and those that a row is refused for.
IGNORED = {"id": 7, "source": "ours", "prompt_id": "x1", "score_chosen": 2.5, "chosen_model": "m", "lang": "en"}
NOTED = ("topic", "explanation", "remark")
MATERIAL = ("query", "problem", "passage", "user_prompt")
FAULTS = ("role", "image", "blank", "end", "nested", "mixed", "same", "number", "material", "media", "system")


@dataclass
class Made:
    """A written row, and what it says."""

    row: dict[str, Any]
    turns: list[tuple[str, str]]
    answers: list[str]
    #: Columns whose text is not used, by the texts that they hold.
    noted: dict[str, str] = field(default_factory=dict)
    fault: str | None = None


class Writer:
    """Writes rows with the choices of a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._count = 0
        # Whether messages may be written as text, which plain answers would contradict.
        self._has_text = False

    def text(self) -> str:
        """Returns a text that occurs nowhere else and begins and ends with a letter, as templates may trim it."""
        self._count += 1
        inner = "".join(self._draw.choice(_LETTERS) for _ in range(self._draw.randrange(12)))
        return f"w{self._count}x {inner}z"

    def row(self, fault: str | None) -> Made:
        turns = [(role, self.text()) for _ in range(self._draw.randrange(3)) for role in ("user", "assistant")]
        turns.append(("user", self.text()))
        if self._draw.random() < 0.5:
            turns.insert(0, ("system", self.text()))
        answers = [self.text() for _ in range(self._draw.choice((2, 2, 3, 4)))]
        self._has_text = self._draw.random() < 0.4
        made = Made({}, turns, answers, fault=fault)
        made.row = self._form(made)
        self._add_columns(made)
        if fault:
            self._spoil(made)
        items = list(made.row.items())
        self._draw.shuffle(items)
        made.row = dict(items)
        return made

    def _form(self, made: Made) -> dict[str, Any]:
        forms = [self._explicit, self._complete, self._repeated, self._replaced, self._openai]
        if [role for role, _ in made.turns][-2:] != ["assistant", "user"] or made.turns[0][0] != "system":
            forms.append(self._question)
        return self._draw.choice(forms)(made)

    def _explicit(self, made: Made) -> dict[str, Any]:
        name, prompt = self._draw.choice(("prompt", "conversations", "context")), made.turns
        row = {}
        if prompt[0][0] == "system" and self._draw.random() < 0.5:
            row[self._draw.choice(("system", "system_prompt"))] = prompt[0][1]
            prompt = prompt if self._draw.random() < 0.3 else prompt[1:]
        return {
            **row,
            name: self._turns(prompt, text=name != "context"),
            **self._answers([self._answer(t) for t in made.answers]),
        }

    def _complete(self, made: Made) -> dict[str, Any]:
        return self._answers([self._turns([*made.turns, ("assistant", text)]) for text in made.answers])

    def _repeated(self, made: Made) -> dict[str, Any]:
        return {"prompt": self._turns(made.turns), **self._complete(made)}

    def _replaced(self, made: Made) -> dict[str, Any]:
        made.answers = made.answers[:2]
        turns = self._turns([*made.turns, ("assistant", made.answers[0])], plain=True)
        return {"messages": turns, "rejected_response": made.answers[1]}

    def _openai(self, made: Made) -> dict[str, Any]:
        made.answers = made.answers[:2]
        better, worse = (self._turns([("assistant", text)]) for text in made.answers)
        given = {"messages": self._turns(made.turns, plain=True), "tools": []}
        return {"input": given, "preferred_output": better, "non_preferred_output": worse}

    def _question(self, made: Made) -> dict[str, Any]:
        name = self._draw.choice(("instruction", "question", "input"))
        row, turns = {name: made.turns[-1][1]}, made.turns[:-1]
        if turns and turns[0][0] == "system":
            row["system"], turns = turns[0][1], turns[1:]
        if turns:
            row["history"] = [[asked, told] for (_, asked), (_, told) in zip(turns[::2], turns[1::2])]
        return {**row, **self._answers([self._answer(text) for text in made.answers])}

    def _answers(self, answers: list[Any]) -> dict[str, Any]:
        if len(answers) == 2 and self._draw.random() < 0.8:
            return {"chosen": answers[0], "rejected": answers[1], **self._draw.choice(({}, {"responses": None}))}
        if not any(isinstance(answer, dict) for answer in answers) and self._draw.random() < 0.5:
            order = list(range(len(answers)))
            self._draw.shuffle(order)
            return {"responses": [answers[i] for i in order], "scores": [-1.5 * i for i in order]}
        return {self._draw.choice(("responses", "completions")): answers, "chosen": None}

    def _answer(self, text: str) -> Any:
        return text if not self._has_text and self._draw.random() < 0.5 else self._turns([("assistant", text)])

    def _turns(self, turns: list[tuple[str, str]], text: bool = True, plain: bool = False) -> Any:
        """Writes messages: a list, a list for each key, a single message, or one of these as text."""
        written: Any = [self._turn(role, content) for role, content in turns]
        way = self._draw.random()
        if plain or way < 0.6:
            return written
        if way < 0.7 and all(turn.keys() == written[0].keys() for turn in written):
            written = {key: [turn[key] for turn in written] for key in written[0]}
        elif way < 0.8 and len(written) == 1:
            (written,) = written
        elif way < 0.85:
            written = {"messages": written}
        return (
            self._draw.choice((json.dumps, repr))(written)
            if text and self._has_text and self._draw.random() < 0.7
            else written
        )

    def _turn(self, role: str, content: str) -> dict[str, Any]:
        names = self._draw.choice((("role", "content"), ("from", "value")))
        turn = {names[0]: self._draw.choice(ALIASES[role]), names[1]: self._content(content)}
        for key in ("name", "tool_calls", "tool_call_id"):
            if self._draw.random() < 0.1:
                turn[key] = None
        if self._draw.random() < 0.1:
            turn["id"] = self._draw.randrange(9)
        return turn

    def _content(self, content: str) -> Any:
        if self._draw.random() < 0.7:
            return content
        cut = self._draw.randrange(len(content))
        parts = [content[:cut], content[cut:]]
        if self._draw.random() < 0.2:
            return {"type": ["text", "text"], "text": parts}
        return [self._draw.choice((part, {"type": "text", "text": part, "image_url": None})) for part in parts]

    def _add_columns(self, made: Made) -> None:
        for name, value in IGNORED.items():
            if self._draw.random() < 0.3:
                made.row[name] = self._draw.choice((value, None))
        for name in NOTED:
            if self._draw.random() < 0.2:
                made.row[name] = self.text()
                made.noted[name] = made.row[name]
        if self._draw.random() < 0.2:
            made.row[self._draw.choice((*MATERIAL, "images", "documents"))] = self._draw.choice((None, "", []))

    def _spoil(self, made: Made) -> None:
        """Puts one fault into a row, in place of its prompt or its first answer where the fault is about these."""
        row, question = made.row, {"role": "user", "content": made.turns[-1][1]}
        good, bad = ({"role": "assistant", "content": text} for text in made.answers[:2])
        pair = {"prompt": [question], "chosen": [good], "rejected": [bad]}
        image = {"type": self._draw.choice(("image", "image_url", "input_audio", "video"))}
        faults = {
            "role": lambda: {
                **pair,
                "prompt": [{"role": self._draw.choice(("cat", "narrator", "gpt5")), "content": "Hi"}],
            },
            "image": lambda: {
                **pair,
                self._draw.choice([*pair]): [{**good, "content": [image, {"type": "text", "text": "a"}]}],
            },
            "blank": lambda: {
                **pair,
                self._draw.choice([*pair]): self._draw.choice(("", " \n", [], [{**question, "content": ""}])),
            },
            "end": lambda: {**pair, self._draw.choice(("chosen", "rejected")): [good, question]},
            "nested": lambda: {**pair, self._draw.choice([*pair]): [[question]]},
            "mixed": lambda: {**pair, "prompt": question["content"], "rejected": bad["content"]},
            "same": lambda: {**pair, "rejected": [{"from": "gpt", "value": good["content"], "id": 1}]},
            "number": lambda: {
                **pair,
                self._draw.choice([*pair]): self._draw.choice((7, True, [{**good, "content": 7}])),
            },
            "material": lambda: {**row, self._draw.choice(MATERIAL): self.text()},
            "media": lambda: {**row, self._draw.choice(("image", "images", "audios")): ["a.png"]},
            "system": lambda: {
                "system": self.text(),
                "prompt": question["content"],
                "chosen": good["content"],
                "rejected": bad["content"],
            },
        }
        made.row = faults[made.fault]()
