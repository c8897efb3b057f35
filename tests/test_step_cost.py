"""The stored costs of a step are complete, and the benchmark that makes them runs."""

import importlib.util
import sys

from benchmarks import step_cost
from mtl_helpers.weighting import GLS

import pandas as pd
import pytest

TABLE = step_cost.ROOT / "notebooks" / "results" / "step_cost.csv"
PLACES = {"parameters, separate", "parameters, together", "features"}


def test_the_stored_table_has_every_method_and_says_where_it_comes_from():
    text = TABLE.read_text(encoding="utf-8")
    for word in (
        "# command: make bench",
        "tensorflow 2.21",
        "torch 2.13",
        "torchjd",
        "# date: 20",
        "# cores: 2",
    ):
        assert word in text
    table = pd.read_csv(TABLE, comment="#").set_index(["network", "tasks", "method", "place"])
    cases = [("LeNet", tasks) for tasks in step_cost.TASKS] + [("scenes", 3)]
    losses = {("plain sum", "losses"), *((one.__name__, "losses") for one in step_cost.WEIGHTINGS)}
    expected = losses | {(name, place) for name in step_cost.BALANCERS for place in PLACES}
    peer = {(name, "torchjd") for name in ("plain sum", *step_cost.BALANCERS)}
    alone = {(name, "alone") for name in step_cost.BALANCERS}
    for case in cases:
        assert set(table.loc[case].index) == expected | (peer | alone if case[0] == "LeNet" else set())
    assert table[["milliseconds", "ratio", "ratio_low", "ratio_high"]].notna().all(axis=None)
    assert (table["ratio_low"] <= table["ratio"]).all() and (table["ratio"] <= table["ratio_high"]).all()
    against = table["of_torchjd"].unstack("place")
    assert (
        against.loc["LeNet"].loc[:, list(PLACES)].drop(index="plain sum", level="method").dropna().size == 63
    )


@pytest.mark.slow
def test_the_benchmark_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(step_cost, "BALANCERS", ("mgda",))
    monkeypatch.setattr(step_cost, "WEIGHTINGS", (GLS,))
    peer = step_cost.Peer(sys.executable)
    try:
        assert peer.ready is (importlib.util.find_spec("torchjd") is not None)
        times = step_cost.measure("LeNet", 2, 2, peer)
    finally:
        peer.close()
    table = step_cost.summary("LeNet", 2, times)
    assert len(times) == 2 and len(table) == 2 + 3 + 1 + 2
    ours = table[table["place"] != "torchjd"]
    assert (ours["milliseconds"] > 0).all() and (ours["ratio"] > 0.01).all()
    assert table["of_torchjd"].notna().sum() == (4 if peer.ready else 0)
    step_cost.draw(table, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_without_torchjd_the_peer_says_so():
    peer = step_cost.Peer.__new__(step_cost.Peer)
    peer.ready = False
    assert pd.isna(peer.time(2, "mgda"))
