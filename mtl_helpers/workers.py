"""Several processes that train one network together on this machine: started, watched and ended.

What each of them does stands in a script. Here is what a scheduler does on a cluster: it tells every worker the
addresses of all (`cluster`), starts the script once for each (`Workers`), and ends what hangs.

For Linux and macOS: reading the logs while they are written, and signals, are not for Windows (use WSL there).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mtl_helpers.process_memory import give_back, memory

LOOPBACK = "127.0.0.1"


def cluster(count: int) -> list[dict[str, Any]]:
    """What `TF_CONFIG` says to each of `count` workers on this machine: where all of them listen, and which it is.

    The ports are free at the moment: start the workers at once, and for a new start ask again.
    Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"At least 1 worker is expected, but {count} was given. Use 2, or more.")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))  # 0: any free port
        addresses = [f"{LOOPBACK}:{each.getsockname()[1]}" for each in sockets]
    return [
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
        for number in range(count)
    ]


class Workers:
    """The processes of one training. When the `with` block ends, however it ends, so have they.

        with Workers("train.py", ["runs/two_workers"], cluster(2)) as workers:
            workers.wait()
        print(workers.seconds, workers.peak_memory)

    They end, too, when the process that started them is killed. Their output goes to `log(number)`.

    script:    a Python file; it finds modules in its own folder
    arguments: for the script
    configs:   a TF_CONFIG for each worker, as from `cluster`; None starts one process without it
    Attributes: seconds, from the start to the end of the last worker; peak_memory, in GB, the largest sum seen of
        the workers' memory and that of this process (see `memory`).
    """

    def __init__(
        self,
        script: str | Path,
        arguments: Sequence[Any] = (),
        configs: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        self.script = Path(script).resolve()
        if not self.script.is_file():
            raise FileNotFoundError(
                f"A script is expected, but there is no file '{self.script}'. Write it first, or correct the path."
            )
        self.arguments = [str(argument) for argument in arguments]
        self.configs = [None] if configs is None else list(configs)
        self.processes: list[subprocess.Popen] = []
        self.seconds = self.peak_memory = self._next_look = 0.0
        self._logs: list[Any] = []
        self._ended_here: dict[int, str] = {}

    def __enter__(self) -> Workers:
        """Starts them."""
        give_back()  # room for them
        self._started = time.perf_counter()
        try:
            for config in self.configs:
                self._start(config)
        except BaseException:  # nobody calls __exit__ then
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        """Ends those that still run."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            if process.stdin:
                process.stdin.close()

    def wait(self, seconds: float = 180, grace: float = 30) -> None:
        """Waits until all workers have ended.

        Raises RuntimeError if one failed, or if they take longer than `seconds`, with the end of each log.
        """
        outcomes = self.outcomes(seconds, grace)
        if any(process.returncode for process in self.processes):
            tails = [
                f"--- the log of worker {number} ends:\n{_tail(self.log(number))}"
                for number in range(len(self.processes))
            ]
            raise RuntimeError("\n".join(["; ".join(outcomes), *tails]))

    def outcomes(self, seconds: float = 180, grace: float = 30) -> list[str]:
        """Waits until all workers have ended, and says how each did. It fails for none of them.

        After the first failure the others, which may wait for it forever, have `grace` seconds to notice it.
        """
        limit = time.perf_counter() + seconds
        failed_at = None
        while self._watch():
            now = time.perf_counter()
            if failed_at is None and any(process.poll() for process in self.processes):
                failed_at = now
            if failed_at is not None and now > failed_at + grace:
                self._end_all(f"was ended here: it still ran {grace:g} s after another had failed")
            elif now > limit:
                self._end_all(f"was ended here: it still ran after {seconds:g} s")
        return [f"worker {number} {self._outcome(number)}" for number in range(len(self.processes))]

    def wait_until(self, condition: Callable[[], bool], seconds: float = 180) -> None:
        """Waits until something is true while they run, such as a file being there.

        Raises RuntimeError if a worker ends before, or after `seconds`.
        """
        limit = time.perf_counter() + seconds
        while not condition():
            self._watch()
            if any(process.poll() is not None for process in self.processes):
                self.wait()
                raise RuntimeError("All workers ended before what was waited for. Let them train longer.")
            if time.perf_counter() > limit:
                self._end_all(f"was ended here: what was waited for had not come after {seconds:g} s")
                self.wait()

    def kill(self, number: int) -> None:
        """Ends a worker at once, as a power cut would: it gets no word (SIGKILL)."""
        self.processes[number].kill()
        self.processes[number].wait()

    def log(self, number: int) -> str:
        """What a worker has printed so far, errors too."""
        log = self._logs[number]
        return os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")

    def _start(self, config: dict[str, Any] | None) -> None:
        log = tempfile.TemporaryFile()  # noqa: SIM115 - it is read as long as this object is there
        self._logs.append(log)
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.script), *self.arguments],
                # The worker ends when this pipe does: it closes with this process, whatever ends that.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(config),
            )
        )

    def _environment(self, config: dict[str, Any] | None) -> dict[str, str]:
        """This process's, without what belongs to it alone."""
        environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}  # they would share one GPU
        environment["no_grpc_proxy"] = LOOPBACK  # or a proxy for the web gets what goes from worker to worker
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, (os.cpu_count() or 1) // len(self.configs)))
        if config is not None:
            environment["TF_CONFIG"] = json.dumps(config)
        return environment

    def _watch(self) -> bool:
        """Looks at time and memory, after a short sleep; False when all workers have ended."""
        time.sleep(0.02)
        running = [process.pid for process in self.processes if process.poll() is None]
        if running:
            self.seconds = time.perf_counter() - self._started
            if self.seconds > self._next_look:  # a look takes some hundredths of a second
                self.peak_memory = max(self.peak_memory, sum(map(memory, (os.getpid(), *running))))
                self._next_look = self.seconds + 0.25
        return bool(running)

    def _end_all(self, why: str) -> None:
        for number, process in enumerate(self.processes):
            if process.poll() is None:
                self._ended_here[number] = why
                self.kill(number)

    def _outcome(self, number: int) -> str:
        status = self.processes[number].returncode
        if number in self._ended_here:
            return self._ended_here[number]
        if status < 0:
            return f"was killed by signal {-status}"
        return f"failed with status {status}: {_error(self.log(number))}" if status else "ended well"


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "(nothing was printed)"


def _error(text: str) -> str:
    """The line that names the error, without TensorFlow's {{notes}} on nodes; or else the last line."""
    named = re.findall(r"^[\w.]+(?:Error|Exception|Interrupt|Exit)\b.*", text, re.MULTILINE)
    return re.sub(r"\{\{.*?\}\} ?", "", named[-1]) if named else _tail(text, 1)


def _run_script(script: str, arguments: list[str]) -> None:
    """In the worker: runs the script as Python would, and ends when the process that started it does."""

    def end_with_parent() -> None:
        os.read(0, 1)  # of standard input, the pipe: it returns when the pipe closes
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _run_script(sys.argv[1], sys.argv[2:])
