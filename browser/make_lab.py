"""The real `make lab`, in a copy of the course that shares its environment."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser.lab import ROOT, START_SECONDS, STOP_SECONDS, clean_environment, stop

import psutil

LEFT_OUT = (".*", "__pycache__", "my_lessons", "_build", "_shots", "node_modules")


def copy_course(copy: Path) -> Path:
    """Copy the course, in a state in which make has nothing to install, and return the copy.

    The environment is a link to the one that there is. What it is made from is set older than it, as on a second start.
    """
    shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    for name in ("requirements.txt", "pyproject.toml"):
        os.utime(copy / name, (0, 0))
    return copy


@contextmanager
def make_lab(course: Path, *arguments: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run `make lab`; yield its process, and the address that it opens or else prints; press Ctrl + C at the end."""
    home = course.parent / "home"
    home.mkdir(exist_ok=True)
    log, handed_over, command = home / "make_lab.log", home / "handed_over", home / "browser_command"
    handed_over.write_text("")
    # The learner's browser, as far as JupyterLab knows: it hands the address over to the browser of this test.
    command.write_text(f'#!/bin/sh\necho "$1" > {handed_over}\n')
    command.chmod(0o755)
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "lab", *arguments],
            cwd=course,
            env=clean_environment(home) | {"PYTHONPATH": str(course), "BROWSER": str(command)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    source, address = (log, r"http://127\.0\.0\.1:\S+token=\w+") if arguments else (handed_over, r"\S+(?=\n)")
    try:
        end = time.monotonic() + START_SECONDS
        while not (found := re.findall(address, source.read_text())):
            running = process.poll() is None and time.monotonic() < end
            assert running, f"make lab gave no address within {START_SECONDS} s:\n{log.read_text()}"
            time.sleep(0.2)
        assert "pip install" not in log.read_text(), "make lab installs again, though nothing changed"
        yield psutil.Process(process.pid), found[-1]
        for _ in range(2):  # the first asks whether to stop, the second stops
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.5)
        process.wait(STOP_SECONDS)
    finally:
        stop(process)
