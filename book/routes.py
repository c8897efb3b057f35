"""The routes through the course, and the plan of each of their days, computed from the lessons' own minutes.

Which lessons a route takes, and how long its days may be, stands here and nowhere else. A lesson is taught in full
where the day allows it, and otherwise in its short form. A lesson that is not written yet is left out.
"""

import itertools
from typing import NamedTuple

from book.teaching_notes import Notes, Section

BRIDGE, INSIDE = (
    5,
    600,
)  # minutes for what a lesson left out would have given; the price of a break inside a lesson


class Route(NamedTuple):
    """A route.

    `favour` are the lessons to be taught in full before others; `breaks` the minutes of the breaks of a day, in order.
    """

    key: str
    title: str
    days: tuple[tuple[str, ...], ...]
    limit: int  # minutes of a day, with breaks
    breaks: tuple[int, ...]
    favour: tuple[str, ...]
    day: str  # what a day is called
    welcome: int = 5
    close: int = 5


ROUTES = (
    Route("half", "Half a day", (("00", "02", "03", "06"),), 210, (20, 5), ("02", "03"), "The half day"),
    Route("one", "One day", (("00", "01", "02", "03", "05", "06"),), 390, (15, 45, 15), ("02", "03", "00"), "The day",
          close=10),
    Route("two", "Two days", (("00", "01", "02", "03", "04"), ("05", "06", "07", "08", "10")), 420, (15, 45, 15),
          ("02", "01", "00", "03", "06", "05", "10", "07", "08"), "Day", close=10),
    Route("ten", "Ten weekly sessions",
          (("00", "01"), ("02",), ("03",), ("04",), ("05",), ("06",), ("07", "08"), ("09",), ("10", "11"), ("12",)),
          120, (10,), ("07", "10"), "Session"),
)  # fmt: skip


class Item(NamedTuple):
    """A line of a plan: a section of a lesson, or something around lessons."""

    kind: str  # "section", "bridge", "break", "welcome" or "close"
    title: str
    minutes: int
    lesson: Notes | None = None
    section: Section | None = None


class Day(NamedTuple):
    """The plan of a day: its items, the form in which each lesson is taught, and the lessons still to be written."""

    items: tuple[Item, ...]
    forms: dict[str, str]
    missing: tuple[str, ...]

    @property
    def minutes(self) -> int:
        """All minutes, breaks included."""
        return sum(item.minutes for item in self.items)


def plan(route: Route, lessons: dict[str, Notes]) -> list[Day]:
    """Return the plan of each day of a route.

    Args:
        route: one of `ROUTES`.
        lessons: the notes of all lessons that there are, by number.

    Raises:
        ValueError: if a day is too long even with all its lessons in their short form.
    """
    days: list[Day] = []
    taught: set[str] = set()
    for number, listed in enumerate(route.days):
        chosen = [lessons[one] for one in listed if one in lessons]
        missing = tuple(one for one in listed if one not in lessons)
        forms = {one.number: "short" for one in chosen}
        first = number == 0
        for favoured in [*route.favour, *forms]:
            if favoured in forms:
                longer = forms | {favoured: "full"}
                if _minutes(_items(route, chosen, longer, taught, lessons, first), route) <= route.limit:
                    forms = longer
        items = _items(route, chosen, forms, taught, lessons, first)
        if chosen and _minutes(items, route) > route.limit:
            raise ValueError(
                f"{route.title}, day {number + 1}: {_minutes(items, route)} minutes are more than {route.limit}, even "
                f"with all lessons in their short form: shorten sections (metadata teaching.short) of {', '.join(forms)}, "
                "or move a lesson in book/routes.py"
            )
        days.append(Day(tuple(_with_breaks(items, route.breaks)) if chosen else (), forms, missing))
        taught |= {item.lesson.number for item in items if item.lesson}
    return days


def _minutes(items: list[Item], route: Route) -> int:
    return sum(item.minutes for item in items) + sum(route.breaks)


