"""Reads the built website: enough of HTML to ask for elements, their attributes, their text and what is around them."""

from html.parser import HTMLParser
from pathlib import Path

EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Element:
    """An element of a page."""

    def __init__(self, tag: str, attributes: dict[str, str], around: tuple["Element", ...]):
        self.tag, self.attributes, self.around = tag, attributes, around
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join("".join(self.pieces).split())

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    def inside(self, tag: str, name: str = "") -> bool:
        """Tell whether it stands in an element with a tag and a class."""
        return any(one.tag == tag and (not name or name in one.classes) for one in self.around)


class Page(HTMLParser):
    """A page: its elements, in order."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs}, tuple(self.open))
        self.elements.append(element)
        if tag not in EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {one.tag for one in self.open}:
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.pieces.append(data)

    def all(self, tag: str, name: str = "") -> list[Element]:
        """Return the elements with a tag and a class."""
        return [one for one in self.elements if one.tag == tag and (not name or name in one.classes)]

    @property
    def anchors(self) -> set[str]:
        """What a link to a place in this page may name."""
        return {
            one.attributes[key] for one in self.elements for key in ("id", "name") if key in one.attributes
        }


def read(path: Path) -> Page:
    """Read a page."""
    return Page(path.read_text(encoding="utf-8"))
