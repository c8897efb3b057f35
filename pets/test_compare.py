"""Comparing runs: paired by their seeds, and only what belongs together."""

import copy
import json
from pathlib import Path
from typing import Any

from pets.compare import BUDGET, main, read, table

import pytest

Runs = list[dict[str, Any]]  # what the runs came to

SHARED = {
    0: {"breed": 0.70, "mask": 0.80},
    1: {"breed": 0.74, "mask": 0.81},
    2: {"breed": 0.72, "mask": 0.79},
}
ALONE = {0: {"breed": 0.60, "mask": 0.80}, 1: {"breed": 0.65, "mask": 0.80}, 2: {"breed": 0.61, "mask": 0.80}}


def one_run(
    tasks: list[str], seed: int, scores: dict[int, dict[str, float]], **changes: Any
) -> dict[str, Any]:
    settings = {**dict.fromkeys(BUDGET, 1), "tasks": tasks, "seed": seed, "rate": 1e-3, **changes}
    rows = {task: {"score": scores[seed][task], "trivial": 0.1} for task in tasks}
    return {"settings": settings, "validation": rows, "test": None}


@pytest.fixture
def ours() -> Runs:
    return [one_run(["breed", "mask"], seed, SHARED) for seed in SHARED]


@pytest.fixture
def twins() -> Runs:
    # In another order than ours, and with another rate: each side is tuned on its own.
    return [one_run([task], seed, ALONE, rate=1e-4) for task in ("mask", "breed") for seed in (2, 0, 1)]


def test_pairs_are_of_one_seed(ours: Runs, twins: Runs) -> None:
    found = table(ours, twins)
    assert list(found.index) == ["breed", "mask"]
    assert found.loc["breed", "gain"] == pytest.approx((0.10 + 0.09 + 0.11) / 3)
    assert found.loc["breed", "low"] == pytest.approx(0.1 - 4.302653 * 0.01 / 3**0.5)
    assert found.loc["breed", "verdict"] == "better" and found.loc["mask", "verdict"] == "no difference shown"
    assert found.loc["breed", "twin"] == pytest.approx(0.62) and found.loc["mask", "seeds"] == 3
    assert (found["wide_low"] < found["low"]).all()


def change(runs: Runs, **changes: Any) -> Runs:
    runs = copy.deepcopy(runs)
    runs[0]["settings"].update(changes)
    return runs


def test_what_does_not_belong_together_is_refused(ours: Runs, twins: Runs) -> None:
    for first, second, message in [
        (ours, change(twins, epochs=2), "Both sides must have the same"),
        (ours, twins[1:], r"ours are \[0, 1, 2\] and the twins' \[0, 1\]"),
        (ours[:1], [twins[1], twins[4]], "Two seeds or more"),
        (change(ours, rate=1.0), twins, "differ in their seeds alone"),
        (change(ours, seed=1), twins, "each given once"),
        (ours, ours, "Twins must have one task each"),
    ]:
        with pytest.raises(ValueError, match=message):
            table(first, second)
    with pytest.raises(ValueError, match="Scores of 'breed' on test are expected .* with --test"):
        table(ours, twins, "test")


def test_the_command_reads_folders(
    ours: Runs,
    twins: Runs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders: dict[str, list[str]] = {"ours": [], "twins": []}
    for side, runs in (("ours", ours), ("twins", twins)):
        for number, run in enumerate(runs):
            folder = tmp_path / f"{side}_{number}"
            folder.mkdir()
            (folder / "results.json").write_text(json.dumps(run))
            folders[side].append(str(folder))
    main(["--ours", *folders["ours"], "--twins", *folders["twins"]])
    assert "no difference shown" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no results.json in .*nowhere"):
        main(["--ours", str(tmp_path / "nowhere"), "--twins", *folders["twins"]])
    assert len(read([tmp_path / "ours_0"])) == 1
