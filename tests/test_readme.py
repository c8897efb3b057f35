"""README and the lessons agree, and no link leads nowhere."""

import re
from pathlib import Path

from tools import lessons

import pytest

ROOT = Path(__file__).parent.parent
LESSONS = lessons.find([])


def test_the_table_of_lessons_is_true():
    rows = re.findall(
        r"^\| \[.+?\]\((notebooks/.+?)\) \| (.+?) \| (\d+) \|$", (ROOT / "README.md").read_text(), re.M
    )
    expected = []
    for path in LESSONS:
        notebook = lessons.read(path)
        question = re.match(r"# \d\d · (.+)", notebook.cells[0].source)[1]
        minutes = notebook.metadata["course"]["minutes_to_teach"]
        expected.append((f"notebooks/{path.name}", question, str(minutes)))
    assert rows == expected


def links(path):
    if path.suffix == ".ipynb":
        cells = [cell.source for cell in lessons.read(path).cells if cell.cell_type == "markdown"]
        text = "\n".join(cells)
    else:
        text = path.read_text(encoding="utf-8")
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text))


@pytest.mark.parametrize(
    "path", [*LESSONS, *ROOT.glob("*.md"), ROOT / "notebooks/glossary.md"], ids=lambda path: path.name
)
def test_every_link_leads_somewhere(path):
    missing = [link for link in links(path) if not (path.parent / link.partition("#")[0]).exists()]
    assert not missing


def test_the_map_in_lesson_00_is_true():
    [cell] = [
        cell for cell in lessons.read(LESSONS[0]).cells if cell.source.startswith("## The map of the course")
    ]
    expected = [
        (path.name, re.match(r"# \d\d · (.+)", lessons.read(path).cells[0].source)[1]) for path in LESSONS[1:]
    ]
    assert re.findall(r"^\| \[\d\d\]\((.+?)\) \| (.+?) \|$", cell.source, re.M) == expected
