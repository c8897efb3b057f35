"""What differences between methods allow to say: intervals, many of them at once, and a verdict in words."""

from collections.abc import Callable, Hashable, Mapping, Sequence

from mtl_helpers.evaluation import Interval, paired_interval

import numpy as np
import pandas as pd
from scipy import stats

Values = Sequence[float] | np.ndarray

BETTER, WORSE, NOTHING = "better", "worse", "no difference shown"
EQUAL, NOT_WORSE = "equal within the margin", "not worse than the margin"
SLIGHTLY_BETTER, SLIGHTLY_WORSE = "better, within the margin", "worse, within the margin"


def gain_interval(
    ours: Values, baseline: Values, higher_is_better: bool, confidence: float = 0.95
) -> Interval:
    """The paired difference of two methods with its t interval, turned so that above zero means ours is better."""
    if not isinstance(higher_is_better, (bool, np.bool)):
        raise ValueError(
            f"higher_is_better must be True or False, but {higher_is_better!r} was given. Use True for an "
            "accuracy and False for an error."
        )
    first, second = (ours, baseline) if higher_is_better else (baseline, ours)
    return paired_interval(first, second, confidence)


def bootstrap_interval(
    ours: Values, baseline: Values, confidence: float = 0.95, *, method: str = "BCa", seed: int = 0
) -> Interval:
    """The mean of `ours − baseline`, paired seed by seed, with a bootstrap interval of SciPy.

    method: "BCa", "percentile" or "basic"; seed: of the 9,999 resamples
    Differences that are all equal give an interval of no width. Raises ValueError as `paired_interval` does.
    """
    mean, low, high = paired_interval(ours, baseline, confidence)
    if low == high:
        return Interval(mean, low, high)
    differences = np.asarray(ours, dtype=float) - np.asarray(baseline, dtype=float)
    found = stats.bootstrap(
        (differences,), np.mean, confidence_level=confidence, method=method, rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def seed_bootstrap(
    measure: Callable[[np.ndarray], float], seeds: int, draws: int = 2000, confidence: float = 0.95
) -> Interval:
    """A measure of all seeds, with its percentile bootstrap interval of SciPy.

    For what is no mean of one number a seed, as `mean_interval` needs it, but is computed from all of them.

    measure: from an array of places of seeds, (seeds,), as often as they were drawn, to a number
    seeds:   how many there are
    draws:   how often they are drawn, with replacement, always the same ones
    Raises ValueError for fewer than two seeds.
    """
    if seeds < 2:
        raise ValueError(f"At least two seeds are needed, but {seeds} was given. One says nothing of chance.")
    found = stats.bootstrap(
        (np.arange(seeds),), measure, vectorized=False, n_resamples=draws, confidence_level=confidence,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return Interval(float(measure(np.arange(seeds))), float(found.low), float(found.high))


def resampled_interval(
    ours: Values, baseline: Values, test_to_train: float, confidence: float = 0.95
) -> Interval:
    """A t interval for seeds that each split the same examples anew, wide enough for what the splits share.

    test_to_train: test examples over training examples of one split
    The seeds are no independent samples, as their splits overlap. The variance of their mean is taken as
    (1 / seeds + test_to_train) times that of one seed, in place of 1 / seeds.
    Source: Nadeau and Bengio, Machine Learning 52 (2003).
    Raises ValueError as `paired_interval` does, and for a ratio that is not above zero.
    """
    if not test_to_train > 0:
        raise ValueError(
            f"test_to_train must be above zero, but {test_to_train} was given. Divide the number of test examples "
            "of a split by that of its training examples."
        )
    mean, low, high = paired_interval(ours, baseline, confidence)
    half = (high - low) / 2 * np.sqrt(1 + len(ours) * test_to_train)
    return Interval(mean, float(mean - half), float(mean + half))


def verdict(gain: Interval, margin: float | None = None) -> str:
    """What an interval of a gain allows to say, above zero being better.

    "better" or "worse" if the whole interval lies on one side of zero, else "no difference shown", which is not
    "equal". A margin is the largest loss or gain that does not matter, set before looking. If the whole interval
    lies inside it, that is said too: "better, within the margin", "worse, within the margin" or "equal within the
    margin". If the interval holds zero and its lower end alone lies inside: "not worse than the margin".
    Raises ValueError for a margin that is not above zero.
    """
    if margin is not None and not margin > 0:
        raise ValueError(f"margin must be above zero, but {margin} was given. Use None for no margin.")
    above, below = gain.low > 0, gain.high < 0
    if margin is not None and -margin < gain.low and gain.high < margin:
        return SLIGHTLY_BETTER if above else SLIGHTLY_WORSE if below else EQUAL
    if above or below:
        return BETTER if above else WORSE
    return NOTHING if margin is None or gain.low <= -margin else NOT_WORSE


def compare(
    pairs: Mapping[Hashable, tuple[Values, Values]],
    higher_is_better: Mapping[Hashable, bool],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Many comparisons at once: a row for each, with what it says alone and what it says as one of many.

    pairs:            name -> (ours, baseline), one number a seed, paired
    higher_is_better: name -> the direction of that measure

    Columns, with gains turned so that above zero is better:
      gain, low, high          the t interval
      wide_low, wide_high      Bonferroni: with the confidence 1 − (1 − confidence) / comparisons
      p, p_adjusted            of the paired t test; adjusted by Benjamini and Hochberg (false discovery rate)
      alone, among_all         `verdict` on either interval
    Differences that are all equal have p = 1 if they are zero, and 0 if not.
    Raises ValueError for names that do not match, and as `paired_interval` does.
    """
    if not pairs or set(pairs) != set(higher_is_better):
        raise ValueError(
            f"Both dictionaries must name the same comparisons, but they name {list(pairs)} and "
            f"{list(higher_is_better)}. Give each comparison its pair and its direction."
        )
    wide = 1 - (1 - confidence) / len(pairs)
    rows = []
    for name, (ours, baseline) in pairs.items():
        gain = gain_interval(ours, baseline, higher_is_better[name], confidence)
        wider = gain_interval(ours, baseline, higher_is_better[name], wide)
        p = float(gain.mean == 0) if gain.low == gain.high else float(stats.ttest_rel(ours, baseline).pvalue)
        rows.append([*gain, wider.low, wider.high, p, verdict(gain), verdict(wider)])
    columns = ["gain", "low", "high", "wide_low", "wide_high", "p", "alone", "among_all"]
    index = list(pairs)
    if all(isinstance(name, tuple) for name in index):
        index = pd.MultiIndex.from_tuples(index)
    table = pd.DataFrame(rows, columns=columns, index=index)
    table.insert(6, "p_adjusted", stats.false_discovery_control(table["p"]))
    return table
