"""Tables of gains: paired by seed, turned so that up is better, and written as they are."""

from mtl_helpers.comparisons import BETTER, NOTHING
from mtl_helpers.evaluation import paired_interval
from mtl_helpers.gains import as_texts, draw_gains, draw_matrices, gains_over
from mtl_helpers.grouping import affinity_matrices, affinity_rows, chooser_table, label
from mtl_helpers.task_clusters import task_clusters

import numpy as np
import pandas as pd
import pytest

HIGHER = {"sex": True, "body_mass": False}


def scores(seeds=12):
    """The method "new" errs 20 g less than "sum" and is as often right about the sex; seeds come in any order."""
    generator = np.random.default_rng(0)
    rows = []
    for task, size in (("sex", 0.02), ("body_mass", 10.0)):
        luck, noise = generator.normal(size=(2, seeds)) * size
        base = {"sex": 0.8, "body_mass": 300.0}[task] + luck
        for method, values in (("sum", base), ("new", base + 0.1 * noise - 20 * (task == "body_mass"))):
            order = generator.permutation(seeds)
            rows += [(method, task, seed, values[seed]) for seed in order]
    return pd.DataFrame(rows, columns=["method", "task", "seed", "score"])


def test_gains_are_paired_by_seed_whatever_their_order():
    table = scores()
    found = gains_over("sum", table, HIGHER)
    assert list(found.index) == [("new", "sex"), ("new", "body_mass")]
    of = {
        key: rows.sort_values("seed")["score"].to_numpy() for key, rows in table.groupby(["method", "task"])
    }
    for task, (first, second) in {"sex": ("new", "sum"), "body_mass": ("sum", "new")}.items():
        expected = paired_interval(of[first, task], of[second, task])
        assert tuple(found.loc[("new", task), ["gain", "low", "high"]]) == pytest.approx(tuple(expected))
    assert found.loc[("new", "body_mass"), "among_all"] == BETTER
    assert found.loc[("new", "sex"), "among_all"] == NOTHING


def test_seeds_or_a_baseline_that_do_not_match_are_refused():
    table = scores()
    with pytest.raises(ValueError, match="need scores of the same seeds in 'sex'"):
        gains_over("sum", table.query("not (method == 'new' and seed == 3)"), HIGHER)
    with pytest.raises(ValueError, match="the baseline 'best'"):
        gains_over("best", table, HIGHER)


def test_texts_have_a_star_where_the_wide_interval_leaves_out_zero():
    texts = as_texts(gains_over("sum", scores(), HIGHER))
    assert list(texts.columns) == ["sex", "body_mass, g"] and list(texts.index) == ["new"]
    mass, sex = texts.loc["new", "body_mass, g"], texts.loc["new", "sex"]
    assert mass.startswith("+20 [+") and mass.endswith("] *")
    assert "[-0.00" in sex and not sex.endswith("*")


def test_no_star_where_only_the_interval_alone_leaves_out_zero():
    gains = gains_over("sum", scores(), HIGHER)
    gains.loc[("new", "sex"), ["alone", "among_all"]] = [BETTER, NOTHING]
    assert not as_texts(gains).loc["new", "sex"].endswith("*")
    gains.loc[("new", "sex"), "among_all"] = BETTER
    assert as_texts(gains).loc["new", "sex"].endswith("*")


def test_pictures_hold_what_the_table_says():
    gains = gains_over("sum", scores(), HIGHER)
    sex, mass = draw_gains(gains, ["new"]).axes
    assert (sex.get_title(), mass.get_title()) == ("sex", "body_mass")
    wide, narrow, mean = mass.lines[:3]
    row = gains.loc[("new", "body_mass")]
    np.testing.assert_allclose(wide.get_xdata(), [row["wide_low"], row["wide_high"]])
    np.testing.assert_allclose(narrow.get_xdata(), [row["low"], row["high"]])
    assert mean.get_xdata()[0] == row["gain"]
    matrix = np.array([[np.nan, 0.2], [-0.1, np.nan]])
    figure = draw_matrices({"a": matrix, "b": 2 * matrix})
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert [image.get_clim() for image in images] == [(-0.2, 0.2), (-0.4, 0.4)]


WAYS = ["1 2 3 | 4 5 6", "1 4 | 2 3 5 6", "1 2 3 4 5 6", "1 | 2 | 3 | 4 | 5 | 6"]


def test_choosers_are_scored_on_test_and_brute_force_chooses_on_validation():
    rows = [
        (seed, way, validation + seed, test + seed)
        for seed in range(3)
        for way, validation, test in zip(WAYS, (0.3, 0.2, 0.1, 0.9), (0.1, 0.4, 0.5, 0.8), strict=True)
    ]
    grouping = pd.DataFrame(rows, columns=["seed", "groups", "validation", "test"])
    clusters = task_clusters().clusters
    other = (("task_1", "task_4"), ("task_2", "task_3", "task_5", "task_6"))
    turned = clusters[::-1]  # the same groups in another order
    grouping["groups"] = grouping["groups"].replace(WAYS[0], label(turned))
    table = chooser_table(grouping, {"good": [turned] * 3, "mixed": [turned, other, other]}, clusters)
    assert table["finds the clusters"].to_dict() == {
        "brute force": "0 of 3", "good": "3 of 3", "mixed": "1 of 3", "chance": "", "one network for all": "",
        "a network for each": "",
    }  # fmt: skip
    means = table["test error"].str.split().str[0].astype(float).to_dict()
    assert means == pytest.approx(
        {"brute force": 1.4, "good": 1.1, "mixed": 1.3, "chance": 1.25, "one network for all": 1.5,
         "a network for each": 1.8}, abs=0.011,
    )  # fmt: skip


def test_a_label_names_the_tasks_of_each_group():
    assert label(task_clusters().clusters) == "1 2 3 | 4 5 6"


def test_affinities_come_back_from_their_table_as_they_were():
    generator = np.random.default_rng(0)
    affinity, gains = generator.normal(size=(2, 3, 4, 4))  # three draws, four tasks
    for values in (affinity, gains):
        values[:, range(4), range(4)] = np.nan
    table = pd.concat([affinity_rows("one", affinity, gains), affinity_rows("other", 2 * affinity)])
    assert len(table) == 2 * 3 * 12
    np.testing.assert_array_equal(affinity_matrices(table, "one"), affinity)
    np.testing.assert_array_equal(affinity_matrices(table, "one", "gain"), gains)
    np.testing.assert_array_equal(affinity_matrices(table, "other"), 2 * affinity)
    assert table[table["data"] == "other"]["gain"].isna().all()
    first = table.iloc[0]
    assert (first["helper"], first["task"], first["affinity"]) == ("task_1", "task_2", affinity[0, 0, 1])
