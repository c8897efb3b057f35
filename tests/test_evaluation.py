"""Intervals against SciPy, worked numbers and their coverage; Δm and overlaps against cases worked by hand."""

from mtl_helpers.evaluation import (
    Interval,
    box_iou,
    delta_m,
    mask_iou,
    mean_interval,
    paired_interval,
)

import numpy as np
import pytest
from scipy import stats

VALUES = [2.0, 4.0, 4.0, 6.0]  # mean 4, variance 8/3, standard error √(8/3)/2 = 0.8165


def test_a_worked_interval():
    # Student's t with 3 degrees of freedom is 3.1824 at 97.5 %, from a table.
    mean, low, high = mean_interval(VALUES)
    assert mean == 4
    assert (low, high) == pytest.approx((4 - 3.1824 * 0.8165, 4 + 3.1824 * 0.8165), abs=1e-3)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_the_interval_is_that_of_scipy(confidence):
    values = np.random.default_rng(0).normal(3, 2, 11)
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    ours = mean_interval(values, confidence)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    other = np.random.default_rng(1).normal(3, 2, 11)
    expected = stats.ttest_rel(values, other).confidence_interval(confidence)
    ours = paired_interval(values, other, confidence)
    assert ours == pytest.approx((np.mean(values) - np.mean(other), expected.low, expected.high))


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    runs = [mean_interval(values) for values in rng.normal(7, 3, (2000, 5))]
    covered = np.mean([low <= 7 <= high for _, low, high in runs])
    assert covered == pytest.approx(0.95, abs=0.015)  # three standard errors of 2000 draws


def test_pairs_share_their_luck_and_so_the_interval_is_narrow():
    rng = np.random.default_rng(3)
    luck = rng.normal(0, 10, 20)
    ours, baseline = luck - 1 + rng.normal(0, 0.1, 20), luck + rng.normal(0, 0.1, 20)
    difference = paired_interval(ours, baseline)
    assert -1.2 < difference.low < -1 < difference.high < -0.8  # ours − baseline: an error that fell by 1
    assert mean_interval(ours).low < mean_interval(baseline).mean < mean_interval(ours).high


@pytest.mark.filterwarnings("error")
def test_values_that_are_all_equal_give_an_interval_of_no_width():
    assert mean_interval([1.0, 1.0, 1.0]) == (1, 1, 1)


def test_an_interval_is_written_in_the_format_asked_for():
    assert f"{Interval(4.25, 3.14, 5.3):.1f} g" == "4.2 [3.1, 5.3] g"
    assert f"{Interval(-0.5, -1, 0):+.2f}" == "-0.50 [-1.00, +0.00]"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1.0]), "two seeds or more, but shape"),
        (lambda: mean_interval([]), "two seeds or more"),
        (lambda: mean_interval(np.ones((20, 83))), r"one number a seed.*\(20, 83\)"),
        (lambda: mean_interval([1.0, np.nan, np.inf]), "2 of 3 are not"),
        (lambda: mean_interval(VALUES, 95), "between 0 and 1, but 95"),
        (lambda: paired_interval(VALUES, VALUES[:3]), "same seeds on both sides, but 4 values of ours and 3"),
        (lambda: paired_interval(VALUES, [1, 2, 3, np.nan]), "baseline must be finite, but 1 of 4"),
    ],
)
def test_numbers_that_give_no_interval_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("ours", "single", "higher", "expected"),
    [
        ({"a": 0.9}, {"a": 0.8}, {"a": True}, 12.5),  # 0.1 / 0.8
        ({"a": 0.7}, {"a": 0.8}, {"a": True}, -12.5),
        ({"mae": 300.0}, {"mae": 400.0}, {"mae": False}, 25.0),  # a quarter less error is better
        ({"mae": 500.0}, {"mae": 400.0}, {"mae": False}, -25.0),
        ({"a": 0.9, "mae": 500.0}, {"a": 0.8, "mae": 400.0}, {"a": True, "mae": False}, -6.25),
        ({"a": 3, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 1}, {"a": True, "b": False, "c": True}, 100 / 3),
        ({"r2": -0.1}, {"r2": -0.2}, {"r2": True}, 50.0),  # a baseline below zero keeps the sign
        ({"a": 1}, {"a": 1}, {"a": False}, 0.0),
    ],
)
def test_worked_changes(ours, single, higher, expected):
    assert delta_m(ours, single, higher) == pytest.approx(expected)


