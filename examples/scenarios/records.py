"""Tickets, change logs, treatment notes, agreements; the wrong answer is an earlier or another entry."""

from .case import Case, Question, case
from .draw import Draw
from .words import FIRMS, GOODS, PEOPLE, TOWNS, clock, later, money, said, some_day

_TROUBLES = [
    ("the order page shows an empty basket", ["an expired certificate", "a full disk", "a stale cache",
     "a renamed field"]),
    ("labels come out of the printer blank", ["a worn ribbon", "a wrong driver", "a loose cable", "a missing font"]),
    ("the door reader refuses new badges", ["a wrong clock", "a full badge table", "a weak battery", "an old key"]),
    ("calls drop after one minute", ["a timer in the router", "a faulty switch", "a wrong codec", "a damaged socket"]),
    ("the nightly backup stops half-way", ["a locked file", "a full tape", "a changed password", "a broken share"]),
    ("the heating follows the wrong timetable", ["a swapped sensor", "a lost setting", "a summer-time error",
     "a stuck valve"]),
]
_NOTES = [
    "Customer called again and asked for news.",
    "Restarted the service; no change.",
    "Compared with the neighbouring site, where all is well.",
    "Asked for a photograph and the exact time of the last occurrence.",
    "Photograph received and attached.",
    "Could be reproduced on the second attempt.",
    "Left a message on the answering machine.",
    "Raised the priority from normal to high, since two more sites are affected.",
    "Waiting for a spare part.",
    "No further occurrence overnight.",
    "Explained the work-around; the customer can live with it for a few days.",
    "Checked the log files of the last week without a clear result.",
]


def ticket(draw: Draw, size: float) -> Case:
    trouble, causes = draw.one(_TROUBLES)
    suspected, found = draw.some(causes, 2)
    first, second, firm = *draw.some(PEOPLE, 2), draw.one(FIRMS)
    number, day, at = f"T-{draw.between(2000, 8999)}", some_day(draw), draw.between(480, 600)
    planned = later(draw, day, 9, 12)
    moved = later(draw, planned, 2, 6)
    events = [
        f"{first}: taken over. First guess: {suspected}.",
        f"{first}: repair planned for {said(planned)}.",
        f"{first}: handed to {second}, who knows this device.",
        f"{second}: cause found, it is {found}. The first guess was wrong.",
        f"{second}: repair moved to {said(moved)}, because the part comes later.",
    ]
    notes = draw.some(_NOTES, round(size * 12))
    for note in notes:
        events.insert(draw.between(1, len(events)), f"{draw.one([first, second])}: {note}")
    lines = []
    for event in events:
        lines.append(f"{said(day)}, {clock(at)} {event}")
        day, at = (later(draw, day, 1, 1), draw.between(480, 600)) if at > 900 else (day, at + draw.between(20, 260))
    document = f"Ticket {number}, {firm}\nSubject: {trouble}\n" + "\n".join(lines)
    place, keeper = f"ticket {number}", "the help desk"
    question = draw.one([
        Question(
            ["What turned out to be the cause?", f"Why is it that {trouble}?"],
            "the cause is {}", found, suspected,
            f"The repair is set for {said(moved)}.", f"The repair is set for {said(planned)}.",
            f"{second}'s note in {place}", "the cause", keeper,
        ),
        Question(
            ["On which day will it be repaired?", "When is the repair going to happen now?"],
            "the repair will be done on {}", said(moved), said(planned),
            f"The cause is {found}.", f"The cause is {suspected}.", place, "the day of the repair", keeper,
        ),
        Question(
            ["Who is working on this ticket now?", "Which of our people has the ticket at the moment?"],
            "the ticket is now in the hands of {}", second, first,
            f"It came from {first}.", f"It came from {second}.", place, "the person responsible", keeper,
        ),
    ])
    introduction = draw.one(["Here is a ticket from our queue.", "Please read this support ticket:"])
    return case(draw, introduction, document, question)


