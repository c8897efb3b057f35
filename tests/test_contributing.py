"""The picture of the parts in CONTRIBUTING.md names every module, and nothing that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = re.findall(r"```mermaid\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)[0]


def test_every_module_is_in_the_picture():
    boxes = re.findall(r'\["(.*?)"\]', re.findall(r"subgraph helpers\[.*?\n(.*?)\n    end", PICTURE, re.S)[0])
    named = {name for box in boxes for name in re.findall(r"\w+", box.partition("<br>")[0])}
    modules = {path.stem for path in (ROOT / "mtl_helpers").iterdir() if path.stem[0] != "_"}
    assert named == modules
