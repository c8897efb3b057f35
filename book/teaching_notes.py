"""What a lesson tells its teachers: purpose, discussion and board sketch, and notes on each of its sections.

All of it stands in the notebook: in its metadata `course`, in the metadata `teaching` of its `## ` headings, in the
headings of its exercises, and in its quiz.
"""

import re
from typing import NamedTuple

from book.lesson_pages import slug

from nbformat import NotebookNode

CODE = re.compile(r"```.*?```", re.S)
SECTION = re.compile(r"^## +(.+?) *$", re.M)
EXERCISE = re.compile(r"^#+ Exercise (\d\d\.\d) · (.+?) *$", re.M)
MINUTES = re.compile(r"\*Difficulty: (\w+) · (\d+) minutes")
QUESTION = re.compile(r"^\*\*(\d+)\. (.+?)\*\*$(.*?)(?=^\*\*\d+\. |\Z)", re.M | re.S)
CHOICE = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>", re.S)
RIGHT = re.compile(r"Right\b")  # how the answer to the right choice begins


class Exercise(NamedTuple):
    """An exercise."""

    number: str
    title: str
    difficulty: str
    minutes: int


class Section(NamedTuple):
    """A section: its minutes in full and in the short form, and what teachers should know of it.

    `drop` is its place among the sections to leave out when even the short form takes too long; 0 for never.
    """

    title: str
    minutes: int
    short: int
    expect: str
    reveals: str
    cut: str
    drop: int
    exercises: tuple[Exercise, ...]
    short_exercises: tuple[str, ...]  # the numbers of those that are done in class in the short form
    home_exercises: tuple[str, ...]  # the numbers of those that are homework in the full form too

    def in_class(self, form: str) -> tuple[Exercise, ...]:
        """Return the exercises that are done in class in a form, "full" or "short"."""
        if form == "short":
            return tuple(one for one in self.exercises if one.number in self.short_exercises)
        return tuple(one for one in self.exercises if one.number not in self.home_exercises)

    @property
    def anchor(self) -> str:
        """Its anchor on the lesson's page."""
        return slug(self.title)


class Notes(NamedTuple):
    """A lesson, as its teachers see it."""

    number: str
    name: str  # of its file, without ending
    question: str
    purpose: str
    discussion: str
    answer: str
    steps: tuple[str, ...]
    sketch: tuple[str, ...]
    needs: tuple[str, ...]
    sections: tuple[Section, ...]
    wrong_choices: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # question, (choice, why it is wrong)

    def minutes(self, form: str) -> int:
        """Return the minutes of the lesson in a form, "full" or "short"."""
        return sum(one.minutes if form == "full" else one.short for one in self.sections)


def read(name: str, notebook: NotebookNode, needs: tuple[str, ...] = ()) -> Notes:
    """Return the notes of a lesson.

    Args:
        name: of its file, without its ending.
        notebook: the lesson.
        needs: the numbers of the lessons that it builds on.

    Raises:
        ValueError: if a note is missing; the message says which, and where it belongs.
    """
    course = notebook.metadata.get("course", {})
    try:
        discussion, board = course["discussion"], course["board"]
        return Notes(
            number=name[:2],
            name=name,
            question=notebook.cells[0].source.splitlines()[0].partition(" · ")[2],
            purpose=course["purpose"],
            discussion=discussion["question"],
            answer=discussion["answer"],
            steps=tuple(board["steps"]),
            sketch=tuple(board["sketch"]),
            needs=needs,
            sections=tuple(_sections(notebook)),
            wrong_choices=tuple(wrong_choices(notebook)),
        )
    except KeyError as error:
        raise ValueError(
            f"{name}: the metadata of the notebook (course) or of a section's heading (teaching) lack {error}; "
            "CONTRIBUTING.md, 'A lesson', says what belongs there"
        ) from error


def _sections(notebook: NotebookNode) -> list[Section]:
    found: list[Section] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = CODE.sub("", cell.source)
        if heading := SECTION.search(text):
            notes = cell.metadata["teaching"]
            minutes = notes["minutes"]
            found.append(
                Section(
                    title=heading[1],
                    minutes=minutes,
                    short=notes["short"] if minutes else 0,
                    expect=notes.get("expect", ""),
                    reveals=notes.get("reveals", ""),
                    cut=notes.get("cut", ""),
                    drop=notes.get("drop", 0),
                    exercises=(),
                    short_exercises=tuple(notes.get("short_exercises", ())),
                    home_exercises=tuple(notes.get("home_exercises", ())),
                )
            )
        if found and (here := exercises(text)):
            found[-1] = found[-1]._replace(exercises=(*found[-1].exercises, *here))
    return found


def exercises(text: str) -> tuple[Exercise, ...]:
    """Return the exercises whose headings stand in a text.

    Raises:
        ValueError: for one without its difficulty and minutes.
    """
    found = []
    for heading in EXERCISE.finditer(text):
        times = MINUTES.search(text, heading.end())
        if not times:
            raise ValueError(
                f"exercise {heading[1]} has no line '*Difficulty: … · … minutes.*' below its heading"
            )
        found.append(Exercise(heading[1], heading[2], times[1], int(times[2])))
    return tuple(found)


def wrong_choices(notebook: NotebookNode) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return each question of the quiz with its wrong choices, and why they are wrong."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^## Quiz", cell.source, re.M):
            for _, question, answers in QUESTION.findall(cell.source):
                wrong = [
                    (choice, why.strip())
                    for choice, why in CHOICE.findall(answers)
                    if not RIGHT.match(why.strip())
                ]
                found.append((question, tuple(wrong)))
    return found