_FEATURES = (
    "export to spreadsheets;a dark theme;search in attachments;keyboard shortcuts;printing of labels;offline mode;"
    "two-step sign-in;undo for deleted entries;a calendar view;shared folders;import of contacts;a quiet mode;"
    "colour tags;version history;a reading ruler;drag and drop"
).split(";")
_FIXES = (
    "Fixed a crash when a name ends in a space.;Lists no longer jump to the top.;Start-up is about a third faster.;"
    "Fixed wrong totals in the footer.;Removed the old settings page.;Clearer message when the disk is full.;"
    "Fixed the order of entries with equal dates.;Fonts stay sharp on large screens."
).split(";")


def changes(draw: Draw, size: float) -> Case:
    product = draw.one("Larkpad Fernbook Tallyroom Inkmoor Papertide Ledgerwren".split())
    features = draw.some(_FEATURES, 3 + round(size * 11))
    major, minor, day = draw.between(1, 6), draw.between(0, 4), some_day(draw)
    versions, days, blocks = [], [], []
    for feature in features:
        minor, day = minor + draw.between(1, 2), later(draw, day, 10, 40)
        versions.append(f"{major}.{minor}")
        days.append(said(day))
        fixes = "".join(f"\n- {fix}" for fix in draw.some(_FIXES, draw.between(0, 2)))
        blocks.append(f"Version {versions[-1]} ({days[-1]})\n- New: {feature}.{fixes}")
    a, b = draw.some(range(len(features)), 2)
    document = f"{product}: what changed\n\n" + "\n\n".join(reversed(blocks))
    place, keeper = f"the change log of {product}", f"the makers of {product}"
    question = draw.one([
        Question(
            [f"Since which version has there been {features[a]}?",
             f"Which version of {product} brought {features[a]}?"],
            f"{features[a]} came with version {{}}", versions[a], versions[b],
            f"That version dates from {days[a]}.", f"That version is of {days[b]}.",
            place, f"the first version with {features[a]}", keeper,
        ),
        Question(
            [f"On what date did version {versions[a]} come out?", f"When was {product} {versions[a]} released?"],
            f"version {versions[a]} came out on {{}}", days[a], days[b],
            f"It brought {features[a]}.", f"It brought {features[b]}.",
            draw.one([place, f"the heading of version {versions[a]}"]), f"the date of version {versions[a]}", keeper,
        ),
    ])
    return case(draw, draw.one([f"Release notes of {product}:", "I have this change log."]), document, question)


_ANIMALS = [("cat", 3, 6), ("dog", 9, 32), ("rabbit", 2, 4), ("goat", 28, 60), ("parrot", 1, 2)]
_FINDINGS = (
    "Eats well again.;Coat dull, otherwise lively.;Slight limp on the left.;Teeth cleaned, no bleeding.;"
    "Owner reports restless nights.;Ears clean on both sides.;No fever today.;Stitches removed.;Vaccination renewed.;"
    "Blood sample taken and sent in."
).split(";")


