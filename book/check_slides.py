"""Look at every slide in headless Chromium: does all of it fit, is it large enough, and does it ask no other host?

    python -m book.check_slides [BROWSER [FOLDER]]

Prints what was found, and writes a picture of each slide into the folder if one is given. The exit status is 1 if
anything was found.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from book import slides
from book.chromium import headless

WIDTH, HEIGHT, MARGIN = 1280, 720, 20
# The smallest letters, in pixels of 720 lines: of text, of code, and of tables.
SMALLEST = {"text": 28, "pre": 22, "table": 26}
PICTURE_HEIGHT = 250  # the least height of a figure
SECONDS = 90

# Goes through all slides and leaves its report in the page.
SCRIPT = """
addEventListener("load", async () => {
  if (!Reveal.isReady()) await new Promise(resolve => Reveal.on("ready", resolve));
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const report = {slides: [], elsewhere: []};
  for (const [number, section] of Reveal.getSlides().entries()) {
    Reveal.slide(number);
    const frame = section.getBoundingClientRect(), scale = frame.width / %(width)d, shown = [];
    for (const one of section.querySelectorAll("h1, h2, p, li, pre, table, img, mjx-container")) {
      if (one.closest("aside")) continue;
      const box = one.getBoundingClientRect();
      shown.push({
        tag: one.tagName.toLowerCase(), text: one.textContent.slice(0, 40),
        left: (box.left - frame.left) / scale, right: (box.right - frame.left) / scale,
        top: (box.top - frame.top) / scale, bottom: (box.bottom - frame.top) / scale,
        size: parseFloat(getComputedStyle(one).fontSize),
        over: one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0,
        inTable: !!one.closest("table"),
        failed: !!one.querySelector("[data-mml-node=merror]") || one.textContent.includes("\\\\("),
      });
    }
    report.slides.push({title: section.querySelector("h1, h2").textContent, shown});
  }
  report.elsewhere = performance.getEntriesByType("resource").map(one => one.name)
    .filter(name => !name.startsWith("file:") && !name.startsWith("data:"));
  const left = document.createElement("pre");
  left.id = "report";
  left.textContent = JSON.stringify(report);
  document.body.append(left);
});
"""


def chromium(browser: str, *options: str) -> str:
    """Run headless Chromium once, and return what it printed."""
    with tempfile.TemporaryDirectory() as profile:
        waiting = ("--hide-scrollbars", "--virtual-time-budget=30000")
        command = headless(browser, profile, WIDTH, HEIGHT, *waiting, *options)
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def measure(browser: str, deck: str, assets: Path) -> dict[str, Any]:
    """Return what the browser says of a deck: all that each slide shows, with its place and size.

    Args:
        browser: its command.
        deck: the page.
        assets: the folder of what it needs.

    Raises:
        ValueError: if the deck did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "deck.html"
        page.write_text(
            deck.replace("</head>", f"<script>{SCRIPT % {'width': WIDTH}}</script></head>", 1),
            encoding="utf-8",
        )
        (page.parent / "assets").symlink_to(assets.resolve())
        dom = chromium(browser, "--dump-dom", page.as_uri())
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.S)
    if not found:
        raise ValueError("the deck did not start: open it in a browser, and look at its console")
    return json.loads(html.unescape(found[1]))


def faults(report: dict[str, Any]) -> list[str]:
    """Return a line for all that does not fit, is too small, or comes from elsewhere."""
    lines = [f"asks another host for {address}" for address in report["elsewhere"]]
    for number, slide in enumerate(report["slides"], 1):
        where = f"slide {number} ({slide['title']})"
        above = 0.0
        for one in slide["shown"]:
            what = f"{one['tag']} {one['text']!r}"
            if (
                min(one["left"], one["top"]) < MARGIN
                or one["right"] > WIDTH - MARGIN
                or one["bottom"] > HEIGHT - MARGIN
            ):
                lines.append(f"{where}: {what} is cut off, at {one['right']:.0f} × {one['bottom']:.0f}")
            if one["over"]:
                lines.append(f"{where}: {what} is wider than its frame")
            if one["failed"]:
                lines.append(f"{where}: {what} holds a formula that cannot be drawn")
            kind = "table" if one["inTable"] else "pre" if one["tag"] == "pre" else "text"
            if one["tag"] not in ("img", "mjx-container") and one["size"] < SMALLEST[kind]:
                lines.append(f"{where}: {what} has letters of {one['size']:g} pixels")
            if one["tag"] == "img" and one["bottom"] - one["top"] < PICTURE_HEIGHT:
                lines.append(f"{where}: a figure only {one['bottom'] - one['top']:.0f} pixels high")
            if one["tag"] in ("p", "pre", "table", "img") and not one["inTable"]:
                if one["top"] < above - 1:
                    lines.append(f"{where}: {what} lies over what is above it")
                above = one["bottom"]
    return lines


def main() -> int:
    """Look at every deck; return 1 if there is a fault."""
    browser = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "chromium")
    if not browser:
        raise SystemExit("There is no such browser: install chromium, or name yours.")
    decks = sorted(slides.OUT.glob("*.html"))
    if not decks:
        raise SystemExit("There are no slides: make slides")
    lines = []
    for path in decks:
        report = measure(browser, path.read_text(encoding="utf-8"), slides.OUT / "assets")
        print(f"{path.stem}: {len(report['slides'])} slides")
        lines += [f"{path.stem}, {fault}" for fault in faults(report)]
        if len(sys.argv) > 2:
            for number in range(len(report["slides"])):
                shot = Path(sys.argv[2]) / f"{path.stem}_{number + 1:02d}.png"
                chromium(browser, f"--screenshot={shot}", f"{path.as_uri()}#/{number}")
    print(*lines, sep="\n")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
