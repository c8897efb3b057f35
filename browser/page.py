"""A lesson in JupyterLab, as a learner sees and uses it: what is read here is read from the page."""

import json
import re
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page

SHOTS = Path(__file__).parent / "_shots"

# The page says "idle" before there is a kernel at all, so the program is asked. It is there to be asked only in a
# server started with --expose-app-in-browser.
CONNECTED = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return Boolean(session?.isReady && session.session?.kernel?.connectionStatus === "connected"
    && session.session.kernel.status === "idle");
}"""
# After an error that a lesson wants, the command to run all cells is over, though the cells below still run. All were
# sent to the kernel at once, and it answers in order: so an answer to a question sent last comes after all of them.
RUN_ALL = """async seconds => {
  const run = async () => {
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
    await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo();
  };
  const late = new Promise((_, reject) => setTimeout(
    () => reject(new Error(`the cells did not come to an end within ${seconds} s`)), 1000 * seconds));
  await Promise.race([run(), late]);
}"""
# Cells are put on the page little by little.
COMPLETE = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets;
  return cells.length && cells.every(cell => cell.node.isConnected && cell.node.classList.contains("jp-Cell"))
    && document.querySelectorAll(".jp-Notebook .jp-Cell").length === cells.length;
}"""
# Cells outside the window are not laid out, so each is brought into the window before it is read.
READ = """async () => {
  const seen = [];
  const all = (node, selector, read) => [...node.querySelectorAll(selector)].map(read);
  const prose = (node, copy = node?.cloneNode(true)) => {
    copy?.querySelectorAll("code, pre").forEach(one => one.remove());
    return copy?.textContent ?? "";
  };
  const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 20)));
  for (const {node, model} of window.jupyterapp.shell.currentWidget.content.widgets) {
    // On the page an error looks like standard error output.
    const outputs = (model.type === "code" ? model.outputs.toJSON() : []);
    node.scrollIntoView();
    await frame(), await frame();
    const shown = node.querySelector(".jp-MarkdownOutput");
    for (let tries = 0; tries < 200 && prose(shown).includes("$"); tries++) await frame();  // formulas come a little later
    const figures = all(node, ".jp-OutputArea-output img, .jp-OutputArea-output svg", one => one);
    await Promise.all(figures.map(one => one.decode?.().catch(() => {})));
    const size = one => one.getBoundingClientRect();
    seen.push({
      code: node.classList.contains("jp-CodeCell"),
      text: prose(shown),
      prompt: node.querySelector(".jp-InputArea-prompt")?.innerText.trim() ?? "",
      errors: outputs.filter(one => one.output_type === "error").map(one => `${one.ename}: ${one.evalue}`),
      warnings: outputs.filter(one => one.name === "stderr").map(one => String(one.text)),
      output: all(node, ".jp-OutputArea-output", one => one.innerText).join("\\n"),
      figures: figures.map(one => [size(one).width, size(one).height, one.naturalWidth ?? 1]),
      too_wide: all(node, ".jp-OutputArea-output, .jp-OutputArea-output pre", one => one.scrollWidth - one.clientWidth)
        .some(pixels => pixels > 1),
      bad_formulas: node.querySelectorAll('mjx-merror, mjx-mtext[style*="red"]').length,
    });
  }
  return seen;
}"""


class Seen(NamedTuple):
    """What stands on the page of one cell."""

    code: bool
    text: str  # of a cell with prose, without the code in it
    prompt: str  # such as "[3]:"
    errors: list[str]
    warnings: list[str]  # standard error output
    output: str  # the text of all outputs
    figures: list[list[float]]  # of each: width and height on the page, and width of the picture itself
    too_wide: bool  # whether an output has to be scrolled sideways
    bad_formulas: int


def read_cells(path: Path) -> list[dict[str, Any]]:
    """Return of each cell of a notebook file its source as one text, its tags, and whether it draws a figure."""
    return [
        {
            "source": "".join(cell["source"]),
            "tags": cell["metadata"].get("tags", []),
            "exercise": cell["metadata"].get("exercise", ""),
            "code": cell["cell_type"] == "code",
            "figure": any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])),
        }
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]


