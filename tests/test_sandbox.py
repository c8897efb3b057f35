"""The sandbox stops what it should, each way of doing it, and nothing else.

Each cell of a hostile notebook does one forbidden thing, and has to fail of that; the same cells with
permitted targets have to pass.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools import sandbox

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
WHY_NOT = sandbox.why_unavailable()
needs_sandbox = pytest.mark.skipif(bool(WHY_NOT), reason=f"no sandbox on this machine: {WHY_NOT}")

# Of the range for documentation, RFC 5737: nobody answers there.
NETWORK = {
    "socket": "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)",
    "name": "import socket\nsocket.getaddrinfo('example.org', 80)",
    "datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "urllib": "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=3)",
    "child": (
        "import subprocess, sys\n"
        "code = \"import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=3)\"\n"
        "done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "assert done.returncode == 0, done.stderr.splitlines()[-1]"
    ),
    "curl": (
        "import shutil\n"
        "done = subprocess.run(['curl', '--silent', '--show-error', '--max-time', '3', 'http://192.0.2.1/'],\n"
        "                      capture_output=True, text=True) if shutil.which('curl') else None\n"
        "assert done is not None, 'curl is not installed: cannot connect'\n"
        "assert done.returncode == 0, done.stderr"
    ),
}
UNREACHABLE = r"is unreachable|service not known|name resolution|[Cc]ould(?: not|n't) connect|cannot connect"

WRITES = {
    "open": "open(f'{folder}/written_1', 'w').write('x')",
    "rename": "import os, tempfile\nos.rename(tempfile.mkdtemp(dir=folder), f'{folder}/written_2')",
    "child": (
        "import subprocess\n"
        "done = subprocess.run(['touch', f'{folder}/written_3'], capture_output=True, text=True)\n"
        "assert done.returncode == 0, done.stderr"
    ),
    "h5py": "import h5py\nh5py.File(f'{folder}/written_4', 'w').close()",
    "tensorflow": (
        "import mtl_helpers\nimport tensorflow as tf\n"
        "with tf.io.gfile.GFile(f'{folder}/written_5', 'w') as file: file.write('x')"
    ),
}
READ_ONLY = r"Read-only file system|errno = 30|error message = 'Read-only"


def run_cells(folder: Path, sources: list[str], *options: str) -> tuple[list[bool], list[str]]:
    """Run a notebook under pytest in the sandbox: did each cell pass, and what was said of the others."""
    path = folder / "lesson.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    command = [sys.executable, "-m", "tools.sandbox", *options, "--"]
    command += [sys.executable, "-m", "pytest", "-v", "--color=no", "--nbval-lax", "--nbval-current-env"]
    command += ["--nbval-cell-timeout=60", f"--rootdir={folder}", "-c", os.devnull, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    passed = [word == "PASSED" for word in re.findall(r"::Cell \d+ (PASSED|FAILED)", done.stdout)]
    assert len(passed) == len(sources), done.stdout + done.stderr
    return passed, re.split(r"^_{3,} .*Cell \d+.* _{3,}$", done.stdout, flags=re.M)[1:]


@needs_sandbox
@pytest.mark.slow
def test_hostile_notebook(tmp_path: Path) -> None:
    outside = f"folder = {str(ROOT)!r}"
    passed, reports = run_cells(tmp_path, [outside, *NETWORK.values(), *WRITES.values()])
    assert passed == [True] + [False] * (len(NETWORK) + len(WRITES))
    reasons = [UNREACHABLE] * len(NETWORK) + [READ_ONLY] * len(WRITES)
    for report, reason in zip(reports, reasons, strict=True):
        assert re.search(reason, report), report
    assert not list(ROOT.glob("written_*"))


@needs_sandbox
@pytest.mark.slow
def test_friendly_notebook(tmp_path: Path) -> None:
    loopback = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname(), timeout=3).close()"
    )
    beside = "open('beside_the_lesson', 'w').write('x')"
    own_settings = "from pathlib import Path\n(Path.home() / 'setting').write_text('x')"
    temporary = "import tempfile\nfolder = tempfile.mkdtemp()"
    passed, reports = run_cells(tmp_path, [loopback, beside, own_settings, temporary, *WRITES.values()])
    assert all(passed), reports


def in_sandbox(command: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    full = [sys.executable, "-m", "tools.sandbox", *options, "--", "sh", "-c", command]
    return subprocess.run(full, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


@needs_sandbox
def test_only_named_folders_are_writable(tmp_path: Path) -> None:
    # The clone is protected although it may itself lie in a temporary folder, as this one does.
    clone = tmp_path / "clone"
    for folder in ("notebooks", "tools"):
        (clone / folder).mkdir(parents=True)
    for name in ("__init__.py", "sandbox.py"):
        (clone / "tools" / name).write_bytes((ROOT / "tools" / name).read_bytes())
    command = [sys.executable, "-m", "tools.sandbox", "--writable", "notebooks", "--"]
    command += ["sh", "-c", "touch notebooks/a; touch b; touch tools/c"]
    subprocess.run(command, cwd=clone, capture_output=True)
    written = sorted(str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file())
    assert written == ["notebooks/a", "tools/__init__.py", "tools/sandbox.py"]


@needs_sandbox
def test_settings_of_the_user_are_out_of_reach() -> None:
    done = in_sandbox('touch "$HOME/a" && echo "$HOME" "$IPYTHONDIR" "$MPLCONFIGDIR" "$KERAS_HOME"')
    folders = done.stdout.split()
    assert len(set(folders)) == 4 and os.environ.get("HOME") not in folders
    assert not any(Path(folder).exists() for folder in folders), "it leaves its temporary folders behind"


def test_status_of_the_command_is_passed_on() -> None:
    assert in_sandbox("exit 3", COURSE_UNGUARDED="1").returncode == 3


def test_unguarded_runs_are_loud_and_refused_in_ci(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sandbox, "why_unavailable", lambda: "a test says so")
    monkeypatch.setattr(sandbox, "enter", lambda writable: pytest.fail("entered all the same"))
    monkeypatch.setattr(sys, "argv", ["sandbox", "--", "echo", "it runs"])
    monkeypatch.setenv("CI", "false")
    assert sandbox.main() == 0
    out, err = capfd.readouterr()
    assert "it runs" in out and "WARNING: no sandbox here (a test says so)" in err
    monkeypatch.setenv("CI", "true")
    assert sandbox.main() == 1
    assert "it runs" not in capfd.readouterr().out
    monkeypatch.setenv("COURSE_UNGUARDED", "1")
    assert sandbox.main() == 0


def test_another_system_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="namespaces are a thing of Linux"):
        sandbox.enter([])