def treatment(draw: Draw, size: float) -> Case:
    (animal, low, high), day, lines = draw.one(_ANIMALS), some_day(draw), []
    name = draw.one("Biscuit Pepper Mosse Juno Tinker Olive Rufus Saffron Clover Domino".split())
    vet, count = draw.one(PEOPLE), 2 + round(size * 16)
    drug = draw.one("Velladine Corstamil Fenoprax Tiravet Nolumin".split())
    usual = draw.between(low * 100, high * 100)
    weights = [f"{money(weight)} kg" for weight in draw.some(range(usual * 9 // 10, usual * 11 // 10), count)]
    doses = [f"{dose / 2:g} ml" for dose in draw.some(range(1, 24), 2)]
    change, days = draw.between(1, count - 1), []
    for index in range(count):
        days.append(said(day))
        order = ""
        if index == 0:
            order = f" {drug}: {doses[0]} once a day."
        if index == change:
            order = f" {drug} changed to {doses[1]} once a day."
        lines.append(f"{days[-1]}: weight {weights[index]}. {draw.one(_FINDINGS)}{order}")
        day = later(draw, day, 4, 16)
    document = f"{name}, {animal}. Notes of {vet}, veterinary surgeon in {draw.one(TOWNS)}\n" + "\n".join(lines)
    keeper = f"{vet}'s practice"
    dose = Question(
        [f"How much {drug} should {name} have now?", f"What is {name}'s current dose of {drug}?"],
        f"{name}'s dose of {drug} is now {{}} once a day", doses[1], doses[0],
        f"It has been so since {days[change]}.", f"It has been so since {days[0]}.",
        draw.one([f"the note of {days[change]}", f"{vet}'s notes"]), f"the dose of {drug}", keeper,
    )
    if draw.chance(0.5):
        return case(draw, f"These are the notes about our {animal}.", document, dose)
    b = draw.below(count - 1)
    weight = Question(
        [f"What did {name} weigh at the last visit?", f"What is the newest weight noted for {name}?"],
        f"{name} weighed {{}} at the last visit", weights[-1], weights[b],
        f"That visit was on {days[-1]}.", f"That visit was on {days[b]}.",
        draw.one([f"the note of {days[-1]}", "the last of the notes"]), f"{name}'s weight", keeper,
    )
    return case(draw, f"These are the notes about our {animal}.", document, weight)


_CLAUSES = [
    ("Notice", "Either side may end this agreement with notice of {}.", "the notice period", "the notice period is {}"),
    ("Payment", "Rent is payable within {} of the start of each quarter.", "the time for payment",
     "the rent is payable within {}"),
    ("Defects", "Defects must be reported within {} of being noticed.", "the time for reporting defects",
     "defects must be reported within {}"),
    ("Deposit", "The deposit is returned within {} of the keys being handed back.", "the return of the deposit",
     "the deposit is returned within {}"),
    ("Insurance", "Proof of insurance must be shown within {} of signing.", "the proof of insurance",
     "proof of insurance must be shown within {}"),
    ("Guests", "Guests may stay for up to {} without asking.", "the stay of guests", "guests may stay for up to {}"),
    ("Absence", "The tenant tells the caretaker of any absence longer than {}.", "absences",
     "absences longer than {} must be reported"),
    ("Viewing", "The owner announces a viewing {} ahead.", "viewings", "a viewing is announced {} ahead"),
    ("Repairs", "The owner begins urgent repairs within {}.", "urgent repairs", "urgent repairs are begun within {}"),
    ("Storage", "Things left behind are stored for {} and then given away.", "things left behind",
     "things left behind are stored for {}"),
    ("Bicycles", "Bicycles in the hall are tolerated for {} at most.", "bicycles in the hall",
     "bicycles in the hall are tolerated for {}"),
    ("Meter", "The meter is read every {}.", "the reading of the meter", "the meter is read every {}"),
]


def agreement(draw: Draw, size: float) -> Case:
    clauses = draw.some(_CLAUSES, 2 + round(size * 10))
    periods = [f"{count} {unit}" for unit in ("days", "weeks", "months") for count in range(2, 11)]
    spans = draw.some(periods, len(clauses))
    lines = [f"§ {n} {c[0]}. {c[1].format(span)}" for n, (c, span) in enumerate(zip(clauses, spans), start=1)]
    lines += [f"§ {len(lines) + 1} House. The {draw.one(GOODS)} in the hall belongs to the house and stays there."]
    town, tenant, owner = draw.one(TOWNS), *draw.some(PEOPLE, 2)
    document = f"Agreement between {owner} (owner) and {tenant} (tenant) on the flat in {town}\n" + "\n".join(lines)
    a, b = draw.some(range(len(clauses)), 2)
    question = Question(
        [f"What does the agreement say about {clauses[a][2]}?", f"Which period is laid down for {clauses[a][2]}?"],
        clauses[a][3], spans[a], spans[b],
        f'The clause is headed "{clauses[a][0]}".', f'The clause is headed "{clauses[b][0]}".',
        f"§ {a + 1} of the agreement", clauses[a][2], owner,
    )
    return case(draw, draw.one(["The text of our agreement:", "This is what we signed."]), document, question)


BUILDERS = [ticket, changes, treatment, agreement]
