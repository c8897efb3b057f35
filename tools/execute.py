"""Execute again the lessons whose content changed since, and store their outputs.

    python -m tools.execute [--all] [LESSON ...]

Content decides, not file times: see `lessons.content_hash`. An output that came out the same again is
kept as it was, so that a git diff shows what really changed.
"""

import argparse
import base64
import copy
import io
import sys
from pathlib import Path

from tools import lessons
from tools.normalise import normalise

import numpy as np
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

# The largest difference of any pixel, of 255, that counts as the same picture: lines that moved by a
# thousandth of a pixel stay below it, a changed letter or colour does not.
SAME_PIXEL = 24


def execute(path: Path) -> list[str]:
    """Execute a lesson and write it back with its new outputs.

    Returns:
        What went wrong: a cell that failed, did not fail as it should, or wrote to standard error. Then the
        file is left as it was.
    """
    before = lessons.read(path)
    after = copy.deepcopy(before)
    try:
        lessons.run(after, path.parent)
    except CellExecutionError as error:
        return [str(error)]
    problems = [
        f"cell {number} ({cell.source.splitlines()[0]}) {problem}"
        for number, cell in enumerate(after.cells)
        if cell.cell_type == "code" and cell.source.strip()
        for problem in lessons.output_problems(cell, cell.outputs)
    ]
    if problems:
        return problems
    after = normalise(after)
    for old, new in zip(normalise(before).cells, after.cells, strict=True):
        if new.cell_type == "code" and same_outputs(old.outputs, new.outputs):
            new.outputs = old.outputs
            for output in new.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = new.execution_count
    after.metadata.setdefault("course", {})["executed"] = lessons.content_hash(path)
    lessons.write(after, path)
    return []


def same_outputs(old: list[NotebookNode], new: list[NotebookNode]) -> bool:
    """Say whether two lists of outputs are the same to a reader: equal text, pictures equal to the eye."""
    return len(old) == len(new) and all(_same(a, b) for a, b in zip(old, new, strict=True))


def _same(old: NotebookNode, new: NotebookNode) -> bool:
    if old.output_type != new.output_type:
        return False
    if old.output_type == "stream":
        return (old.name, old.text) == (new.name, new.text)
    if old.output_type == "error":
        return (old.ename, old.evalue, old.traceback) == (new.ename, new.evalue, new.traceback)
    return old.data.keys() == new.data.keys() and all(
        _same_picture(old.data[kind], new.data[kind])
        if kind == "image/png"
        else old.data[kind] == new.data[kind]
        for kind in old.data
    )


def _same_picture(old: str, new: str) -> bool:
    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGBA"), dtype=int)
        for picture in (old, new)
    ]
    return pixels[0].shape == pixels[1].shape and bool(np.abs(pixels[0] - pixels[1]).max() <= SAME_PIXEL)


def main() -> int:
    """Execute what changed; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--all", action="store_true", help="also those that did not change")
    parser.add_argument("lesson", nargs="*")
    arguments = parser.parse_args()
    failed = False
    for path in lessons.find(arguments.lesson):
        stored = lessons.read(path).metadata.get("course", {}).get("executed")
        if stored == lessons.content_hash(path) and not arguments.all:
            print(f"{path.name}: unchanged")
            lessons.write(normalise(lessons.read(path)), path)
            continue
        problems = execute(path)
        failed |= bool(problems)
        print(f"{path.name}: {'FAILED' if problems else 'executed'}", *problems, sep="\n  ", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
