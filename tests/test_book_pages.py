"""How the website's pages are made from lessons, references and docstrings."""

import ast
import re
from pathlib import Path

from book import api_pages, citations, course_map, lesson_pages, made_from, mend
from tools import lessons

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent
ENTRIES = citations.read((ROOT / "book" / "references.bib").read_text(encoding="utf-8"))
GLOSSARY = ["head", "loss weight", "batch", "fine-tuning"]


def lesson() -> NotebookNode:
    cells = [
        new_markdown_cell(
            "# 02 · Can one network do both?\n\nYou will **head** for it.\n\nYou need lesson 01."
        ),
        new_markdown_cell("A **head** for each [1, 2]. `[1]` and **not this**."),
        new_code_cell("answer = 1", metadata={"tags": ["solution"], "mystnb": {"image": {"alt": "A line."}}}),
        new_code_cell("move(draw)", outputs=[new_output("display_data", {lesson_pages.WIDGET: {}})]),
        new_markdown_cell(
            "**References:**\n\n[1] A. Kendall, arXiv 1705.07115.\n\n[2] R. Caruana, Multitask Learning."
        ),
    ]
    return new_notebook(cells=cells, metadata={"course": {"minutes_to_teach": 90}})


def page() -> NotebookNode:
    keys = citations.keys(lesson_pages.references(lesson()), ENTRIES)
    return lesson_pages.page(lesson(), GLOSSARY, keys, "02_x.ipynb", "https://github.com/me/course", "main")


def test_bold_terms_become_links() -> None:
    assert page().cells[1].source.startswith("A [**head**](glossary.md#head) for each ")
    assert "**not this**" in page().cells[1].source
    assert "**head** for it" in page().cells[0].source  # the opening's bold words are no terms


@pytest.mark.parametrize(
    "text",
    [
        "`**head**`",
        "```\n**head**\n```",
        "<details><summary>Hint</summary>**head**</details>",
        "$x **head** y$",
    ],
)
def test_code_formulas_and_folded_text_stay_as_they_are(text: str) -> None:
    assert lesson_pages.link_terms(text, GLOSSARY) == text


@pytest.mark.parametrize(
    ("bold", "anchor"),
    [("Heads", "head"), ("batches", "batch"), ("loss weights", "loss-weight"), ("Fine-tuning", "fine-tuning"),
     ("ahead", None)],
)  # fmt: skip
def test_terms_in_singular_and_plural(bold: str, anchor: str | None) -> None:
    assert lesson_pages.glossary_slug(bold, GLOSSARY) == anchor


def test_citations_become_links() -> None:
    assert "for each {cite:p}`kendall2018,caruana1997`. `[1]` and" in page().cells[1].source
    assert "- {cite:p}`kendall2018` A. Kendall" in page().cells[4].source


def test_a_number_without_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"cites \['3'\]"):
        lesson_pages.link_citations("as in [3]", {"1": "kendall2018"})


@pytest.mark.parametrize("text", ["weights[0]", "[1](there.md)", "$w[1]$", "`a[1]`", "<code>a [1]</code>"])
def test_what_is_no_citation(text: str) -> None:
    assert lesson_pages.link_citations(text, {}) == text


def test_solutions_are_folded_and_keep_their_alternative_text() -> None:
    metadata = page().cells[2].metadata
    assert metadata.tags == ["solution", "hide-cell"]
    assert metadata.mystnb["image"] == {"alt": "A line."}
    assert metadata.mystnb["code_prompt_show"] == "Show the solution"


def test_sliders_are_left_out_since_they_need_a_kernel() -> None:
    assert page().cells[3].outputs == []


def test_launch_buttons_name_both_editions() -> None:
    opening = page().cells[0].source
    assert opening.startswith("# 02 · Can one network do both?\n\n<p")
    assert "mybinder.org/v2/gh/me/course/main?urlpath=lab/tree/my_lessons/02_x.ipynb" in opening
    assert "/github/me/course/blob/main/notebooks/02_x.ipynb" in opening
    assert "complete edition in Colab" in opening


@pytest.mark.parametrize("path", lessons.find(), ids=lambda path: path.stem)
def test_each_reference_of_a_lesson_fits_one_entry(path: Path) -> None:
    references = lesson_pages.references(lessons.read(path))
    assert len(citations.keys(references, ENTRIES)) == len(references) > 0


@pytest.mark.parametrize("text", ["Nobody, Nothing, 1900.", "arXiv 1705.07115 and arXiv 1803.10704"])
def test_a_reference_without_or_with_two_entries_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"reference \[1\].*known_by"):
        citations.keys({"1": text}, ENTRIES)


def test_every_entry_is_complete() -> None:
    assert len(ENTRIES) == (ROOT / "book" / "references.bib").read_text(encoding="utf-8").count("\n@")
    for key, fields in ENTRIES.items():
        assert {"author", "title"} <= fields.keys(), key


def stops(**needs: str) -> list[course_map.Stop]:
    return [
        course_map.Stop(name[1:], "Title", "Why & how?", 90, tuple(what.split()), f"{name[1:]}.html")
        for name, what in needs.items()
    ]


def test_what_a_lesson_needs() -> None:
    assert course_map.needed("Lesson 07 is near.\n\nYou need Python. Lesson 00 shows how (lesson 01).") == (
        "00",
        "01",
    )
    assert course_map.needed(
        "You should know heads (lesson 02). Lesson 04 is not needed: all is stored."
    ) == ("02",)
    assert course_map.stop("02_x", lesson(), "Trunk") == course_map.Stop(
        "02", "Trunk", "Can one network do both?", 90, ("01",), "02_x.html"
    )


