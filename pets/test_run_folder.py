"""The folder of a run: nothing half-written, nothing of another run."""

import json
import os
from pathlib import Path
from typing import Any

from pets.run_folder import RunFolder

import pytest


def test_an_epoch_without_its_checkpoint_is_trained_again(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run", {"seed": 0})
    assert run.history(0) == []
    run.write(
        "history.json", [{"loss": 3.0}, {"loss": 2.0}]
    )  # the second was cut short before its state was saved
    assert RunFolder(tmp_path / "run", {"seed": 0}).history(1) == [{"loss": 3.0}]


def test_a_write_that_is_cut_short_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path, {})
    run.write("history.json", [1])

    def power_cut(*args: Any) -> None:
        raise OSError("no power")

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(OSError, match="no power"):
        run.write("history.json", [1, 2])
    assert run.read("history.json") == [1]


def test_other_settings_are_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    RunFolder(tmp_path, {"seed": 0, "rate": 0.1})
    with pytest.raises(ValueError, match="these differ: rate: 0.1 there, 0.2 now"):
        RunFolder(tmp_path, {"seed": 0, "rate": 0.2})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"seed": 0, "rate": 0.1}


def test_checkpoints_of_an_unknown_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ValueError, match="holds checkpoints without settings.json"):
        RunFolder(tmp_path, {"seed": 0})
