"""Lesson 12: what it writes out is what the helpers do, its report was fair, and its table shows what it says."""

import ast
import re
from pathlib import Path
from typing import Any

from mtl_helpers.checks.lesson_12 import TOO_GOOD
from mtl_helpers.comparisons import BETTER, EQUAL, NOTHING, SLIGHTLY_WORSE, WORSE, compare, gain_interval
from mtl_helpers.report_card import report_card
from tools import lessons

import numpy as np
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager

KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef)
TASKS = ("price", "cut")
LESSON = lessons.find(["12"])[0]
FEEDBACK = Path(__file__).parent.parent / "book" / "instructors" / "capstone_feedback.md"


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """The imports, constants and functions of the lesson, without those of exercises, and its data."""
    names: dict[str, Any] = {}
    for cell in lessons.read(LESSON).cells:
        if cell.cell_type != "code" or {"exercise", "solution"} & set(lessons.tags(cell)):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        kept = [node for node in tree.body if isinstance(node, KINDS) or _is_constant(node)]
        exec(compile(ast.Module(kept, []), "lesson 12", "exec"), names)
    names["diamonds"] = names["load_diamonds"]()
    return names


def _is_constant(node: ast.AST) -> bool:
    """An assignment to names in capitals."""
    if not isinstance(node, ast.Assign):
        return False
    named = {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return all(name.isupper() for name in named)


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(lessons.NOTEBOOKS / "results" / "12_capstone.csv", comment="#")


def test_the_error_by_hand_is_that_of_the_scores(lesson):
    diamonds = lesson["diamonds"]
    guess = 2000.0
    standardised = (np.log(guess) - diamonds.log_price_mean) / diamonds.log_price_std
    for part in ("validation", "test"):
        rows = diamonds.table[(diamonds.table["part"] == part) & (diamonds.table["stands_for"] > 0)]
        constant = np.full((1, len(getattr(diamonds, part)), 1), standardised)
        found = diamonds.scores({"price": constant}, part)["price"][0]
        assert lesson["price_error"](guess, rows) == pytest.approx(found, rel=1e-6)


def test_the_sizes_are_those_that_the_lesson_names(lesson):
    train = lesson["diamonds"].train
    assert round(len(train), -3) == 32_000
    assert round(int(np.isfinite(train.targets["price"]).sum()), -2) == 1_200
    assert len(lesson["diamond_table"]()) == 53_940


def test_networks_alone_and_shared_have_the_same_capacity(lesson):
    sizes = {tasks: lesson["report_network"](tasks) for tasks in lesson["NETWORKS"].values()}
    trunks = {
        tasks: [layer.units for layer in model.layers if hasattr(layer, "units") and layer.name not in TASKS]
        for tasks, model in sizes.items()
    }
    assert list(trunks.values()) == [[64, 64]] * 3
    assert all(("price" in tasks) == ("price" in model.missing) for tasks, model in sizes.items())


def test_all_had_the_same_budget_on_validation_alone(stored):
    tuning = stored.query("stage == 'tuning'")
    assert set(tuning["part"]) == {"validation"}
    networks = tuning[tuning["name"].isin(["price", "cut", "both"])]
    for (_, task), rows in networks.groupby(["name", "task"]):
        assert task in TASKS and rows["candidate"].nunique() == 12 and set(rows["seed"]) == {100, 101, 102}
    rates = networks.groupby(["name", "candidate"])["rate"].first().unstack("name")
    assert (rates["price"] == rates["both"]).all() and (rates["cut"] == rates["both"]).all()
    for (_, _), rows in tuning[tuning["name"].isin(["linear", "boosting"])].groupby(["name", "task"]):
        assert rows["candidate"].tolist() == list(range(12))
    assert (
        tuning[tuning["name"] == "boosting"].groupby("task")["rounds"].nunique().min() > 6
    )  # tuned, not fixed
    final = stored.query("stage == 'final'")
    assert set(final["seed"]) == set(range(20)) and final.groupby("name")["candidate"].nunique().max() == 1


def test_the_best_on_validation_were_chosen(lesson, stored):
    trivial = stored.query("name == 'trivial' and part == 'validation'").set_index("task")["score"]
    tuning = stored.query("stage == 'tuning'")
    way = np.where(
        tuning["task"] == "price",
        1 - tuning["score"] / trivial["price"],
        (tuning["score"] - trivial["cut"]) / (1 - trivial["cut"]),
    )
    networks = tuning.assign(way=way)[tuning["name"].isin(["price", "cut", "both"])]
    best = networks.groupby(["name", "candidate"])["way"].mean().unstack("name").idxmax()
    final = stored.query("stage == 'final'").groupby("name")["candidate"].first()
    assert best.to_dict() == final.to_dict()
    rivals = tuning.assign(way=way)[tuning["name"].isin(["linear", "boosting"])]
    for key, rows in rivals.groupby(["name", "task"]):
        chosen = stored[stored["stage"] == "rival"].groupby(["name", "task"])["candidate"].unique()[key]
        assert chosen.tolist() == [rows.loc[rows["way"].idxmax(), "candidate"]]


@pytest.fixture(scope="module")
def sides(stored) -> dict[str, dict[str, np.ndarray]]:
    """Test scores of both sides, as the report has them."""
    final = stored.query("stage == 'final' and part == 'test'").sort_values("seed")
    by = final.groupby(["name", "task"])["score"].apply(np.array)
    return {"alone": {t: by[t, t] for t in TASKS}, "shared": {t: by["both", t] for t in TASKS}}


def rival(stored, name, task, part="test"):
    return stored.query("stage == 'rival' and name == @name and task == @task and part == @part")[
        "score"
    ].item()


MARGIN = {"price": 0.5, "cut": 0.01}


def test_the_report_shows_what_the_lesson_says(lesson, stored, sides):
    assert lesson["MARGIN"] == MARGIN
    better_on_validation = {
        "price": rival(stored, "boosting", "price", "validation")
        < rival(stored, "linear", "price", "validation"),
        "cut": rival(stored, "boosting", "cut", "validation") > rival(stored, "linear", "cut", "validation"),
    }
    assert all(better_on_validation.values())
    assert rival(stored, "linear", "price") < rival(stored, "boosting", "price")  # the warning
    pairs = {(task, "shared − alone"): (sides["shared"][task], sides["alone"][task]) for task in TASKS}
    for side in ("shared", "alone"):
        for task in TASKS:
            pairs[task, f"{side} − boosting"] = (
                sides[side][task],
                np.full(20, rival(stored, "boosting", task)),
            )
    six = compare(pairs, {key: key[0] == "cut" for key in pairs})
    assert len(six) == 6
    assert six["among_all"].to_dict() == {
        ("price", "shared − alone"): NOTHING, ("cut", "shared − alone"): WORSE,
        ("price", "shared − boosting"): BETTER, ("cut", "shared − boosting"): WORSE,
        ("price", "alone − boosting"): BETTER, ("cut", "alone − boosting"): WORSE,
    }  # fmt: skip
    allowed = {key: row["wide_low"] > -MARGIN[key[0]] for key, row in six.iterrows()}
    assert [key for key, wholly_above in allowed.items() if not wholly_above] == [
        ("cut", "shared − boosting")
    ]
    loss = six.loc[("cut", "shared − boosting")]
    assert -0.02 < loss["wide_low"] < loss["wide_high"] < -MARGIN["cut"]  # .02 would give one network
    by_a_hair = six.loc[("cut", "alone − boosting"), "wide_low"]
    assert -MARGIN["cut"] < by_a_hair < -MARGIN["cut"] + 0.001 and by_a_hair < -0.005  # .005 would give trees
    for side in ("shared", "alone"):  # the gain on the linear baseline is not shown to be above the margin
        linear = np.full(20, rival(stored, "linear", "price"))
        gain = gain_interval(sides[side]["price"], linear, False, 1 - 0.05 / 6)
        assert 0 < gain.low < MARGIN["price"] < gain.high


def test_the_card_shows_what_the_lesson_says(stored, sides):
    card = report_card(
        sides["shared"], sides["alone"], {"price": False, "cut": True}, margin=MARGIN, comparisons=6,
        trivial={task: rival(stored, "trivial", task) for task in TASKS},
    )  # fmt: skip
    assert card.table["verdict"].to_dict() == {"price": EQUAL, "cut": SLIGHTLY_WORSE}
    assert "no task loses more than its margin, and no gain is shown" in card.sentences[-1]


def test_new_stones_leave_the_cut_open(stored):
    of = stored.query("stage == 'stones'").pivot(index=["task", "name"], columns="part", values="score")
    assert len(of) == 10
    assert of.loc[("price", "shared − alone"), "low"] < 0 < of.loc[("price", "shared − alone"), "high"]
    assert -MARGIN["cut"] < of.loc[("cut", "shared − alone"), "low"]
    assert of.loc[("cut", "shared − alone"), "high"] < 0
    for side in ("shared", "alone"):
        low, high = of.loc[("cut", f"{side} − boosting"), ["low", "high"]]
        assert -0.02 < low < -MARGIN["cut"] < high < 0
        assert of.loc[("price", f"{side} − boosting"), "low"] > MARGIN["price"]
        assert 0 < of.loc[("price", f"{side} − linear"), "low"] < MARGIN["price"]
        assert of.loc[("cut", f"{side} − linear"), "low"] > MARGIN["cut"]


def test_no_model_can_be_right_on_all_cuts(lesson):
    """Equal inputs bear two cuts, as the report says."""
    rows = lesson["diamonds"].table.query("part == 'test'")
    alike = rows.groupby(["stone", "color", "clarity"])["cut"]
    assert alike.nunique().max() > 1
    best = rows.value_counts(["stone", "color", "clarity", "cut"]).groupby(level=[0, 1, 2]).max().sum() / len(
        rows
    )
    assert best == pytest.approx(0.93, abs=0.005)


def test_no_honest_result_is_called_too_good(stored):
    honest = stored[stored["stage"].isin(["tuning", "final", "rival"])].groupby("task")["score"]
    assert honest.min()["price"] > TOO_GOOD["price"]
    assert honest.max()["cut"] < TOO_GOOD["cut"]
    assert stored.query("stage == 'leak'")["score"].item() > TOO_GOOD["cut"]


def test_the_rubric_is_that_of_the_instructors():
    table = re.compile(r"^\| \| insufficient .*?(?=\n\n)", re.M | re.S)
    [cell] = [cell for cell in lessons.read(LESSON).cells if "## The rubric" in cell.source]
    assert table.search(cell.source + "\n\n")[0] == table.search(FEEDBACK.read_text(encoding="utf-8"))[0]
