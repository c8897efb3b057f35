"""The diamonds: what is cleaned away, that no stone is in two parts, whose price is known, and how it is scored."""

import importlib.util
import subprocess
import sys

from mtl_helpers.data import load_diamonds
from mtl_helpers.diamonds import CLARITIES, COLOURS, CUTS, diamond_table, is_sold, stone_numbers

import numpy as np
import pytest

RAW = diamond_table()
DIAMONDS = load_diamonds()
TABLE = DIAMONDS.table
PARTS = ("train", "validation", "test")


def of(part):
    return TABLE[TABLE["part"] == part]


def test_the_file_is_what_the_lesson_says():
    assert RAW.shape == (53_940, 10)
    assert set(RAW["cut"]) == set(CUTS)
    assert set(RAW["color"]) == set(COLOURS) and set(RAW["clarity"]) == set(CLARITIES)


def test_plotnine_is_found_and_not_imported():
    code = "import sys; from mtl_helpers.diamonds import load_diamonds; load_diamonds(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"plotnine", "tensorflow", "matplotlib"} & set(done.stdout.split())


def test_a_missing_package_says_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="plotnine, but it is not installed"):
        diamond_table()


def test_what_is_left_can_be_true():
    assert len(TABLE) == 53_695 and not TABLE[list(RAW.columns.drop("price"))].isna().any(axis=None)
    assert TABLE[["x", "y", "z"]].min().min() > 2 and TABLE[["x", "y", "z"]].max().max() < 11
    assert (200 * TABLE["z"] / (TABLE["x"] + TABLE["y"]) - TABLE["depth"]).abs().max() < 1
    assert TABLE["carat"].max() == RAW["carat"].max()  # what is rare stays


def test_no_stone_is_in_two_parts_however_it_lies():
    sides = np.sort(TABLE[["x", "y"]].to_numpy(), axis=1)
    own = TABLE[["carat", "depth", "table", "z"]].assign(first=sides[:, 0], second=sides[:, 1])
    keys = own.groupby(list(own)).ngroup()
    assert TABLE["part"].groupby(keys).nunique().max() == 1
    assert keys.nunique() == TABLE["stone"].nunique() < len(TABLE) - 10_000  # else there was nothing to group


def test_a_stone_keeps_its_number_when_it_is_turned_or_stands_elsewhere():
    some = RAW.sample(500, random_state=0)
    turned = some.rename(columns={"x": "y", "y": "x"})
    np.testing.assert_array_equal(stone_numbers(some), stone_numbers(turned))
    np.testing.assert_array_equal(stone_numbers(RAW)[some.index], stone_numbers(some))
    assert (stone_numbers(some.assign(z=some["z"] + 0.01)) != stone_numbers(some)).all()


def test_parts_have_their_shares_and_are_alike():
    share = TABLE["part"].value_counts(normalize=True)
    assert share["train"] == pytest.approx(0.6, abs=0.01) and share["test"] == pytest.approx(0.2, abs=0.01)
    carat = TABLE.groupby("part")["carat"].mean()
    assert carat.max() - carat.min() < 0.03
    assert not load_diamonds(seed=1).table["part"].equals(TABLE["part"])


def test_prices_are_known_by_the_rule():
    sold, heavy = is_sold(TABLE), TABLE["carat"] > 1
    stones = TABLE.assign(sold=sold).drop_duplicates("stone")
    assert stones.loc[stones["carat"] <= 1, "sold"].mean() == pytest.approx(1 / 20, rel=0.1)
    assert stones.loc[stones["carat"] > 1, "sold"].mean() == pytest.approx(1 / 80, rel=0.2)
    test = TABLE["part"] == "test"
    assert (TABLE["price"].notna() == (sold | test)).all()
    assert (TABLE.loc[sold & ~test & heavy, "stands_for"] == 80).all()
    assert (TABLE.loc[sold & ~test & ~heavy, "stands_for"] == 20).all()
    assert (TABLE.loc[test, "stands_for"] == 1).all() and (TABLE.loc[~sold & ~test, "stands_for"] == 0).all()
    weighed = of("train").groupby(heavy)["stands_for"].sum()
    assert weighed.sum() == pytest.approx(len(of("train")), rel=0.1)  # each sold stone stands for its like


