"""A quiet import holds standard error back, and gives it out if the import fails."""

import importlib
import os
import subprocess
import sys

from mtl_helpers.quiet_import import QuietImport, install

import pytest

CHATTY = """
import os
os.write(2, b"as C++ does\\n")
os.system("echo from another program >&2")
print("to standard output", flush=True)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module of the name `chatty`, and leaves nothing of it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.meta_path)

    def make(end):
        (tmp_path / "chatty.py").write_text(CHATTY + end)
        importlib.invalidate_caches()
        install("chatty")

    yield make
    sys.modules.pop("chatty", None)
    sys.meta_path[:] = before


def finders():
    return [
        finder for finder in sys.meta_path if isinstance(finder, QuietImport) and finder.module == "chatty"
    ]


def test_standard_error_is_held_back(module, capfd):
    module("value = 3")
    assert finders() and "chatty" not in sys.modules
    assert importlib.import_module("chatty").value == 3
    assert capfd.readouterr() == ("to standard output\n", "")
    assert not finders()
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


@pytest.mark.parametrize("end", ["1 / 0", "import nothing_of_this_name", "raise KeyboardInterrupt"])
def test_a_failing_import_shows_what_was_held_back(module, capfd, end):
    module(end)
    expected = {"1": ZeroDivisionError, "i": ModuleNotFoundError, "r": KeyboardInterrupt}[end[0]]
    with pytest.raises(expected):
        importlib.import_module("chatty")
    assert capfd.readouterr().err == "as C++ does\nfrom another program\n"
    assert not finders() and "chatty" not in sys.modules
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_a_module_that_is_not_there_gives_the_usual_error():
    before = list(sys.meta_path)
    install("nothing_of_this_name")
    with pytest.raises(ModuleNotFoundError, match="No module named 'nothing_of_this_name'"):
        importlib.import_module("nothing_of_this_name")
    assert sys.meta_path == before


def test_what_is_imported_already_needs_nothing():
    before = list(sys.meta_path)
    install("os")
    assert sys.meta_path == before


def test_the_package_alone_imports_no_tensorflow():
    code = "import sys, mtl_helpers; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_tensorboard_is_found_also_behind_a_hub():
    code = (
        "import mtl_helpers, os; print(os.environ['TENSORBOARD_BINARY'], os.environ['TENSORBOARD_PROXY_URL'])"
    )
    environment = {"PATH": os.environ["PATH"], "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    program, address = done.stdout.split()
    assert os.access(program, os.X_OK) and program.startswith(os.path.dirname(sys.executable))
    assert address == "/user/ada/proxy/%PORT%/"
