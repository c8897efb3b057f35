"""The hub and the proxy of a rehearsal as processes: started, killed, started again, and what they started."""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil

COURSE = Path(__file__).resolve().parent.parent
ENVIRONMENT = COURSE / ".venv-workshop"
CONFIGURATION = COURSE / "workshop" / "rehearsal_config.py"
NODE = ENVIRONMENT / "node" / "bin" / "node"
PROXY_COMMAND = ENVIRONMENT / "npm" / "node_modules" / ".bin" / "configurable-http-proxy"
READY_SECONDS = 120
SOCKET_LENGTH = 107  # characters that Linux allows for the path of a socket
SOCKET = "run/learner-99/kernel-01234567-89ab-cdef-0123-456789abcdef-ipc-5"  # of a kernel, in the rehearsal's folder


class HubError(RuntimeError):
    """The hub or the proxy does not do what a rehearsal needs; the message says what and where to look."""


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class HubProcesses:
    """A hub and its proxy, with all they write in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proxy_port, api_port, self.hub_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.proxy_port}"
        self.password = secrets.token_hex(16)
        self._proxy_api_port = api_port
        self._environment = os.environ | {
            "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
            "REHEARSAL_FOLDER": str(folder),
            "REHEARSAL_PASSWORD": self.password,
            "REHEARSAL_PORTS": f"{self.proxy_port} {api_port} {self.hub_port}",
            "STATE_DIRECTORY": str(folder),
        }
        self._proxy: subprocess.Popen[bytes] | None = None
        self._hub: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the proxy and the hub, and wait until the hub answers through the proxy.

        Raises:
            HubError: if kernels could not have their sockets in the folder, or as `start_hub` does.
        """
        if (length := len(str(self.folder / SOCKET))) > SOCKET_LENGTH:
            raise HubError(
                f"The path of a kernel's socket may have {SOCKET_LENGTH} characters, but in {self.folder} it would have "
                f"{length}. Set TMPDIR to a folder with a shorter path, such as /tmp."
            )
        here = "127.0.0.1"
        self._proxy = self._run(
            "proxy.log",
            [str(NODE), str(PROXY_COMMAND), "--ip", here, "--port", str(self.proxy_port), "--api-ip", here]
            + [
                "--api-port",
                str(self._proxy_api_port),
                "--error-target",
                f"http://{here}:{self.hub_port}/hub/error",
            ],
        )
        self.start_hub()

    def start_hub(self, *arguments: str) -> None:
        """Start the hub alone, and wait until it answers.

        Raises:
            HubError: if it ends, or does not answer in time.
        """
        python = ENVIRONMENT / "bin" / "python"
        command = [str(python), "-m", "jupyterhub", "--config", str(CONFIGURATION), *arguments]
        self._hub = self._run("hub.log", command)
        until = time.monotonic() + READY_SECONDS
        while not self.answers():
            if self._hub.poll() is not None:
                raise HubError(
                    f"The hub ended with status {self._hub.returncode}: {self._last_line('hub.log')}"
                )
            if time.monotonic() > until:
                raise HubError(
                    f"The hub does not answer after {READY_SECONDS} s: see {self.folder / 'hub.log'}"
                )
            time.sleep(0.2)

    def answers(self) -> bool:
        """Tell whether the hub answers through the proxy."""
        try:
            with urllib.request.urlopen(f"{self.url}/hub/api/", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill_hub(self) -> None:
        """Kill the hub and the services it started, as a crash of its unit would; servers and proxy live on."""
        if self._hub is None:
            return
        servers = {process.pid for process in self.servers().values()}
        for child in psutil.Process(self._hub.pid).children():
            if child.pid not in servers:
                child.kill()
        self._hub.kill()
        self._hub.wait()

    def servers(self) -> dict[str, psutil.Process]:
        """Return the running server of each learner, by the learner's name."""
        found = {}
        for process in psutil.process_iter():
            try:
                if "singleuser.py" in " ".join(process.cmdline()):
                    environment = process.environ()
                    if environment.get("REHEARSAL_OF") == str(self.folder):
                        found[environment["JUPYTERHUB_USER"]] = process
            except psutil.Error:  # it ended meanwhile, or is somebody else's
                continue
        return found

    def kernel(self, kernel_id: str) -> psutil.Process:
        """Return the process of a running kernel.

        Raises:
            HubError: if there is none.
        """
        for server in self.servers().values():
            for process in server.children(recursive=True):
                try:
                    if any(kernel_id in argument for argument in process.cmdline()):
                        return process
                except psutil.Error:  # an earlier kernel, ended but not yet collected by its server
                    continue
        raise HubError(f"There is no process of the kernel {kernel_id}")

    def stop(self) -> None:
        """End everything that was started: hub, proxy, servers and their kernels."""
        ours = [
            process
            for server in self.servers().values()
            for process in [server, *server.children(recursive=True)]
        ]
        for popen in (self._hub, self._proxy):
            if popen is not None and popen.poll() is None:
                ours += [psutil.Process(popen.pid), *psutil.Process(popen.pid).children(recursive=True)]
        for process in ours:
            try:
                process.terminate()
            except psutil.Error:
                continue
        for process in psutil.wait_procs(ours, timeout=5)[1]:
            process.send_signal(signal.SIGKILL)

    def _run(self, log: str, command: list[str]) -> subprocess.Popen[bytes]:
        if not Path(command[0]).exists():
            raise HubError("The hub's environment is not there: type `make .venv-workshop/ready`")
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdout=output, stderr=subprocess.STDOUT
            )

    def _last_line(self, log: str) -> str:
        lines = (self.folder / log).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
