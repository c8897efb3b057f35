"""Make the folder of sources of the website, book/_build/source, from lessons, glossary, README and docstrings.

    python -m book.prepare

Nothing is executed: the pages show the committed outputs.
"""

import re
import shutil
from pathlib import Path

from book import api_pages, citations, conf, course_map, instructor_pages, lesson_pages, made_from
from tools import opening_note

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

ROOT = conf.BOOK.parent
MATHJAX = ROOT / ".venv-book" / "npm" / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js"
# Besides the modules that lessons import.
MODULES = ["tasks", "workspace"]


def main() -> None:
    """Make the folder anew, and remove the website that was built before."""
    source, vendor = conf.BUILD / "source", conf.BUILD / "vendor"
    for folder in (source, vendor, made_from.SITE):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(conf.BOOK / "pages", source)
    made_from.note(source)
    shutil.copy(conf.BOOK / "references.bib", source)
    (vendor / "mathjax").mkdir(parents=True)
    shutil.copy(MATHJAX, vendor / "mathjax")
    lessons = {
        path: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    }
    write_lessons(lessons, source)
    write_home(lessons, source)
    instructor_pages.write(lessons, source / "instructors")
    write_from_readme(source)
    write_api(lessons, source / "api")


def write_lessons(lessons: dict[Path, NotebookNode], source: Path) -> None:
    """Write the lessons and the glossary, whose entries tell where a term was introduced."""
    glossary = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## +(.+?) *$", glossary.lower(), re.M)
    entries = citations.read((conf.BOOK / "references.bib").read_text(encoding="utf-8"))
    introduced: dict[str, list[str]] = {}
    for path, notebook in lessons.items():
        try:
            keys = citations.keys(lesson_pages.references(notebook), entries)
            page = lesson_pages.page(notebook, headings, keys, path.name, conf.REPOSITORY, conf.BRANCH)
        except ValueError as error:
            raise SystemExit(f"{path.name}: {error}") from error
        nbformat.write(page, source / path.name)
        text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
        for anchor in dict.fromkeys(re.findall(r"\(glossary\.md#([^)]+)\)", text)):
            introduced.setdefault(anchor, []).append(f"[{path.name[:2]}]({path.name})")
    parts = re.split(r"^(?=## )", glossary, flags=re.M)
    for n, part in enumerate(parts[1:], 1):
        if where := introduced.get(lesson_pages.slug(part.splitlines()[0].removeprefix("## ").strip())):
            word = "lesson" if len(where) == 1 else "lessons"
            parts[n] = f"{part.rstrip()}\n\n*Introduced in {word} {', '.join(where)}.*\n\n"
    (source / "glossary.md").write_text("".join(parts), encoding="utf-8")


def write_home(lessons: dict[Path, NotebookNode], source: Path) -> None:
    """Fill in the map and the list of lessons on the home page."""
    titles = short_titles()
    stops = [
        course_map.stop(
            path.stem, notebook, titles.get(path.name, path.stem[3:].replace("_", " ").capitalize())
        )
        for path, notebook in lessons.items()
    ]
    drawn = f'<div class="course-map-frame">{course_map.wide(stops)}{course_map.narrow(stops)}</div>'
    listed = "\n".join(f"{one.number} {one.title} <{Path(one.page).stem}>" for one in stops)
    home = (source / "index.md").read_text(encoding="utf-8")
    home = home.replace("@map@", drawn).replace("@lessons@", listed)
    (source / "index.md").write_text(home, encoding="utf-8")


def short_titles() -> dict[str, str]:
    """Return the titles of the lessons in README's table."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {
        name: title for title, name in re.findall(r"^\| \[\d\d (.+?)\]\(notebooks/(\S+?)\)", readme, re.M)
    }


def write_from_readme(source: Path) -> None:
    """Fill in what pages take over from README, so that it is said once."""
    for path in source.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"^@README: (.+)@$", text, re.M):
            text = text.replace(f"@README: {name}@\n", readme_section(name))
        text = text.replace("@note on Colab and Binder@", opening_note.note())
        path.write_text(text.replace("@repository@", conf.REPOSITORY), encoding="utf-8")


def readme_section(name: str) -> str:
    """Return a section of README, with links that hold on the website."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", readme, re.M | re.S)
    if not found:
        raise SystemExit(f"README.md has no section {name!r}, which a page of book/pages asks for")
    text = re.sub(r"\]\(notebooks/", "](/", found[1]).replace(
        "](book/instructors)", "](/instructors/index.md)"
    )
    text = re.sub(r"\]\(book/instructors/", "](/instructors/", text)
    outside = rf"](<{conf.REPOSITORY}/blob/{conf.BRANCH}/\1>)"
    return re.sub(r"\]\((?!/|https?:|#)([^)]+)\)", outside, text).strip() + "\n"


def write_api(lessons: dict[Path, NotebookNode], folder: Path) -> None:
    """Write a page for each public module: those that lessons import, and a few more."""
    used: dict[str, set[str]] = {module: set() for module in MODULES}
    for notebook in lessons.values():
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        code = "\n".join(TransformerManager().transform_cell(cell) for cell in cells)
        for module, name in api_pages.imported_names(code):
            used.setdefault(module, set()).add(name)
    folder.mkdir(exist_ok=True)
    for module, names in used.items():
        page = api_pages.module_page(ROOT / "mtl_helpers", module, names)
        (folder / f"{module}.md").write_text(page, encoding="utf-8")
    index = (folder / "index.md").read_text(encoding="utf-8")
    rows = "\n".join(f"{module} <{module}>" for module in sorted(used))
    described = "\n".join(
        f"- [{module}]({module}.md): {api_pages.summary(ROOT / 'mtl_helpers', module)}"
        for module in sorted(used)
    )
    index = index.replace("@modules@", rows).replace("@described modules@", described)
    (folder / "index.md").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()