def test_the_order_of_the_tasks_plays_no_part():
    single, higher = {"b": 400.0, "a": 0.8}, {"a": np.True_, "b": np.False_}
    assert delta_m({"a": 0.9, "b": 500.0}, single, higher) == pytest.approx(-6.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"a": 1}, {"b": 1}, {"a": True}), r"same tasks, but they name \['a'\], \['b'\] and \['a'\]"),
        (({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a": True}), "same tasks"),
        (({}, {}, {}), "same tasks"),
        (({"a": 1.0}, {"a": 0.0}, {"a": False}), "not zero, but 1.0 and 0.0 were given. Use another"),
        (({"a": np.nan}, {"a": 1.0}, {"a": False}), "finite"),
        (({"a": 1.0}, {"a": np.inf}, {"a": False}), "finite"),
        (({"a": 1.0}, {"a": 1.0}, {"a": "lower"}), "True or False, but 'lower'"),
    ],
)
def test_changes_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        delta_m(*arguments)


UNIT = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        (UNIT, UNIT, 1),
        (UNIT, (0.5, 0.5, 1.5, 1.5), 0.25 / 1.75),  # a quarter of each
        (UNIT, (0.5, 0.0, 1.5, 1.0), 0.5 / 1.5),  # a half of each
        (UNIT, (1.0, 0.0, 2.0, 1.0), 0),  # they touch
        (UNIT, (1.0, 1.0, 2.0, 2.0), 0),  # at a corner
        (UNIT, (3.0, 3.0, 4.0, 4.0), 0),  # apart, in both directions
        (UNIT, (0.25, 0.25, 0.75, 0.75), 0.25),  # one in the other
        ((0, 0, 4, 2), (1, 0, 2, 2), 2 / 8),
        (UNIT, (0.5, 0.0, 0.5, 1.0), 0),  # no width
        (UNIT, (1.0, 0.0, 0.0, 1.0), 0),  # right of itself: empty
        (UNIT, (1.0, 1.0, 0.0, 0.0), 0),  # and below itself
        ((1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0), 0),  # two empty ones
    ],
)
def test_worked_overlaps_of_boxes(true, predicted, expected):
    assert box_iou(np.array([true]), np.array([predicted])) == pytest.approx([expected])
    assert box_iou(np.array([predicted]), np.array([true])) == pytest.approx([expected])


def random_boxes(count, seed, largest=12):
    """Whole numbers, some of them of no width; many overlap."""
    corners = np.sort(np.random.default_rng(seed).integers(0, largest + 1, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4).astype(float)


def test_the_overlap_of_boxes_has_the_properties_of_one():
    true, predicted = random_boxes(800, 0), random_boxes(800, 1)
    predicted[:50] = true[:50]
    overlap = box_iou(true, predicted)
    assert overlap.shape == (800,)
    assert (overlap >= 0).all() and (overlap <= 1).all() and 0.3 < (overlap > 0).mean() < 0.9
    np.testing.assert_array_equal(overlap, box_iou(predicted, true))
    area = (true[:, 2] - true[:, 0]) * (true[:, 3] - true[:, 1])
    np.testing.assert_array_equal(overlap == 1, (true == predicted).all(axis=1) & (area > 0))
    moved = np.array([3.0, -7.0, 3.0, -7.0])
    np.testing.assert_allclose(box_iou(true + moved, predicted + moved), overlap)
    np.testing.assert_allclose(box_iou(true / 28, predicted / 28), overlap)


def test_boxes_and_their_pixels_overlap_alike():
    true, predicted = random_boxes(300, 2), random_boxes(300, 3)
    pixel = np.arange(12)

    def pixels(boxes):
        left, top, right, bottom = boxes.T[:, :, None]
        rows, columns = (pixel >= top) & (pixel < bottom), (pixel >= left) & (pixel < right)
        return (rows[:, :, None] & columns[:, None, :]).astype(float)

    some = (pixels(true) + pixels(predicted)).any(
        axis=(1, 2)
    )  # two empty masks agree, two empty boxes do not
    expected = mask_iou(pixels(true), pixels(predicted))
    np.testing.assert_allclose(box_iou(true, predicted)[some], expected[some])
    assert some.mean() > 0.9


@pytest.mark.filterwarnings("error")
def test_worked_overlaps_of_masks():
    upper, left, corner, nothing = np.zeros((4, 4, 4))
    upper[:2], left[:, :2], corner[:2, :2] = 1, 1, 1
    cases = [
        (upper, upper, 1),
        (upper, left, 4 / 12),
        (upper, corner, 4 / 8),
        (upper, 1 - upper, 0),
        (upper, nothing, 0),
        (nothing, nothing, 1),
    ]
    true, predicted, expected = (np.array(column) for column in zip(*cases, strict=True))
    np.testing.assert_allclose(mask_iou(true, predicted), expected)
    np.testing.assert_allclose(mask_iou(predicted[..., None], true[..., None]), expected)
    np.testing.assert_allclose(mask_iou(true > 0, predicted > 0), expected)
    # Probabilities: what is above one half belongs to the mask.
    np.testing.assert_allclose(mask_iou(true, 0.5 + 0.1 * (predicted - 0.5)), expected)
    np.testing.assert_allclose(mask_iou(true, 0.5 * predicted), mask_iou(true, 0 * predicted))


BOX, MASK = np.zeros((2, 4)), np.zeros((2, 3, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box_iou(BOX, BOX[:1]), r"\(boxes, 4\) are expected, but \(2, 4\) and \(1, 4\)"),
        (lambda: box_iou(BOX[0], BOX[0]), r"but \(4,\) and \(4,\)"),
        (lambda: box_iou(BOX[:, :3], BOX[:, :3]), r"but \(2, 3\)"),
        (lambda: box_iou(BOX, BOX + np.nan), "finite"),
        (lambda: box_iou(BOX + np.inf, BOX), "finite"),
        (lambda: mask_iou(MASK, MASK[..., None]), r"but \(2, 3, 3\) and \(2, 3, 3, 1\)"),
        (lambda: mask_iou(MASK[0], MASK[0]), r"but \(3, 3\)"),
        (lambda: mask_iou(*[np.zeros((2, 3, 3, 3))] * 2), r"but \(2, 3, 3, 3\)"),
        (lambda: mask_iou(MASK, MASK + 255), "predicted masks must lie between 0 and 1.*255"),
        (lambda: mask_iou(MASK - 0.1, MASK), "true masks"),
        (lambda: mask_iou(MASK, MASK + np.nan), "predicted masks.*nan"),
    ],
)
def test_what_is_no_box_and_no_mask_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
