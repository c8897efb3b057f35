"""The folded note under each lesson's opening: how to run it alone, on Colab, and what Binder forgets.

`make notebooks` puts it there, so that all lessons say the same and the address stands in one place.
"""

import re
import tomllib

from tools.lessons import ROOT

START, END = "<details><summary>On Colab or Binder?</summary>", "</details>"
NOTE = """On Colab the helper module is missing. Put these two lines into a new code cell above this one and run it; \
it takes some minutes. Then choose *Runtime*, *Restart session*.

```text
!git clone --depth 1 @address@ /content/course
%pip install --quiet -e /content/course
```

After each restart, run `%cd /content/course/notebooks` first: the lesson finds its tables there.

Binder ends a kernel that is idle for ten minutes, and forgets all files when it closes. \
Before each break choose *File*, *Download*; to go on later, drag the file into the list on the left."""


def address() -> str:
    """Return the public address of the course, from pyproject.toml."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


def note() -> str:
    """Return the note with the address."""
    return NOTE.replace("@address@", address())


def with_note(opening: str) -> str:
    """Return the text of a lesson's first cell with the note at its end, in place of an older one."""
    return f"{without_note(opening)}\n\n{START}\n\n{note()}\n\n{END}"


def without_note(opening: str) -> str:
    """Return the text of a lesson's first cell without the note."""
    return re.sub(rf"\n*{re.escape(START)}.*?{re.escape(END)}", "", opening, flags=re.S).rstrip()
