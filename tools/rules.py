"""What can be decided about a lesson without running it. Each rule yields one line for each fault.

    python -m tools.rules [LESSON ...]      prints the faults, and counts of words and cells

tests/test_lessons.py applies every rule to every lesson.
"""

import base64
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tools import teaching_rules
from tools.lessons import content_hash, find, output_problems, read, tags
from tools.normalise import normalise

import nbformat
from nbformat import NotebookNode

CELL_LINES, FIGURE_BYTES, COMPARED_CELLS = 30, 80_000, 4
# What no stored output may hold: paths of a machine, addresses of objects, process ids, times of day, bars.
MACHINE = re.compile(
    r"(?<![\w.])/(?:home|root|tmp|usr|opt|Users|work|var|mnt)/\w|\b[A-Z]:\\\w|site-packages|ipykernel_\d"
    r"|0x[0-9a-f]{6,}|\bpid[ =:]+\d|\b\d\d:\d\d:\d\d\b|\d(?:ms|s)/(?:step|epoch)"
)


class Lesson(NamedTuple):
    """A lesson as the rules see it."""

    path: Path
    notebook: NotebookNode

    @property
    def cells(self) -> list[NotebookNode]:
        """All cells."""
        return self.notebook.cells

    @property
    def code(self) -> list[tuple[int, NotebookNode]]:
        """The code cells that hold anything, each with its position."""
        return [(n, c) for n, c in enumerate(self.cells) if c.cell_type == "code" and c.source.strip()]

    @property
    def course(self) -> dict:
        """The lesson's own metadata."""
        return self.notebook.metadata.get("course", {})


def load(path: Path) -> Lesson:
    """Read a lesson."""
    return Lesson(path, read(path))


def prose(cell: NotebookNode) -> str:
    """Return a Markdown cell without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", cell.source, flags=re.S) if cell.cell_type == "markdown" else ""


def headings(lesson: Lesson, level: int) -> list[tuple[int, str]]:
    """Return the position and text of the headings of one level."""
    pattern = re.compile(rf"^{'#' * level} +(.+)$", re.M)
    return [(n, text) for n, cell in enumerate(lesson.cells) for text in pattern.findall(prose(cell))]


def is_format(lesson: Lesson) -> Iterator[str]:
    """A valid notebook, in normal form."""
    try:
        nbformat.validate(lesson.notebook)
    except nbformat.ValidationError as error:
        yield f"is no valid notebook: {str(error)[:200]}"
    if normalise(lesson.notebook) != lesson.notebook:
        yield "is not in normal form: run `make notebooks`"


def opening(lesson: Lesson) -> Iterator[str]:
    """One H1 with the lesson's number, objectives, and the two times, in text and in metadata."""
    number = lesson.path.name[:2]
    titles = headings(lesson, 1)
    if len(titles) != 1 or titles[0][0] != 0 or not titles[0][1].startswith(f"{number} · "):
        yield f"needs one H1, in its first cell, that begins with '# {number} · ', not {titles}"
    if lesson.course.get("lesson") != number:
        yield f"metadata course.lesson is {lesson.course.get('lesson')!r}, not {number!r}"
    first_code = lesson.code[0][0] if lesson.code else len(lesson.cells)
    text = "\n".join(prose(cell) for cell in lesson.cells[:first_code])
    if not re.search(r"\b(able to|you can)\b", text):
        yield "its opening names no objectives ('… you will be able to …')"
    for key in ("minutes_to_teach", "minutes_to_run"):
        if not isinstance(lesson.course.get(key), int | float):
            yield f"metadata course.{key} is no number"
    if not re.search(r"\*\*[^*\n]*\bminutes?\b[^*\n]*\*\*", text):
        yield "its opening has no bold line with its minutes"


