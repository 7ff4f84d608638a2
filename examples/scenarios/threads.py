"""Letters and short messages of several people; the wrong answer is a fact before it was changed."""

from .case import Case, Question, case
from .draw import Draw
from .words import FIRMS, GOODS, PEOPLE, ROOMS, TOWNS, clock, later, said, some_day, weekday

_ASIDES = [
    "The figures for the first quarter are in the shared folder; please look through them before we meet.",
    "The window in the corridor is still waiting for the glazier, so please keep the door shut until then.",
    "I have asked for a second offer, which should be here by the end of the week.",
    "Thank you all for the quick answers, they made my morning much easier.",
    "The new brochure is back from the printer and looks better than I had hoped.",
    "If anybody needs the projector, tell the front desk a day ahead.",
    "The lift is out of order this week. The stairs at the back are open.",
    "Two of the samples got wet on the way; I have sent for new ones.",
    "I shall be on the road most of the day and read my mail in the evening.",
    "Please bring your own cup, since the kitchen is being repainted.",
    "The minutes of the last round are attached once more, with the corrections we agreed on.",
    "The parking area behind the house is closed; the field opposite may be used.",
]


def letters(draw: Draw, size: float) -> Case:
    thing = draw.one(
        ["the review", "the budget meeting", "the fitting", "the site visit", "the planning round", "the tasting"]
    )
    firm, names = draw.one(FIRMS), draw.some(PEOPLE, 3)
    sent = some_day(draw)
    days = [later(draw, sent, 8, 12)]
    days.append(later(draw, days[0], 1, 5))
    times = [clock(minutes) for minutes in draw.some(range(510, 1020, 15), 2)]
    rooms = draw.some(ROOMS, 2)
    bringer, stand_in = draw.some(names, 2)
    asides = draw.some(_ASIDES, round(size * 12))
    bodies = [
        f"I suggest {weekday(days[0])}, {said(days[0])}, at {times[0]} in {rooms[0]} for {thing}. "
        f"{stand_in} brings the {good}." if (good := draw.one(GOODS)) else "",
        f"On {said(days[0])} I am away. Could it be {weekday(days[1])}, {said(days[1])}, instead?",
        f"Then {said(days[1])} it is. {rooms[0][0].upper() + rooms[0][1:]} is taken on that day, "
        f"so we meet in {rooms[1]}, at {times[1]}.",
        f"Agreed. The {good} will be brought by {bringer}, as {stand_in} comes straight from the airport.",
    ]
    mails, writers, where = [], [names[0], names[1], names[0], names[2]], []
    for index, body in enumerate(bodies):
        share = asides[index::4]
        greeting = draw.one(["Dear all,", "Hello,", "Good morning,"])
        mails.append(
            f"From: {writers[index]}\nDate: {said(sent)}\nSubject: {'Re: ' * bool(index)}{thing} at {firm}\n\n"
            f"{greeting}\n{' '.join([body, *share])}\n{writers[index]}"
        )
        where.append(f"{writers[index]}'s mail of {said(sent)}")
        sent = later(draw, sent, 1, 2)
    keeper = names[0]
    question = draw.one([
        Question(
            [f"On which day is {thing}?", f"What date was finally agreed for {thing}?"],
            f"{thing} is on {{}}", said(days[1]), said(days[0]),
            f"It begins at {times[1]}.", f"It begins at {times[0]}.", where[2], f"the day of {thing}", keeper,
        ),
        Question(
            [f"Where does {thing} take place now?", f"In which room is {thing}?"],
            f"{thing} takes place in {{}}", rooms[1], rooms[0],
            f"It is on {said(days[1])}.", f"It is on {said(days[0])}.", where[2], f"the place of {thing}", keeper,
        ),
        Question(
            [f"At what time does {thing} begin?", f"When do we have to be there for {thing}?"],
            f"{thing} begins at {{}}", times[1], times[0],
            f"It is on {said(days[1])}.", f"It is on {said(days[0])}.", where[2], f"the time of {thing}", keeper,
        ),
        Question(
            [f"Who brings the {good}?", f"Whose task is it to bring the {good}?"],
            f"the {good} is brought by {{}}", bringer, stand_in,
            f"The day is {said(days[1])}.", f"The day is {said(days[0])}.", where[3],
            f"the person who brings the {good}", keeper,
        ),
    ])
    introduction = draw.one(["Here is the whole thread.", "This is our correspondence, oldest first:"])
    return case(draw, introduction, "\n\n".join(mails), question)


