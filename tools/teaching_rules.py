"""What a lesson must tell its teachers, in metadata: the instructor's guide and its routes are made from it."""

from collections.abc import Iterator
from typing import Any

from book import teaching_notes

from nbformat import NotebookNode

BOARD_COLUMNS = 66  # a wider sketch fits on no page


def faults(notebook: NotebookNode) -> Iterator[str]:
    """Yield a line for each note that a lesson lacks or that contradicts another."""
    course = notebook.metadata.get("course", {})
    yield from _course_faults(course)
    drops: list[int] = []
    try:
        sections = _sections(notebook)
    except ValueError as error:
        yield str(error)
        return
    for number, (cell, exercises) in sections.items():
        notes = cell.metadata.get("teaching", {})
        minutes = notes.get("minutes")
        if isinstance(minutes, int | float) and minutes > 0:
            for fault in _section_faults(notes, minutes, exercises):
                yield f"cell {number}, metadata teaching: {fault}"
            drops += [notes["drop"]] if "drop" in notes else []
    if sorted(drops) != list(range(1, len(drops) + 1)):
        yield f"the sections' teaching.drop are {sorted(drops)}; they number the sections that can go: 1, 2, …"


def _course_faults(course: dict[str, Any]) -> Iterator[str]:
    if not course.get("purpose"):
        yield "metadata course.purpose is missing: one or two sentences on what the lesson is for"
    for key in ("question", "answer"):
        if not course.get("discussion", {}).get(key):
            yield f"metadata course.discussion.{key} is missing"
    for key in ("steps", "sketch"):
        if not isinstance(course.get("board", {}).get(key), list):
            yield f"metadata course.board.{key} is no list of lines"
    for line in course.get("board", {}).get("sketch", []):
        if len(line) > BOARD_COLUMNS:
            yield f"metadata course.board.sketch: a line of {len(line)} letters, above {BOARD_COLUMNS}: {line!r}"


def _sections(notebook: NotebookNode) -> dict[int, tuple[NotebookNode, list[teaching_notes.Exercise]]]:
    """Return the heading cell of each section by its position, with the section's exercises."""
    found: dict[int, tuple[NotebookNode, list[teaching_notes.Exercise]]] = {}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        text = teaching_notes.CODE.sub("", cell.source)
        if teaching_notes.SECTION.search(text):
            found[number] = cell, []
        if found:
            found[max(found)][1].extend(teaching_notes.exercises(text))
    return found


def _section_faults(
    notes: dict[str, Any], minutes: float, exercises: list[teaching_notes.Exercise]
) -> Iterator[str]:
    short = notes.get("short")
    if not isinstance(short, int) or not 0 <= short <= minutes:
        yield f"short is {short!r}; it is the minutes of the short form, from 0 to {minutes}"
        return
    if bool(notes.get("expect")) != bool(notes.get("reveals")):
        yield "expect and reveals belong together: a wrong answer, and the idea behind it"
    if short < minutes and not notes.get("cut"):
        yield f"the short form takes {short} of {minutes} minutes, but cut does not say what is left out"
    numbers = {one.number: one.minutes for one in exercises}
    for key, limit in (("short_exercises", short), ("home_exercises", None)):
        named = notes.get(key, [])
        if unknown := set(named) - numbers.keys():
            yield f"{key} names {sorted(unknown)}, which are no exercises of this section"
        elif limit is not None and sum(numbers[one] for one in named) > limit:
            yield f"{key} take {sum(numbers[one] for one in named)} minutes, more than the {limit} of the short form"
    in_class = sum(numbers[one] for one in numbers.keys() - set(notes.get("home_exercises", [])))
    if in_class > minutes:
        yield f"its exercises take {in_class} minutes, more than the section's {minutes}: name home_exercises"
