"""The slides: five to ten a lesson, in the lesson's own words, large enough, and without another host."""

import copy
import re
import shutil
from pathlib import Path
from typing import Any

from book import check_slides, slide_parts, slides
from book.slides import Slide
from tools import lessons

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

LESSONS = {path: lessons.read(path) for path in slides.wanted()}
WORDS, LIST_WORDS, CODE_LINES, TABLE_ROWS = 60, 110, 10, 13
BROWSER = shutil.which("chromium")

each_deck = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
in_a_browser = pytest.mark.skipif(
    not BROWSER or not all(path.exists() for path in slides.ASSETS),
    reason="measuring slides needs chromium, and `make slides` once, for the scripts of npm",
)


def made(path: Path) -> list[Slide]:
    return slides.slides(path.stem, LESSONS[path])


def test_the_lessons_of_the_short_routes_have_slides() -> None:
    assert [path.name[:2] for path in LESSONS] == ["00", "01", "02", "03", "05", "06"]


@each_deck
def test_a_deck_has_five_to_ten_slides(path: Path) -> None:
    assert 5 <= len(made(path)) <= 10
    assert slides.deck(path.stem, LESSONS[path]).count("<section ") == len(made(path))


@each_deck
def test_a_deck_begins_with_the_question_and_ends_with_the_summary(path: Path) -> None:
    first, *_, last = made(path)
    assert f"# {first.title}" == LESSONS[path].cells[0].source.splitlines()[0]
    assert first.parts[0].count("<li>") >= 2 and "At the end you will be able to" in first.parts[0]
    assert last.title == "Summary" and last.parts[0].count("<li>") == 5


@each_deck
def test_a_slide_holds_little(path: Path) -> None:
    for slide in made(path):
        shown = "".join(slide.parts)
        text = re.sub(r"<table.*?</table>|<pre.*?</pre>|<[^>]+>", " ", shown, flags=re.S)
        assert len(text.split()) <= (LIST_WORDS if slide.kind in ("title", "list") else WORDS), slide.title
        assert all(code.count("\n") < CODE_LINES for code in re.findall(r"<pre.*?</pre>", shown, re.S)), (
            slide.title
        )
        assert all(
            table.count("<tr>") <= TABLE_ROWS for table in re.findall(r"<table.*?</table>", shown, re.S)
        )
        assert shown.count("<img") <= 1


@each_deck
def test_a_slide_is_made_of_what_stands_in_the_lesson(path: Path) -> None:
    plain = re.sub(r"\W+", " ", "\n".join(cell.source for cell in LESSONS[path].cells)).lower()
    for slide in made(path)[1:]:
        for words in re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", "".join(slide.parts), re.S):
            if r"\(" not in words and "✔" not in words and "Not tried yet" not in words:
                words = re.sub(r"\W+", " ", re.sub(r"<[^>]+>|&\w+;", " ", words)).strip().lower()
                assert words in plain


@each_deck
def test_speakers_see_the_notes_of_the_section(path: Path) -> None:
    notes = [slide.notes for slide in made(path)]
    assert all("<b>Section.</b>" in one for one in notes[1:-1])
    assert sum("What it reveals" in one for one in notes) >= 3
    assert "<b>Discussion.</b>" in notes[-1]


@each_deck
def test_a_deck_asks_no_other_host(path: Path) -> None:
    deck = slides.deck(path.stem, LESSONS[path])
    names = {asset.name for asset in slides.ASSETS}
    asked = re.findall(r'(?:src|href|data-src|poster)="([^"]*)"', deck)
    assert len(asked) >= 5
    for one in asked:
        assert one.startswith("data:image/png;base64,") or one.removeprefix("assets/") in names, one
    assert not re.findall(r"https?:|@import|url\(", deck)
    assert ("tex-svg-full.js" in deck) == (r"\(" in deck)
    assert all('alt=""' not in image for image in re.findall("<img[^>]*>", deck))


def test_the_style_asks_no_other_host() -> None:
    style = next(path for path in slides.ASSETS if path.name == "deck.css").read_text()
    assert not re.findall(r"https?:|@import|url\(", style)


def lesson() -> NotebookNode:
    return copy.deepcopy(next(iter(LESSONS.values())))


def marked(notebook: NotebookNode, kind: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.cell_type == kind and "slide" in cell.metadata)


def test_words_that_the_lesson_does_not_say_are_an_error() -> None:
    notebook = lesson()
    cell = marked(notebook, "markdown")
    cell.source = "Something else."
    with pytest.raises(ValueError, match=r"00_x, cell \d+: the slide's words do not stand"):
        slides.slides("00_x", notebook)


def test_a_first_slide_without_title_is_an_error() -> None:
    notebook = lesson()
    del marked(notebook, "code").metadata["slide"]["title"]
    with pytest.raises(ValueError, match="needs a title"):
        slides.slides("00_x", notebook)


