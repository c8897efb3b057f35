"""Oxford-IIIT Pet: photographs of cats and dogs with breed, head box and mask, as batches for training.

Source: Parkhi, Vedaldi, Zisserman and Jawahar, Cats and Dogs, CVPR 2012; through TensorFlow Datasets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mtl_helpers  # noqa: F401 (before TensorFlow, which it keeps quiet)

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

NAME, VERSION = "oxford_iiit_pet", "4.0.0"  # versions before it have no head boxes
TASKS = ("breed", "head_box", "mask")
BREEDS = 37
MISSING: dict[str, float | str] = {"head_box": "nan", "mask": -1.0}  # for MultiTaskModel

# The library's test photographs have no head boxes: its builder finds no file of boxes for them and writes four zeros.
# So boxes are tested on photographs held back from its training split, "box_test". The library stores photographs in
# an order drawn once by chance, so a slice of it holds all breeds.
PARTS = {"train": "train[:70%]", "validation": "train[70%:85%]", "box_test": "train[85%:]", "test": "test"}
PET, BACKGROUND = 1, 2  # in the library's masks; 3 is the band along the outline

Tensors = dict[str, Any]
Example = tuple[Tensors, Tensors]  # inputs and targets


@dataclass(frozen=True)
class Pets:
    """The photographs in four parts; of a photograph and its labels, all have been brought to one size.

    Inputs (float32):
      image     (photographs, size, size, 3)  0 to 255, as the networks of `keras.applications` take them
    Targets:
      breed     (photographs,)                int32    0 to 36
      head_box  (photographs, 4)              float32  left, top, right, bottom edge as shares of the photograph's
                                                       width and height, from 0 to 1; NaN where it has no box
      mask      (photographs, size, size, 1)  float32  1 pet, 0 background, -1 where it is not known

    The band along the outline has no label: whoever drew the masks left open which of its pixels are pet ("not
    classified"). As a third class it would teach how wide that band was drawn, which nobody asks.
    Photographs are squeezed to a square; shares of width and height stay true.
    """

    parts: dict[str, tf.data.Dataset]  # of single examples, still in bytes
    sizes: dict[str, int]  # photographs in each part
    batch: int
    seed: int

    def batches(self, part: str) -> tf.data.Dataset:
        """A part in the library's order, as it is: "train", "validation", "box_test" or "test"."""
        return _in_batches(self.parts[part], self.batch)

    def train_batches(self, epoch: int) -> tf.data.Dataset:
        """The training part for one epoch: in an order and with mirrored photographs that epoch and seed decide.

        A training that was cut short finds the same batches when it goes on.
        """
        draw = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0] >> 1)
        shuffled = self.parts["train"].shuffle(self.sizes["train"], draw, reshuffle_each_iteration=False)

        def mirror_half(number: tf.Tensor, example: Example) -> Example:
            mirrored = tf.random.stateless_uniform((), [draw, number]) < 0.5
            return tf.cond(mirrored, lambda: mirror(*example), lambda: example)

        return _in_batches(shuffled.enumerate().map(mirror_half, tf.data.AUTOTUNE), self.batch)


def load_pets(
    folder: str | Path,
    *,
    size: int = 224,
    batch: int = 32,
    tasks: Iterable[str] = TASKS,
    seed: int = 0,
    download: bool = False,
) -> Pets:
    """The photographs, from a folder in which TensorFlow Datasets has prepared them.

    folder:   of TensorFlow Datasets, its `data_dir`
    size:     height and width that photographs and masks are brought to, in pixels
    batch:    photographs in a batch
    tasks:    which targets to give, of `TASKS`
    seed:     decides the order of the training photographs, and which of them are mirrored
    download: get and prepare them first, if they are not there
    Raises FileNotFoundError if they are not there, and ValueError for tasks that do not exist.
    """
    tasks = list(tasks)
    if not tasks or set(tasks) - set(TASKS):
        raise ValueError(
            f"One or more of {', '.join(TASKS)} are expected as tasks, but {tasks} were given. Name some of these."
        )
    try:
        loaded = tfds.load(
            f"{NAME}:{VERSION}", split=list(PARTS.values()), data_dir=str(folder), download=download
        )
    except (AssertionError, tfds.core.DatasetNotFoundError) as error:  # what the library says of missing data
        raise FileNotFoundError(
            f"Oxford-IIIT Pet {VERSION}, prepared by TensorFlow Datasets, is expected in '{folder}', but it is not "
            f"there. Get it once with --download: {download_gigabytes():.1f} GB come over the network, and while it is "
            "prepared it needs about three times that on the disk. Or name the folder that holds it."
        ) from error

    def prepare(example: Tensors) -> Example:
        return as_example(example, size, tasks)

    parts = {
        part: dataset.map(prepare, tf.data.AUTOTUNE) for part, dataset in zip(PARTS, loaded, strict=True)
    }
    # Decoding costs most. What each epoch reads again is kept, in bytes: 0.2 MB each at 224 pixels.
    parts |= {part: parts[part].cache() for part in ("train", "validation")}
    return Pets(parts, {part: int(dataset.cardinality()) for part, dataset in parts.items()}, batch, seed)


def download_gigabytes() -> float:
    """What has to be downloaded, as TensorFlow Datasets knows it. Asks no network."""
    builder = tfds.builder_cls(NAME)
    return sum(file.size for file in builder.url_infos.values()) / 1e9


def as_example(example: Tensors, size: int, tasks: Iterable[str] = TASKS) -> Example:
    """What the library gives for one photograph, as an input and targets, of one size and still in bytes."""
    image = tf.image.resize(example["image"], (size, size), antialias=True)
    mask = tf.image.resize(
        example["segmentation_mask"], (size, size), "nearest"
    )  # the mean of two labels is none
    top, left, bottom, right = tf.unstack(example["head_bbox"])
    box = tf.stack([left, top, right, bottom])
    targets = {
        "breed": tf.cast(example["label"], "int32"),
        "head_box": tf.where((right > left) & (bottom > top), box, np.nan),  # without an area it is no box
        "mask": tf.cast(tf.where(mask == PET, 1, tf.where(mask == BACKGROUND, 0, -1)), "int8"),
    }
    return {"image": tf.cast(tf.round(image), "uint8")}, {task: targets[task] for task in tasks}


def mirror(inputs: Tensors, targets: Tensors) -> Example:
    """One photograph with left and right exchanged, and its box and mask with it."""
    targets = dict(targets)
    if "head_box" in targets:
        left, top, right, bottom = tf.unstack(targets["head_box"])
        targets["head_box"] = tf.stack([1 - right, top, 1 - left, bottom])
    if "mask" in targets:
        targets["mask"] = targets["mask"][:, ::-1]
    return {"image": inputs["image"][:, ::-1]}, targets


def to_numbers(inputs: Tensors, targets: Tensors) -> Example:
    """Bytes as the network and the losses take them; for a whole batch."""
    if "mask" in targets:
        targets = {**targets, "mask": tf.cast(targets["mask"], "float32")}
    return {"image": tf.cast(inputs["image"], "float32")}, targets


def _in_batches(examples: tf.data.Dataset, batch: int) -> tf.data.Dataset:
    return examples.batch(batch).map(to_numbers, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
