"""Names, things, days and times for contexts. All persons, companies and places are invented."""

from datetime import date, timedelta

from .draw import Draw

PEOPLE = (
    "Alva Bennick Corvin Dagny Edda Farouk Gwen Hollis Ines Joren Kamala Leopold Mirela Nuri Odile Pavel Quentin Ravi "
    "Selma Tomas Ulla Vikram Wanda Xenia Yusuf Zofia Anouk Brandt Cleo Dmitri Elowen Fenna Gideon Hanneke"
).split()
FIRMS = (
    "Quillmoor Lamps;Tarnbeck Tiles;Ostrelle Gardens;Vennick & Daughters;Harrowdene Paper;Pellworth Cycles;"
    "Norrick Kitchens;Sallowfield Textiles;Brindlecote Tools;Marrowby Pianos;Evenlock Doors;Thistlewane Boats"
).split(";")
TOWNS = (
    "Aldermere Bexcombe Corrow Dunnelby Eastwarren Fennholt Gorsley Hexbridge Inverlow Jessamine Kelderby Lowmarsh "
    "Millbeck Northwold Oxney Pennersby Quarrick Rushmere Stonegate Tillerton"
).split()
GOODS = (
    "desk lamp;oak shelf;linen curtain;garden hose;copper kettle;door handle;wall clock;folding chair;tool box;"
    "paint roller;wool blanket;bread tin;water filter;picture frame;bicycle pump;letter tray;ladder;watering can;"
    "coat rack;extension cable;serving bowl;floor mat;seed tray;work light"
).split(";")
ROOMS = (
    "Room 2;Room 5;Room 11;the Long Hall;the Garden Room;the Library;the Blue Room;Studio A;Studio C;the Attic Room;"
    "the Annex;the Glass Room"
).split(";")
_MONTHS = "January February March April May June July August September October November December".split()
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def some_day(draw: Draw) -> date:
    return date(2025, 1, 7) + timedelta(days=draw.below(320))


def later(draw: Draw, day: date, least: int = 1, most: int = 4) -> date:
    return day + timedelta(days=draw.between(least, most))


def said(day: date) -> str:
    """Formats a day: 7 May."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def weekday(day: date) -> str:
    return _WEEKDAYS[day.weekday()]


def clock(minutes: int) -> str:
    """Formats minutes since midnight: 09:05."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
