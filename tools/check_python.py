"""Say so, and fail, if this Python is none that pyproject.toml allows.

Written so that any Python can run it: an old one has no tomllib, nor f-strings.
"""

import os
import re
import sys

project = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pyproject.toml")
with open(project) as file:
    allowed = re.search(r'^requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"', file.read(), re.M).groups()
least, below = [tuple(int(number) for number in part) for part in (allowed[:2], allowed[2:])]
if not least <= sys.version_info[:2] < below:
    sys.exit(
        "This course needs Python %d.%d or newer, below %d.%d; %s is Python %d.%d.\n"
        "Name another one, for example: make lab PYTHON=python%d.%d"
        % (least + below + (sys.executable,) + tuple(sys.version_info[:2]) + least)
    )
