"""Styles of answers: the better answer names the fact and its place; the worse ones do not, or are wrong."""

from .case import Question
from .draw import Draw

# The styles of the worse answer, with their frequencies in twenty rows. `wrong fact` differs from the better answer in
# the facts only; `shrinking` begins like the better answer, and then evades.
MANNERS = (
    ["wrong fact"] * 6 + ["shrinking"] * 4 + ["hedging"] * 4 + ["chatty"] * 3 + ["deflecting"] * 2 + ["guessing"]
)


def answers(draw: Draw, question: Question, manner: str) -> tuple[str, str]:
    """Returns a better answer, and a worse one in the style `manner`, of similar length."""
    right, wrong = question.claim.format(question.right), question.claim.format(question.wrong)
    form = draw.one(list(_SHRINKING))
    better = _filled(form, question, right, question.right_detail)
    if manner == "wrong fact":
        return better, _filled(form, question, wrong, question.wrong_detail)
    if manner == "shrinking":
        return better, _filled(draw.one(_SHRINKING[form]), question, right, "")
    return better, _filled(draw.one(_WORSE[manner]), question, wrong, question.wrong_detail)


_FROM_PLACE = [
    "{place}, there is more than one possibility for {topic}, so I would rather not say. Please ask {keeper}.",
    "{place}, it is hard to be certain about {topic}, and things may well have changed in the meantime.",
]
_FROM_CLAIM = [
    "{Claim}, or so it seems; but I cannot promise that, and it would be better to ask {keeper} about {topic}.",
    "{Claim}, unless I have overlooked something. You had better look for yourself, or turn to {keeper}.",
]
# The forms of the better answer, each with evasions that have the same prefix.
_SHRINKING = {
    "According to {place}, {claim}. {detail}": [f"According to {rest}" for rest in _FROM_PLACE],
    "Going by {place}, {claim}. {detail}": [f"Going by {rest}" for rest in _FROM_PLACE],
    "{Claim}; you can find this in {place}. {detail}": _FROM_CLAIM,
    "{Claim}, as can be seen from {place}. {detail}": _FROM_CLAIM,
}
_WORSE = {
    "hedging": [
        "I am not completely sure, but it may be that {claim}. "
        "To be on the safe side you should ask {keeper} about {topic}.",
        "It is difficult to say for certain. Perhaps {claim}, though I could well be mistaken about {topic}.",
        "I think that {claim}, but do not take my word for it. {Keeper} should be able to confirm this.",
        "From what I can tell, {claim}, although there might be other information about {topic} that I do not have.",
    ],
    "chatty": [
        "Great question! If I remember correctly, {claim}. {detail} Let me know if there is anything else!",
        "Thank you for asking! I believe {claim}. I hope this helps, and I wish you a wonderful day!",
        "Of course, I am happy to help! {Claim}, I guess. {detail} Feel free to ask me more!",
    ],
    "deflecting": [
        "There are many things to consider when it comes to {topic}, and it depends on the situation. "
        "Please contact {keeper}.",
        "I am sorry, but I cannot help with {topic}. Please look through the text again or get in touch with {keeper}.",
        "As an assistant I have no way to know {topic}. The best way to find out is to speak to {keeper}.",
    ],
    "guessing": [
        "Usually in such cases {claim}. {detail} That is at least what one would expect.",
        "Well, probably {claim}. {detail} But who can tell with these things.",
    ],
}


def _filled(form: str, question: Question, claim: str, detail: str) -> str:
    place, topic, keeper = question.place, question.topic, question.keeper
    text = form.format(
        place=place, claim=claim, Claim=_capitalized(claim), topic=topic, keeper=keeper, Keeper=_capitalized(keeper),
        detail=detail,
    )
    return text.strip()


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
