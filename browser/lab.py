"""The course's own JupyterLab, started on a learner's folder, and stopped with all that it started."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
START_SECONDS, STOP_SECONDS = 60, 30


class Lab:
    """A server of JupyterLab that runs.

    Attributes:
        address: where it answers, without a slash at the end.
        token: what opens it.
        process: its process; its kernels are children of that.
    """

    def __init__(self, address: str, token: str, process: psutil.Process):
        self.address, self.token, self.process = address, token, process

    def kernels(self) -> list[psutil.Process]:
        """Return the processes of its kernels."""
        return kernels_below(self.process)

    def shut_down_kernels(self) -> None:
        """Shut down the kernels that are left, such as those of a test that failed."""
        for kernel in json.load(self._ask("GET", "kernels")):
            self._ask("DELETE", f"kernels/{kernel['id']}").close()

    def _ask(self, method: str, what: str) -> IO[bytes]:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.address}/api/{what}", headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=STOP_SECONDS)


@contextmanager
def running_lab(folder: Path, home: Path) -> Iterator[Lab]:
    """Start JupyterLab on a learner's folder, and stop it at the end with all its kernels.

    Args:
        folder: the learner's folder, see `make_learners_folder`.
        home: an empty folder for the settings, so that nobody's own play a part; the server's log is kept there.

    Raises:
        RuntimeError: if the server ends or does not answer; the message holds its log.
    """
    port, token, log = free_port(), secrets.token_hex(16), home / "lab.log"
    command = [str(PYTHON), "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=clean_environment(home) | {"JUPYTER_TOKEN": token},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(f"{address}/api", process, log)
        yield Lab(address, token, psutil.Process(process.pid))
    finally:
        stop(process)


def make_learners_folder(folder: Path) -> None:
    """Make the learner's edition of all lessons, as `make lab` does."""
    subprocess.run([PYTHON, "-m", "mtl_helpers.workspace", folder], cwd=ROOT, check=True, capture_output=True)


def clean_environment(home: Path) -> dict[str, str]:
    """Return the variables for a server: this process', but with settings of its own, and as if not called by make."""
    names = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    kept = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    for name in names:
        (home / name.lower()).mkdir(parents=True, exist_ok=True)
    return kept | {name: str(home / name.lower()) for name in names} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_answers(address: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: if it ends before, or takes too long; the message holds its log.
    """
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except urllib.error.HTTPError:  # it answers, if only that one has to log in
            return
        except OSError:
            time.sleep(0.2)
    happened = "ended" if process.poll() is not None else f"did not answer within {START_SECONDS} s"
    raise RuntimeError(f"The server at {address} {happened}. Its log:\n{log.read_text()}")


def stop(process: subprocess.Popen) -> None:
    """End a server, or whatever started it, and all processes below; by force those that do not end by themselves."""
    if process.poll() is None:
        below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGTERM)
        _, left = psutil.wait_procs([psutil.Process(process.pid), *below], timeout=STOP_SECONDS)
        for one in left:
            one.kill()
    process.wait()


def wait_until_gone(processes: list[psutil.Process], seconds: float = 20) -> None:
    """Wait until processes have ended.

    Raises:
        AssertionError: if some go on.
    """
    _, left = psutil.wait_procs(processes, timeout=seconds)
    assert not left, f"after {seconds} s these processes of kernels still run: {left}"


def kernels_below(process: psutil.Process) -> list[psutil.Process]:
    """Return the kernels among a process' children and their children."""
    return [child for child in process.children(recursive=True) if _is_kernel(child)]


def _is_kernel(process: psutil.Process) -> bool:
    try:
        return "ipykernel_launcher" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
