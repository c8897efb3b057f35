"""The page on the routes: the plan of each day, minute by minute, and what to cut for those who are late."""

from book.routes import ROUTES, Day, Item, Route, plan, rescue
from book.teaching_notes import Notes

START = 9 * 60  # o'clock, in minutes

# What to do where no lesson is taught, by kind of item.
DO = {
    "welcome": {
        True: "Who is here, and with which problem of their own? Lesson 00 is open on every screen.",
        False: "Two questions from the last quiz, answered by a show of hands. Everybody opens the lesson.",
    },
    "break": {
        True: "Shut down the kernels of the lessons that are done; leave a lesson that goes on open. On Binder, run it "
        "again from the top afterwards.",
        False: "Shut down the kernel; eat.",
    },
    "close": {
        True: "Each names one thing to try in a model of their own. Hand out the questionnaire (ten minutes): "
        "whoever can stays for it; the others send it within two days.",
        False: "Each names one thing to try until next time.",
    },
}


def clock(minutes: int) -> str:
    """Return minutes as hours and minutes, such as 1:05."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def summary(notes: dict[str, Notes]) -> str:
    """Return a table with a row for each route."""
    rows = []
    for route in ROUTES:
        days = plan(route, notes)
        taught = [number for day in days for number in day.forms]
        longest = max(day.minutes for day in days)
        rows.append(
            f"| [{route.title}](routes.md#{anchor(route)}) | {', '.join(taught)} | {clock(longest)} h | "
            f"{', '.join(missing(days)) or '–'} |"
        )
    head = "| route | lessons | longest day, with breaks | not written yet |\n| --- | --- | ---: | --- |"
    return "\n".join([head, *rows])


def anchor(route: Route) -> str:
    """Return the anchor of a route on its page."""
    return route.title.lower().replace(" ", "-")


def missing(days: list[Day]) -> list[str]:
    """Return the numbers of the lessons of a route that are not written yet."""
    return [number for day in days for number in day.missing]


def page(notes: dict[str, Notes]) -> str:
    """Return the plans of all routes."""
    return "\n\n".join(_route(route, plan(route, notes)) for route in ROUTES)


def _route(route: Route, days: list[Day]) -> str:
    parts = [f"## {route.title}"]
    if left := missing(days):
        word = "Lesson" if len(left) == 1 else "Lessons"
        verb = "is" if len(left) == 1 else "are"
        parts.append(
            f"{word} {' and '.join(filter(None, [', '.join(left[:-1]), left[-1]]))} of this route {verb} not written "
            "yet. The plan is made of those that exist."
        )
    taught = [day for day in days if day.items]
    for number, day in enumerate(taught, 1):
        title = route.day if len(taught) == 1 else f"{route.day} {number}: lesson {' and '.join(day.forms)}"
        parts.append(_day(title, day, number == 1, number == len(taught)))
    return "\n\n".join(parts)


def _day(title: str, day: Day, first: bool, last: bool) -> str:
    forms = ", ".join(
        f"{number} {'in full' if form == 'full' else 'short'}" for number, form in day.forms.items()
    )
    rows, minute = [], 0
    for item in day.items:
        rows.append(_row(item, minute, day, first, last))
        minute += item.minutes
    table = "\n".join(["| from | at 9:00 | min | what | how |", "| ---: | ---: | ---: | --- | --- |", *rows])
    late = "\n".join(f"- {_late(day, number)}" for number in day.forms)
    together = f"{clock(day.minutes)} h with breaks, {_exercise_minutes(day)} minutes of it for exercises. Lessons: {forms}."
    return f"### {title}\n\n{together}\n\n{table}\n\n**Fifteen minutes late**\n\n{late}"


def _row(item: Item, minute: int, day: Day, first: bool, last: bool) -> str:
    times = f"| {clock(minute)} | {clock(START + minute)} | {item.minutes} |"
    if item.kind == "section" and item.lesson and item.section:
        form = day.forms[item.lesson.number]
        number = item.lesson.number
        what = f"[{number}](lesson_{number}.md) [{item.title}](../{item.lesson.name}.ipynb#{item.section.anchor})"
        done = ", ".join(f"{one.number} ({one.minutes})" for one in item.section.in_class(form))
        shorter = item.minutes < item.section.minutes
        expected = f"Expect: {item.section.expect}".replace("Expect: Expect ", "Expect ")
        told = item.section.cut if shorter else item.section.expect and expected
        return f"{times} {what} | {' '.join(filter(None, [told, done and f'Exercise {done}.']))} |"
    if item.kind == "bridge" and item.lesson:
        sketch = f"[board sketch](lesson_{item.lesson.number}.md#board)"
        return f"{times} *{item.title}* | Draw its {sketch}, and read its summary aloud. |"
    plain = {"welcome": first, "close": last, "break": item.title != "Lunch"}[item.kind]
    how = "Screens off." if item.minutes <= 5 and item.kind == "break" else DO[item.kind][plain]
    return f"{times} **{item.title}** | {how} |"


def _exercise_minutes(day: Day) -> int:
    """Return the minutes of a day for exercises."""
    return sum(
        min(item.minutes, sum(one.minutes for one in item.section.in_class(day.forms[item.lesson.number])))
        for item in day.items
        if item.section and item.lesson
    )


def _late(day: Day, number: str) -> str:
    found, minute = rescue(day, number), 0
    for item in day.items:
        if item.lesson and item.lesson.number == number and item.kind == "section":
            break
        minute += item.minutes
    told = "; ".join(
        f"{item.lesson.number if item.lesson else ''} *{item.title}* "
        + (
            f"{item.minutes} → {given} minutes ({_cut(item)})"
            if given
            else f"run, but not taught ({item.minutes})"
        )
        for item, given in found.cuts
    )
    return f"at the start of {number} ({clock(START + minute)}): {told}. This wins {found.wins} minutes."


def _cut(item: Item) -> str:
    """Return what the short form of a section leaves out, to stand in brackets."""
    return item.section.cut.rstrip(".") if item.section else ""
