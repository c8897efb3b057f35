"""Candidates lie in their ranges, evenly on a logarithmic scale, and are the same at each call."""

from mtl_helpers.random_search import draw_candidates

import numpy as np
import pytest


def test_candidates_are_the_same_at_each_call_and_differ_among_themselves() -> None:
    found = draw_candidates(8, ["a", "b"], rate=(0.001, 0.02))
    assert found == draw_candidates(8, ("a", "b"), rate=(0.001, 0.02))
    assert len({candidate.rate for candidate in found}) == 8
    assert all(list(candidate.weights) == ["a", "b"] for candidate in found)
    assert found[:3] == draw_candidates(3, {"a": 1, "b": 2}, rate=(0.001, 0.02))


def test_numbers_lie_in_their_ranges_evenly_on_a_logarithmic_scale() -> None:
    found = draw_candidates(2000, ["a"], rate=(0.01, 1), weight=(0.1, 10), own_rate=(1e-4, 1e-2))
    for values, middle in (
        ([one.rate for one in found], 0.1),
        ([one.weights["a"] for one in found], 1),
        ([one.own_rate for one in found], 1e-3),
    ):
        assert middle / 10 <= min(values) < middle / 9 and middle * 9 < max(values) <= middle * 10
        assert np.mean(np.array(values) < middle) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("given", [(0, 1), (2, 1), (1, 1)])
def test_a_range_must_rise_from_above_zero(given: tuple[float, float]) -> None:
    for name in ("rate", "weight", "own_rate"):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            draw_candidates(2, ["a"], **{"rate": (0.1, 1.0), name: given})
