"""The command of a Chromium that shows no window and asks other hosts for nothing."""

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def headless(browser: str, profile: str, width: int, height: int, *options: str) -> list[str]:
    """Return the command: the browser's name, an empty folder for its settings, the size of its window, and more."""
    window = f"--window-size={width},{height}"
    return [browser, "--headless", *FLAGS, f"--user-data-dir={profile}", window, *options]
