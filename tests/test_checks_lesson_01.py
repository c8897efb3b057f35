"""Lesson 01: each wrong answer is met by its own message."""

from mtl_helpers.checks.lesson_01 import check_1, check_2, check_3
from mtl_helpers.data import load_penguins
from mtl_helpers.evaluation import mean_interval, paired_interval

import numpy as np
import pytest
from scipy import stats

PENGUINS = load_penguins()
TRAIN, TEST = (PENGUINS.table.query(f"part == '{part}'")["body_mass_g"] for part in ("train", "test"))
ALL = PENGUINS.table["body_mass_g"]
ERRORS = np.random.default_rng(0).normal(247, 12, size=20)
NETWORK = ERRORS + np.random.default_rng(1).normal(-4, 6, size=20)


def test_right_answers():
    assert check_1((TEST - TRAIN.mean()).abs().mean()) is None
    assert check_2(stats.t.ppf(0.975, 19) * ERRORS.std(ddof=1) / np.sqrt(20), ERRORS) is None
    assert check_2(2.1 * ERRORS.std(ddof=1) / np.sqrt(20), ERRORS) is None  # t as the text rounds it
    assert check_3(*mean_interval(NETWORK - ERRORS), NETWORK, ERRORS) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((TEST - TRAIN.mean()).abs().mean() / TRAIN.std(ddof=0), "not in grams"),
        ((TEST - TEST.mean()).abs().mean(), "mean of the test birds"),
        ((TRAIN - TRAIN.mean()).abs().mean(), "error on the training birds"),
        (((TEST - TRAIN.mean()) ** 2).mean() ** 0.5, "root of the mean squared error"),
        ((TEST - TRAIN.mean()).mean(), "Without absolute values"),
        ((TEST - TRAIN.median()).abs().mean(), "median"),
        (ALL.sub(ALL.mean()).abs().mean(), "all 333 birds"),
        (50.0, "Take the training birds' mean mass"),
        ([1.0, 2.0], "One number is expected"),
    ],
)
def test_baseline_error(answer, message):
    assert message in check_1(answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ERRORS.std(ddof=1), "standard deviation of the seeds"),
        (ERRORS.std(ddof=1) / np.sqrt(20), "standard error"),
        (stats.t.ppf(0.975, 19) * ERRORS.std(ddof=1), "lacks the division"),
        (2 * stats.t.ppf(0.975, 19) * ERRORS.std(ddof=1) / np.sqrt(20), "whole width"),
        (1.96 * ERRORS.std(ddof=1) / np.sqrt(20), "1.96"),
        (stats.t.ppf(0.975, 19) * ERRORS.std() / np.sqrt(20), "ddof=1"),
        (stats.t.ppf(0.95, 19) * ERRORS.std(ddof=1) / np.sqrt(20), "0.975"),
        (stats.t.ppf(0.975, 19) * ERRORS.std(ddof=1) / 20, "not by n"),
    ],
)
def test_half_width(answer, message):
    assert message in check_2(answer, ERRORS)


RIGHT = paired_interval(NETWORK, ERRORS)
UNPAIRED = stats.ttest_ind(NETWORK, ERRORS).confidence_interval(0.95)
ENDS = mean_interval(NETWORK), mean_interval(ERRORS)
DEVIATION = (NETWORK - ERRORS).std(ddof=1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (paired_interval(ERRORS, NETWORK), "sign is turned"),
        ((RIGHT.mean, *UNPAIRED), "strangers"),
        ((RIGHT.mean, RIGHT.mean - DEVIATION, RIGHT.mean + DEVIATION), "one standard deviation"),
        ((RIGHT.mean, ENDS[0].low - ENDS[1].high, ENDS[0].high - ENDS[1].low), "ends of two intervals"),
        ((RIGHT.mean, RIGHT.high, RIGHT.low), "low is above high"),
        ((RIGHT.mean, RIGHT.low - 3, RIGHT.high), "The mean is right"),
        (mean_interval(NETWORK), "The mean is not that"),
    ],
)
def test_paired_difference(answer, message):
    assert message in check_3(*answer, NETWORK, ERRORS)
