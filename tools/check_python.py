"""Say so, and fail, if this Python is none that pyproject.toml allows.

Written so that any Python can run it: an old one has no tomllib, nor f-strings.
"""

import os
import re
import sys

project = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pyproject.toml")
with open(project) as file:
    [allowed] = re.findall(r'^requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"', file.read(), re.M)
numbers = tuple(int(number) for number in allowed)
least, below = numbers[:2], numbers[2:]
if not least <= sys.version_info[:2] < below:
    sys.exit(
        "This course needs Python {}.{} or newer, below {}.{}; {} is Python {}.{}.\n"
        "Name another one, for example: make lab PYTHON=python{}.{}".format(
            *(numbers + (sys.executable, sys.version_info[0], sys.version_info[1]) + least)
        )
    )
