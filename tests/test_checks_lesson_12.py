"""Lesson 12: each wrong answer is met by its own message, and every right way passes."""

from mtl_helpers import exercises
from mtl_helpers.checks.lesson_12 import COUNTED_ONCE, check_1, check_2, check_3, check_4, check_5, check_6
from mtl_helpers.comparisons import gain_interval, verdict
from mtl_helpers.data import load_diamonds
from mtl_helpers.diamonds import diamond_table, is_sold, stone_numbers
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

RAW = diamond_table()
GOOD_SIZE = (RAW[["x", "y", "z"]] > 0).all(axis=1)
POSSIBLE = GOOD_SIZE & ((200 * RAW["z"] / (RAW["x"] + RAW["y"]) - RAW["depth"]).abs() < 1)
NAMES = np.array(["train", "validation", "test"])


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert said is not None and said is not ... and message in said, said
    else:
        assert said is message, said


def parts(table, keys=None, ends=(0.6, 0.8), by_chance=True):
    """The table with parts: by the rows, or by what has the same key."""
    numbers = pd.factorize(np.arange(len(table)) if keys is None else keys)[0]
    count = numbers.max() + 1
    order = np.random.default_rng(0).permutation(count) if by_chance else np.arange(count)
    return table.assign(part=NAMES[np.searchsorted(ends, order[numbers] / count, side="right")])


def by_stones(table, **options):
    return parts(table, stone_numbers(table), **options)


def as_written(table):
    return table.groupby(["carat", "depth", "table", "x", "y", "z"]).ngroup().to_numpy()


CLEAN = RAW[POSSIBLE]
RIGHT = by_stones(CLEAN)
one_row = CLEAN.drop_duplicates(["carat", "depth", "table", "z", "x", "y"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (RIGHT, None),
        (RIGHT.sample(frac=1, random_state=0), None),  # another order, another index
        (by_stones(CLEAN.drop_duplicates(), ends=(0.7, 0.85)), None),
        # One row a stone; sizes by limits; a coarser idea of a stone.
        (by_stones(CLEAN.assign(s=stone_numbers(CLEAN)).drop_duplicates("s")), None),
        (by_stones(RAW[GOOD_SIZE & (RAW["y"] < 11) & (RAW["z"] < 8)]), None),
        (parts(CLEAN, CLEAN.groupby(["carat", "z"]).ngroup()), None),
        (by_stones(RAW), "A stone of 0 mm"),
        (by_stones(RAW[GOOD_SIZE]), "more than 12 mm"),
        (by_stones(CLEAN[CLEAN["carat"] < 2]), "Rare is not wrong"),
        (by_stones(CLEAN[:20_000]), "Rare is not wrong"),
        (parts(CLEAN), "stones stand in two parts: their weight"),
        (parts(CLEAN, as_written(CLEAN)), "some with x and y exchanged"),
        (parts(one_row), "some with x and y exchanged"),
        (parts(CLEAN, by_chance=False), "The file is in order of price"),
        (by_stones(CLEAN, ends=(0.3, 0.6)), "Too small: train"),
        (by_stones(CLEAN, ends=(0.9, 0.95)), "Too small: validation, test"),
        (RIGHT.replace({"part": {"validation": "val"}}), "must name the three parts"),
        (RIGHT.drop(columns="part"), "The columns part are missing"),
        (RIGHT.drop(columns=["x", "y"]), "The columns x, y are missing"),
        (RIGHT["part"], "A DataFrame is expected"),
    ],
)
def test_three_parts(table, message):
    expect(check_1(table), message)


