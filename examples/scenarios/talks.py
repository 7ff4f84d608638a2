"""Conversations over several turns, in which the user changes a request; the wrong answer is the first request."""

from collections.abc import Sequence

from .case import Case, Question, message
from .draw import Draw
from .words import FIRMS, PEOPLE, ROOMS, TOWNS, clock, later, money, said, some_day

Turn = tuple[str, str]


def talk(
    draw: Draw, system: str, opening: list[Turn], middle: Sequence[Turn], size: float, closing: list[Turn],
    question: Question,
) -> Case:
    """Builds a case from the opening, a number of middle exchanges given by `size`, the closing, and the question."""
    turns = [*opening, *draw.some(middle, round(size * len(middle))), *closing]
    prompt = [message("system", system)] if draw.chance(0.6) else []
    for asked, answered in turns:
        prompt += [message("user", asked), message("assistant", answered)]
    return Case([*prompt, message("user", draw.one(question.wordings))], question)


def party(draw: Draw, size: float) -> Case:
    day = some_day(draw)
    days = [said(day), said(later(draw, day, 2, 9))]
    counts = [f"{count}" for count in draw.some(range(8, 60), 2)]
    rooms, name = draw.some(ROOMS, 2), draw.one(PEOPLE)
    dish = draw.one(["mushroom stew", "lentil curry", "baked trout", "leek tart", "roast pumpkin"])
    occasion = draw.one(["a birthday", "a retirement party", "a family reunion", "a small wedding"])
    opening = [
        (f"I should like to book a room for {occasion} on {days[0]}, for {counts[0]} guests. My name is {name}.",
         f"With pleasure, {name}. For {counts[0]} guests I suggest {rooms[0]}. Shall I note {days[0]} from 18:00?"),
        (f"Yes, please. And we would like {dish} as the main dish.", f"Noted: {dish} as the main dish on {days[0]}."),
    ]
    middle = [
        ("Is there a place to park?",
         "Yes, behind the house there is room for twenty cars, and the gate stays open until midnight."),
        ("Can we bring our own music?",
         "You can. There is a small loudspeaker in every room, and the neighbours ask for quiet after 22:00."),
        ("One of the guests uses a wheelchair.",
         "The side entrance is level and wide enough. I shall have the ramp put out as well."),
        ("Do you have high chairs?", "We have three of them, and a changing table beside the cloakroom."),
        ("What about flowers?",
         "Flowers from the garden are on the tables anyway. Larger arrangements can be ordered from the florist."),
        ("May we hang up pictures on the walls?", "Gladly, on the picture rail. Please use no nails and no tape."),
        ("Is there a piano?", "There is an upright piano in the hall, tuned in spring, which can be rolled over."),
        ("How late can we stay?", "Until one in the morning; after that the night staff would have to be paid."),
        ("Will there be something for people who eat no nuts?",
         "Certainly. The kitchen keeps nuts apart, and the menu cards show what contains them."),
    ]
    closing = [
        (f"We have to change something: it will be {counts[1]} guests, and the day is {days[1]}.",
         f"I have changed it to {counts[1]} guests on {days[1]}. "
         f"For that number {rooms[1]} is the better choice, so I have moved you there."),
    ]
    facts = draw.one([
        (["So for how many guests is the booking now?", "Remind me: what number of guests do you have down?"],
         "the booking is for {} guests", counts[1], counts[0], "the number of guests"),
        (["Which room do we get?", "What room is it going to be?"], "the room is {}", rooms[1], rooms[0], "the room"),
        (["And on which day are we coming?", "What day have you noted in the end?"],
         "the booking is for {}", days[1], days[0], "the day"),
    ])
    wordings, claim, right, wrong, topic = facts
    detail = f"The main dish is {dish}."
    question = Question(wordings, claim, right, wrong, detail, detail,
                        draw.one(["your last change", "the change you made"]), topic, "the banqueting office")
    return talk(draw, "You take bookings for a country inn.", opening, middle, size, closing, question)


