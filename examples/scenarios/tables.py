"""Documents with rows and columns; the wrong answer comes from another row or column."""

from .case import Case, Question, case
from .draw import Draw
from .words import FIRMS, GOODS, PEOPLE, ROOMS, TOWNS, clock, later, money, said, some_day, weekday


def grid(draw: Draw, header: list[str], rows: list[list[str]]) -> str:
    """Formats rows in one of the ways in which tables occur in chats."""
    lines = [header, *rows]
    style = draw.below(4)
    if style == 0:
        lines.insert(1, ["---"] * len(header))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if style == 1:
        return "\n".join(",".join(line) for line in lines)
    if style == 2:
        return "\n".join("; ".join(f"{name}: {cell}" for name, cell in zip(header, row)) for row in rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def rows_of(size: float, least: int, most: int) -> int:
    return least + round(size * (most - least))


def invoice(draw: Draw, size: float) -> Case:
    goods = draw.some(GOODS, rows_of(size, 3, 16))
    counts = [draw.between(1, 12) for _ in goods]
    prices = [draw.between(300, 9900) for _ in goods]
    amounts = [money(count * price) for count, price in zip(counts, prices)]
    issued, firm = some_day(draw), draw.one(FIRMS)
    due = later(draw, issued, 14, 40)
    number = f"{draw.between(1000, 9899)}"
    rows = [[good, str(n), money(p), amount] for good, n, p, amount in zip(goods, counts, prices, amounts)]
    total = money(sum(count * price for count, price in zip(counts, prices)))
    document = (
        f"Invoice {number} from {firm}\nIssued: {said(issued)}\nPayable by: {said(due)}\n"
        f"{grid(draw, ['Item', 'Quantity', 'Unit price', 'Amount'], rows)}\nTotal: {total}"
    )
    a, b = draw.some(range(len(goods)), 2)
    place, keeper = f"invoice {number}", f"the accounts office of {firm}"
    if draw.chance(0.3):
        question = Question(
            ["By what day does this have to be paid?", "What is the last day on which we can pay this invoice?"],
            "the invoice has to be paid by {}", said(due), said(issued),
            f"The total to be paid is {total}.", f"The total to be paid is {total}.",
            place, "the day of payment", keeper,
        )
    elif draw.chance(0.5):
        question = Question(
            [f"What do we pay in all for the {goods[a]}?", f"Which amount is charged for the {goods[a]} line?"],
            f"the amount for the {goods[a]} is {{}}", amounts[a], amounts[b],
            f"The unit price is {money(prices[a])}.", f"The unit price is {money(prices[b])}.",
            f"the {goods[a]} line of {place}", f"the amount for the {goods[a]}", keeper,
        )
    else:
        question = Question(
            [f"What is the unit price of the {goods[a]}?", f"How much does a single {goods[a]} cost here?"],
            f"a single {goods[a]} costs {{}}", money(prices[a]), money(prices[b]),
            f"The quantity on that line is {counts[a]}.", f"The quantity on that line is {counts[b]}.",
            place, f"the price of the {goods[a]}", keeper,
        )
    return case(draw, draw.one(["Here is an invoice we received.", "Please look at this invoice:"]), document, question)


def timetable(draw: Draw, size: float) -> Case:
    kind, stand = draw.one([("train", "platform"), ("bus", "stop"), ("ferry", "pier"), ("coach", "bay")])
    count = rows_of(size, 3, 14)
    numbers = draw.some(range(101, 999), count)
    departs, at = [], draw.between(330, 480)
    for _ in range(count):
        at += draw.between(7, 43)
        departs.append(at)
    arrives = [start + draw.between(25, 140) for start in departs]
    towns, stands = [draw.one(TOWNS[1:]) for _ in range(count)], [draw.between(1, 9) for _ in range(count)]
    rows = [
        [f"{number}", clock(start), town, clock(end), f"{where}"]
        for number, start, town, end, where in zip(numbers, departs, towns, arrives, stands)
    ]
    document = f"Departures from {TOWNS[0]}\n" + grid(
        draw, [kind.capitalize(), "Departs", "To", "Arrives", stand.capitalize()], rows
    )
    a = draw.below(count)
    b = draw.one([row for row in range(count) if row != a and stands[row] != stands[a]] or [a - 1])
    keeper = "the information desk"
    if draw.chance(0.5) and stands[a] != stands[b]:
        question = Question(
            [f"From which {stand} does {kind} {numbers[a]} leave?", f"Where do I board {kind} {numbers[a]}?"],
            f"{kind} {numbers[a]} leaves from {stand} {{}}", f"{stands[a]}", f"{stands[b]}",
            f"It departs at {clock(departs[a])} to {towns[a]}.", f"It departs at {clock(departs[b])} to {towns[b]}.",
            "the departures table", f"the {stand} of {kind} {numbers[a]}", keeper,
        )
    else:
        question = Question(
            [f"When does {kind} {numbers[a]} arrive?", f"At what time will {kind} {numbers[a]} be in {towns[a]}?"],
            f"{kind} {numbers[a]} arrives in {towns[a]} at {{}}", clock(arrives[a]), clock(arrives[b]),
            f"It leaves {TOWNS[0]} at {clock(departs[a])}.", f"It leaves {TOWNS[0]} at {clock(departs[b])}.",
            f"the timetable's line for {kind} {numbers[a]}", f"the arrival of {kind} {numbers[a]}", keeper,
        )
    introduction = draw.one([f"This is today's {kind} timetable.", "I copied this from the board:"])
    return case(draw, introduction, document, question)


def stock(draw: Draw, size: float) -> Case:
    goods = draw.some(GOODS, rows_of(size, 3, 18))
    shelves = [f"{draw.one('ABCDEF')}{number}" for number in draw.some(range(1, 40), len(goods))]
    counts = draw.some(range(2, 180), len(goods))
    rows = [
        [good, shelf, f"{count}", f"{draw.between(1, 9) * 5}"] for good, shelf, count in zip(goods, shelves, counts)
    ]
    day = said(some_day(draw))
    document = f"Stock list of {day}\n" + grid(draw, ["Article", "Shelf", "On hand", "Reorder at"], rows)
    a, b = draw.some(range(len(goods)), 2)
    place, keeper = f"the stock list of {day}", "the warehouse"
    if draw.chance(0.5):
        question = Question(
            [f"On which shelf can I find the {goods[a]}?", f"Where in the store is the {goods[a]} kept?"],
            f"the {goods[a]} is kept on shelf {{}}", shelves[a], shelves[b],
            f"There are {counts[a]} of them on hand.", f"There are {counts[b]} of them on hand.",
            place, f"the place of the {goods[a]}", keeper,
        )
    else:
        question = Question(
            [f"How many pieces of the {goods[a]} do we still have?", f"What is our stock of the {goods[a]}?"],
            f"the number of pieces of the {goods[a]} on hand is {{}}", f"{counts[a]}", f"{counts[b]}",
            f"They are kept on shelf {shelves[a]}.", f"They are kept on shelf {shelves[b]}.",
            place, f"the stock of the {goods[a]}", keeper,
        )
    return case(draw, draw.one(["Our stock list:", "Below is what the warehouse sent."]), document, question)


_TALKS = (
    "Bees on flat roofs;Repairing old clocks;How rivers remember;Bread without hurry;The mathematics of knots;"
    "Growing food in shade;A short history of paper;Reading weather maps;Sound in small rooms;Bridges of rope;"
    "Mending what we wear;Owls of the upper valley;Maps before satellites;What soil tells us;Lamps and night skies;"
    "Teaching with puppets"
).split(";")


def programme(draw: Draw, size: float) -> Case:
    titles = draw.some(_TALKS, rows_of(size, 3, 16))
    speakers = draw.some(PEOPLE, len(titles))
    rooms = [draw.one(ROOMS) for _ in titles]
    starts = [540 + 35 * index + 5 * draw.below(3) for index in range(len(titles))]
    rows = [[clock(at), title, speaker, room] for at, title, speaker, room in zip(starts, titles, speakers, rooms)]
    town, day = draw.one(TOWNS), some_day(draw)
    heading = f"{town} Open Lectures, {weekday(day)} {said(day)}\n"
    document = heading + grid(draw, ["Time", "Title", "Speaker", "Place"], rows)
    a = draw.below(len(titles))
    b = draw.one([row for row in range(len(titles)) if row != a and rooms[row] != rooms[a]] or [a - 1])
    place, keeper = "the programme", "the organisers"
    if draw.chance(0.4) and rooms[a] != rooms[b]:
        question = Question(
            [f'Where is "{titles[a]}" given?', f'In which room can I hear "{titles[a]}"?'],
            f'"{titles[a]}" is given in {{}}', rooms[a], rooms[b],
            f"{speakers[a]} begins at {clock(starts[a])}.", f"{speakers[b]} begins at {clock(starts[b])}.",
            place, f'the room of "{titles[a]}"', keeper,
        )
    elif draw.chance(0.5):
        question = Question(
            [f'Who gives the lecture "{titles[a]}"?', f'Who is the speaker of "{titles[a]}"?'],
            f'the speaker of "{titles[a]}" is {{}}', speakers[a], speakers[b],
            f"It begins at {clock(starts[a])}.", f"It begins at {clock(starts[b])}.",
            place, "the speakers", keeper,
        )
    else:
        question = Question(
            [f"When does {speakers[a]} speak?", f"At what time is {speakers[a]}'s lecture?"],
            f"{speakers[a]} speaks at {{}}", clock(starts[a]), clock(starts[b]),
            f'The title is "{titles[a]}".', f'The title is "{titles[b]}".',
            f"the programme of {said(day)}", "the order of the lectures", keeper,
        )
    return case(draw, draw.one(["This is the programme of the day.", "Programme:"]), document, question)


def gauges(draw: Draw, size: float) -> Case:
    day, count = some_day(draw), rows_of(size, 3, 16)
    station, days = f"{draw.one(TOWNS)} weir", []
    for _ in range(count):
        day = later(draw, day, 1, 3)
        days.append(said(day))
    levels = [f"{level} cm" for level in draw.some(range(81, 298), count)]
    heats = [f"{draw.between(4, 21)}.{draw.below(10)} °C" for _ in days]
    names = [draw.one(PEOPLE) for _ in days]
    rows = [list(row) for row in zip(days, levels, heats, names)]
    document = f"Readings at {station}\n" + grid(draw, ["Date", "Level", "Water", "Read by"], rows)
    a, b = draw.some(range(count), 2)
    question = Question(
        [f"What was the water level on {days[a]}?", f"How high did the water stand on {days[a]}?"],
        f"the water level on {days[a]} was {{}}", levels[a], levels[b],
        f"The water had {heats[a]}.", f"The water had {heats[b]}.",
        draw.one([f"the readings at {station}", "the table of readings"]), f"the level on {days[a]}", "the water board",
    )
    return case(draw, draw.one(["Gauge book, copied by hand:", "These are the gauge readings."]), document, question)


def roster(draw: Draw, size: float) -> Case:
    day, days = some_day(draw), []
    for _ in range(rows_of(size, 3, 19)):
        day = later(draw, day, 1, 1)
        days.append(f"{weekday(day)} {said(day)}")
    plan = [draw.some(PEOPLE, 3) for _ in days]
    document = f"{draw.one(TOWNS)} Library, duty roster\n" + grid(
        draw, ["Day", "Early", "Late", "Standby"], [[day, *people] for day, people in zip(days, plan)]
    )
    a, shift = draw.below(len(days)), draw.below(3)
    other = (shift + draw.between(1, 2)) % 3
    names = ["early shift", "late shift", "standby"]
    question = Question(
        [f"Who is down for the {names[shift]} on {days[a]}?", f"Whose {names[shift]} is it on {days[a]}?"],
        f"the {names[shift]} on {days[a]} is {{}}'s", plan[a][shift], plan[a][other],
        f"The {names[other]} is {plan[a][other]}'s.", f"The {names[other]} is {plan[a][shift]}'s.",
        draw.one(["the duty roster", "the roster"]), "the shifts of that day", "the head of the library",
    )
    return case(draw, draw.one(["The roster as it hangs in the kitchen:", "Here is our roster."]), document, question)


BUILDERS = [invoice, timetable, stock, programme, gauges, roster]
