"""Label gaps: filled with 0 at weight 0, and made by keeping a share of the labels."""

from mtl_helpers.gaps import fill_gaps, label_share
from mtl_helpers.split import Split

import numpy as np
import pytest

NAN = np.float32("nan")


def a_split(first: float = 1.0) -> Split:
    mass = np.array([[first], [NAN], [3.0]], "float32")
    box = np.array([[1, 2], [3, NAN], [5, 6]], "float32")
    return Split({"x": np.ones((3, 2))}, {"mass": mass, "box": box, "kind": np.array([2, 0, 1], "int32")})


def test_every_gap_is_zero_at_weight_zero_and_every_label_stays():
    filled, weights = fill_gaps(a_split())
    np.testing.assert_array_equal(filled.targets["mass"], [[1], [0], [3]])
    np.testing.assert_array_equal(weights["mass"], [1, 0, 1])
    assert {values.shape for values in weights.values()} == {(3,)}
    assert filled.targets["mass"].dtype == "float32" and filled.targets["kind"].dtype == "int32"
    np.testing.assert_array_equal(filled.targets["kind"], [2, 0, 1])
    np.testing.assert_array_equal(weights["kind"], [1, 1, 1])


def test_a_box_with_one_edge_missing_is_no_label():
    filled, weights = fill_gaps(a_split())
    np.testing.assert_array_equal(filled.targets["box"], [[1, 2], [0, 0], [5, 6]])
    np.testing.assert_array_equal(weights["box"], [1, 0, 1])


def test_each_seed_has_its_own_gaps():
    filled, weights = fill_gaps([a_split(), a_split(first=NAN)])
    np.testing.assert_array_equal(weights["mass"], [[1, 0, 1], [0, 0, 1]])
    assert [split.targets["mass"][0, 0] for split in filled] == [1, 0]


def test_what_was_given_keeps_its_gaps():
    given = a_split()
    fill_gaps(given)
    label_share([given], "kind", 0.5)
    assert np.isnan(given.targets["mass"][1, 0])
    np.testing.assert_array_equal(given.targets["kind"], [2, 0, 1])


@pytest.mark.parametrize(("share", "kept"), [(1.0, 3), (0.6, 2), (0.2, 1), (0.0, 0)])
def test_a_share_of_the_labels_is_kept(share, kept):
    (marked,), (shorter,) = (label_share([a_split()], "kind", share, marker) for marker in (-1, None))
    np.testing.assert_array_equal(marked.targets["kind"], [2, 0, 1][:kept] + [-1] * (3 - kept))
    assert marked.targets["kind"].dtype == "int32"
    np.testing.assert_array_equal(marked.targets["mass"], a_split().targets["mass"])
    assert len(shorter) == kept and len(shorter.inputs["x"]) == kept
    np.testing.assert_array_equal(shorter.targets["kind"], [2, 0, 1][:kept])


def test_an_unknown_task_is_an_error():
    with pytest.raises(KeyError):
        label_share([a_split()], "sex", 0.5)
