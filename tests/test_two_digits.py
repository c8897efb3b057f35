"""Two digits in one image: what it holds, that image and labels agree, and that no digit is in two parts."""

import time

from mtl_helpers import data, digits
from mtl_helpers import two_digits as module
from mtl_helpers.data import two_digits

import numpy as np
import pytest

SIZES = {"train": 300, "validation": 120, "test": 110}
SOME = two_digits(**SIZES)
# As many images as there are digits show each digit once in each place.
EACH_ONCE = {"train": 3500, "validation": 500, "test": 1000}


def by_hand(first, second):
    """An image of two digits, pixel by pixel of the documentation."""
    canvas = np.zeros((36, 36))
    canvas[0:28, 0:28] = first
    canvas[8:36, 8:36] = np.maximum(canvas[8:36, 8:36], second)
    return canvas.reshape(18, 2, 18, 2).mean(axis=(1, 3))


def drawn_rows(monkeypatch, sizes):
    """The rows of the digits in each part: {part: (top_left, bottom_right)}."""
    drawn = []
    original = module._draw

    def noted(*given):
        drawn.append(original(*given))
        return drawn[-1]

    monkeypatch.setattr(module, "_draw", noted)
    made = two_digits(**sizes)
    return made, {part: (drawn[2 * place], drawn[2 * place + 1]) for place, part in enumerate(sizes)}


@pytest.mark.parametrize("part", SIZES)
def test_images_have_the_documented_shapes_types_and_ranges(part):
    split, images = getattr(SOME, part), SIZES[part]
    arrays = {**split.inputs, **split.targets}
    assert {name: (values.shape, values.dtype.name) for name, values in arrays.items()} == {
        "image": ((images, 18, 18, 1), "float32"),
        "top_left": ((images,), "int32"),
        "bottom_right": ((images,), "int32"),
    }
    assert arrays["image"].min() == 0 and 0.99 < arrays["image"].max() <= 1
    assert set(arrays["top_left"]) == set(arrays["bottom_right"]) == set(range(10))


def test_it_belongs_to_the_data_sets():
    assert data.two_digits is module.two_digits and {"two_digits", "TwoDigits"} <= set(data.__all__)
    default = two_digits()
    assert [len(part) for part in (default.train, default.validation, default.test)] == [6000, 1000, 1000]


@pytest.mark.parametrize("part", SIZES)
def test_each_image_is_made_of_the_digits_that_its_labels_name(part, monkeypatch):
    made, rows = drawn_rows(monkeypatch, SIZES)
    images, labels = digits._digits()
    split = getattr(made, part)
    for number, (first, second) in enumerate(zip(*rows[part], strict=True)):
        expected = by_hand(images[first], images[second])
        np.testing.assert_allclose(split.inputs["image"][number, :, :, 0], expected, atol=1e-6)
        assert split.targets["top_left"][number] == labels[first]
        assert split.targets["bottom_right"][number] == labels[second]


def test_the_digits_lie_where_their_names_say():
    """A digit's ink in its own corner tells its class; the other corner does not hold it."""
    top_left, bottom_right = np.zeros((2, 5, 28, 28), "float32")
    top_left[:, 10:18, 10:18] = 1
    one = module._overlay(
        np.concatenate([top_left, bottom_right]), np.arange(10), np.arange(5), np.arange(5, 10)
    )
    rows, columns = np.nonzero(one.inputs["image"][0, :, :, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 8, 5, 8)
    other = module._overlay(
        np.concatenate([top_left, bottom_right]), np.arange(10), np.arange(5, 10), np.arange(5)
    )
    rows, columns = np.nonzero(other.inputs["image"][0, :, :, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9, 12, 9, 12)


def test_no_digit_is_in_two_parts(monkeypatch):
    _, rows = drawn_rows(monkeypatch, EACH_ONCE)
    used = {part: set(np.concatenate(both)) for part, both in rows.items()}
    for part, count in EACH_ONCE.items():
        assert len(used[part]) == count
        assert all(len(set(place)) == count for place in rows[part])
    assert not used["train"] & used["test"]
    assert not used["train"] & used["validation"]
    assert not used["validation"] & used["test"]


@pytest.mark.parametrize("task", ["top_left", "bottom_right"])
def test_each_class_is_there_equally_often(task):
    counts = {part: np.bincount(getattr(two_digits(**EACH_ONCE), part).targets[task]) for part in EACH_ONCE}
    assert {part: set(each) for part, each in counts.items()} == {
        part: {count // 10} for part, count in EACH_ONCE.items()
    }


def test_the_classes_of_the_two_digits_are_independent():
    many = two_digits(20_000, 1, 1).train
    pairs = np.zeros((10, 10))
    np.add.at(pairs, (many.targets["top_left"], many.targets["bottom_right"]), 1)
    expected = pairs.sum(axis=1, keepdims=True) * pairs.sum(axis=0) / pairs.sum()
    chi_squared = ((pairs - expected) ** 2 / expected).sum()
    assert 40 < chi_squared < 140  # 81 degrees of freedom: 81 is expected, give or take 13


def test_digits_that_come_again_meet_others():
    images = two_digits(1, 1000, 1).validation.inputs["image"].reshape(1000, -1)
    assert len(np.unique(images, axis=0)) > 990


def test_images_come_again_with_their_seed_and_differ_between_seeds():
    again, other = two_digits(**SIZES), two_digits(**SIZES, seed=1)
    for part in SIZES:
        for kind in ("inputs", "targets"):
            for name, values in getattr(getattr(SOME, part), kind).items():
                np.testing.assert_array_equal(getattr(getattr(again, part), kind)[name], values)
                assert (getattr(getattr(other, part), kind)[name] != values).any()


def test_thousands_of_images_take_a_moment():
    start = time.process_time()
    two_digits()
    assert time.process_time() - start < 1  # about a tenth of a second


@pytest.mark.parametrize("setting", [{"train": 0}, {"validation": 0}, {"test": -3}])
def test_parts_without_images_are_refused(setting):
    [(name, value)] = setting.items()
    with pytest.raises(ValueError, match=f"At least one image.*{name}={value}.*Use larger numbers"):
        two_digits(**setting)
