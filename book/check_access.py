"""Look for barriers on every page of the built website, with axe-core in headless Chromium.

    python -m book.check_access [BROWSER [PAGE ...]]

Every page is opened four times: light and dark, wide and as narrow as a phone, with solutions and hints open. The
rules are those of WCAG 2.2, levels A and AA; besides, no page may be wider than the window, or ask another host for
anything. Prints what was found; the exit status is 1 if anything was.
"""

import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from book import conf
from book.chromium import headless

SITE = conf.BUILD / "html"
AXE = conf.BOOK.parent / ".venv-book" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS, THEMES = (1280, 500), ("light", "dark")  # Chromium opens no window below 500 pixels
SECONDS = 900

# Barriers of the theme's own making that `book.mend` does not mend: the rule, a part of the element's HTML, the reason.
NOT_OURS: list[tuple[str, str, str]] = []

# Runs in each page: sets the theme, opens what is folded, looks, reports, and goes on to the next page.
SCRIPT = """
addEventListener("load", async () => {
  const theme = %(theme)s;
  document.documentElement.dataset.mode = document.documentElement.dataset.theme = theme;
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  await new Promise(resolve => setTimeout(resolve, 300));
  let report;
  try {
    report = await axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"],
    });
  } catch (error) {
    report = {violations: [{id: "axe failed", help: String(error), nodes: [{html: "", failureSummary: ""}]}]};
  }
  const elsewhere = performance.getEntriesByType("resource").map(one => one.name)
    .filter(name => !name.startsWith(location.origin) && !name.startsWith("data:"));
  const wide = document.documentElement.scrollWidth > innerWidth;
  const found = report.violations.map(({id, help, nodes}) => ({id, help, nodes: nodes.map(
    ({html, failureSummary}) => ({html, failureSummary}))}));
  const answer = await fetch("/report", {method: "POST", body: JSON.stringify(
    {page: %(page)s, theme, wide, elsewhere, found})});
  location.href = await answer.text();
});
"""


class Server(http.server.ThreadingHTTPServer):
    """Serves the website, with a script in every page that looks for barriers and then opens the next page."""

    def __init__(self, pages: list[str]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.left = [(page, theme) for page in pages for theme in THEMES]
        self.reports: list[dict[str, Any]] = []
        self.done = threading.Event()

    def next(self) -> str:
        """Return the address of the next page to look at."""
        if not self.left:
            self.done.set()
            return "about:blank"
        page, theme = self.left.pop(0)
        return f"/{page}?{theme}"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers the browser."""

    server: Server

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, directory=str(SITE), **kwargs)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802
        """Give a file; in a page that is to be looked at, with the scripts."""
        page, _, theme = self.path.lstrip("/").partition("?")
        if page == "axe.js":
            self.answer(AXE.read_bytes(), "text/javascript")
        elif theme in THEMES:
            script = SCRIPT % {"theme": json.dumps(theme), "page": json.dumps(page)}
            html = (SITE / page).read_text(encoding="utf-8")
            added = f'<script src="/axe.js"></script><script>{script}</script></head>'
            self.answer(html.replace("</head>", added, 1).encode(), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802
        """Take a report, and answer with the next page."""
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(self.server.next().encode(), "text/plain")

    def answer(self, content: bytes, kind: str) -> None:
        """Send some bytes."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def look(browser: str, pages: list[str], width: int) -> list[dict[str, Any]]:
    """Return the reports on all pages at one width of the window.

    Raises:
        SystemExit: if the browser ends, or takes too long.
    """
    server = Server(pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as profile:
        address = f"http://127.0.0.1:{server.server_port}{server.next()}"
        command = headless(browser, profile, width, 900, "--remote-debugging-port=0", address)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not server.done.wait(SECONDS):
                raise SystemExit(f"After {SECONDS} s {len(server.left)} pages of {len(pages)} were left.")
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
    return server.reports


def faults(reports: list[dict[str, Any]], width: int) -> list[str]:
    """Return a line for each rule that elements of ours break on a page, with the first of them."""
    lines = []
    for report in reports:
        where = f"{report['page']}, {report['theme']}, {width} px"
        if report["wide"]:
            lines.append(f"{where}: the page is wider than the window")
        lines += [f"{where}: asks another host for {address}" for address in report["elsewhere"]]
        for found in report["found"]:
            ours = [
                node
                for node in found["nodes"]
                if not any(found["id"] == rule and part in node["html"] for rule, part, _ in NOT_OURS)
            ]
            if ours:
                summary = " ".join(ours[0]["failureSummary"].split())
                lines.append(
                    f"{where}: {found['id']}, {len(ours)} times: {ours[0]['html'][:200]}\n    {summary[:300]}"
                )
    return lines


def main() -> int:
    """Look at every page; return 1 if there is a barrier."""
    browser = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "chromium")
    if not browser:
        raise SystemExit(
            "There is no such browser: install chromium, or name yours, make book-access BROWSER=…"
        )
    pages = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if _is_page(path))
    pages = [page for page in pages if page in sys.argv[2:]] if sys.argv[2:] else pages
    if not pages:
        raise SystemExit("The website is not built: make book")
    lines = []
    for width in WIDTHS:
        reports = look(browser, pages, width)
        print(f"{len(reports)} reports at {width} pixels")
        lines += faults(reports, width)
    print(*lines, sep="\n")
    return int(bool(lines))


def _is_page(path: Path) -> bool:
    return "_static" not in path.parts


if __name__ == "__main__":
    sys.exit(main())
