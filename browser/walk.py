"""What a learner does in JupyterLab with mouse and keyboard, when only the page can be asked."""

import re
import time

from browser.lab import START_SECONDS, kernels_below
from browser.page import Lesson

import psutil
from playwright.sync_api import expect


class Walk:
    """A learner's window, and the `make lab` behind it."""

    def __init__(self, lesson: Lesson, make: psutil.Process):
        self.lesson, self.page, self.make = lesson, lesson.page, make

    def wait_for_lesson(self, title: str) -> None:
        """Wait until a lesson is open and there is a kernel."""
        expect(self.page.locator(".jp-Notebook:visible h1").first).to_contain_text(title, timeout=60_000)
        end = time.monotonic() + START_SECONDS
        while not kernels_below(self.make) and time.monotonic() < end:
            self.page.wait_for_timeout(200)
        assert kernels_below(self.make), f"{title}: the lesson has no kernel"

    def open_from_the_list(self, name: str) -> None:
        """Double-click on a lesson in the list on the left."""
        self.page.locator(".jp-DirListing-item", has_text=name).dblclick()

    def code_cell_with(self, text: str) -> int:
        """Return the number of the only code cell that holds a text."""
        found = self.page.locator(
            ".jp-Notebook:visible .jp-CodeCell", has=self.page.locator(".cm-content", has_text=text)
        )
        expect(found).to_have_count(1)  # waits until the cell is on the page
        everything = "one => [...one.closest('.jp-Notebook').querySelectorAll('.jp-Cell')].indexOf(one)"
        return int(found.evaluate(everything))

    def is_code(self, number: int) -> bool:
        """Whether a cell holds code."""
        return "jp-CodeCell" in str(self.lesson.cell(number).get_attribute("class"))

    def selected(self) -> int:
        """Return the number of the cell that is selected."""
        cells = self.page.locator(".jp-Notebook:visible .jp-Cell")
        return int(cells.evaluate_all("all => all.findIndex(one => one.classList.contains('jp-mod-active'))"))

    def go_on_to(self, number: int) -> None:
        """Press Shift + Enter, cell by cell, until a cell is selected."""
        while (here := self.selected()) < number:
            if self.is_code(here):
                self.lesson.run(here)
            else:
                self.page.keyboard.press("Shift+Enter")
            expect(self.lesson.cell(here + 1)).to_have_class(re.compile(r"\bjp-mod-active\b"))
