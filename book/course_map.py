"""The map of the course: a drawn graph of the lessons, each a linked box, made from what the lessons say of themselves.

An arrow leads from a lesson to one that needs it. It is drawn twice, for wide and for narrow screens; the style
sheet shows one of them, and gives the colours of the light and the dark page.
"""

import re
import textwrap
from html import escape
from typing import NamedTuple

from nbformat import NotebookNode

BOX, GAP, LINE = 216, 26, 19  # pixels: a box's width, the space between boxes, a line of text
COLUMNS = 3  # boxes in a row
LETTER = 7.4  # pixels: a letter of the widest usual font


class Stop(NamedTuple):
    """A lesson on the map."""

    number: str
    title: str
    question: str
    minutes: int
    needs: tuple[str, ...]
    page: str


def stop(name: str, notebook: NotebookNode, title: str) -> Stop:
    """Return a lesson's place on the map.

    Args:
        name: of its file, without its ending.
        notebook: the lesson.
        title: its short title.
    """
    opening = notebook.cells[0].source
    return Stop(
        number=name[:2],
        title=title,
        question=re.sub(r"`", "", opening.splitlines()[0].partition(" · ")[2]),
        minutes=notebook.metadata["course"]["minutes_to_teach"],
        needs=needed(opening),
        page=f"{name}.html",
    )


def needed(opening: str) -> tuple[str, ...]:
    """Return the numbers of the lessons that the paragraph "You need …" of a lesson's opening names."""
    paragraph = "".join(re.findall(r"^You (?:need|should) .*$", opening, re.M))
    sentences = [part for part in re.split(r"(?<=[.:]) ", paragraph) if "not needed" not in part]
    return tuple(sorted(set(re.findall(r"\blesson (\d\d)\b", " ".join(sentences), re.I))))


def arrows(stops: list[Stop]) -> list[tuple[str, str]]:
    """Return the pairs (needed, needing), without those that a chain of others already says."""
    parents = {one.number: {n for n in one.needs if n < one.number} for one in stops}
    before: dict[str, set[str]] = {}
    for number in sorted(parents):
        known = parents[number] & parents.keys()
        before[number] = known | {n for parent in known for n in before[parent]}
    return [
        (parent, number)
        for number in sorted(parents)
        for parent in sorted(parents[number] & parents.keys())
        if not any(parent in before[other] for other in parents[number] & parents.keys())
    ]


def _depths(stops: list[Stop], pairs: list[tuple[str, str]]) -> dict[str, int]:
    depth: dict[str, int] = {}
    for one in sorted(stops):
        depth[one.number] = max((depth[a] + 1 for a, b in pairs if b == one.number), default=0)
    return depth


def _rows(stops: list[Stop], pairs: list[tuple[str, str]]) -> list[list[Stop]]:
    """Return the lessons in rows: what a lesson needs stands in a row above it."""
    depth = _depths(stops, pairs)
    rows = []
    for level in range(max(depth.values()) + 1):
        row = [one for one in sorted(stops) if depth[one.number] == level]
        rows += [row[start : start + COLUMNS] for start in range(0, len(row), COLUMNS)]
    return rows


def _texts(one: Stop, width: int) -> list[tuple[str, str]]:
    """Return the lines of a lesson's box, each with its style."""
    title = textwrap.wrap(f"{one.number} {one.title}", int((width - 24) / LETTER / 1.15))
    question = textwrap.wrap(one.question, int((width - 24) / LETTER))
    return [*(("map-title", line) for line in title), *(("map-question", line) for line in question)]


def _box(one: Stop, x: float, y: float, width: int, height: int) -> str:
    lines = "".join(
        f'<text class="{kind}" x="{x + 14:g}" y="{y + 26 + LINE * n:g}">{escape(text)}</text>'
        for n, (kind, text) in enumerate(_texts(one, width))
    )
    minutes = f'<text class="map-minutes" x="{x + 14:g}" y="{y + height - 12:g}">{one.minutes} minutes</text>'
    label = f"Lesson {one.number}, {one.title}: {one.question} {one.minutes} minutes."
    if one.needs:
        label += f" Needs {' and '.join(one.needs)}."
    return (
        f'<a href="{one.page}" aria-label="{escape(label)}">'
        f'<rect class="map-box" x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="8"/>{lines}{minutes}</a>'
    )


def _height(stops: list[Stop], width: int) -> int:
    return 38 + LINE * max(len(_texts(one, width)) for one in stops)


def _frame(kind: str, width: float, height: float, paths: list[str], boxes: list[str]) -> str:
    """Return the drawing. Its arrows are hidden from screen readers, whose links say what a lesson needs."""
    lines = "".join(
        f'<path class="map-arrow" d="{path}" marker-end="url(#map-tip-{kind})"/>' for path in paths
    )
    return (
        f'<svg class="course-map course-map-{kind}" viewBox="0 0 {width:g} {height:g}" role="group" '
        f'aria-label="Map of the course" xmlns="http://www.w3.org/2000/svg">'
        f'<defs><marker id="map-tip-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path class="map-tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<g aria-hidden="true">{lines}</g>{"".join(boxes)}</svg>'
    )


def wide(stops: list[Stop]) -> str:
    """Return the map for wide screens: rows of boxes, arrows from row to row."""
    pairs = arrows(stops)
    rows = _rows(stops, pairs)
    full = COLUMNS * BOX + (COLUMNS - 1) * GAP
    places: dict[str, tuple[float, float]] = {}
    heights: dict[str, int] = {}
    top = 1
    for row in rows:
        left = (full - len(row) * BOX - (len(row) - 1) * GAP) / 2
        for k, one in enumerate(row):
            places[one.number] = (left + k * (BOX + GAP) + 1, top)
            heights[one.number] = _height(row, BOX)
        top += _height(row, BOX) + 2 * GAP
    paths = []
    for a, b in pairs:
        (x1, y1), (x2, y2) = places[a], places[b]
        x1, y1, x2 = x1 + BOX / 2, y1 + heights[a], x2 + BOX / 2
        paths.append(f"M{x1:g} {y1:g}C{x1:g} {y1 + GAP:g} {x2:g} {y2 - GAP:g} {x2:g} {y2 - 2:g}")
    boxes = [_box(one, *places[one.number], BOX, heights[one.number]) for row in rows for one in row]
    return _frame("wide", full + 2, top - 2 * GAP + 1, paths, boxes)


def narrow(stops: list[Stop]) -> str:
    """Return the map for narrow screens: one column, with the arrows in a margin at its left."""
    pairs, width, margin = arrows(stops), 300, 40
    height = _height(stops, width)
    step = height + GAP
    order = {one.number: n for n, one in enumerate(sorted(stops))}
    paths, lanes = [], dict[str, int]()
    for a, b in pairs:
        y1, y2 = order[a] * step, order[b] * step
        if order[b] == order[a] + 1:
            paths.append(f"M{margin + 40} {y1 + height + 1}V{y2 - 1}")
            continue
        lane = lanes.setdefault(a, len(lanes) % 3)
        x = margin - 12 - 11 * lane
        paths.append(
            f"M{margin} {y1 + height - 20}H{x + 6}Q{x} {y1 + height - 20} {x} {y1 + height - 14}"
            f"V{y2 + 20}Q{x} {y2 + 26} {x + 6} {y2 + 26}H{margin - 2}"
        )
    boxes = [_box(one, margin, order[one.number] * step + 1, width, height) for one in sorted(stops)]
    return _frame("narrow", margin + width + 2, len(stops) * step - GAP + 2, paths, boxes)
