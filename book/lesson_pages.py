"""A lesson as a page of the website: a copy whose solutions are folded, with links to glossary and literature."""

import copy
import re
from collections.abc import Callable

from tools.opening_note import without_note

from nbformat import NotebookNode

# What is no prose: code, formulas, and folded text, which is HTML.
NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|<details>.*?</details>|<code>.*?</code>", re.S
)
BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
CITATION = re.compile(r"(?<![\w\])])\[(\d+(?:, ?\d+)*)\](?!\()")
REFERENCE = re.compile(r"^\[(\d+)\] (.+)$", re.M)
WIDGET = "application/vnd.jupyter.widget-view+json"


def in_prose(change: Callable[[str], str], text: str) -> str:
    """Apply a change to a Markdown text, leaving code, formulas and folded text as they are."""
    parts, end = [], 0
    for found in NO_PROSE.finditer(text):
        parts += [change(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, change(text[end:])])


def slug(heading: str) -> str:
    """Return the anchor that MyST gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def glossary_slug(bold: str, glossary: list[str]) -> str | None:
    """Return the anchor of the glossary's entry for a bold word, in the singular or plural; None without one."""
    term = " ".join(bold.lower().split())
    for form in (term, term.removesuffix("s"), term.removesuffix("es")):
        if form in glossary:
            return slug(form)
    return None


def link_terms(text: str, glossary: list[str]) -> str:
    """Make each bold word that stands in the glossary a link to its entry."""

    def link(found: re.Match[str]) -> str:
        anchor = glossary_slug(found[1], glossary)
        return f"[{found[0]}](glossary.md#{anchor})" if anchor else found[0]

    return in_prose(lambda part: BOLD.sub(link, part), text)


def references(notebook: NotebookNode) -> dict[str, str]:
    """Return a lesson's references: number and text."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "**References:**" in cell.source:
            return dict(REFERENCE.findall(cell.source.partition("**References:**")[2]))
    return {}


def link_citations(text: str, keys: dict[str, str]) -> str:
    """Turn [1, 2] into links to the bibliography, and the list of references into a list.

    Args:
        text: of a cell.
        keys: the bibliography's key of each number.

    Raises:
        ValueError: for a number without a reference.
    """

    def role(numbers: list[str]) -> str:
        if unknown := [number for number in numbers if number not in keys]:
            raise ValueError(f"cites {unknown}, but its references are {sorted(keys, key=int)}")
        return "{cite:p}`" + ",".join(keys[number] for number in numbers) + "`"

    before, heading, after = text.partition("**References:**")
    before = in_prose(lambda part: CITATION.sub(lambda found: role(re.split(", ?", found[1])), part), before)
    if heading:
        after = "\n" + REFERENCE.sub(lambda found: f"- {role([found[1]])} {found[2]}", after)
    return before + heading + after


def launch_row(name: str, repository: str, branch: str) -> str:
    """Return the buttons that open a lesson on Binder and Colab, in HTML."""
    place = repository.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{place}/{branch}?urlpath=lab/tree/my_lessons/{name}"
    colab = f"https://colab.research.google.com/github/{place}/blob/{branch}/notebooks/{name}"
    return (
        '<p class="launch">'
        f'<a href="{binder}">Work on it on Binder</a> <a href="{colab}">Open the complete edition in Colab</a>'
        "</p>\n"
        '<p class="launch-note">Binder gives you a copy without solutions. Colab needs '
        '<a href="start.html#on-colab-and-binder">two lines first</a>. This page is the complete edition, executed, '
        "with its solutions folded away.</p>"
    )


def page(
    notebook: NotebookNode, glossary: list[str], keys: dict[str, str], name: str, repository: str, branch: str
) -> NotebookNode:
    """Return a lesson as the website shows it.

    Args:
        notebook: the complete edition, with outputs.
        glossary: the glossary's headings, in lower case.
        keys: the bibliography's key of each of the lesson's references.
        name: the file's name.
        repository: the public address of the course.
        branch: its branch.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            if number:
                cell.source = link_terms(cell.source, glossary)
            cell.source = link_citations(cell.source, keys)
            continue
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.tags = [*cell.metadata.tags, "hide-cell"]
            prompts = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
            cell.metadata["mystnb"] = {**cell.metadata.get("mystnb", {}), **prompts}
        cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    title, _, rest = without_note(notebook.cells[0].source).partition("\n")
    notebook.cells[0].source = f"{title}\n\n{launch_row(name, repository, branch)}\n{rest}"
    return notebook