TABLE = RIGHT.assign(
    longer=RIGHT[["x", "y"]].max(axis=1), shorter=RIGHT[["x", "y"]].min(axis=1),
    ratio=RIGHT["x"] / RIGHT["y"], area=RIGHT["x"] * RIGHT["y"], log_carat=np.log(RIGHT["carat"]),
    turned=(RIGHT["x"] > RIGHT["y"]).astype(int), oblong=(RIGHT["x"] - RIGHT["y"]).abs(),
    turned_text=np.where(RIGHT["x"] > RIGHT["y"], "x", np.where(RIGHT["x"] < RIGHT["y"], "y", "same")),
    log_price=np.log(RIGHT["price"]), cents=RIGHT["price"] * 100, x_in_cm=RIGHT["x"] / 10,
    known=RIGHT["price"].where(is_sold(RIGHT)), number=RIGHT["part"].map({"train": 0, "validation": 1, "test": 2}),
    cut_number=pd.factorize(RIGHT["cut"])[0], ideal=RIGHT["cut"] == "Ideal", cut_and_color=RIGHT["cut"] + RIGHT["color"],
    color_number=pd.factorize(RIGHT["color"])[0],
    clarity_text="grade " + RIGHT["clarity"], area_z=RIGHT["x"] * RIGHT["y"] * RIGHT["z"],
    heavy=(RIGHT["carat"] > 1).astype(int), log_depth=np.log(RIGHT["depth"]),
)  # fmt: skip
ONE_HOT = pd.get_dummies(TABLE[["color", "clarity"]])
TABLE = pd.concat([TABLE, ONE_HOT], axis=1)
SAFE = ["carat", "color", "clarity", "depth", "table"]
TEST, SOLD = (TABLE["part"] == "test").to_numpy(), is_sold(TABLE)
PRICE = TABLE["price"].where(TEST | SOLD)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([*SAFE, "longer", "shorter", "z"], None),
        ((*SAFE, "area", "oblong", "log_carat", "z"), None),
        (pd.Index([*SAFE, "longer", "shorter"]), None),
        (SAFE, None),
        # What tells the same as a column that is left out.
        (["carat", "color", "clarity", "table", "longer", "shorter", "z"], None),
        (
            [
                "log_carat",
                "color_number",
                "clarity_text",
                "log_depth",
                "table",
                "longer",
                "shorter",
                "area_z",
            ],
            None,
        ),
        (["log_carat", "depth", "table", "heavy", *ONE_HOT], None),
        (["carat", "color", "clarity", "table", "longer", "z"], "depth will be known"),
        (["carat", "heavy", "clarity", "depth", "table"], "color will be known"),
        (["heavy", "color", "clarity", "depth", "table"], "carat will be known"),
        # Targets, parts and the order of x and y under another name.
        ([*SAFE, "log_price"], "`log_price` is `price` under another name"),
        ([*SAFE, "cents"], "`cents` is `price` under another name"),
        ([*SAFE, "known"], "`known` is not known on the day"),
        ([*SAFE, "cut_number"], "`cut_number` is `cut` under another name"),
        ([*SAFE, "ideal"], "`ideal` is `cut` under another name"),
        ([*SAFE, "cut_and_color"], "`cut_and_color` is `cut` under another name"),
        ([*SAFE, "number"], "`number` is `part` under another name"),
        ([*SAFE, "x_in_cm"], "x_in_cm gives the cut away"),
        ([*SAFE, "turned_text"], "turned_text gives the cut away"),
        ([*SAFE, "x", "y", "z"], "x, y gives the cut away"),
        ([*SAFE, "longer", "x"], "x gives the cut away"),
        ([*SAFE, "ratio"], "ratio gives the cut away"),
        ([*SAFE, "longer", "turned"], "turned gives the cut away"),
        ([*SAFE, "price"], "`price` is what the network is to tell"),
        ([*SAFE, "cut"], "`cut` is what the network is to tell"),
        ([*SAFE, "part"], "a new stone is in none"),
        (SAFE[:2], "clarity, depth, table will be known"),
        ([*SAFE, "long"], "has no column long"),
        ("carat", "must be a list of names"),
        ([1, 2], "must be a list of names"),
    ],
)
def test_columns(columns, message):
    expect(check_2(columns, PRICE, TABLE), message)


@pytest.mark.parametrize(
    ("known_price", "message"),
    [
        (PRICE, None),
        (PRICE.to_numpy()[:, None], None),
        (PRICE.fillna(0), "A price of 0 or less"),
        (PRICE.fillna(-1), "A price of 0 or less"),
        (TABLE["price"].where(SOLD), "Test stones lack their price"),
        (TABLE["price"], "are not sold, and have a price"),
        (TABLE["price"].where(SOLD | (TABLE["part"] != "train")), "are not sold, and have a price"),
        (TABLE["price"].where(TEST), "sold stones have lost their price"),
        (np.log(PRICE), "Keep dollars here"),
        (PRICE.dropna(), "one number for each of the"),
    ],
)
def test_known_price(known_price, message):
    expect(check_2([*SAFE, "longer", "shorter", "z"], known_price, TABLE), message)


BASELINES = {
    "price": {"trivial": 70.1, "linear": 10.8, "boosting": 10.9},
    "cut": {"trivial": 0.401, "linear": 0.606, "boosting": 0.73},
}


