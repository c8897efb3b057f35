"""The instructor's guide: its pages are made from what the lessons say to teachers, and from book/instructors/."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from book import check_messages, conf, course_map, route_pages, routes, teaching_notes
from book.teaching_notes import Exercise, Notes, Section

from nbformat import NotebookNode

TEMPLATES = conf.BOOK / "instructors"
CHECKS = conf.BOOK.parent / "mtl_helpers" / "checks"
README = conf.BOOK.parent / "README.md"
# The order of the guide's own pages; others that stand in book/instructors/ follow.
FIRST = ("routes", "rooms", "hub", "kubernetes", "questionnaire", "questionnaire_key", "capstone_feedback")
NO_MINUTES = (
    "The plan has no minutes of its own for it: hold it where a section ends early, or in place of the last section that "
    "you leave out. It needs no machine."
)
BUDGET = re.compile(r"^\| (\d\d)_\w+ \| (\d+) \| (\d+) \| ([\d.]+) \|", re.M)


class Budget(NamedTuple):
    """What a lesson was measured to need: seconds, those of its slowest cell, and gigabytes."""

    seconds: int
    slowest: int
    memory: float


def budgets() -> dict[str, Budget]:
    """Return the measured needs of the lessons, from README's table."""
    rows = BUDGET.findall(README.read_text(encoding="utf-8"))
    return {number: Budget(int(run), int(slow), float(memory)) for number, run, slow, memory in rows}


def all_notes(lessons: dict[Path, NotebookNode]) -> dict[str, Notes]:
    """Return the notes of all lessons, by number."""
    return {
        path.name[:2]: teaching_notes.read(path.stem, one, course_map.needed(one.cells[0].source))
        for path, one in lessons.items()
    }


def write(lessons: dict[Path, NotebookNode], folder: Path) -> None:
    """Write the pages of the guide.

    Args:
        lessons: the notebooks, by their files.
        folder: where the pages go; made if there is none.
    """
    shutil.copytree(TEMPLATES, folder)
    notes, measured = all_notes(lessons), budgets()
    for number, one in notes.items():
        checks = CHECKS / f"lesson_{number}.py"
        said = check_messages.messages(checks) if checks.exists() else {}
        page = lesson_page(one, measured.get(number), said)
        (folder / f"lesson_{number}.md").write_text(page, encoding="utf-8")
    fill = {
        "pages": "\n".join(page_names()),
        "lesson pages": "\n".join(f"Teaching {one.number} <lesson_{one.number}>" for one in notes.values()),
        "lessons": lesson_table(notes, measured),
        "routes": route_pages.page(notes),
        "summary of routes": route_pages.summary(notes),
        "memory": f"{max(one.memory for one in measured.values()):.1f}",
        "fastest": str(min(one.seconds for one in measured.values())),
        "slowest": str(max(one.seconds for one in measured.values())),
    }
    for path in folder.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        for name, value in fill.items():
            text = text.replace(f"@{name}@", value)
        path.write_text(with_optional_parts(text), encoding="utf-8")


def page_names() -> list[str]:
    """Return the names of the guide's own pages, in their order."""
    names = {path.stem for path in TEMPLATES.glob("*.md")} - {"index"}
    return [name for name in FIRST if name in names] + sorted(names - set(FIRST))


def with_optional_parts(text: str) -> str:
    """Keep the parts `@with hub@ … @end@` of a page only if the page hub.md is there."""
    names = set(page_names())
    return re.sub(
        r"@with (\w+)@(.*?)@end@", lambda found: found[2] if found[1] in names else "", text, flags=re.S
    )


