"""Intervals and corrections against SciPy on random inputs, the verdicts case by case, and coverage by simulation."""

from mtl_helpers.comparisons import (
    BETTER,
    EQUAL,
    NOT_WORSE,
    NOTHING,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    WORSE,
    bootstrap_interval,
    compare,
    gain_interval,
    resampled_interval,
    verdict,
)
from mtl_helpers.evaluation import Interval, paired_interval

import numpy as np
import pytest
from scipy import stats


def random_pairs(comparisons=6, seeds=11):
    generator = np.random.default_rng(0)
    shifts = generator.normal(scale=0.6, size=comparisons)
    return {
        f"c{n}": (generator.normal(shift, 1, seeds), generator.normal(0, 1, seeds))
        for n, shift in enumerate(shifts)
    }


def test_a_gain_is_above_zero_if_ours_is_better():
    errors, less = [4.0, 5.0, 6.0], [3.0, 4.0, 5.5]
    assert gain_interval(less, errors, higher_is_better=False).mean == pytest.approx(2.5 / 3)
    assert gain_interval(less, errors, higher_is_better=True).mean == pytest.approx(-2.5 / 3)
    assert gain_interval(less, errors, higher_is_better=True) == paired_interval(less, errors)
    with pytest.raises(ValueError, match="True or False, but 'lower'"):
        gain_interval(less, errors, "lower")


def test_comparisons_are_those_of_scipy():
    pairs = random_pairs()
    higher = {name: n % 2 == 0 for n, name in enumerate(pairs)}
    table = compare(pairs, higher, confidence=0.9)
    assert list(table.index) == list(pairs)
    for name, (ours, baseline) in pairs.items():
        first, second = (ours, baseline) if higher[name] else (baseline, ours)
        test = stats.ttest_rel(first, second)
        row = table.loc[name]
        assert row["p"] == pytest.approx(test.pvalue)
        for low, high, confidence in (("low", "high", 0.9), ("wide_low", "wide_high", 1 - 0.1 / 6)):
            assert tuple(row[[low, high]]) == pytest.approx(tuple(test.confidence_interval(confidence)))
        # An interval of 90 % leaves zero out exactly if p is below 0.1, the wide one if below 0.1 / 6.
        assert (row["alone"] != NOTHING) == (test.pvalue < 0.1)
        assert (row["among_all"] != NOTHING) == (test.pvalue < 0.1 / 6)
    np.testing.assert_allclose(table["p_adjusted"], stats.false_discovery_control(table["p"]))
    assert set(table["alone"]) > {NOTHING}  # the comparison is not empty


def test_names_may_be_tuples_and_equal_differences_are_taken():
    pairs = {("a", "x"): ([1.0, 2.0], [1.0, 2.0]), ("a", "y"): ([2.0, 3.0], [1.0, 2.0])}
    table = compare(pairs, dict.fromkeys(pairs, True))
    assert table.loc[("a", "x"), "p"] == 1 and table.loc[("a", "x"), "alone"] == NOTHING
    assert table.loc[("a", "y"), "p"] == 0 and table.loc[("a", "y"), "among_all"] == BETTER


@pytest.mark.parametrize(("pairs", "higher"), [({}, {}), ({"a": ([1, 2], [2, 4])}, {"b": True})])
def test_comparisons_that_do_not_match_are_refused(pairs, higher):
    with pytest.raises(ValueError, match="the same comparisons"):
        compare(pairs, higher)


@pytest.mark.parametrize(
    ("gain", "margin", "expected"),
    [
        ((0.5, 0.1, 0.9), None, BETTER),
        ((-0.5, -0.9, -0.1), None, WORSE),
        ((0.5, -0.1, 1.1), None, NOTHING),
        ((0.5, 0.0, 1.0), None, NOTHING),  # it touches zero
        ((0.0, -0.1, 0.1), None, NOTHING),  # however narrow: without a margin never "equal"
        ((0.0, 0.0, 0.0), None, NOTHING),
        ((0.0, 0.0, 0.0), 1, EQUAL),
        ((0.5, 0.1, 0.9), 1, SLIGHTLY_BETTER),
        ((0.5, 0.1, 1.0), 1, BETTER),
        ((-0.5, -0.9, -0.1), 1, SLIGHTLY_WORSE),
        ((-0.5, -1.0, -0.1), 1, WORSE),
        ((0.1, -0.9, 0.9), 1, EQUAL),
        ((0.5, -0.5, 1.5), 1, NOT_WORSE),
        ((0.1, -1.0, 0.9), 1, NOTHING),
        ((0.1, -3.0, 3.0), 1, NOTHING),
    ],
)
def test_verdicts(gain, margin, expected):
    assert verdict(Interval(*gain), margin) == expected


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_a_margin_that_is_none(margin):
    with pytest.raises(ValueError, match="margin must be above zero"):
        verdict(Interval(0, -1, 1), margin)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_a_bootstrap_interval_is_that_of_scipy(method):
    (ours, baseline), *_ = random_pairs().values()
    expected = stats.bootstrap(
        (ours - baseline,), np.mean, method=method, rng=np.random.default_rng(3)
    ).confidence_interval
    found = bootstrap_interval(ours, baseline, method=method, seed=3)
    assert tuple(found) == pytest.approx((np.mean(ours - baseline), expected.low, expected.high))
    assert bootstrap_interval(ours, ours + 1) == pytest.approx((-1, -1, -1))


def test_bootstrap_and_t_agree_for_many_seeds():
    generator = np.random.default_rng(1)
    ours, baseline = generator.normal(size=(2, 400))
    assert tuple(bootstrap_interval(ours, baseline)) == pytest.approx(
        tuple(paired_interval(ours, baseline)), abs=0.01
    )


def test_splits_of_the_same_examples_widen_the_interval():
    (ours, baseline), *_ = random_pairs(seeds=10).values()
    difference = ours - baseline
    # Worked out from the paper's formula, not from the plain interval.
    half = stats.t.ppf(0.975, 9) * np.sqrt((1 / 10 + 0.25) * difference.var(ddof=1))
    expected = (difference.mean(), difference.mean() - half, difference.mean() + half)
    assert tuple(resampled_interval(ours, baseline, 0.25)) == pytest.approx(expected)
    with pytest.raises(ValueError, match="test_to_train must be above zero, but 0"):
        resampled_interval(ours, baseline, 0)


def covered(interval_of, experiments=400, examples=60, test=15, splits=10):
    """How often an interval over splits of the same examples holds the true mean, for a model that is a mean."""
    generator = np.random.default_rng(2)
    holds = 0
    for _ in range(experiments):
        values = generator.normal(size=examples)  # truth: a gain of 0 for new examples
        ours = [generator.permutation(values)[:test].mean() for _ in range(splits)]
        interval = interval_of(ours, np.zeros(splits))
        holds += interval.low <= 0 <= interval.high
    return holds / experiments


def test_the_plain_interval_is_too_narrow_for_splits_and_the_corrected_one_is_not():
    assert covered(paired_interval) < 0.8
    assert covered(lambda ours, none: resampled_interval(ours, none, 15 / 45)) > 0.92
