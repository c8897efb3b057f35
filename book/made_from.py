"""Tells whether the built website is that of the present lessons: a hash of all that it is made from."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "book" / "_build" / "html"
NOTE = ".made-from"  # first beside the sources that are made, then, once all went well, in the website
SOURCES = (
    "README.md", "notebooks/*.ipynb", "notebooks/*.md", "mtl_helpers/*.py",
    "book/*.*", "book/pages/**/*.md", "book/instructors/*.*",
    "book/static/*.*", "mtl_helpers/checks/*.py",
)  # fmt: skip


def fingerprint() -> str:
    """Return the hash of everything that decides what the website says."""
    files = sorted({path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file()})
    parts = [
        part for path in files for part in (path.relative_to(ROOT).as_posix().encode(), path.read_bytes())
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def note(folder: Path) -> None:
    """Note in a folder what it is made from."""
    (folder / NOTE).write_text(fingerprint(), encoding="utf-8")


def is_current() -> bool:
    """Tell whether the website is built, and from what is there now."""
    file = SITE / NOTE
    return file.exists() and file.read_text(encoding="utf-8") == fingerprint()