def lesson_table(notes: dict[str, Notes], measured: dict[str, Budget]) -> str:
    """Return the table of all lessons: minutes in both forms, measured seconds and memory."""
    rows = [
        f"| [{one.number} {one.question}](lesson_{one.number}.md) | {one.minutes('full')} | {one.minutes('short')} | "
        + (
            f"{budget.seconds} s | {budget.memory:.1f} GB |"
            if (budget := measured.get(number))
            else "– | – |"
        )
        for number, one in notes.items()
    ]
    head = "| lesson | minutes in full | short form | runs in | memory |\n| --- | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def lesson_page(notes: Notes, budget: Budget | None, said: dict[str, list[str]]) -> str:
    """Return the page on one lesson.

    Args:
        notes: of the lesson.
        budget: what it was measured to need; None if it was not measured.
        said: the messages of its checks, by the exercise's number after the point.
    """
    parts = [
        f"# Teaching {notes.number} · {notes.question}",
        notes.purpose,
        "\n".join(_facts(notes, budget)),
        "## Plan\n\n" + _plan(notes),
        "## Section by section",
        *(_section(one, notes) for one in notes.sections if one.expect or one.cut),
        f"## Discussion\n\n{NO_MINUTES}\n\n**{notes.discussion}**\n\n{notes.answer}",
        "## Board\n\n" + "\n".join(f"{n}. {step}" for n, step in enumerate(notes.steps, 1)),
        "```text\n" + "\n".join(notes.sketch) + "\n```",
        "## Exercises",
        *(_exercise(one, said.get(one.number[3:], [])) for part in notes.sections for one in part.exercises),
        "## Quiz: the wrong choices, and what to say",
        *_quiz(notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(notes: Notes, budget: Budget | None) -> Iterator[str]:
    yield f"- **Lesson:** [{notes.number} on this site](../{notes.name}.ipynb)"
    yield f"- **Minutes:** {notes.minutes('full')} in full, {notes.minutes('short')} in the short form"
    if budget:
        yield (
            f"- **Run from top to bottom:** {budget.seconds} s on two cores, the slowest cell {budget.slowest} s, "
            f"{budget.memory:.1f} GB of memory (measured)"
        )
    if notes.needs:
        linked = ", ".join(f"lesson {need}" for need in notes.needs)
        yield f"- **Builds on:** {linked}. Who was not there gets five minutes at the board: that lesson's board sketch."
    used = [one.title for one in routes.ROUTES if any(notes.number in day for day in one.days)]
    yield f"- **In the routes:** {', '.join(used).lower()} ([plans](routes.md))"


def _plan(notes: Notes) -> str:
    rows, minute, short = [], 0, 0
    for one in notes.sections:
        at = f"0:{minute:02d}" if minute < 60 else f"{minute // 60}:{minute % 60:02d}"
        done = ", ".join(_told(exercise, one) for exercise in one.exercises)
        link = f"[{one.title}](../{notes.name}.ipynb#{one.anchor})"
        if one.minutes:
            rows.append(f"| {at} | {link} | {one.minutes} | {one.short or 'left out'} | {done} |")
        minute, short = minute + one.minutes, short + one.short
    home = [one.title for one in notes.sections if not one.minutes]
    total = f"| | **Together** | **{minute}** | **{short}** | |"
    head = "| from | section | minutes | short | exercises (minutes) |\n| ---: | --- | ---: | ---: | --- |"
    after = f"\n\nTo read at home: {', '.join(home).lower()}." if home else ""
    return "\n".join([head, *rows, total]) + after


def _told(exercise: Exercise, section: Section) -> str:
    home = ", at home" if exercise.number in section.home_exercises else ""
    return f"{exercise.number} ({exercise.minutes}{home})"


def _section(one: Section, notes: Notes) -> str:
    times = (
        f"{one.minutes} minutes" if one.short == one.minutes else f"{one.minutes} minutes, short {one.short}"
    )
    lines = [f"### {one.title} ({times})"]
    if one.expect:
        lines.append(f"**Expect.** {one.expect}")
    if one.reveals:
        lines.append(f"**What it reveals.** {one.reveals}")
    if one.cut:
        lines.append(f"**Short of time.** {one.cut}")
    if one.drop:
        number = sum(bool(section.drop) for section in notes.sections)
        lines.append(f"**Very late.** Leave this section out: number {one.drop} of {number} that can go.")
    return "\n\n".join(lines)


def _exercise(one: Exercise, said: list[str]) -> str:
    head = f"**{one.number} {one.title}**, {one.difficulty}, {one.minutes} minutes."
    if not said:
        return head
    listed = "\n".join(f"- {text}" for text in said)
    return f"{head}\n\n:::{{dropdown}} What its check says to wrong answers ({len(said)})\n{listed}\n:::"


def _quiz(notes: Notes) -> Iterator[str]:
    for question, wrong in notes.wrong_choices:
        if wrong:
            yield f"**{question}**\n\n" + "\n".join(f"- *“{choice}”* {why}" for choice, why in wrong)