def exercises(lesson: Lesson) -> Iterator[str]:
    """Each exercise: header with difficulty and minutes, stub, check, solution, two tiers of hints."""
    stubs = [(n, cell) for n, cell in lesson.code if "exercise" in tags(cell)]
    if not stubs:
        yield "has no exercise"
    for position, (n, cell) in enumerate(stubs, 1):
        name = f"{lesson.path.name[:2]}.{position}"
        if cell.metadata.get("exercise") != name:
            yield f"cell {n}: metadata exercise is {cell.metadata.get('exercise')!r}, not {name!r}"
        if "..." not in cell.source:
            yield f"exercise {name}: the stub leaves nothing (`...`) to fill in"
        solutions = [
            c for _, c in lesson.code if "solution" in tags(c) and c.metadata.get("exercise") == name
        ]
        if not solutions or n + 1 >= len(lesson.cells) or "solution" not in tags(lesson.cells[n + 1]):
            yield f"exercise {name}: no solution directly after the stub"
        for part in [cell, *solutions[-1:]]:
            if not re.search(rf"exercises\.check\(\s*[\"']{re.escape(name)}[\"']", part.source):
                yield f"exercise {name}: stub and solution must end in exercises.check({name!r}, …)"
        before = max((m for m, c in lesson.code if m < n), default=-1)
        after = min(
            (m for m, c in lesson.code if m > n and "solution" not in tags(c)), default=len(lesson.cells)
        )
        header = "\n".join(prose(c) for c in lesson.cells[before + 1 : n])
        if not re.search(rf"^#+ .*{re.escape(name)}", header, re.M):
            yield f"exercise {name}: no heading with its number before it"
        if not re.search(r"difficulty", header, re.I) or not re.search(r"\d+ minutes?", header):
            yield f"exercise {name}: its header must give its difficulty and minutes"
        around = "\n".join(prose(c) for c in lesson.cells[before + 1 : after])
        if len(re.findall(r"<summary>[^<]*\bhint", around, re.I)) < 2:
            yield f"exercise {name}: fewer than two tiers of hints (<details><summary>Hint …)"


def quiz(lesson: Lesson) -> Iterator[str]:
    """A section of quiz questions with folded answers."""
    sections = [n for n, text in headings(lesson, 2) if re.search(r"quiz", text, re.I)]
    if not sections:
        yield "has no section (## …) called quiz"
        return
    end = min((n for n, _ in headings(lesson, 2) if n > sections[0]), default=len(lesson.cells))
    text = "\n".join(prose(cell) for cell in lesson.cells[sections[0] : end])
    if text.count("<details>") < 2:
        yield "its quiz has fewer than two folded answers (<details>)"


def figures(lesson: Lesson) -> Iterator[str]:
    """Each figure: alternative text, small, and followed by a sentence that reads it."""
    for n, cell in lesson.code:
        pictures = [
            output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})
        ]
        if not pictures:
            continue
        if not cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
            yield f"cell {n}: a figure without alternative text (metadata mystnb.image.alt)"
        for picture in pictures:
            if (size := len(base64.b64decode(picture))) > FIGURE_BYTES:
                yield f"cell {n}: a figure of {size / 1000:.0f} KB, above {FIGURE_BYTES // 1000}"
        following = lesson.cells[n + 1] if n + 1 < len(lesson.cells) else None
        if "solution" not in tags(cell) and (following is None or not re.match(r"[^#\s]", prose(following))):
            yield f"cell {n}: no sentence reads the figure directly after it"


def sizes(lesson: Lesson) -> Iterator[str]:
    """No long code cell, and never three in a row; solutions do not count."""
    in_row = 0
    for n, cell in enumerate(lesson.cells):
        if "solution" in tags(cell):
            continue
        in_row = in_row + 1 if cell.cell_type == "code" else 0
        if cell.cell_type == "code" and len(cell.source.splitlines()) > CELL_LINES:
            yield f"cell {n} has {len(cell.source.splitlines())} lines, more than {CELL_LINES}"
        if in_row > 2:
            yield f"cell {n} is the third code cell in a row"


def outputs(lesson: Lesson) -> Iterator[str]:
    """All cells executed in order by the present code, failing as intended; nothing of the machine shown."""
    if [cell.execution_count for _, cell in lesson.code] != list(range(1, len(lesson.code) + 1)):
        yield "its execution counts are not 1, 2, 3, …: run `make notebooks`"
    if lesson.path.exists() and lesson.course.get("executed") != content_hash(lesson.path):
        yield "its code, or what it imports, changed since it was executed: run `make notebooks`"
    for n, cell in lesson.code:
        for problem in output_problems(cell, cell.outputs):
            yield f"cell {n} {problem}"
        for text in texts(cell):
            if found := MACHINE.search(text):
                yield f"cell {n}: its output holds {found[0]!r}, which differs between machines or runs"


