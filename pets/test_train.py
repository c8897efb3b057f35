"""The real command line, on the made-up archive: an unbroken run, one that is killed, a twin, and what is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pets import train
from pets.arguments import parse

import pytest

ROOT = Path(__file__).parent.parent
SMALL = ["--size", "64", "--batch", "8", "--backbone", "MobileNetV3Small", "--weights", "none"]
PARAMETERS = 1_854_362
METRICS = {"breed": "accuracy", "head_box": "iou", "mask": "iou"}
PATIENCE = 300  # seconds, on a machine that is busy


def words(data: Path, out: Path, more: str) -> list[str]:
    return ["--data", str(data), "--out", str(out), *SMALL, *more.split()]


def start(data: Path, out: Path, more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "pets.train", *words(data, out, more)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen) -> str:
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    return output


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def runs(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of all runs, and what each has printed. Some run side by side."""
    folder = tmp_path_factory.mktemp("runs")
    shared = "--epochs 3 --weighting uncertainty"
    unbroken = start(prepared, folder / "unbroken", f"{shared} --test")
    killed = start(prepared, folder / "killed", shared)
    assert killed.stdout is not None
    line = killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    printed = {"killed": line, "unbroken": end(unbroken)}
    assert not (folder / "killed/results.json").exists()
    (folder / "before.json").write_text((folder / "killed/history.json").read_text())
    others = {
        "resumed": start(prepared, folder / "killed", f"{shared} --test"),
        "twin": start(prepared, folder / "twin", "--epochs 1 --tasks mask --mixed-precision"),
    }
    return folder, printed | {name: end(process) for name, process in others.items()}


def test_an_unbroken_run(runs: tuple[Path, dict[str, str]]) -> None:
    folder, printed = runs
    lines = printed["unbroken"].splitlines()
    assert [line[:12] for line in lines[:3]] == [f"epoch {n} of 3" for n in (1, 2, 3)]
    assert lines[-1] == f"written: {folder / 'unbroken/results.json'}"
    assert len(read(folder / "unbroken", "history.json")) == 3
    assert list((folder / "unbroken/logs").glob("events*"))


def test_results_hold_each_task_beside_its_trivial_answer(runs: tuple[Path, dict[str, str]]) -> None:
    results = read(runs[0] / "unbroken", "results.json")
    assert set(results) == {
        "settings", "validation", "test", "photographs", "parameters", "seconds", "devices", "versions",
    }  # fmt: skip
    parts = {"breed": "test", "head_box": "box_test", "mask": "test"}
    assert {task: row["part"] for task, row in results["test"].items()} == parts
    assert {task: row["metric"] for task, row in results["validation"].items()} == METRICS
    for part in ("validation", "test"):
        for row in results[part].values():
            assert 0 <= row["score"] <= 1 and 0 < row["trivial"] < 1
    assert results["test"]["breed"]["trivial"] == 0.5  # five of the ten are of the most frequent breed
    last = read(runs[0] / "unbroken", "history.json")[-1]
    for task, metric in METRICS.items():
        assert results["validation"][task]["score"] == pytest.approx(last[f"val_{task}_{metric}"], abs=1e-3)
    assert results["parameters"] == PARAMETERS
    assert results["seconds"] > 0 and results["photographs"]["train"] == 28


def test_killed_in_the_middle_it_goes_on_and_ends_the_same(runs: tuple[Path, dict[str, str]]) -> None:
    folder, printed = runs
    assert printed["killed"].startswith("epoch 1 of 3")
    # Quick machines may have saved another epoch before the signal came.
    assert printed["resumed"].startswith(("goes on after epoch 1 of 3", "goes on after epoch 2 of 3"))
    history, expected = read(folder / "killed", "history.json"), read(folder / "unbroken", "history.json")
    assert history[0] == read(folder, "before.json")[0] and len(history) == 3
    for mine, other in zip(history, expected, strict=True):
        for name in set(mine) - {"seconds"}:
            assert mine[name] == pytest.approx(other[name], rel=1e-3, abs=1e-3), name
    results = read(folder / "killed", "results.json")
    for task, row in results["test"].items():  # asked for at the second start alone
        other = read(folder / "unbroken", "results.json")["test"][task]
        assert row == {**other, "score": pytest.approx(other["score"], abs=1e-3)}
    assert results["seconds"] == pytest.approx(sum(row["seconds"] for row in history), abs=0.1)


def test_the_single_task_twin_in_mixed_precision(runs: tuple[Path, dict[str, str]]) -> None:
    twin, shared = (read(runs[0] / name, "results.json") for name in ("twin", "unbroken"))
    assert set(twin["validation"]) == {"mask"} and twin["test"] is None  # it was not asked for
    assert twin["parameters"] < PARAMETERS
    # The same photographs, so the same trivial answer.
    assert twin["validation"]["mask"]["trivial"] == shared["validation"]["mask"]["trivial"]


def test_a_learned_weighting(runs: tuple[Path, dict[str, str]]) -> None:
    weights = [row["weight_mask"] for row in read(runs[0] / "unbroken", "history.json")]
    assert len(set(weights)) == 3
    [row] = read(runs[0] / "twin", "history.json")
    assert row["weight_mask"] == 1.0  # static


def test_other_settings_in_the_same_folder_are_refused(
    runs: tuple[Path, dict[str, str]], prepared: Path
) -> None:
    expected = "these differ: seed: 0 there, 1 now; epochs: 3 there, 4 now"
    with pytest.raises(SystemExit, match=expected):
        train.main(words(prepared, runs[0] / "unbroken", "--epochs 4 --seed 1 --weighting uncertainty"))


def test_missing_data_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"Get it once with --download: 0\.8 GB"):
        train.main(words(tmp_path / "nothing", tmp_path / "run", ""))
    assert not (tmp_path / "run").exists()


def test_weights_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: Any, **kwargs: Any) -> None:
        raise Exception("URL fetch failure on https://...: None -- no network")  # as Keras does

    monkeypatch.setattr(train, "pet_network", no_network)
    with pytest.raises(OSError, match="Go online, name a file with --weights"):
        train.build(parse(["--out", str(tmp_path)]), [], 1)