def test_arrows_leave_out_what_a_chain_says() -> None:
    drawn = course_map.arrows(stops(_00="", _01="00", _02="00 01", _03="01 99", _04="05", _05=""))
    assert drawn == [("00", "01"), ("01", "02"), ("01", "03")]


def test_boxes_of_the_map_hold_their_text_and_do_not_overlap() -> None:
    long = [one._replace(title="A rather long title, longer than a box", question="Why " * 20) for one in
            stops(_00="", _01="00", _02="01", _03="01", _04="01", _05="01", _06="03")]  # fmt: skip
    for drawn in (course_map.wide(long), course_map.narrow(long)):
        assert drawn.count('class="map-arrow"') == 6 and "Why &amp;" not in drawn
        boxes = [
            tuple(map(float, box))
            for box in re.findall(r'<rect.*? x="(.+?)" y="(.+?)" width="(.+?)" height="(.+?)"', drawn)
        ]
        assert len(boxes) == 7
        for n, (x, y, width, height) in enumerate(boxes):
            for x2, y2, width2, height2 in boxes[:n]:
                assert x >= x2 + width2 or x2 >= x + width or y >= y2 + height2 or y2 >= y + height
        lines = [int(y) for y in re.findall(r'class="map-question" x=".+?" y="(\d+)', drawn)]
        assert max(lines) < max(y + height for _, y, _, height in boxes) - 12


def test_text_of_the_map_is_escaped() -> None:
    assert "Why &amp; how?" in course_map.wide(stops(_00=""))


DOCSTRING = """Does something with `a*b` and <task>_loss.

It goes on
here. Then comes
A sentence on a line of its own.

    result = something(1)

name:  the first
       goes on
other: the second
Raises ValueError for a bad name.

Args:
    path: where to

Returns:
    The rest.
"""


def test_docstrings_become_markdown() -> None:
    text = api_pages.markdown(DOCSTRING)
    assert r"Does something with `a*b` and \<task>\_loss." in text
    assert "It goes on\nhere. Then comes\nA sentence" in text
    assert "```python\nresult = something(1)\n```" in text
    assert "- **name**: the first goes on\n- **other**: the second\n\nRaises ValueError" in text
    assert "**Arguments**\n\n- **path**: where to" in text
    assert "**Returns**\n\nThe rest." in text


def test_a_class_is_shown_as_it_is_called() -> None:
    code = """
@dataclass
class Point:
    '''A point.'''
    x: float
    y: float = 0.0
    _hidden: int = 0

    def shift(self, by: float) -> "Point":
        '''Moves it.'''

    def undocumented(self): ...
"""
    text = api_pages.describe(ast.parse(code).body[0])  # type: ignore[arg-type]
    assert "{py:class} Point(x: float, y: float=0.0)" in text
    assert "{py:method} shift(by: float) -> Point" in text
    assert "undocumented" not in text


def test_names_that_a_module_hands_on_are_described_too(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text(
        "'''Here.'''\nfrom mtl_helpers.there import thing\n__all__ = ['thing']\n"
    )
    (tmp_path / "there.py").write_text("def thing():\n    '''It is there.'''\n")
    assert "It is there." in api_pages.module_page(tmp_path, "here")
    assert api_pages.summary(tmp_path, "here") == "Here."


def test_what_code_imports() -> None:
    code = "from mtl_helpers import plots\nfrom mtl_helpers.data import Split, load_penguins\nimport keras"
    assert list(api_pages.imported_names(code)) == [
        ("plots", ""),
        ("data", "Split"),
        ("data", "load_penguins"),
    ]


def test_barriers_of_the_theme_are_mended() -> None:
    html = (
        '<summary><span class="toctree-toggle"></span></summary><div role="doc-biblioentry"></div>'
        '<dl>\n<dd><em class="sig-param">a</em>,</dd>\n<dd><em class="sig-param">b</em>,</dd>\n</dl>'
    )
    assert mend.mend(html) == (
        '<summary aria-label="Show or hide the pages below"><span class="toctree-toggle"></span></summary>'
        '<div role="listitem"></div>'
        '<span class="sig-lines"><span><em class="sig-param">a</em>,</span>\n'
        '<span><em class="sig-param">b</em>,</span>\n</span>'
    )


def test_the_fingerprint_tells_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_from, "ROOT", tmp_path)
    monkeypatch.setattr(made_from, "SITE", tmp_path)
    (tmp_path / "README.md").write_text("one")
    assert not made_from.is_current()
    made_from.note(tmp_path)
    assert made_from.is_current()
    (tmp_path / "README.md").write_text("two")
    assert not made_from.is_current()


def test_the_lock_holds_what_the_book_asks_for() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    text = (ROOT / "book" / "requirements.txt").read_text().replace("\\\n", " ")
    versions = dict(re.findall(r"^([\w.-]+)==(\S+) .*--hash=sha256:[0-9a-f]{64}", text, re.M))
    assert len(versions) == len(text.splitlines())
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for wanted in map(Requirement, groups["book"]):
        assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)]), (
            f"{wanted}: run `make lock`"
        )


def test_npm_packages_are_pinned_and_hashed() -> None:
    lock = (ROOT / "book" / "package-lock.json").read_text()
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/') == 3
    assert "http" not in lock
