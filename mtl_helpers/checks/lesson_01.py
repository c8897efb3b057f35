"""The checks of lesson 01: single-task baselines."""

from mtl_helpers.data import load_penguins
from mtl_helpers.evaluation import mean_interval, paired_interval

import numpy as np
from scipy import stats


def check_1(baseline_error: float) -> str | None:
    """The mean absolute error in g, on the test birds, of the training birds' mean mass."""
    penguins = load_penguins()
    grams = {part: birds["body_mass_g"] for part, birds in penguins.table.groupby("part")}
    train, test = grams["train"], grams["test"]
    right = (test - train.mean()).abs().mean()
    wrong = {
        "This error is in standard deviations, not in grams. Use the masses of penguins.table, or multiply by "
        "penguins.body_mass_std.": right / penguins.body_mass_std,
        "This uses the mean of the test birds. A model never sees their masses: take the mean of the training "
        "birds.": (test - test.mean()).abs().mean(),
        "This is the error on the training birds. Take their mean, but measure the error on the test birds.": (
            train - train.mean()
        )
        .abs()
        .mean(),
        "This is the root of the mean squared error. Take the mean of the absolute differences.": np.sqrt(
            ((test - train.mean()) ** 2).mean()
        ),
        "Without absolute values, errors up and down cancel. Take abs() before the mean.": (
            test - train.mean()
        ).mean(),
        "You used all 333 birds. The column `part` tells which are for training and which for the test.": (
            (penguins.table["body_mass_g"] - penguins.table["body_mass_g"].mean()).abs().mean()
        ),
        "This is the standard deviation of the masses. The question asks for a mean absolute error.": train.std(),
        "This uses the median of the training birds. It is a baseline too, but the question asks for their mean.": (
            test - train.median()
        )
        .abs()
        .mean(),
    }
    return _match(
        baseline_error,
        right,
        wrong,
        0.001,
        "Take the training birds' mean mass, subtract it from every "
        "test bird's mass, and average the absolute differences.",
    )


def check_2(half_width: float, network_errors: np.ndarray) -> str | None:
    """Half the width of the 95 % t interval of the mean of the seeds."""
    errors = np.asarray(network_errors, dtype=float)
    n = len(errors)
    interval = mean_interval(errors)
    right = interval.mean - interval.low
    t, deviation = stats.t.ppf(0.975, n - 1), errors.std(ddof=1)
    wrong = {
        "This is the standard deviation of the seeds: how far one seed lies from the mean. The interval is about "
        "the mean of all: divide by √n and multiply by t.": deviation,
        "This lacks the division by √n: it would hold for one seed, not for the mean of all.": t * deviation,
        "This is the standard error. Multiply it by t, about 2.1 for twenty seeds.": deviation / np.sqrt(n),
        "This is the whole width. Half of it stands on each side of the mean.": 2 * right,
        "You used 1.96, which is for very many seeds. With twenty, t with 19 degrees of freedom is a little "
        "larger.": 1.96 * deviation / np.sqrt(n),
        "t at 0.95 leaves 5 % on each side, so 10 % in all. Use 0.975.": stats.t.ppf(0.95, n - 1)
        * deviation
        / np.sqrt(n),
        "Divide by √n, not by n.": t * deviation / n,
        "NumPy's std divides by n. For a sample use std(ddof=1).": t * errors.std() / np.sqrt(n),
    }
    return _match(half_width, right, wrong, 0.01, "Half the width is t · s / √n.")


def check_3(mean: float, low: float, high: float, network: np.ndarray, linear: np.ndarray) -> str | None:
    """Mean and 95 % interval of the paired difference network − linear."""
    right = paired_interval(network, linear)
    given = np.array([mean, low, high], dtype=float)
    if np.allclose(given, right, atol=0.05):
        return None
    if np.allclose(given, paired_interval(linear, network), atol=0.05):
        return (
            "The sign is turned: this is linear minus network. Positive must mean that the network errs more."
        )
    if not np.isclose(mean, right.mean, atol=0.05):
        return "The mean is not that of network[80] − linear[80]. Subtract seed by seed, then average."
    if low > high:
        return "low is above high."
    unpaired = stats.ttest_ind(network, linear).confidence_interval(0.95)
    a, b = mean_interval(network), mean_interval(linear)
    ends = [(a.low - b.high, a.high - b.low), (a.low - b.low, a.high - b.high)]
    if any(np.allclose([low, high], pair, atol=0.05) for pair in ends):
        return (
            "The mean is right, but you subtracted the ends of two intervals. First take the twenty differences, "
            "then the interval of their mean."
        )
    if np.allclose([low, high], unpaired, rtol=0.02):
        return (
            "The mean is right, but the interval treats the two models as strangers. Both saw the same birds at each "
            "seed: take the interval of the twenty differences."
        )
    deviation = (np.asarray(network) - np.asarray(linear)).std(ddof=1)
    if np.isclose(high - low, 2 * deviation, rtol=0.01):
        return "The mean is right, but this interval is ± one standard deviation of the seeds. Use mean_interval."
    return "The mean is right, the interval is not. Use mean_interval on the twenty differences."


def _match(
    given: float, right: float, wrong: dict[str, float], tolerance: float, otherwise: str
) -> str | None:
    """None if the answer is right, or the message of the wrong way that leads to it; tolerance is relative."""
    if np.size(given) != 1:
        return f"One number is expected, but the answer has {np.size(given)}."
    given = float(np.squeeze(given))
    # The right answer first: a wrong way may come close to it by chance.
    if np.isclose(given, right, rtol=tolerance):
        return None
    message, value = min(wrong.items(), key=lambda item: abs(given - item[1]))
    return message if np.isclose(given, value, rtol=tolerance) else otherwise
