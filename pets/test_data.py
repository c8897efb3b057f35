"""Loading: on the library's mocked data, on a made-up archive that its real builder has read, and by hand."""

from pathlib import Path
from typing import Any

from pets import data
from pets.conftest import TEST, TRAIN

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds


@pytest.fixture(scope="module")
def pets(prepared: Path) -> data.Pets:
    return data.load_pets(prepared, size=64, batch=8)


def all_of(batches: Any) -> tuple[np.ndarray, data.Tensors]:
    """The whole part in arrays: images, targets."""
    inputs, targets = zip(*batches.as_numpy_iterator(), strict=True)
    whole = {task: np.concatenate([each[task] for each in targets]) for task in targets[0]}
    return np.concatenate([each["image"] for each in inputs]), whole


def check_forms(images: np.ndarray, targets: data.Tensors, photographs: int) -> None:
    assert images.shape == (photographs, 64, 64, 3) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 255 and images.max() > 1
    assert targets["breed"].shape == (photographs,) and targets["breed"].dtype == np.int32
    assert set(targets["breed"]) <= set(range(data.BREEDS))
    assert targets["head_box"].shape == (photographs, 4) and targets["head_box"].dtype == np.float32
    boxes = targets["head_box"][~np.isnan(targets["head_box"]).any(axis=1)]
    assert (boxes >= 0).all() and (boxes <= 1).all()
    assert (boxes[:, 0] < boxes[:, 2]).all() and (boxes[:, 1] < boxes[:, 3]).all()
    assert targets["mask"].shape == (photographs, 64, 64, 1) and targets["mask"].dtype == np.float32
    assert set(np.unique(targets["mask"])) <= {-1, 0, 1}


def test_the_library_s_mocked_data_are_taken(tmp_path: Path) -> None:
    with tfds.testing.mock_data(num_examples=20, max_value=4):
        mocked = data.load_pets(tmp_path, size=64, batch=8)
        # The mock has the same 20 photographs in each part, with edges in any order: some boxes are none.
        for part in data.PARTS:
            images, targets = all_of(mocked.batches(part))
            check_forms(images * 85, targets, 20)
            assert 0 < np.isnan(targets["head_box"]).any(axis=1).sum() < 20
            assert set(np.unique(targets["mask"])) == {-1, 0, 1}


def test_parts_of_the_real_builder(pets: data.Pets) -> None:
    assert pets.sizes == {"train": 28, "validation": 6, "box_test": 6, "test": TEST}
    images = []
    for part, size in pets.sizes.items():
        found, targets = all_of(pets.batches(part))
        check_forms(found, targets, size)
        assert (targets["mask"] == -1).any() and (targets["mask"] == 1).any() and (targets["mask"] == 0).any()
        images.append(found)
    every = np.concatenate(images).reshape(TRAIN + TEST, -1)
    assert len(np.unique(every, axis=0)) == TRAIN + TEST  # none in two parts


def test_boxes_are_missing_where_the_library_has_none(pets: data.Pets) -> None:
    missing = {
        part: int(np.isnan(all_of(pets.batches(part))[1]["head_box"]).all(axis=1).sum())
        for part in pets.sizes
    }
    assert missing.pop("test") == TEST
    assert sum(missing.values()) == 1


def test_image_box_and_mask_are_brought_to_one_size_together() -> None:
    # A pet that fills its head box exactly: 8 to 32 of 80 across, 10 to 30 of 40 down.
    image, mask = np.zeros((40, 80, 3), "uint8"), np.full((40, 80, 1), 2, "uint8")
    image[10:30, 8:32], mask[10:30, 8:32] = 200, 1
    inputs, targets = data.as_example(example(image, mask, [10 / 40, 8 / 80, 30 / 40, 32 / 80]), 160)
    np.testing.assert_allclose(targets["head_box"], [0.1, 0.25, 0.4, 0.75], rtol=1e-6)
    for found in (targets["mask"].numpy()[:, :, 0] == 1, inputs["image"].numpy()[:, :, 0] > 100):
        np.testing.assert_allclose(extent(found), targets["head_box"] * 160, atol=1)


def example(image: np.ndarray, mask: np.ndarray, box: list[float]) -> data.Tensors:
    return {
        "image": tf.constant(image),
        "segmentation_mask": tf.constant(mask),
        "head_bbox": tf.constant(box, "float32"),
        "label": tf.constant(5, "int64"),
    }