def texts(cell: NotebookNode) -> list[str]:
    """Return everything a code cell put out as text."""
    found = []
    for output in cell.outputs:
        found += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
        found += [data for kind, data in output.get("data", {}).items() if kind.startswith("text/")]
    return [text for text in found if text]


def compared(lesson: Lesson) -> Iterator[str]:
    """At least four cells whose output the tests compare, each holding text to compare."""
    cells = [(n, cell) for n, cell in lesson.code if "nbval-check-output" in tags(cell)]
    if len(cells) < COMPARED_CELLS:
        yield f"only {len(cells)} cells are tagged nbval-check-output, {COMPARED_CELLS} are needed"
    for n, cell in cells:
        if not texts(cell):
            yield f"cell {n} is tagged nbval-check-output and holds no text to compare"


def bold_terms(lesson: Lesson) -> Iterator[tuple[int, str]]:
    """Yield position and text of every bold term.

    Bold in the first cell, in a line that gives minutes, or before a colon or question mark is a label, not
    a term; so is bold that ends in a full stop.
    """
    for n, cell in enumerate(lesson.cells[1:], 1):
        lines = [line for line in prose(cell).splitlines() if not re.search(r"\d+ minutes?", line)]
        for bold in re.findall(r"\*\*([^*\n]+)\*\*(?![:?])", "\n".join(lines)):
            if "solution" not in tags(cell) and not bold.strip().endswith((":", ".", "?", "!")):
                yield n, bold


def terms(lesson: Lesson) -> Iterator[str]:
    """Every bold term stands in the glossary, and is bold once."""
    file = lesson.path.parent / "glossary.md"
    known = (
        set(re.findall(r"^## +(.+?) *$", file.read_text(encoding="utf-8").lower(), re.M))
        if file.exists()
        else set()
    )
    seen: set[str] = set()
    for n, bold in bold_terms(lesson):
        term = " ".join(bold.lower().split())
        if not {term, term.removesuffix("s"), term.removesuffix("es")} & known:
            yield f"cell {n}: the bold term {bold!r} is not in glossary.md"
        if term in seen:
            yield f"cell {n}: the term {bold!r} is bold a second time"
        seen.add(term)


def teaching(lesson: Lesson) -> Iterator[str]:
    """Every section has its minutes in its heading's metadata, and they add up to the lesson's."""
    sections = sorted({n for n, _ in headings(lesson, 2)})
    minutes = [lesson.cells[n].metadata.get("teaching", {}).get("minutes") for n in sections]
    for n, given in zip(sections, minutes, strict=True):
        if not isinstance(given, int | float):
            yield f"cell {n}: a section without metadata teaching.minutes"
    total = sum(given for given in minutes if given)
    if total != lesson.course.get("minutes_to_teach"):
        yield f"the sections' minutes add up to {total}, not to {lesson.course.get('minutes_to_teach')}"


def instructor(lesson: Lesson) -> Iterator[str]:
    """What the instructor's guide is made from: see `tools.teaching_rules`."""
    yield from teaching_rules.faults(lesson.notebook)


def references(lesson: Lesson) -> Iterator[str]:
    """References stand apart: JupyterLab runs lines together."""
    for n, cell in enumerate(lesson.cells):
        if found := re.search(r"^\[\d+\] .+\n(\[\d+\]) ", prose(cell), re.M):
            yield f"cell {n}: no empty line before reference {found[1]}"


RULES: list[Callable[[Lesson], Iterator[str]]] = [
    is_format, opening, exercises, quiz, figures, sizes, outputs, compared, terms, teaching, instructor, references,
]  # fmt: skip


def counts(lesson: Lesson) -> str:
    """Return a line with the lesson's size: words, code cells, median of their lines; without folded text."""
    text = "\n".join(prose(cell) for cell in lesson.cells if "solution" not in tags(cell))
    words = len(re.sub(r"<details>.*?</details>", "", text, flags=re.S).split())
    lines = [len(cell.source.splitlines()) for _, cell in lesson.code if "solution" not in tags(cell)]
    median = statistics.median(lines) if lines else 0
    return f"{lesson.path.stem}: {words} words, {len(lines)} code cells, median {median:g} lines"


def main() -> int:
    """Print all faults and counts; return 1 if there is a fault."""
    faults = []
    for path in find(sys.argv[1:]):
        lesson = load(path)
        faults += [f"{path.name}: {fault}" for rule in RULES for fault in rule(lesson)]
        print(counts(lesson))
    print(*faults, sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
