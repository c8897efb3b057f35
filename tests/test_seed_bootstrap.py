"""The bootstrap over seeds: what it measures, how wide it is, and that it comes again the same."""

from mtl_helpers.comparisons import seed_bootstrap
from mtl_helpers.evaluation import mean_interval

import numpy as np
import pytest

VALUES = np.random.default_rng(3).normal(5, 2, 40)


def test_for_a_mean_it_is_nearly_the_t_interval():
    found, wanted = seed_bootstrap(lambda seeds: VALUES[seeds].mean(), 40), mean_interval(VALUES)
    assert found.mean == pytest.approx(VALUES.mean())
    np.testing.assert_allclose(found, wanted, atol=0.12)


def test_less_confidence_is_narrower_and_all_comes_again():
    def spread(seeds):
        return VALUES[seeds].std()

    wide, narrow = (seed_bootstrap(spread, 40, confidence=confidence) for confidence in (0.95, 0.5))
    assert wide.low < narrow.low < wide.mean == narrow.mean < narrow.high < wide.high
    assert seed_bootstrap(spread, 40) == wide


def test_every_seed_is_drawn_with_replacement():
    drawn = []
    seed_bootstrap(lambda seeds: drawn.append(seeds) or 0.0, 5, draws=200)
    again, whole = np.array(drawn[:-1]), drawn[-1]
    np.testing.assert_array_equal(whole, range(5))
    assert again.shape == (200, 5) and set(again.ravel()) == set(range(5))
    assert any(len(set(seeds)) < 5 for seeds in again)


def test_one_seed_is_too_few():
    with pytest.raises(ValueError, match="At least two"):
        seed_bootstrap(lambda seeds: 0.0, 1)
