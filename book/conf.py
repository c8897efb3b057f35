"""Settings of the website, read by Sphinx. `book.prepare` makes the folder of sources that it builds from."""

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parent
BUILD = BOOK / "_build"

# The public repository, for the links to Binder, Colab and the code; named in pyproject.toml.
REPOSITORY = tomllib.loads((BOOK.parent / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
BRANCH = "main"

project = "Multi-task learning"
author = "The authors of the multi-task learning course"
copyright = "the authors of the course. Text and figures CC BY 4.0, code MIT"  # noqa: A001
language = "en"

extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "sphinxcontrib.bibtex"]
exclude_patterns: list[str] = []
templates_path: list[str] = []

nb_execution_mode = "off"  # the committed outputs are shown
nb_merge_streams = True
nb_ipywidgets_js: dict[
    str, dict[str, str]
] = {}  # no script from another host; a slider needs its kernel anyway
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 2
bibtex_bibfiles = ["references.bib"]
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"
smartquotes = False
copybutton_selector = "div.cell_input pre, div.highlight-console pre"
mathjax_path = "mathjax/tex-svg-full.js"  # from this site, not from another host

html_theme = "sphinx_book_theme"
html_title = "Multi-task learning"
html_static_path = [str(BOOK / "static"), str(BUILD / "vendor")]
html_css_files = ["course.css"]
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_repository_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app: Any) -> None:
    """Called by Sphinx: mends the pages once they are written, and notes what they were made from."""
    sys.path.insert(0, str(BOOK.parent))
    from book import made_from, mend

    def finish(app: Any, error: Exception | None) -> None:
        if error is None:
            mend.mend_site(Path(app.outdir))
            shutil.copy(Path(app.srcdir, made_from.NOTE), app.outdir)

    app.connect("build-finished", finish)
