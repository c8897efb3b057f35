"""The folder of one run: its settings, the history of its epochs, its results. Each file is whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class RunFolder:
    """Made if it is not there. Raises ValueError if it belongs to a run with other settings.

    folder:   settings.json, history.json and results.json go there
    settings: what decides the result
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        stored = self.read("settings.json")
        differ = [name for name in settings if stored is not None and stored.get(name) != settings[name]]
        if stored is not None and differ:
            listed = "; ".join(f"{name}: {stored.get(name)} there, {settings[name]} now" for name in differ)
            raise ValueError(
                f"The settings of the run in '{folder}' are expected, or a new folder, but these differ: {listed}. "
                "Give the same settings to go on with it, or another --out."
            )
        if stored is None and (folder / "checkpoints").exists():
            raise ValueError(
                f"A new folder, or one of a run, is expected, but '{folder}' holds checkpoints without settings.json. "
                "Use another --out."
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.write("settings.json", settings)

    def history(self, done: int) -> list[dict[str, float]]:
        """The first `done` epochs. A later one was cut short before its state was saved, and is trained again."""
        return (self.read("history.json") or [])[:done]

    def read(self, name: str) -> Any:
        """What a file holds; None if it is not there."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def write(self, name: str, content: Any) -> None:
        """Replaces a file at once: a write that is cut short leaves the old one."""
        path = self.folder / name
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
