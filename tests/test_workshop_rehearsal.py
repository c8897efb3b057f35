"""A small rehearsal, for real: hub, proxy, three learners, a killed kernel and a killed hub."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from workshop.hub_processes import ENVIRONMENT, HubError, HubProcesses

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ENVIRONMENT / "ready").exists(), reason="the hub is not installed: make .venv-workshop/ready"
    ),
]


def test_three_learners_finish_two_lessons_and_lose_nothing() -> None:
    command = [sys.executable, "-m", "workshop.rehearsal", "--learners", "3", "--lessons", "00", "00"]
    command += ["--cell-seconds", "120"]  # so that the rehearsal itself says what hangs
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(
        line.strip("| ").split(" | ")[:2] for line in done.stdout.splitlines() if line.count(" | ") == 1
    )
    assert rows["lessons finished"] == "6 of 6"
    assert rows["errors"] == rows["work lost"] == "none"
    assert rows["kernels killed, and restarted by the learner"] == "1, 1"
    assert rows["servers that survived it"] == "3 of 3"
    assert int(rows["cells that ended meanwhile"]) > 0
    assert 0.5 < float(rows["memory of all learners at its peak, GB"]) < 5


@pytest.fixture
def hub() -> Iterator[HubProcesses]:
    with tempfile.TemporaryDirectory() as folder:  # a short path, for sockets
        processes = HubProcesses(Path(folder))
        yield processes
        processes.stop()


def test_a_kernel_is_found_beside_one_that_has_ended(
    hub: HubProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server that has not yet collected the end of an earlier kernel.
    code = """if 1:
        import subprocess, sys
        ended = subprocess.Popen([sys.executable, "-c", ""])
        runs = subprocess.Popen([sys.executable, "-c", "input()", "kernel-2.json"], stdin=subprocess.PIPE)
        print(runs.pid, flush=True)
        input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        pid = int(server.stdout.readline())
        children = psutil.Process(server.pid).children()
        while psutil.STATUS_ZOMBIE not in [child.status() for child in children]:
            time.sleep(0.05)
        monkeypatch.setattr(hub, "servers", lambda: {"learner-01": psutil.Process(server.pid)})
        assert hub.kernel("kernel-2").pid == pid
        with pytest.raises(HubError, match="no process of the kernel kernel-3"):
            hub.kernel("kernel-3")
        monkeypatch.undo()
        server.stdin.close()


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="may have 107 characters, but .* Set TMPDIR to a folder"):
        HubProcesses(tmp_path / ("deep" * 20)).start()


@pytest.mark.parametrize(
    "argument", ["--ip=0.0.0.0", "--JupyterHub.hub_bind_url=http://:8081", "--JupyterHub.hub_ip=0.0.0.0"]
)
def test_a_rehearsal_does_not_start_elsewhere_whatever_asks_for_it(hub: HubProcesses, argument: str) -> None:
    with pytest.raises(HubError, match="The hub ended with status 1: .*in a rehearsal anybody can log in"):
        hub.start_hub(argument)


def test_what_was_started_is_ended(hub: HubProcesses) -> None:
    hub.start()
    ports = {hub.proxy_port, hub.hub_port}
    here = [one.laddr.port for one in psutil.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert ports <= set(here)
    elsewhere = [one.laddr for one in psutil.net_connections("inet") if one.laddr and one.laddr.port in ports]
    assert {address.ip for address in elsewhere} == {"127.0.0.1"}
    hub.stop()
    assert not hub.answers()