def _items(
    route: Route,
    chosen: list[Notes],
    forms: dict[str, str],
    taught: set[str],
    lessons: dict[str, Notes],
    first: bool,
) -> list[Item]:
    """Return the items of a day without its breaks. A need that no lesson before has met becomes a bridge."""
    items = [Item("welcome", "Welcome" if first else "What stayed from last time?", route.welcome)]
    met = set(taught)
    for one in chosen:
        for need in one.needs:
            if need not in met and need in lessons:
                items.append(Item("bridge", f"What lesson {need} would have given", BRIDGE, lessons[need]))
                met.add(need)
        for section in one.sections:
            minutes = section.minutes if forms[one.number] == "full" else section.short
            if minutes:
                items.append(Item("section", section.title, minutes, one, section))
        met.add(one.number)
    return [*items, Item("close", "Close", route.close)]


def _with_breaks(items: list[Item], breaks: tuple[int, ...]) -> list[Item]:
    """Put in the breaks: stretches of work as even as possible, and rather between lessons than inside one."""

    def cost(places: tuple[int, ...]) -> float:
        ends = [0, *places, len(items)]
        stretches = [sum(one.minutes for one in items[a:b]) for a, b in itertools.pairwise(ends)]
        inside = sum(_inside_lesson(items, place) for place in places)
        return sum(stretch**2 for stretch in stretches) + INSIDE * inside

    places = min(itertools.combinations(range(2, len(items) - 1), len(breaks)), key=cost, default=())
    planned = list(items)
    for place, minutes in sorted(zip(places, breaks, strict=False), reverse=True):
        title = {True: "Lunch", False: "Break"}[minutes >= 40] if minutes > 5 else "Stand up, open the window"
        planned.insert(place, Item("break", title, minutes))
    return planned


def _inside_lesson(items: list[Item], place: int) -> bool:
    before, after = items[place - 1], items[place]
    return before.kind == "bridge" or (
        before.kind == after.kind == "section" and before.lesson == after.lesson
    )


class Rescue(NamedTuple):
    """What to cut for those who are late: sections, each with the minutes it is then given, and what that wins."""

    cuts: tuple[tuple[Item, int], ...]
    wins: int


def rescue(day: Day, lesson: str, late: int = 15) -> Rescue:
    """Return what to cut when a lesson begins late: first in it, then in those after it.

    A section in full is brought to its short form, the one that saves most first; if that is not enough, sections
    are left out in the order of their `drop`.
    """
    start = next(n for n, item in enumerate(day.items) if item.lesson and item.lesson.number == lesson)
    cuts: dict[int, int] = {}  # place of the item, minutes it is given

    def won() -> int:
        return sum(day.items[place].minutes - given for place, given in cuts.items())

    places = [n for n in range(start, len(day.items)) if day.items[n].section]
    for number in dict.fromkeys(_number(day.items[n]) for n in places):
        own = [n for n in places if _number(day.items[n]) == number]
        for n in sorted(own, key=lambda n: _short(day.items[n]) - day.items[n].minutes):
            if won() < late and _short(day.items[n]) < day.items[n].minutes:
                cuts[n] = _short(day.items[n])
        for n in sorted((n for n in own if _drop(day.items[n])), key=lambda n: _drop(day.items[n])):
            if won() < late:
                cuts[n] = 0
    for n in sorted(cuts, key=lambda n: day.items[n].minutes - cuts[n]):
        if won() - (day.items[n].minutes - cuts[n]) >= late:  # the others are enough
            del cuts[n]
    return Rescue(tuple((day.items[n], cuts[n]) for n in sorted(cuts)), won())


def _number(item: Item) -> str:
    return item.lesson.number if item.lesson else ""


def _short(item: Item) -> int:
    return item.section.short if item.section else item.minutes


def _drop(item: Item) -> int:
    return item.section.drop if item.section else 0