class Lesson:
    """A notebook that is open in JupyterLab. Cells are numbered from 0."""

    def __init__(self, page: Page):
        self.page = page

    def open(self, address: str, token: str, name: str) -> None:
        """Open a notebook of the learner's folder, in a workspace of its own, and wait for its kernel."""
        self.page.goto(f"{address}/lab/workspaces/{uuid.uuid4().hex}/tree/{name}?reset&token={token}")
        self.page.wait_for_function(CONNECTED, timeout=60_000)
        self.page.wait_for_function(COMPLETE, timeout=60_000)

    def cells(self) -> list[Seen]:
        """Scroll through the lesson, and return what stands on the page of each cell."""
        return [Seen(**seen) for seen in self.page.evaluate(READ)]

    def cell(self, number: int) -> Locator:
        """Return a cell."""
        return self.page.locator(".jp-Notebook:visible .jp-Cell").nth(number)

    def run_all(self, seconds: float) -> None:
        """Run all cells and wait for the end."""
        self.page.evaluate(RUN_ALL, seconds)
        self.page.wait_for_function(CONNECTED)

    def edit(self, number: int) -> None:
        """Click into a cell's editor."""
        self.cell(number).scroll_into_view_if_needed()
        self.cell(number).locator(".cm-content").click()

    def replace(self, number: int, source: str) -> None:
        """Click into a cell, select all that stands there, and put a text in its place."""
        self.edit(number)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)

    def run(self, number: int, seconds: float = 60) -> str:
        """Press Shift + Enter in a cell that is selected, wait until it has a new number, return its output."""
        prompt = self.cell(number).locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(
            r"([node, before]) => /^\[\d+\]:$/.test(node.innerText.trim()) && node.innerText !== before",
            arg=[prompt.element_handle(), before],
            timeout=1000 * seconds,
        )
        return self.output(number)

    def output(self, number: int) -> str:
        """Return the text of all outputs of a cell."""
        return "\n".join(self.cell(number).locator(".jp-OutputArea-output").all_inner_texts())

    def menu(self, *names: str) -> None:
        """Choose from the menus at the top, such as "Kernel", "Shut Down Kernel"."""
        bar = self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{names[0]}$"))
        bar.click()
        for name in names[1:]:
            self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(name)}$")).click()

    def unfold_sections(self) -> None:
        """Show what is folded under headings."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:expand-all-headings')")

    def hints_that_stay_shut(self) -> list[str]:
        """Click on everything that is folded, and return the titles of what does not open or shows nothing."""
        faults = []
        for folded in self.page.locator(".jp-MarkdownOutput details").all():
            title = folded.locator("summary").first
            title.scroll_into_view_if_needed()
            shut = folded.evaluate("one => one.offsetHeight")
            title.click()
            if folded.evaluate("one => !one.open || one.offsetHeight") in (True, shut):
                faults.append(title.inner_text())
        return faults

    def shot(self, name: str, number: int | None = None) -> None:
        """Keep a picture of the window, with a cell in its middle if one is named."""
        if number is not None:
            self.cell(number).evaluate("one => one.scrollIntoView({block: 'center'})")
            self.page.wait_for_timeout(300)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def long_shot(self, name: str) -> None:
        """Keep a picture of the whole lesson, as if the window were that high."""
        window = self.page.viewport_size
        panel = self.page.locator(".jp-WindowedPanel-outer:visible").first
        height = int(panel.evaluate("one => one.scrollHeight")) + 200
        self.page.set_viewport_size({"width": window["width"], "height": min(height, 16_000)})
        self.cell(0).evaluate("one => one.scrollIntoView()")
        self.page.wait_for_timeout(1000)
        self.page.screenshot(path=SHOTS / f"{name}.png")
        self.page.set_viewport_size(window)
