"""A real browser: the system's Chromium without network of its own, and what its pages were not to do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from book.chromium import FLAGS

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

# Nothing but this machine can be found, and the browser asks for nothing on its own.
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
HERE = ("127.0.0.1", "localhost")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 600, "height": 900}

# Console errors of JupyterLab's own making, which the course cannot mend: a part of the message, and the reason.
NOT_OURS: list[tuple[str, str]] = []


@contextmanager
def running_browser(command: str) -> Iterator[Browser]:
    """Start a browser without a window, and end it.

    Raises:
        RuntimeError: if there is none, or it cannot be driven; the message says what to do.
    """
    path = shutil.which(command)
    if path is None:
        raise RuntimeError(
            f"There is no browser {command!r}. Install Chromium (Debian, Ubuntu: sudo apt-get install chromium), or "
            "name yours: make browser BROWSER=google-chrome"
        )
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, NOBODY_ELSE])
        except Error as error:
            raise RuntimeError(
                f"{path} was expected to be Chromium, or a browser made from it, but cannot be driven. Name another: "
                f"make browser BROWSER=chromium. It said:\n{error}"
            ) from error
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Notes what the pages of a browser context do that they should not.

    Attributes:
        elsewhere: addresses on another host that were asked for, by any page or its frames, workers and sockets.
        errors: errors on the console that are not JupyterLab's own.
        requests: how many requests were seen; without any, `elsewhere` would say nothing.
    """

    def __init__(self, context: BrowserContext):
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self.requests = 0
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", self._watch_sockets)
        context.on("console", self._said)
        context.on("weberror", lambda error: self._failed(f"uncaught: {error.error}"))

    def faults(self) -> list[str]:
        """Return a line for each thing that should not have been."""
        lines = [f"asked another host: {address}" for address in dict.fromkeys(self.elsewhere)]
        lines += [f"console: {text}" for text in dict.fromkeys(self.errors)]
        return lines if self.requests else [*lines, "no request was seen, so this watch sees nothing"]

    def _watch_sockets(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, address: str) -> None:
        self.requests += 1
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss", "ftp") and parts.hostname not in HERE:
            self.elsewhere.append(address)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self._failed(f"{message.text} ({where})" if where else message.text)

    def _failed(self, text: str) -> None:
        if not any(part in text for part, _ in NOT_OURS):
            self.errors.append(text)
