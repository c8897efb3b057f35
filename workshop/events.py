"""What happens to the learners of a rehearsal: one kernel is killed, and the hub, each once."""

import asyncio
import time

from workshop.hub_processes import HubProcesses
from workshop.learner import Learner

HUB_STAYS_AWAY = 5.0  # seconds until it is started again, as systemd does


class Events:
    """Counts the cells that all learners run, and strikes when it is time.

    Args:
        hub: to be killed.
        learners: how many there are.
        cells: how many code cells each lesson has.
    """

    def __init__(self, hub: HubProcesses, learners: int, cells: list[int]) -> None:
        self.kernels_killed = 0
        self.hub_away = 0.0
        self.cells_meanwhile = 0
        self.servers_before: dict[str, int] = {}
        self.servers_after: dict[str, int] = {}
        self._hub = hub
        self._kill_kernel_after = cells[0] // 2  # of one learner, midway in the first lesson
        self._kill_hub_after = sum(cells) * learners // 2  # of all
        self._done = 0
        self._restart: asyncio.Task[None] | None = None

    def cell_ended(self, learner: Learner) -> None:
        """Count a cell, and let happen what is due."""
        self._done += 1
        if self._restart and not self.hub_away:
            self.cells_meanwhile += 1
        if (
            learner.name == "learner-01"
            and learner.cells == self._kill_kernel_after
            and not self.kernels_killed
        ):
            self._hub.kernel(learner.kernel_id).kill()
            self.kernels_killed += 1
        if not self._restart and self._done >= self._kill_hub_after:
            self._restart = asyncio.create_task(self._restart_hub())

    async def finish(self) -> None:
        """Wait until the hub is back."""
        if self._restart:
            await self._restart

    async def _restart_hub(self) -> None:
        self.servers_before = {name: process.pid for name, process in self._hub.servers().items()}
        start = time.monotonic()
        self._hub.kill_hub()
        await asyncio.sleep(HUB_STAYS_AWAY)
        await asyncio.to_thread(self._hub.start_hub)
        self.hub_away = time.monotonic() - start
        self.servers_after = {name: process.pid for name, process in self._hub.servers().items()}