def journey(draw: Draw, size: float) -> Case:
    towns, day = draw.some(TOWNS, 4), some_day(draw)
    starts = [clock(minutes) for minutes in draw.some(range(360, 900, 5), 2)]
    fares = [money(fare) for fare in draw.some(range(1900, 9900, 10), 2)]
    opening = [
        (f"How do I get from {towns[0]} to {towns[1]} on {said(day)}?",
         f"There is a train at {starts[0]} with a change in {towns[2]}. The fare is {fares[0]}."),
    ]
    middle = [
        ("Can I take a bicycle?", "Yes, in the last carriage. A bicycle ticket can be had from the conductor."),
        ("Is there something to eat on board?",
         "There is a trolley with sandwiches and tea on weekdays, though not on the first train."),
        ("I have a large suitcase.",
         "The racks by the doors take large pieces. At the change there are lifts to all platforms."),
        ("Do I need a seat reservation?",
         "It is not needed. On Fridays the train is rather full, so you may like to have one."),
        ("My daughter is five. Does she pay?", "Children under six travel free when they share your seat."),
        ("Can I break the journey?", "You can, once, for up to one day; have the ticket stamped at the counter."),
        ("How do I pay?", "By card or in cash at the counter, or by card at the machines."),
        ("Is there a quiet carriage?", "The second carriage is quiet: please make no calls there."),
        ("Which side has the better view?", "The left one, where the line follows the river for half an hour."),
    ]
    reason = draw.one(
        ["That does not suit me.", "I have to be there at another time.", "I would rather avoid that change."]
    )
    closing = [
        (f"{reason} Is there anything else?",
         f"Yes, take the train at {starts[1]} instead. You change in {towns[3]}, and the fare is {fares[1]}."),
        ("That suits me better, I take that one.", "Very well, I have put that connection on your plan."),
    ]
    facts = draw.one([
        (["When does my train leave?", f"At what time do I have to be at the station in {towns[0]}?"],
         "your train leaves at {}", starts[1], starts[0], f"The fare is {fares[1]}.", f"The fare is {fares[0]}.",
         "the departure"),
        (["Where do I change trains?", "In which town is my change?"],
         "you change trains in {}", towns[3], towns[2], f"The train leaves at {starts[1]}.",
         f"The train leaves at {starts[0]}.",
         "the change of trains"),
        (["What do I pay for the journey?", "How much is the ticket that I chose?"],
         "the fare is {}", fares[1], fares[0], f"You change in {towns[3]}.", f"You change in {towns[2]}.", "the fare"),
    ])
    wordings, claim, right, wrong, right_detail, wrong_detail, topic = facts
    place = draw.one(["the connection you chose", "your travel plan"])
    question = Question(wordings, claim, right, wrong, right_detail, wrong_detail, place, topic, "the ticket counter")
    return talk(draw, "You plan journeys by rail.", opening, middle, size, closing, question)


def order(draw: Draw, size: float) -> Case:
    firm, colours = draw.one(FIRMS), draw.some("green grey white blue red yellow black ochre".split(), 2)
    day = some_day(draw)
    days = [said(day), said(later(draw, day, 3, 11))]
    number, towns = f"{draw.between(20000, 98999)}", draw.some(TOWNS, 2)
    opening = [
        (f"I have ordered a garden bench from {firm}, number {number}. When does it come?",
         f"Order {number}: one bench in {colours[0]}, to be delivered to {towns[0]} on {days[0]}."),
    ]
    middle = [
        ("Does it need a base?", "Firm ground is enough. On a lawn, four flat stones under the feet keep it dry."),
        ("Is it treated against rain?", "It is oiled once at the works. We advise a fresh coat every second spring."),
        ("How heavy is it?", "About thirty kilograms; two people carry it with ease."),
        ("Do I have to put it together?",
         "Only the armrests are loose. The screws and the key are in a bag under the seat."),
        ("What does delivery cost?", "Nothing to the kerb. Carrying it to the garden can be added on the day."),
        ("Do you take away the packing?", "Yes, the driver takes cardboard and straps back with him."),
        ("Is there a matching table?", "There is one, a little lower than a dining table, and a stool as well."),
        ("How long is the guarantee?", "Five years on the joints and two on the surface."),
    ]
    closing = [
        (f"Please make it {colours[1]}, and send it to my sister in {towns[1]}.",
         f"That can still be changed: {colours[1]}, to {towns[1]}. The new day of delivery is {days[1]}."),
    ]
    facts = draw.one([
        (["What colour will the bench have?", "In which colour does it come now?"],
         "the bench comes in {}", colours[1], colours[0],
         f"It will be delivered on {days[1]}.", f"It will be delivered on {days[0]}.", "the colour"),
        (["Which town is it sent to?", "Where will it be delivered?"],
         "the bench is delivered to {}", towns[1], towns[0],
         f"The colour is {colours[1]}.", f"The colour is {colours[0]}.", "the address"),
        (["When will it be there?", "What is the day of delivery now?"], "the day of delivery is {}", days[1], days[0],
         f"The colour is {colours[1]}.", f"The colour is {colours[0]}.", "the day of delivery"),
    ])
    wordings, claim, right, wrong, right_detail, wrong_detail, topic = facts
    place = draw.one([f"order {number} as changed", f"the change to order {number}"])
    question = Question(wordings, claim, right, wrong, right_detail, wrong_detail, place, topic, "the order office")
    return talk(draw, f"You look after the customers of {firm}.", opening, middle, size, closing, question)


BUILDERS = [party, journey, order]
