"""What is not ready is named, with what to do."""

import types

from mtl_helpers import machine

import pytest


def here(monkeypatch, what, **changes):
    for name, value in changes.items():
        monkeypatch.setattr(machine, name, value)
    return machine.check_machine().loc[what, "here"]


def test_everything_is_ready_on_a_machine_that_is(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda: 4.0)
    monkeypatch.setattr(machine.psutil, "cpu_count", lambda: 2)
    assert set(machine.check_machine()["here"]) == {"ready"}
    assert {"Python", "keras", "palmerpenguins"} <= set(machine.check_machine().index)


def test_little_memory(monkeypatch):
    assert "0.7 GB: shut down other kernels" in here(monkeypatch, "free memory", free_memory=lambda: 0.7)


def test_one_core(monkeypatch):
    monkeypatch.setattr(machine.psutil, "cpu_count", lambda: 1)
    assert "twice the time" in here(monkeypatch, "processor cores")


def test_another_version_of_a_package(monkeypatch):
    versions = lambda name: "3.4.0" if name == "keras" else "2.21.0"  # noqa: E731
    monkeypatch.setattr(machine.metadata, "version", versions)
    assert "this is 3.4.0, results may differ" in here(monkeypatch, "keras")


def test_another_python(monkeypatch):
    monkeypatch.setattr(machine.platform, "python_version", lambda: "3.9.1")
    assert "this is 3.9.1" in here(monkeypatch, "Python")


@pytest.mark.parametrize("missing", ["keras", "palmerpenguins"])
def test_a_missing_package(monkeypatch, missing):
    def version(name):
        if name == missing:
            raise machine.metadata.PackageNotFoundError(name)
        return "2.21.0"

    monkeypatch.setattr(machine.metadata, "version", version)
    assert "not installed" in here(monkeypatch, missing)


def test_on_a_hub_the_share_counts(monkeypatch):
    monkeypatch.setenv("MEM_LIMIT", "1000000")  # a megabyte, of which this process alone uses more
    assert machine.free_memory() < 0


def test_on_a_hub_other_learners_processes_do_not_count(monkeypatch):
    def process(user, memory):
        return types.SimpleNamespace(info={"username": user, "memory_info": memory})

    gigabyte = types.SimpleNamespace(rss=1e9)
    me = machine.psutil.Process().username()
    processes = [process(me, gigabyte), process(me, None), process("ada", gigabyte), process(None, gigabyte)]
    monkeypatch.setattr(machine.psutil, "process_iter", lambda wanted: processes)
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: types.SimpleNamespace(available=64e9))
    monkeypatch.setenv("MEM_LIMIT", "2500000000")
    assert machine.free_memory() == 1.5
