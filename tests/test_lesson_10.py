"""Lesson 10: what it writes out is what the helpers do, its contest was fair, and its tables show what it says."""

import ast
from typing import Any

from mtl_helpers.affinity import best_groups, lookahead_affinity, partitions
from mtl_helpers.comparisons import BETTER, EQUAL, NOTHING, WORSE, resampled_interval
from mtl_helpers.evaluation import delta_m, mean_interval, paired_interval
from mtl_helpers.gains import gains_over
from mtl_helpers.grouping import affinity_matrices, chooser_table
from mtl_helpers.report_card import report_card
from tools import lessons

import keras
import numpy as np
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager

KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef)


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """The imports, constants and functions of the lesson, solutions included."""
    names: dict[str, Any] = {}
    for cell in lessons.read(lessons.find(["10"])[0]).cells:
        if cell.cell_type != "code" or "exercise" in lessons.tags(cell):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        kept = [node for node in tree.body if isinstance(node, KINDS) or _is_constant(node)]
        exec(compile(ast.Module(kept, []), "lesson 10", "exec"), names)
    return names


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(lessons.NOTEBOOKS / "results" / "10_does_it_help.csv", comment="#", low_memory=False)


def _is_constant(node: ast.AST) -> bool:
    """An assignment to names in capitals."""
    if not isinstance(node, ast.Assign):
        return False
    named = {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return all(name.isupper() for name in named)


def test_delta_by_hand_is_the_helpers(lesson):
    generator = np.random.default_rng(0)
    for _ in range(20):
        ours, alone = ({task: generator.normal() for task in "abc"} for _ in range(2))
        higher = {task: bool(generator.integers(2)) for task in "abc"}
        assert lesson["delta_by_hand"](ours, alone, higher) == pytest.approx(delta_m(ours, alone, higher))
        nested = [{task: {"metric": value} for task, value in each.items()} for each in (ours, alone, higher)]
        assert lesson["delta_of_tasks"](*nested) == pytest.approx(delta_m(ours, alone, higher))


@pytest.mark.parametrize("units", [1, 2])
def test_affinity_by_hand_is_the_helpers(lesson, units):
    keras.utils.set_random_seed(0)
    model, batch = lesson["joint_network"](units), lesson["families"]("a plane", 1)[0].train
    theirs = lookahead_affinity(model, batch.inputs, batch.targets, 0.1)["affinity"]
    ours = lesson["affinity_by_hand"](model, batch.inputs, batch.targets, 0.1)
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    assert np.abs(ours).max() > 0.01


def test_every_contestant_has_the_same_candidates(lesson):
    for data, (low, high) in lesson["RATES"].items():
        candidates = lesson["CANDIDATES"][data]
        assert len(candidates) == 8 and len({c.rate for c in candidates}) == 8
        assert all(low <= c.rate <= high and 0.003 <= c.own_rate <= 0.3 for c in candidates)
        tasks = tuple(lesson["PROBLEMS"][data].losses)
        assert all(tuple(c.weights) == tasks and min(c.weights.values()) >= 1 / 3 for c in candidates)
        assert all(max(c.weights.values()) <= 3 for c in candidates)
        for method, options in lesson["CONTESTANTS"].items():
            model = lesson["PROBLEMS"][data].network(tasks, **options(candidates[0]))
            assert (model.balancer is not None) == (method == "Aligned-MTL")
            if method == "tuned sum":
                assert model.weighting.weights_given == candidates[0].weights
            if method == "uncertainty":
                assert model.weighting.get_config()["learning_rate"] == candidates[0].own_rate
        assert not set(lesson["TUNING_SEEDS"][data]) & set(range(20))


def test_the_stored_contest_is_complete_and_paired(lesson, stored):
    contest = stored.query("experiment == 'contest'")
    for data, problem in lesson["PROBLEMS"].items():
        part = contest[contest["data"] == data]
        assert set(part["method"]) == set(lesson["CONTESTANTS"])
        for (method, task), rows in part.groupby(["method", "task"]):
            assert rows["seed"].tolist() == list(range(20)) and rows["candidate"].nunique() == 1
            assert task in problem.losses and rows["candidate"].iloc[0] in range(8)
            if method != "alone":  # one setting for all tasks
                assert part[part["method"] == method]["candidate"].nunique() == 1
        assert len(part) == 20 * len(problem.losses) * len(lesson["CONTESTANTS"])


def test_the_stored_groupings_are_complete(lesson, stored):
    for name in lesson["UNITS"]:
        ways = stored[(stored["experiment"] == "grouping") & (stored["data"] == name)]
        assert ways.groupby("seed")["groups"].nunique().tolist() == [33] * 20 and len(ways) == 20 * 33
        affinity = stored[(stored["experiment"] == "affinity") & (stored["data"] == name)]
        assert len(affinity) == 20 * 30 and not affinity[["affinity", "gain"]].isna().any(axis=None)
        assert affinity_matrices(stored, name).shape == (20, 6, 6)


METHODS = ["plain sum", "random weights", "uncertainty", "Aligned-MTL"]
BIRDS, DIGITS = ["species", "body_mass", "sex"], ["top_left", "bottom_right"]
DIRECTION = {task: task != "body_mass" for task in BIRDS + DIGITS}


def test_the_contest_shows_what_the_lesson_says(lesson, stored):
    contest = stored.query("experiment == 'contest'")
    over_tuned, over_plain, over_random = (
        gains_over(baseline, contest, DIRECTION) for baseline in ("tuned sum", "plain sum", "random weights")
    )
    for method in METHODS:
        assert over_tuned.loc[(method, "top_left"), "among_all"] == BETTER
        assert 0.015 < over_tuned.loc[(method, "top_left"), "gain"] < 0.025
        assert over_tuned.loc[(method, "bottom_right"), "alone"] == WORSE
    assert (over_tuned.loc[(slice(None), BIRDS), "among_all"] == NOTHING).all()
    assert BETTER not in set(over_plain.loc[["tuned sum", *METHODS[1:]], "among_all"])
    assert set(over_plain.loc[("alone", DIGITS), "among_all"]) == {BETTER}
    assert set(over_plain.loc[("alone", BIRDS), "among_all"]) == {NOTHING}
    assert BETTER not in set(over_random.loc[["uncertainty", "Aligned-MTL"], "among_all"])
    tuned = contest[(contest["method"] == "tuned sum") & (contest["task"] == "top_left")]
    weights = lesson["CANDIDATES"]["digits"][int(tuned["candidate"].iloc[0])].weights
    assert 3.5 < weights["bottom_right"] / weights["top_left"] < 4.0


def test_the_contestants_were_the_best_of_their_lessons():
    table = pd.read_csv(lessons.NOTEBOOKS / "results" / "06_loss_weighting.csv", comment="#")
    score = table.groupby(["data", "method", "task"])["score"].mean()
    mean_delta = {
        method: np.mean([
            delta_m(*(score[data, name].to_dict() for name in (method, "static")), dict(score[data, method] < 1))
            for data in ("kg", "digits")
        ])
        for method in ("uncertainty", "DWA", "GLS", "FAMO", "GradNorm", "RLW")
    }  # fmt: skip
    assert max(mean_delta, key=mean_delta.get) == "uncertainty"


def test_intervals_of_the_gain_of_lesson_09():
    table = pd.read_csv(
        lessons.NOTEBOOKS / "results" / "09_conflicting_gradients.csv", comment="#", low_memory=False
    )
    accuracy = table.query("task == 'top_left'").set_index("network")["accuracy"]
    ours, baseline = accuracy["aligned_mtl"].to_numpy(), accuracy["plain sum"].to_numpy()
    assert paired_interval(ours, baseline).low > 0 > resampled_interval(ours, baseline, 1000 / 3500).low


def test_affinity_shows_what_the_lesson_says(lesson, stored):
    found = {}
    assert len(partitions(lesson["TASKS"], 2)) == 31
    for name in lesson["UNITS"]:
        ways = stored[(stored["experiment"] == "grouping") & (stored["data"] == name)]
        chosen = {
            column: [best_groups(m, lesson["TASKS"], 2) for m in affinity_matrices(stored, name, column)]
            for column in ("affinity", "gain")
        }
        found[name] = chooser_table(ways, chosen, lesson["CLUSTERS"])["finds the clusters"].to_dict()
        of_way = ways.pivot(index="seed", columns="groups", values="test")
        alone = next(way for way in of_way if way.count("|") == 5)
        true = next(way for way in of_way if set(way.split(" | ")) == {"1 2 3", "4 5 6"})
        assert mean_interval(of_way[true]).high < mean_interval(of_way[alone]).low
        mean = affinity_matrices(stored, name).mean(axis=0)
        same = np.kron(np.eye(2), np.ones((3, 3))) == 1
        inside, outside = mean[same & ~np.isnan(mean)], mean[~same]
        if name == "one direction":
            assert inside.min() > 0 > outside.max()  # purple blocks, orange between
        else:
            assert inside.max() < 0 and inside.mean() < 2 * outside.mean()  # orange blocks, paler between
    assert found["one direction"]["affinity"] == found["one direction"]["brute force"] == "20 of 20"
    assert found["a plane"]["affinity"] == "0 of 20" and found["a plane"]["brute force"] == "20 of 20"


def test_the_card_shows_what_the_lesson_says(lesson, stored):
    contest = stored.query("experiment == 'contest'").groupby(["method", "task"])["score"].apply(np.array)
    margin = {"species": 0.02, "body_mass": 10, "sex": 0.03}
    cards = {
        data: report_card(
            *({task: contest[method, task] for task in tasks} for method in ("tuned sum", "alone")),
            {task: DIRECTION[task] for task in tasks},
            trivial=lesson["PROBLEMS"][data].trivial["test"], margin=margin if data == "birds" else None, comparisons=5,
        )
        for data, tasks in (("birds", BIRDS), ("digits", DIGITS))
    }  # fmt: skip
    assert cards["birds"].table["verdict"].tolist() == [EQUAL, NOTHING, NOTHING]
    assert cards["digits"].table["verdict"].tolist() == [WORSE, NOTHING]
    assert "open" in cards["birds"].sentences[-1] and "pays" in cards["digits"].sentences[-1]
    assert -0.035 < cards["digits"].table.loc["top_left", "gain"] < -0.025