def extent(found: np.ndarray) -> list[int]:
    """Left, top, right and bottom edge of what is True, in pixels."""
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_mirror_moves_image_box_and_mask_alike() -> None:
    image, mask = np.zeros((4, 10, 3), "uint8"), np.full((4, 10, 1), 2, "uint8")
    image[1:3, 0:4], mask[1:3, 0:4], mask[1:3, 4] = 200, 1, 3
    inputs, targets = data.as_example(example(image, mask, [0.25, 0.0, 0.75, 0.4]), 20)
    mirrored, moved = data.mirror(inputs, targets)
    np.testing.assert_array_equal(mirrored["image"], np.fliplr(inputs["image"]))
    np.testing.assert_allclose(moved["head_box"], [0.6, 0.25, 1.0, 0.75], rtol=1e-6)
    np.testing.assert_allclose(extent(moved["mask"].numpy()[:, :, 0] == 1), moved["head_box"] * 20, atol=1e-4)
    assert extent(moved["mask"].numpy()[:, :, 0] == -1) == [10, 5, 12, 15]  # the band moves too
    assert moved["breed"] == 5
    again, back = data.mirror(mirrored, moved)
    np.testing.assert_array_equal(again["image"], inputs["image"])
    np.testing.assert_allclose(back["head_box"], targets["head_box"], atol=1e-6)


def test_mirror_keeps_a_missing_box_missing() -> None:
    inputs, targets = data.as_example(
        example(np.zeros((4, 4, 3), "uint8"), np.ones((4, 4, 1), "uint8"), [0, 0, 0, 0]), 4
    )
    assert np.isnan(data.mirror(inputs, targets)[1]["head_box"]).all()


def test_training_batches_depend_on_seed_and_epoch_alone(pets: data.Pets, prepared: Path) -> None:
    images, targets = all_of(pets.train_batches(0))
    again = data.load_pets(prepared, size=64, batch=8)
    same, same_targets = all_of(again.train_batches(0))
    np.testing.assert_array_equal(images, same)
    for task in data.TASKS:
        np.testing.assert_array_equal(targets[task], same_targets[task])
    assert (all_of(again.train_batches(1))[0] != images).any()
    assert (all_of(data.load_pets(prepared, size=64, seed=1).train_batches(0))[0] != images).any()


def test_training_photographs_alone_are_mirrored_and_about_half_of_them(pets: data.Pets) -> None:
    plain, _ = all_of(pets.batches("train"))
    mirrored = 0
    for epoch in range(5):
        images, targets = all_of(pets.train_batches(epoch))
        for image, mask, box in zip(images, targets["mask"], targets["head_box"], strict=True):
            straight = (plain == image).all(axis=(1, 2, 3)).any()
            assert straight or (plain == image[:, ::-1]).all(axis=(1, 2, 3)).any()
            mirrored += not straight
            if not np.isnan(
                box
            ).any():  # the head of these pets is as wide as they are, and begins where they do
                np.testing.assert_allclose(np.array(extent(mask[:, :, 0] == 1))[:3], (box * 64)[:3], atol=1.5)
    assert 50 <= mirrored <= 90  # of 140: five standard deviations from a half would be 40 and 100
    first, _ = all_of(pets.batches("validation"))
    np.testing.assert_array_equal(first, all_of(pets.batches("validation"))[0])


def test_what_epochs_read_again_is_decoded_once(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    as_example = data.as_example

    def count() -> np.int64:
        decoded.append(1)
        return np.int64(0)

    def counting(example: data.Tensors, size: int, tasks: list[str]) -> data.Example:
        inputs, targets = as_example(example, size, tasks)
        tf.numpy_function(count, [], tf.int64)
        return inputs, targets

    monkeypatch.setattr(data, "as_example", counting)
    pets = data.load_pets(prepared, size=64, batch=8)
    for epoch in range(3):
        all_of(pets.train_batches(epoch))
        all_of(pets.batches("validation"))
    all_of(pets.batches("train"))
    assert len(decoded) == 28 + 6


def test_targets_of_the_chosen_tasks_alone(prepared: Path) -> None:
    pets = data.load_pets(prepared, size=64, tasks=["head_box"])
    assert set(pets.train_batches(0).element_spec[1]) == {"head_box"}
    assert set(pets.batches("test").element_spec[1]) == {"head_box"}


def test_unknown_tasks_are_refused(prepared: Path) -> None:
    for tasks in (["race"], []):
        with pytest.raises(ValueError, match="breed, head_box, mask are expected"):
            data.load_pets(prepared, tasks=tasks)


def test_missing_data_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Get it once with --download: 0\.8 GB"):
        data.load_pets(tmp_path)
    assert not list(tmp_path.iterdir())
