"""The built website: links lead somewhere, nothing comes from another host, and the lessons are whole."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from book import conf, lesson_pages, made_from
from tools import lessons, opening_note, rules

import pytest
from html_pages import Element, Page, read

SITE = made_from.SITE
LESSONS = lessons.find()
ABROAD = re.compile(r"^(?:https?:)?//")

pytestmark = pytest.mark.skipif(
    not made_from.is_current(),
    reason="the website is not built, or older than what it is made from: make book",
)


@cache
def pages() -> dict[str, Page]:
    found = (path for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return {path.relative_to(SITE).as_posix(): read(path) for path in found}


def page(lesson: Path) -> Page:
    return pages()[f"{lesson.stem}.html"]


def links(one: Page) -> list[Element]:
    return [element for element in one.all("a") if element.attributes.get("href")]


def solutions(lesson: Path) -> int:
    return sum("solution" in rules.tags(cell) for cell in lessons.read(lesson).cells)


def markdown(lesson: Path) -> str:
    return "\n".join(cell.source for cell in lessons.read(lesson).cells if cell.cell_type == "markdown")


each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def test_every_link_and_anchor_leads_somewhere() -> None:
    lost = []
    for name, one in pages().items():
        for link in links(one):
            href = link.attributes["href"]
            if re.match(r"[a-z]+:|//", href):
                continue
            target, _, anchor = href.partition("#")
            place = (SITE / name).parent.joinpath(unquote(target)).resolve() if target else SITE / name
            known = pages().get(place.relative_to(SITE).as_posix())
            if not place.is_file() or (anchor and known and unquote(anchor) not in known.anchors):
                lost.append(f"{name}: {href}")
    assert not lost


def test_no_page_asks_another_host() -> None:
    asked = []
    for name, one in pages().items():
        for element in one.elements:
            keys = [
                "src",
                "srcset",
                "data",
                "poster",
                "action",
                *([] if element.tag == "a" else ["href", "xlink:href"]),
            ]
            values = [element.attributes[key] for key in keys if key in element.attributes]
            asked += [f"{name}: <{element.tag}> {value}" for value in values if ABROAD.match(value)]
            if element.tag in ("script", "style") and re.search(r"https?://(?!www\.w3\.org)", element.text):
                asked.append(f"{name}: <{element.tag}> {element.text[:100]}")
    for sheet in SITE.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        asked += [
            f"{sheet.name}: {found}"
            for found in re.findall(r"(?:@import|url\()[ '\"]*(?:https?:)?//[^)]*", text)
        ]
    assert not asked


@each_lesson
def test_every_bold_term_leads_to_its_entry(lesson: Path) -> None:
    glossary = [
        heading.lower()
        for heading in re.findall(r"^## +(.+?) *$", (lesson.parent / "glossary.md").read_text(), re.M)
    ]
    linked = {
        (link.text, link.attributes["href"])
        for link in links(page(lesson))
        if "glossary.html#" in link.attributes["href"]
    }
    # Sphinx leaves Greek letters out of an anchor.
    wanted = {
        (
            bold,
            f"glossary.html#{lesson_pages.glossary_slug(bold, glossary)}".encode("ascii", "ignore").decode(),
        )
        for _, bold in rules.bold_terms(rules.load(lesson))
    }
    assert wanted and wanted <= linked


@each_lesson
def test_every_citation_leads_to_the_bibliography(lesson: Path) -> None:
    cited = [
        link.attributes["href"]
        for link in links(page(lesson))
        if "bibliography.html#" in link.attributes["href"]
    ]
    references = lesson_pages.references(lessons.read(lesson))
    assert len(set(cited)) == len(references) > 0
    numbers: list[str] = []
    text = "\n".join(rules.prose(cell).partition("**References:**")[0] for cell in lessons.read(lesson).cells)
    for found in lesson_pages.CITATION.findall(
        re.sub(r"<details>.*?</details>|\$[^$\n]+\$", "", text, flags=re.S)
    ):
        numbers += found.split(",")
    assert len(cited) == len(numbers) + len(references)
    article = next(one for one in page(lesson).all("article"))
    words = "".join(article.pieces)
    for code in [*page(lesson).all("pre"), *page(lesson).all("code"), *page(lesson).all("td")]:
        words = words.replace("".join(code.pieces), "", 1)
    assert not re.findall(r"(?<![\w\])])\[\d+(?:, ?\d+)*\]", words)


def test_the_bibliography_lists_what_lessons_cite_and_nothing_else() -> None:
    cited = {
        link.attributes["href"].partition("#")[2]
        for lesson in LESSONS
        for link in links(page(lesson))
        if "bibliography.html#" in link.attributes["href"]
    }
    listed = {one.attributes["id"] for one in pages()["bibliography.html"].all("div", "citation")}
    assert listed == cited


@each_lesson
def test_figures_have_their_alternative_text(lesson: Path) -> None:
    wanted = [
        " ".join(cell.metadata["mystnb"]["image"]["alt"].split())
        for cell in lessons.read(lesson).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    shown = [image for image in page(lesson).all("img") if image.inside("div", "cell_output")]
    assert [" ".join(image.attributes.get("alt", "").split()) for image in shown] == wanted


@each_lesson
def test_solutions_are_folded_away(lesson: Path) -> None:
    cells = [one for one in page(lesson).all("div", "tag_solution")]
    assert len(cells) == solutions(lesson)
    for cell in cells:
        folded = [one for one in page(lesson).all("details") if cell in one.around]
        assert len(folded) == 1 and "open" not in folded[0].attributes
        assert folded[0].text.startswith("Show the solution")
        code = [one for one in page(lesson).all("pre") if cell in one.around]
        assert code and all(folded[0] in one.around for one in code)


@each_lesson
def test_hints_and_answers_are_folded_away(lesson: Path) -> None:
    # The website has a page on Colab and Binder, in place of the note in each lesson.
    wanted = re.findall(r"<summary>(.*?)</summary>", opening_note.without_note(markdown(lesson)))
    shown = [
        one
        for one in page(lesson).all("summary")
        if one.around[-1].attributes == {} and one.inside("article")
    ]
    assert len(shown) == len(wanted)
    assert [one.text for one in shown] == [Page(f"<p>{text}</p>").elements[0].text for text in wanted]


@each_lesson
def test_launch_buttons(lesson: Path) -> None:
    binder, colab = [link for link in links(page(lesson)) if link.inside("p", "launch")]
    repository = conf.REPOSITORY.removeprefix("https://github.com/")
    assert f"/gh/{repository}/" in binder.attributes["href"]
    assert binder.attributes["href"].endswith(f"?urlpath=lab/tree/my_lessons/{lesson.name}")
    assert colab.attributes["href"].endswith(
        f"/github/{repository}/blob/{conf.BRANCH}/notebooks/{lesson.name}"
    )
    assert "complete edition" in colab.text


def test_the_map_links_every_lesson() -> None:
    for kind in ("wide", "narrow"):
        boxes = [link for link in links(pages()["index.html"]) if link.inside("svg", f"course-map-{kind}")]
        assert sorted(link.attributes["href"] for link in boxes) == [
            f"{lesson.stem}.html" for lesson in LESSONS
        ]
        for lesson, box in zip(LESSONS, sorted(boxes, key=lambda link: link.attributes["href"]), strict=True):
            minutes = lessons.read(lesson).metadata["course"]["minutes_to_teach"]
            question = re.match(r"# \d\d · (.+)", markdown(lesson))
            assert (
                question
                and f"{question[1].replace('`', '')} {minutes} minutes." in box.attributes["aria-label"]
            )


def test_formulas_are_drawn_by_the_site_itself() -> None:
    with_formulas = [
        name for name, one in pages().items() if one.all("span", "math") or one.all("div", "math")
    ]
    assert with_formulas
    for name in with_formulas:
        assert any(
            "_static/mathjax/" in one.attributes.get("src", "") for one in pages()[name].all("script")
        ), name
    assert (SITE / "_static" / "mathjax" / "tex-svg-full.js").stat().st_size > 1e6


@pytest.mark.parametrize(
    "name",
    ["data.load_penguins", "evaluation.paired_interval", "seeds.train_seeds", "tasks.Task", "training.MultiTaskModel",
     "weighting.Uncertainty", "balancing.pcgrad", "exercises.check", "workspace.make_workspace"],
)  # fmt: skip
def test_the_helper_module_is_described(name: str) -> None:
    module = name.partition(".")[0]
    one = pages()[f"api/{module}.html"]
    assert f"mtl_helpers.{name}" in one.anchors


def test_search_knows_every_page() -> None:
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    for name in pages():
        if name not in ("genindex.html", "search.html", "py-modindex.html"):
            assert f'"{name.removesuffix(".html")}"' in index