_CHAT = [
    "Can somebody feed the hens before we go?", "I have found the big blanket!", "The weather looks fine so far.",
    "My phone is nearly empty, will read later.", "Do we need a second thermos?",
    "The dog comes too, I hope that is all right.",
    "Last time we forgot the bottle opener.", "I would rather walk than drive.", "There is a new bakery at the corner.",
    "Good idea!", "Fine with me.", "My sister may join us, I shall know tomorrow.", "I still have your umbrella.",
    "The bridge is closed for cars, by the way.", "Shall I print the map?", "No need, the way is marked.",
    "I can take two more in the car.", "Remember sun hats.", "I have three folding chairs.",
    "We should be back before dark.",
]


def chat(draw: Draw, size: float) -> Case:
    names, outing = draw.some(PEOPLE, 4), draw.one(["the picnic", "the boat trip", "the hike", "the bicycle tour"])
    towns, times = draw.some(TOWNS, 2), [clock(minutes) for minutes in draw.some(range(480, 720, 15), 2)]
    spots = draw.some(
        ["the old mill", "the water tower", "the chapel", "the ferry stage", "the market cross", "the lock"], 2
    )
    dish, cooks = draw.one(["the soup", "the bread", "the salad", "the pie", "the plum cake"]), draw.some(names, 2)
    key = [
        f"{names[0]}: Sunday is {outing} to {towns[0]}. We meet at {times[0]} at {spots[0]}.",
        f"{cooks[0]}: I make {dish}.",
        f"{names[1]}: {towns[0]} is crowded at this time of the year, {towns[1]} is nicer.",
        f"{names[0]}: All right, {towns[1]}. Then we have to leave earlier or later: let us say {times[1]}.",
        f"{names[2]}: {spots[0][0].upper() + spots[0][1:]} is fenced off, so please come to {spots[1]}.",
        f"{cooks[0]}: Sorry, my oven is broken. {cooks[1]}, can you take over {dish}?",
        f"{cooks[1]}: Yes, I take over {dish}.",
    ]
    for line in draw.some(_CHAT, round(size * 20)):
        key.insert(draw.between(1, len(key)), f"{draw.one(names)}: {line}")
    facts = draw.one([
        ([f"Where does {outing} go?", f"Which place is {outing} going to in the end?"], f"{outing} goes to {{}}",
         towns[1], towns[0], f"the destination of {outing}"),
        ([f"When do we leave for {outing}?", "At what time do we meet?"], "the time to meet is {}", times[1], times[0],
         "the time"),
        ([f"Where do we meet for {outing}?", "What is the meeting point?"],
         "the meeting point is {}", spots[1], spots[0],
         "the meeting point"),
        ([f"Who makes {dish} now?", f"Who is going to bring {dish}?"], f"{dish} is made by {{}}", cooks[1], cooks[0],
         f"the maker of {dish}"),
    ])
    wordings, claim, right, wrong, topic = facts
    detail = {times[1]: (f"The destination is {towns[1]}.", f"The destination is {towns[0]}.")}.get(
        right, (f"They leave at {times[1]}.", f"They leave at {times[0]}.")
    )
    place = draw.one(["the messages", "the group's messages", "the later messages"])
    question = Question(wordings, claim, right, wrong, *detail, place, topic, names[0])
    return case(draw, draw.one(["Our group chat:", "I lost track of this chat."]), "\n".join(key), question)


BUILDERS = [letters, chat]
