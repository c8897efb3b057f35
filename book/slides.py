"""The slides: a reveal.js deck for each lesson of the routes of half a day and one day, made of the lesson itself.

    python -m book.slides [LESSON ...]

Cells with metadata `slide` give their words, figures and tables. A `title` begins a slide; marked cells without one go
on the same slide. The first slide is the lesson's question, the last one its summary. The decks need no network.
"""

import html
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from book import conf, routes, slide_parts, teaching_notes
from book.teaching_notes import Notes, Section

import nbformat
from nbformat import NotebookNode

ROOT = conf.BOOK.parent
OUT = conf.BUILD / "slides"
NPM = ROOT / ".venv-book" / "npm" / "node_modules"
ASSETS = (
    NPM / "reveal.js" / "dist" / "reset.css",
    NPM / "reveal.js" / "dist" / "reveal.css",
    NPM / "reveal.js" / "dist" / "reveal.js",
    NPM / "reveal.js" / "dist" / "plugin" / "notes.js",
    NPM / "mathjax" / "es5" / "tex-svg-full.js",
    conf.BOOK / "deck" / "deck.css",
)
FORMULAS = """<script>
MathJax = {options: {enableMenu: false}};
</script>
<script src="assets/tex-svg-full.js"></script>"""


class Slide(NamedTuple):
    """A slide: its title, its parts in HTML, what the speaker's view says, and its kind, a class of the style."""

    title: str
    parts: tuple[str, ...]
    notes: str
    kind: str


def wanted() -> list[Path]:
    """Return the lessons that get a deck: those of the routes of half a day and of one day."""
    days = [day for route in routes.ROUTES if route.key in ("half", "one") for day in route.days]
    numbers = {number for day in days for number in day}
    return [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.name[:2] in numbers]


def slides(name: str, notebook: NotebookNode) -> list[Slide]:
    """Return the slides of a lesson.

    Raises:
        ValueError: if a mark is wrong; the message names the cell.
    """
    notes = teaching_notes.read(name, notebook)
    found = [_opening(notebook, notes)]
    headings = iter(notes.sections)
    section = None
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and teaching_notes.SECTION.search(
            teaching_notes.CODE.sub("", cell.source)
        ):
            section = next(headings)
        if "slide" not in cell.metadata:
            continue
        try:
            shown = tuple(slide_parts.parts(cell))
        except ValueError as error:
            raise ValueError(f"{name}, cell {number}: {error}") from error
        if title := cell.metadata["slide"].get("title"):
            found.append(Slide(title, shown, _section_notes(section), ""))
        elif len(found) == 1:
            raise ValueError(f"{name}, cell {number}: the first cell marked for a slide needs a title")
        else:
            found[-1] = found[-1]._replace(parts=found[-1].parts + shown)
    found = [found[0], *(one._replace(kind=_kind(one)) for one in found[1:])]
    return [*found, _summary(notebook, notes)]


def _kind(slide: Slide) -> str:
    """Return "figure", "table" (a table, code or output) or "question" (words alone)."""
    shown = "".join(slide.parts)
    return "figure" if "<img" in shown else "table" if re.search("<(?:table|pre)", shown) else "question"


def _opening(notebook: NotebookNode, notes: Notes) -> Slide:
    objectives = re.search(r"^At the end you will be able to\n((?:- .+\n)+)", notebook.cells[0].source, re.M)
    listed = slide_parts.markdown(objectives[0].replace("\n", "\n\n", 1)) if objectives else ""
    title = f"{notes.number} · {notes.question}"
    return Slide(title, (listed,), _paragraphs(("What it is for", notes.purpose)), "title")


def _summary(notebook: NotebookNode, notes: Notes) -> Slide:
    cell = next(cell for cell in notebook.cells if cell.source.startswith("## Summary"))
    lines = "\n".join(re.findall(r"^\d\. .+$", cell.source, re.M))
    told = _paragraphs(("Discussion", notes.discussion), ("A good answer", notes.answer))
    return Slide("Summary", (slide_parts.markdown(lines),), told, "list")


def _section_notes(section: Section | None) -> str:
    if not section:
        return ""
    return _paragraphs(
        ("Section", f"{section.title}: {section.minutes} minutes, short {section.short}"),
        ("Expect", section.expect),
        ("What it reveals", section.reveals),
        ("Short of time", section.cut),
    )


def _paragraphs(*told: tuple[str, str]) -> str:
    return "".join(f"<p><b>{what}.</b> {html.escape(text)}</p>" for what, text in told if text)


def deck(name: str, notebook: NotebookNode) -> str:
    """Return the deck of a lesson, a page in HTML that stands beside its folder `assets`."""
    made = slides(name, notebook)
    body = "\n".join(_section(one) for one in made)
    page = (conf.BOOK / "deck" / "deck.html").read_text(encoding="utf-8")
    fill = {
        "title": html.escape(made[0].title),
        "slides": body,
        "formulas": FORMULAS if r"\(" in body else "",
    }
    return re.sub(r"@(\w+)@", lambda found: fill[found[1]], page)


def _section(slide: Slide) -> str:
    level = "h1" if slide.kind == "title" else "h2"
    title = slide_parts.markdown(slide.title).removeprefix("<p>").removesuffix("</p>")
    return (
        f'<section class="{slide.kind}"><{level}>{title}</{level}>\n<div class="parts">'
        + "\n".join(slide.parts)
        + f'</div>\n<aside class="notes">{slide.notes}</aside></section>'
    )


def main() -> None:
    """Make the folder of decks anew, or the decks that are named."""
    if absent := [path.name for path in ASSETS if not path.exists()]:
        raise SystemExit(f"{', '.join(absent)} missing in {NPM.relative_to(ROOT)}: run `make slides`")
    if not sys.argv[1:]:
        shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "assets").mkdir(parents=True, exist_ok=True)
    for path in ASSETS:
        shutil.copy(path, OUT / "assets")
    for path in wanted():
        if sys.argv[1:] and path.name[:2] not in sys.argv[1:]:
            continue
        try:
            page = deck(path.stem, nbformat.read(path, as_version=4))
        except ValueError as error:
            raise SystemExit(str(error)) from error
        (OUT / f"{path.stem}.html").write_text(page, encoding="utf-8")
        print(f"{(OUT / path.stem).relative_to(ROOT)}.html")


if __name__ == "__main__":
    main()
