"""Digit scenes: what they hold, that box, mask and image agree, and that no digit is in two parts."""

import time

from mtl_helpers import digits
from mtl_helpers.data import digit_scenes

import numpy as np
import pytest

SIZES = {"train": 300, "validation": 120, "test": 110}
SCENES = digit_scenes(**SIZES)
CLEAN = digit_scenes(**SIZES, clutter=0, noise=0)


def box_in_pixels(split):
    """(scenes, 4) whole numbers: left, top, right, bottom."""
    pixels = split.targets["box"] * split.inputs["image"].shape[1]
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-4)
    return pixels.round().astype(int)


@pytest.mark.parametrize("part", SIZES)
def test_scenes_have_the_documented_shapes_types_and_ranges(part):
    split, scenes = getattr(SCENES, part), SIZES[part]
    arrays = {**split.inputs, **split.targets}
    assert {name: (values.shape, values.dtype.name) for name, values in arrays.items()} == {
        "image": ((scenes, 28, 28, 1), "float32"),
        "digit": ((scenes,), "int32"),
        "box": ((scenes, 4), "float32"),
        "mask": ((scenes, 28, 28, 1), "float32"),
    }
    assert all(values.min() == 0 for values in arrays.values())
    assert arrays["image"].max() == arrays["mask"].max() == arrays["box"].max() == 1
    assert set(np.unique(arrays["mask"])) == {0, 1}
    assert set(arrays["digit"]) == set(range(10))


@pytest.mark.parametrize("size", [26, 28, 40])
@pytest.mark.parametrize("part", SIZES)
def test_the_box_is_the_tightest_around_the_mask(part, size):
    split = getattr(digit_scenes(**SIZES, size=size), part)
    for mask, box in zip(split.targets["mask"][..., 0], box_in_pixels(split), strict=True):
        rows, columns = np.nonzero(mask)
        assert tuple(box) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_the_mask_is_the_ink_of_the_digit():
    image, mask = CLEAN.train.inputs["image"], CLEAN.train.targets["mask"]
    np.testing.assert_array_equal(mask, image > digits.INK)


def test_clutter_hides_no_ink_and_changes_no_target():
    cluttered = digit_scenes(**SIZES, clutter=5, noise=0).train
    # The clutter is drawn after the scenes of the training part: these are the same.
    for name, values in CLEAN.train.targets.items():
        np.testing.assert_array_equal(cluttered.targets[name], values)
    difference = cluttered.inputs["image"] - CLEAN.train.inputs["image"]
    assert difference.min() == 0
    changed = (difference > 0).sum(axis=(1, 2, 3))
    assert (changed > 0).mean() > 0.9 and changed.max() <= 5 * digits.FRAGMENT_SIZE**2


def test_no_digit_is_in_two_parts(monkeypatch):
    def cropped(split):
        """The ink of each digit, as it was before it was placed."""
        crops = set()
        for image, mask, box in zip(
            split.inputs["image"][..., 0], split.targets["mask"][..., 0], box_in_pixels(split), strict=True
        ):
            left, top, right, bottom = box
            inside = np.where(mask > 0, image, 0)[top:bottom, left:right]
            crops.add((inside.shape, inside.tobytes()))
        return crops

    # None is shrunk, so the same digit would be cropped to the same pixels. As many scenes as there are digits
    # show each of them once.
    monkeypatch.setattr(digits, "SCENE_SCALES", (1.0,))
    parts = {"train": 3500, "validation": 500, "test": 1000}
    once = digit_scenes(**parts, clutter=0, noise=0)
    crops = {part: cropped(getattr(once, part)) for part in parts}
    for part, digits_in_it in parts.items():
        assert len(crops[part]) == digits_in_it
    assert not crops["train"] & crops["test"]
    assert not crops["train"] & crops["validation"]
    assert not crops["validation"] & crops["test"]

    _, labels = digits._digits()
    rows = digits._parts(labels, np.random.default_rng(0))
    assert sorted(np.concatenate(rows)) == list(range(5000))
    assert [len(part) for part in rows] == [3500, 500, 1000]


def test_clutter_comes_from_digits_of_the_same_part(monkeypatch):
    taken = []
    original = digits._fragments

    def noted(images, rows, generator):
        taken.append(set(rows))
        return original(images, rows, generator)

    monkeypatch.setattr(digits, "_fragments", noted)
    digit_scenes(**SIZES, clutter=2)
    rows = digits._parts(digits._digits()[1], np.random.default_rng(0))
    assert len(taken) == 6
    for number, pieces in enumerate(taken):
        assert pieces <= set(rows[number // 2])


@pytest.mark.parametrize("scenes", [1000, 2000])
def test_each_class_is_there_equally_often(scenes):
    test = digit_scenes(train=1, validation=1, test=scenes).test
    assert np.bincount(test.targets["digit"]).tolist() == [scenes // 10] * 10


def test_digits_that_come_again_stand_elsewhere():
    validation = digit_scenes(train=1, validation=1000, test=1, clutter=0, noise=0).validation
    images = validation.inputs["image"].reshape(1000, -1)
    assert len(np.unique(images, axis=0)) > 990
    boxes = validation.targets["box"]
    assert (boxes.max(axis=0) - boxes.min(axis=0) > 0.3).all()  # places all over the scene
    heights = np.round((boxes[:, 3] - boxes[:, 1]) * 28)
    assert len(np.unique(heights)) >= 5  # and sizes


def test_scenes_come_again_with_their_seed_and_differ_between_parts():
    again, other = digit_scenes(**SIZES), digit_scenes(**SIZES, seed=1)
    for part in SIZES:
        for kind in ("inputs", "targets"):
            for name, values in getattr(getattr(SCENES, part), kind).items():
                np.testing.assert_array_equal(getattr(getattr(again, part), kind)[name], values)
                assert (getattr(getattr(other, part), kind)[name] != values).any()


def test_noise_has_the_given_size_and_stays_within_ink_and_paper():
    noisy = digit_scenes(**SIZES, clutter=0, noise=0.1).train.inputs["image"]
    clean = CLEAN.train.inputs["image"]
    middle = (clean > 0.4) & (clean < 0.6)  # far from where it is cut off
    assert (noisy - clean)[middle].std() == pytest.approx(0.1, abs=0.005)
    assert noisy.min() == 0 and noisy.max() == 1


def test_thousands_of_scenes_take_a_moment():
    start = time.process_time()
    digit_scenes()
    assert time.process_time() - start < 5  # about one second


@pytest.mark.parametrize(
    "setting",
    [{"size": 25}, {"clutter": -1}, {"noise": -0.1}, {"train": 0}, {"validation": 0}, {"test": 0}],
)
def test_settings_out_of_range_are_refused(setting):
    [(name, value)] = setting.items()
    said = f"{name}={value}" if name in ("size", "clutter", "noise") else r"\b0\b.*scenes were given"
    with pytest.raises(ValueError, match=f"at least 26.*{said}.*Use larger numbers"):
        digit_scenes(**setting)


def test_the_smallest_scene_holds_every_digit():
    scenes = digit_scenes(3500, 500, 1000, size=26)
    for part in (scenes.train, scenes.validation, scenes.test):
        box = box_in_pixels(part)
        assert box.min() == 0 and box.max() == 26
        assert (box[:, :2] < box[:, 2:]).all()
