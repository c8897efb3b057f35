"""The hub for a workshop: its settings, where a rehearsal may run, and the folder of a learner."""

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tools import lessons
from workshop import loopback, singleuser

import nbformat
import pytest
from packaging.requirements import Requirement
from small_notebooks import notebook
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent


def configuration(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the settings of the hub for a workshop, as JupyterHub would read them."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    c = Config()
    path = ROOT / "workshop" / "jupyterhub_config.py"
    exec(compile(path.read_text(), path, "exec"), {"get_config": lambda: c, "__file__": str(path)})
    return c


# The settings


def test_the_hub_listens_on_this_machine_alone_and_asks_for_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    c = configuration(monkeypatch)
    addresses = [c.JupyterHub.bind_url, c.JupyterHub.hub_bind_url, c.ConfigurableHTTPProxy.api_url]
    assert not loopback.refusal(dict(zip("abc", addresses, strict=True)))
    assert c.JupyterHub.authenticator_class == "pam"
    assert "allow_all" not in c.Authenticator and c.PAMAuthenticator.allowed_groups


def test_every_learner_has_limits_and_as_many_threads_as_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    assert c.JupyterHub.spawner_class == "systemd"  # the one that enforces them
    assert (c.Spawner.mem_limit, c.Spawner.cpu_limit) == ("2G", 2)
    threads = {name: value for name, value in c.Spawner.environment.items() if "THREADS" in name}
    assert threads == dict.fromkeys(
        ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "2"
    )


def test_kernels_of_one_machine_share_no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    assert "--KernelManager.transport=ipc" in c.Spawner.args
    folder = c.Spawner.environment["JUPYTER_RUNTIME_DIR"]
    assert folder.startswith("/tmp/") and c.SystemdSpawner.isolate_tmp is True
    assert len(f"{folder}/kernel-{uuid.uuid4()}-ipc-1") <= 107  # what Linux allows for the path of a socket


def test_a_break_ends_no_kernel_and_a_busy_one_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    arguments = dict(argument.lstrip("-").split("=") for argument in c.Spawner.args)
    assert int(arguments["MappingKernelManager.cull_idle_timeout"]) > 60 * 60 * 1.5
    assert arguments["MappingKernelManager.cull_busy"] == "False"
    command = " ".join(c.JupyterHub.services[0]["command"])
    timeout = re.search(r"--timeout=(\d+)", command)
    assert timeout and int(timeout[1]) > int(arguments["MappingKernelManager.cull_idle_timeout"])


def test_the_hub_can_be_restarted_without_ending_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    assert c.JupyterHub.cleanup_servers is False and c.ConfigurableHTTPProxy.should_start is False


def test_hub_and_learners_share_the_versions_of_what_both_have() -> None:
    def versions(path: Path) -> dict[str, str]:
        text = path.read_text().replace("\\\n", " ")
        found = [Requirement(line.split("--hash")[0].strip()) for line in text.splitlines() if line.strip()]
        return {one.name: next(iter(one.specifier)).version for one in found}

    hub, learners = versions(ROOT / "workshop/requirements.txt"), versions(ROOT / "requirements.txt")
    assert "jupyterhub" in hub and "jupyterhub" not in learners
    common = hub.keys() & learners.keys()
    assert "tornado" in common
    assert {name: hub[name] for name in common} == {name: learners[name] for name in common}


def test_locks_of_the_workshop_pin_everything_and_hold_no_address() -> None:
    for line in (ROOT / "workshop/requirements.txt").read_text().replace("\\\n", " ").splitlines():
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
    packages = json.loads((ROOT / "workshop/package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == {"configurable-http-proxy": "5.3.0"}
    assert packages and all("integrity" in one and "resolved" not in one for one in packages.values())


# A rehearsal stays on this machine


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.8", "::1", "[::1]"])
def test_loopback(address: str) -> None:
    assert loopback.is_loopback(address)


@pytest.mark.parametrize(
    "address", ["", "0.0.0.0", "::", "192.168.1.7", "localhost", "hub.example.org", "127.0.0.1.example.org"]
)
def test_elsewhere(address: str) -> None:
    assert not loopback.is_loopback(address)


@pytest.mark.parametrize(
    "url", ["http://:8000", "http://0.0.0.0:8000", "http://*:8000/", "https://hub.example.org"]
)
def test_a_rehearsal_refuses_to_start_elsewhere(url: str) -> None:
    addresses = {"bind_url": "http://127.0.0.1:8000", "hub_bind_url": url, "hub_connect_url": ""}
    assert f"hub_bind_url is {url}: in a rehearsal anybody can log in as anybody" in loopback.refusal(
        addresses
    )
    assert not loopback.refusal(addresses | {"hub_bind_url": "http://127.0.0.1:8081"})


# A learner's folder


def test_the_folder_is_made_once_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "my_lessons"
    singleuser.bring_up_to_date(folder)
    lesson = folder / "00_start_here.ipynb"
    lesson.write_text(lesson.read_text() + " ")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(before) > 10
    singleuser.bring_up_to_date(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_update_arrives_beside_what_a_learner_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, folder = tmp_path / "notebooks", tmp_path / "my_lessons"
    source.mkdir()
    make = singleuser_workspace(monkeypatch, source)
    nbformat.write(notebook("old"), source / "00_a.ipynb")
    make(folder)
    nbformat.write(notebook("mine"), folder / "00_a.ipynb")
    nbformat.write(notebook("new"), source / "00_a.ipynb")
    make(folder)
    assert lessons.read(folder / "00_a.ipynb").cells[0].source == "mine"
    assert lessons.read(folder / "00_a_update_1.ipynb").cells[0].source == "new"


def singleuser_workspace(monkeypatch: pytest.MonkeyPatch, source: Path) -> Any:
    from mtl_helpers import workspace

    original = workspace.make_workspace
    monkeypatch.setattr(workspace, "make_workspace", lambda folder: original(folder, source))
    return singleuser.bring_up_to_date


def test_a_folder_that_cannot_be_updated_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = singleuser_workspace(monkeypatch, tmp_path / "nothing")
    folder = tmp_path / "my_lessons"
    with pytest.raises(SystemExit, match="There are no lessons"):
        make(folder)
    folder.mkdir()
    make(folder)
    assert "is left as it is: There are no lessons" in capsys.readouterr().err


def test_a_server_without_the_hubs_packages_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make .venv-workshop/ready"):
        singleuser.add_packages_of_the_hub(tmp_path)


def test_the_command_line_wants_a_learner() -> None:
    command = [sys.executable, "-m", "workshop.rehearsal", "--learners", "0"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 2 and "at least one has to come" in done.stderr