@pytest.mark.parametrize("part", PARTS)
def test_splits_hold_what_the_table_says(part):
    split, rows = getattr(DIAMONDS, part), of(part)
    assert {name: (values.shape[1:], values.dtype.name) for name, values in split.inputs.items()} == {
        "measured": ((6,), "float32"),
        "graded": ((15,), "float32"),
    }
    assert all(np.isfinite(values).all() for values in split.inputs.values())
    assert [CUTS[cut] for cut in split.targets["cut"]] == rows["cut"].tolist()
    price = split.targets["price"]
    assert price.shape == (len(rows), 1) and price.dtype == "float32"
    np.testing.assert_allclose(DIAMONDS.dollars(price[:, 0]), rows["price"], rtol=1e-5)
    grades = split.inputs["graded"]
    assert [COLOURS[row] for row in grades[:, :7].argmax(axis=1)] == rows["color"].tolist()
    assert [CLARITIES[row] for row in grades[:, 7:].argmax(axis=1)] == rows["clarity"].tolist()
    assert (grades.sum(axis=1) == 2).all()


def test_inputs_are_standardised_on_training_and_forget_the_order_of_the_sides():
    measured = DIAMONDS.train.inputs["measured"]
    np.testing.assert_allclose(measured.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(measured.std(axis=0), 1, atol=1e-4)
    assert abs(DIAMONDS.test.inputs["measured"].mean(axis=0)).max() > 1e-4
    logs = np.log(TABLE.loc[TABLE["part"] == "train", ["longer", "shorter"]].to_numpy())
    np.testing.assert_allclose(measured[:, 1:3], (logs - logs.mean(axis=0)) / logs.std(axis=0), atol=1e-4)
    np.testing.assert_array_equal(TABLE[["longer", "shorter"]], np.sort(TABLE[["x", "y"]], axis=1)[:, ::-1])


def test_scores_count_each_known_price_for_what_it_stands_for():
    generator, split, rows = np.random.default_rng(0), DIAMONDS.validation, of("validation")
    price = generator.normal(size=(3, len(split), 1))
    cuts = generator.random((3, len(split), 5))
    found = DIAMONDS.scores({"price": price, "cut": cuts}, "validation")
    for seed in range(3):
        total = weight = 0.0
        for guess, true, stands_for in zip(price[seed, :, 0], rows["price"], rows["stands_for"], strict=True):
            if stands_for:
                dollars = np.exp(guess * DIAMONDS.log_price_std + DIAMONDS.log_price_mean)
                total, weight = total + stands_for * abs(dollars - true) / true, weight + stands_for
        assert found["price"][seed] == pytest.approx(100 * total / weight)
        assert found["cut"][seed] == pytest.approx(np.mean(cuts[seed].argmax(axis=1) == split.targets["cut"]))


def test_perfect_predictions_have_perfect_scores():
    target = DIAMONDS.test.targets
    found = DIAMONDS.scores({"price": target["price"][None], "cut": np.eye(5)[target["cut"]][None]}, "test")
    assert found["price"][0] == pytest.approx(0, abs=1e-3) and found["cut"][0] == 1


def test_scores_refuse_what_does_not_fit():
    rows = len(DIAMONDS.test)
    with pytest.raises(ValueError, match="Choose on validation, report on test"):
        DIAMONDS.scores({"cut": np.ones((1, rows, 5))}, "train")
    with pytest.raises(ValueError, match="keep the axis of seeds"):
        DIAMONDS.scores({"cut": np.ones((rows, 5))}, "test")
    with pytest.raises(ValueError, match="not class numbers"):
        DIAMONDS.scores({"cut": np.ones((1, rows, 1))}, "test")
    with pytest.raises(ValueError, match="'price' in shape"):
        DIAMONDS.scores({"price": np.ones((1, rows, 2))}, "test")
    with pytest.raises(ValueError, match="'clarity' in shape"):
        DIAMONDS.scores({"clarity": np.ones((1, rows, 8))}, "test")


def test_the_order_of_the_sides_tells_the_cut():
    """The leak of exercise 12.2 is in the file, and large."""
    first_longer = (TABLE["x"] > TABLE["y"]).groupby(TABLE["cut"]).mean()
    assert first_longer["Premium"] > 0.7 and first_longer["Very Good"] < 0.25
