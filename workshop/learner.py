"""One simulated learner: works through lessons cell by cell, writes answers, saves as JupyterLab does."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tools import lessons
from workshop import work
from workshop.hub_api import HubApi
from workshop.kernel_channel import KernelChannel, KernelDied

import nbformat
from nbformat import NotebookNode

FOLDER = "my_lessons"  # below the learner's home; a kernel works in the folder of its notebook
CELLS_A_SAVE = 5
CELL_SECONDS = 600.0  # at most; a dozen kernels share the cores
RESTART_SECONDS = 5.0  # in which a server has begun to restart a dead kernel by itself


@dataclass
class LessonRun:
    """One lesson of one learner: the seconds from opening it to having saved it at its end."""

    learner: str
    lesson: str
    seconds: float


@dataclass
class Learner:
    """A learner with a connection to the hub; `problems` are what went wrong, `lost` is the work that is gone."""

    api: HubApi
    think: float = 0.0  # seconds between cells, on average
    on_cell: Callable[["Learner"], None] = lambda learner: None
    cell_seconds: float = CELL_SECONDS
    runs: list[LessonRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    saved: dict[str, NotebookNode] = field(default_factory=dict)  # as the server confirmed it, by path
    kernel_id: str = ""
    cells: int = 0
    kernels_restarted: int = 0
    doing: str = "nothing yet"

    @property
    def name(self) -> str:
        """The learner's name."""
        return self.api.name

    async def work_through(self, password: str, paths: list[str]) -> None:
        """Log in, and do one lesson after the other. Nothing is raised: what goes wrong stands in `problems`."""
        try:
            self.doing = "logging in"
            await self.api.log_in(password)
            self.doing = "starting the server"
            await self.api.start_server()
            for path in paths:
                await self._lesson(path)
        except Exception as error:  # the others go on, and the report tells
            self.problems.append(f"{self.name}, {self.doing}: {type(error).__name__}: {error}")

    async def _lesson(self, path: str) -> None:
        start = time.monotonic()
        self.doing = f"opening {path}"
        notebook = await self._open(path)
        work.write_answers(notebook, self.name)
        session = await self.api.ask(
            "POST", self.api.server("sessions"),
            {"path": f"{FOLDER}/{path}", "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )  # fmt: skip
        self.kernel_id = session["kernel"]["id"]
        try:
            await self._run_cells(path, notebook)
        except KernelDied:
            await self._recover(path)
            await self._run_cells(path, notebook)
        self.doing = f"closing {path}"
        await self.api.ask("DELETE", self.api.server(f"sessions/{session['id']}"))
        self.runs.append(LessonRun(self.name, path, time.monotonic() - start))

    async def _run_cells(self, path: str, notebook: NotebookNode) -> None:
        """Run every code cell from the top, and save after every few, and at the end."""
        self.doing = f"connecting to the kernel of {path}"
        url = self.api.url.replace("http", "ws", 1) + self.api.server(f"kernels/{self.kernel_id}/channels")
        channel = await KernelChannel.open(url, self.api.token)
        try:
            code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            for number, cell in enumerate(code_cells, 1):
                self.doing = f"running code cell {number} of {path}"
                try:
                    outputs, count = await channel.execute(cell.source, self.cell_seconds)
                except TimeoutError as error:
                    kernel = await self.api.ask("GET", self.api.server(f"kernels/{self.kernel_id}"))
                    raise TimeoutError(f"{error}; its kernel is {kernel['execution_state']}") from None
                cell.outputs, cell.execution_count = outputs, count
                for problem in lessons.output_problems(cell, outputs):
                    self.problems.append(f"{self.name}: {path}: code cell {number} {problem}")
                self.cells += 1
                self.on_cell(self)
                if number % CELLS_A_SAVE == 0:
                    await self._save(path, notebook)
                await asyncio.sleep(self.think * random.uniform(0.5, 1.5))
            await self._save(path, notebook)
        finally:
            channel.close()

    async def _recover(self, path: str) -> None:
        """After the kernel died: see that what was saved is still there, and restart the kernel.

        The server restarts a dead kernel by itself, and tells so first. Asked for another restart at that moment,
        it may do both at once; who reads the message comes later.
        """
        self.doing = f"restarting the kernel of {path}"
        await asyncio.sleep(RESTART_SECONDS)
        if path in self.saved:
            self.lost += [
                f"{self.name}: {what}" for what in work.lost(self.saved[path], await self._open(path))
            ]
        await self.api.ask("POST", self.api.server(f"kernels/{self.kernel_id}/restart"), {})
        self.kernels_restarted += 1

    async def _open(self, path: str) -> NotebookNode:
        model = await self.api.ask("GET", self.api.server(f"contents/{FOLDER}/{path}?content=1"))
        notebook: NotebookNode = nbformat.from_dict(model["content"])
        return notebook

    async def _save(self, path: str, notebook: NotebookNode) -> None:
        content: dict[str, Any] = {"type": "notebook", "format": "json", "content": notebook}
        await self.api.ask("PUT", self.api.server(f"contents/{FOLDER}/{path}"), content)
        self.saved[path] = nbformat.from_dict(notebook)