@pytest.mark.parametrize(
    ("task", "kind", "value", "message"),
    [
        ("price", "trivial", 75.0, None),
        ("price", "trivial", 104.8, None),
        ("price", "boosting", 12.7, None),
        ("cut", "linear", 0.5957, None),
        ("cut", "boosting", 0.7273, None),
        ("price", "trivial", 67.576, "each price counted once"),
        ("price", "trivial", 0.70, "In per cent"),
        ("price", "linear", 0.108, "In per cent"),
        ("price", "linear", 41.3, "In dollars, in place of log dollars"),
        ("price", "linear", 18.1, "a 0 or 1 for each grade"),
        ("price", "boosting", 8.2, "prices of stones that are not sold"),
        ("price", "boosting", 22.0, "from the sold training stones alone"),
        ("cut", "trivial", 0.599, "the share of errors"),
        ("cut", "trivial", 0.2, "most frequent cut"),
        ("cut", "linear", 0.5, "another solver. Are both inputs there?"),
        ("cut", "boosting", 0.60, "well above the linear"),
        ("cut", "boosting", 0.80, "which of x and y was the longer"),
        ("cut", "boosting", 73.0, "from 0 to 1"),
    ],
)
def test_baselines(task, kind, value, message):
    expect(check_3({**BASELINES, task: {**BASELINES[task], kind: value}}), message)


def test_the_number_of_prices_counted_once_is_that_of_the_data():
    """The message about it would never be seen, or by the wrong learner, if the number were another."""
    table = load_diamonds().table
    guess = table.loc[table["part"] == "train", "price"].median()
    sold = table.loc[(table["part"] == "validation") & (table["stands_for"] > 0), "price"]
    assert 100 * ((guess - sold).abs() / sold).mean() == pytest.approx(COUNTED_ONCE, abs=0.01)


def test_a_baseline_that_is_missing():
    assert check_3(BASELINES) is None
    expect(
        check_3({"price": BASELINES["price"], "cut": {"trivial": 0.4, "linear": 0.6}}),
        "boosting baseline of 'cut'",
    )


def network(units=(1, 5), apart=False, tasks=("price", "cut"), kind=MultiTaskModel):
    given = keras.Input((6,), name="measured")
    trunks = [layers.Dense(4, activation="relu")(given)] * 2
    if apart:
        trunks[1] = layers.Dense(4, activation="relu")(given)
    pairs = zip(tasks, trunks, units, strict=True)
    return kind(
        {"measured": given}, {task: layers.Dense(count, name=task)(trunk) for task, trunk, count in pairs}
    )


def seeds(mean, spread, count=10, start=0):
    return mean + spread * np.random.default_rng(start).normal(size=count)


ALONE = {"price": seeds(10.5, 0.2), "cut": seeds(0.71, 0.002)}
SHARED = {"price": seeds(10.7, 0.2, start=1), "cut": seeds(0.708, 0.002, start=1)}


@pytest.mark.parametrize(
    ("model", "changed", "message"),
    [
        (network(), {}, None),
        (network(kind=keras.Model), {"price": list(seeds(9.6, 0.2, start=1))}, None),
        (network(apart=True), {}, "two networks side by side"),
        (network(units=(5, 1)), {}, "heads of 1 and 5 units"),
        (network(tasks=("dollars", "cut")), {}, "'price' and 'cut'"),
        (network, {}, "must be a Keras model"),
        (network(), {"price": seeds(10.7, 0.2, 5)}, "ten seeds or more"),
        (network(), {"price": 10.7}, "ten seeds or more"),
        (network(), {"price": np.full(10, np.nan)}, "spreads through the trunk"),
        (network(), {"price": np.full(10, 10.7)}, "made anew for each seed"),
        (network(), {"price": seeds(0.107, 0.002)}, "Price in per cent"),
        (network(), {"cut": seeds(71, 0.2)}, "cut from 0 to 1"),
        (network(), {"price": seeds(18, 0.2)}, "clearly worse than a linear baseline"),
        (network(), {"cut": seeds(0.58, 0.01)}, "no better, or hardly, than a linear baseline"),
        (network(), {"price": seeds(8, 0.1)}, "stones that are not sold"),
        (network(), {"cut": seeds(0.8, 0.003)}, "which of x and y"),
        (network(), {"cut": seeds(0.71, 0.002, 12)}, "the same seeds"),
        (network(), {"cut": ALONE["cut"]}, "one network trained twice"),
    ],
)
def test_alone_and_together(model, changed, message):
    expect(check_4(model, ALONE, {**SHARED, **changed}), message)


