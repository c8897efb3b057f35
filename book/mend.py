"""Mends barriers in the HTML that Sphinx and its theme write; `book.check_access` finds such."""

import re
from pathlib import Path

SIGNATURE = re.compile(r'<dl>\n((?:<dd><em class="sig-param">.*?</dd>\n)+)</dl>')


def mend(html: str) -> str:
    """Return a page without them."""
    # A button of the theme that shows the pages below has no name.
    html = html.replace(
        '<summary><span class="toctree-toggle"',
        '<summary aria-label="Show or hide the pages below"><span class="toctree-toggle"',
    )
    # Sphinx sets the arguments of a long signature as a list of definitions without terms.
    html = SIGNATURE.sub(_as_lines, html)
    # The entries of a bibliography have a role that was given up.
    return html.replace('role="doc-biblioentry"', 'role="listitem"')


def _as_lines(signature: re.Match[str]) -> str:
    return '<span class="sig-lines">' + re.sub("<(/?)dd>", r"<\1span>", signature[1]) + "</span>"


def mend_site(folder: Path) -> None:
    """Mend all pages of a built website."""
    for path in folder.rglob("*.html"):
        path.write_text(mend(path.read_text(encoding="utf-8")), encoding="utf-8")