def cell(source: str = "1", outputs: list[NotebookNode] | None = None, **mark: Any) -> NotebookNode:
    return new_code_cell(source, outputs=outputs or [], metadata={"slide": mark})


TABLE = (
    '<div><style scoped>td {}</style><table border="1" class="dataframe"><tr style="x"><th></th><th>a</th>'
    "<th>b &amp; c</th></tr><tr><th>one</th><td>1</td><td>2</td></tr></table></div>"
)


def test_what_a_slide_shows_of_a_cell() -> None:
    shown = [
        new_output("stream", text="3\n"),
        new_output("display_data", data={"text/html": TABLE, "text/plain": "x"}),
    ]
    code = "for a in b:\n    c = 'x'\n    d(a < c)\n"
    (part,) = slide_parts.parts(cell(code, show="code", lines=[1, 1, 3, 3]))
    assert "<pre>" in part and part.count("...") == 1
    (part,) = slide_parts.parts(cell(code, show="code", lines=[2, 3]))
    assert '<span class="code-string">x</span>' in part
    assert re.sub(r"</?span[^>]*>", "", part) == "<pre>c = 'x'\nd(a &lt; c)</pre>"
    assert list(slide_parts.parts(cell(outputs=shown, show="table"))) == [
        "<table><tr><th></th><th>a</th><th>b &amp; c</th></tr><tr><th>one</th><td>1</td><td>2</td></tr></table>"
    ]
    (chosen,) = slide_parts.parts(cell(outputs=shown, show="table", columns=["b & c"]))
    assert "<th>a</th>" not in chosen and "<td>2</td>" in chosen
    assert list(slide_parts.parts(cell(outputs=shown)))[0] == '<pre class="output">3</pre>'


@pytest.mark.parametrize(
    ("mark", "said"),
    [({"show": "picture"}, "shows picture of a cell that has none"), ({"show": "film"}, "may be code"),
     ({"columns": ["z"]}, r"wants the columns \['z'\], but the table has \['a', 'b & c'\]")],
)  # fmt: skip
def test_what_cannot_be_shown_is_an_error(mark: dict[str, Any], said: str) -> None:
    shown = [new_output("display_data", data={"text/html": TABLE})]
    with pytest.raises(ValueError, match=said):
        list(slide_parts.parts(cell(outputs=shown, **mark)))


def test_formulas_links_and_citations() -> None:
    words = r"an *own* $e^{-s}\_L$ of [lesson 02](02.ipynb) [1, 2]"
    one = new_markdown_cell(words, metadata={"slide": {"words": [words]}})
    assert list(slide_parts.parts(one)) == [r"<p>An <em>own</em> \(e^{-s}\_L\) of lesson 02 …</p>"]


@in_a_browser
@pytest.mark.slow
@each_deck
def test_every_slide_fits_and_can_be_read(path: Path, tmp_path: Path) -> None:
    report = measured(slides.deck(path.stem, LESSONS[path]), tmp_path)
    assert len(report["slides"]) == len(made(path))
    assert check_slides.faults(report) == []


@in_a_browser
@pytest.mark.slow
def test_the_browser_sees_what_does_not_fit(tmp_path: Path) -> None:
    many = "".join(f"<p>Line {n}</p>" for n in range(20))
    wide = f"<pre>{'x' * 200}</pre>"
    small = '<p style="font-size: 20px">Small</p><img alt="x" style="flex: none; height: 99px" src="data:image/png;base64,'
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    parts = {
        "many": many,
        "wide": wide,
        "small": f'{small}{dot}">',
        "formula": r"<p>\(\frac\)</p>",
        "raw": r"<p>\(\frac{1\)</p>",
    }
    made_up = [Slide(name, (part,), "", "table") for name, part in parts.items()]
    page = (slides.conf.BOOK / "deck" / "deck.html").read_text()
    body = "\n".join(slides._section(one) for one in made_up)
    page = page.replace("@slides@", body).replace("@title@", "x").replace("@formulas@", slides.FORMULAS)
    found = "\n".join(check_slides.faults(measured(page, tmp_path)))
    for said in (r"slide 1 \(many\): p 'Line 19' is cut off", r"slide 2 \(wide\): pre .* is wider", "letters of 20 pixels",
                 "a figure only 99 pixels", r"slide 4 \(formula\): p .* cannot be drawn",
                 r"slide 5 \(raw\): p .* cannot be drawn"):  # fmt: skip
        assert re.search(said, found), found


def measured(deck: str, folder: Path) -> dict:
    assert BROWSER
    assets = folder / "assets"
    assets.mkdir()
    for path in slides.ASSETS:
        shutil.copy(path, assets)
    return check_slides.measure(BROWSER, deck, assets)