CHOSEN_BY = {name: np.linspace(0.7, 0.8, 12) for name in ("price alone", "cut alone", "shared")}
RECORD = {
    "candidates": {"price alone": 12, "cut alone": 12, "shared": 12},
    "validation_scores": CHOSEN_BY,
    "chosen_on": "validation",
    "tuning_seeds": range(100, 103),
    "final_seeds": np.arange(10),
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({"tuning_seeds": [77], "final_seeds": list(range(20))}, None),
        ({"final_seeds": 10, "chosen_on": "val"}, None),  # a count, as for train_seeds
        ({"tuning_seeds": {100, 101}}, None),
        (
            {"candidates": {name: [(0.001 * k, 1.0) for k in range(12)] for name in CHOSEN_BY}},
            None,
        ),
        ({"candidates": {name: np.linspace(0.001, 0.1, 12) for name in CHOSEN_BY}}, None),
        ({"tuning_seeds": 3, "final_seeds": 10}, "Seeds [0, 1, 2] were used for both"),
        ({"final_seeds": [0] * 10}, "none twice"),
        ({"validation_scores": None}, "`validation_scores` is missing"),
        (
            {"validation_scores": {**CHOSEN_BY, "shared": [0.7, 0.8]}},
            "'shared': 12 validation scores",
        ),
        ({"validation_scores": {**CHOSEN_BY, "shared": [np.nan] * 12}}, "with NaN"),
        (
            {"validation_scores": {**CHOSEN_BY, "shared": [0.7] * 12}},
            "Was each of them trained?",
        ),
        (
            {"validation_scores": {"price alone": range(12), "cut alone": range(12)}},
            "of 'shared' are missing",
        ),
        ({"chosen_on": "test"}, "nothing is left to say"),
        ({"chosen_on": "train"}, "learned by heart"),
        ({"candidates": {"price alone": 3, "cut alone": 3, "shared": 9}}, "Same number for all"),
        ({"candidates": {"price alone": 1, "cut alone": 1, "shared": 1}}, "no tuning"),
        ({"tuning_seeds": [0, 1, 2]}, "Seeds [0, 1, 2] were used for both"),
        ({"final_seeds": range(5)}, "Ten seeds or more"),
    ],
)
def test_tuning(changed, message):
    expect(check_5({**RECORD, **changed}), message)


def scores(price=0.0, cut=0.0):
    """Shared minus alone, with a small spread."""
    wobble = np.linspace(-1, 1, 10)
    alone = {"price": np.linspace(10, 11, 10), "cut": np.linspace(0.70, 0.71, 10)}
    shared = {"price": alone["price"] + price + 0.2 * wobble, "cut": alone["cut"] + cut + 0.002 * wobble}
    return {"shared": shared, "alone": alone}


MARGIN = {"price": 0.5, "cut": 0.01}
EQUAL = {"price": "equal within the margin", "cut": "equal within the margin"}


@pytest.mark.parametrize(
    ("found", "verdicts", "message"),
    [
        (scores(), EQUAL, None),
        (scores(price=-1), {**EQUAL, "price": "better"}, None),
        (scores(price=-1), {**EQUAL, "price": "worse"}, "of an error, less is better"),
        (scores(price=-0.1), {**EQUAL, "price": "better, within the margin"}, "confidence of 97.5 %"),
        (scores(), {**EQUAL, "cut": "no difference shown"}, "True, but you set a margin"),
        (scores(cut=-0.02), EQUAL, "Which of its ends"),
        (scores(), {**EQUAL, "cut": "equal"}, "is no verdict"),
    ],
)
def test_verdicts(found, verdicts, message):
    expect(check_6(found, MARGIN, verdicts), message)


@pytest.mark.parametrize("price", [-1, -0.4, -0.1, 0, 0.3, 0.6])
@pytest.mark.parametrize("cut", [-0.02, -0.003, 0, 0.009])
def test_verdicts_that_the_helper_gives_are_right(price, cut):
    found = scores(price, cut)
    given = {
        task: verdict(
            gain_interval(found["shared"][task], found["alone"][task], task == "cut", 0.975), MARGIN[task]
        )
        for task in MARGIN
    }
    assert check_6(found, MARGIN, given) is None


def test_margins_and_seeds_of_the_report():
    expect(check_6(scores(), {"price": 0, "cut": 0.01}, EQUAL), "a margin above zero")
    expect(check_6(scores(), {"price": 0.5, "cut": 1}, EQUAL), "One point of accuracy is 0.01")
    short = {side: {task: values[:4] for task, values in each.items()} for side, each in scores().items()}
    expect(check_6(short, MARGIN, EQUAL), "ten seeds or more")


ARGUMENTS = {"12.1": 1, "12.2": 3, "12.3": 1, "12.4": 3, "12.5": 1, "12.6": 3}


@pytest.mark.parametrize("exercise", ARGUMENTS)
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, {"a": 1}, pd.DataFrame({"a": [1]})])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, *[nonsense] * ARGUMENTS[exercise]).status == exercises.WRONG


@pytest.mark.parametrize("exercise", ARGUMENTS)
def test_what_follows_an_unfilled_step_is_not_tried(exercise):
    assert exercises.check(exercise, *[...] * ARGUMENTS[exercise]).status == exercises.NOT_TRIED
