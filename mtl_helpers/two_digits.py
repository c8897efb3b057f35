"""Images of two real handwritten digits that overlap: one task for each digit."""

from dataclasses import dataclass

from mtl_helpers.digits import DIGIT_SIZE, _digits, _parts
from mtl_helpers.split import Split

import numpy as np

SHIFT = 8  # pixels by which the second digit lies below and to the right of the first one
IMAGE_SIZE = (DIGIT_SIZE + SHIFT) // 2  # 18 pixels


@dataclass(frozen=True)
class TwoDigits:
    """Images of two digits in three parts, each a `Split`; no digit appears in two parts."""

    train: Split
    validation: Split
    test: Split


def two_digits(train: int = 6000, validation: int = 1000, test: int = 1000, *, seed: int = 0) -> TwoDigits:
    """Put two real handwritten digits into one image: one at the top left, one at the bottom right.

    train, validation, test: the number of images in each part
    seed: decides which digits belong to which part, and which two meet in an image

    Inputs (float32):
      image         (images, 18, 18, 1)  from 0, paper, to 1, ink
    Targets (int32):
      top_left      (images,)            0 to 9
      bottom_right  (images,)            0 to 9, independent of the other one

    Both digits, 28 x 28 pixels, lie on a canvas of 36 x 36, one of them 8 pixels below and to the right of the
    other. Where they overlap the darker pixel counts. The image is the canvas at half its size, a pixel the
    mean of four. Each part has digits of its own, as in `digit_scenes`: 3,500, 500 and 1,000. A part with
    more images than digits uses each of them equally often in each place, beside other ones.
    Raises ValueError for a part without images.
    Source: the idea is that of Sabour, Frosst and Hinton, NeurIPS 2017, arXiv 1710.09829, and Sener and Koltun,
    NeurIPS 2018, arXiv 1810.04650; digits of LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86 (1998).
    """
    if min(train, validation, test) < 1:
        raise ValueError(
            "At least one image in each part is expected, but "
            f"train={train}, validation={validation}, test={test} was given. Use larger numbers."
        )
    generator = np.random.default_rng(seed)
    images, labels = _digits()
    parts = _parts(labels, generator)
    return TwoDigits(
        *(
            _overlay(images, labels, _draw(rows, count, generator), _draw(rows, count, generator))
            for rows, count in zip(parts, (train, validation, test), strict=True)
        )
    )


def _draw(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many of the rows in random order, each equally often."""
    rounds = -(-count // len(rows))
    return np.concatenate([generator.permutation(rows) for _ in range(rounds)])[:count]


def _overlay(images: np.ndarray, labels: np.ndarray, top_left: np.ndarray, bottom_right: np.ndarray) -> Split:
    """An image for each pair of rows."""
    canvas = np.zeros((len(top_left), 2 * IMAGE_SIZE, 2 * IMAGE_SIZE), "float32")
    canvas[:, :DIGIT_SIZE, :DIGIT_SIZE] = images[top_left]
    second = canvas[:, SHIFT:, SHIFT:]
    np.maximum(second, images[bottom_right], out=second)
    halved = canvas.reshape(-1, IMAGE_SIZE, 2, IMAGE_SIZE, 2).mean(axis=(2, 4))
    return Split(
        {"image": halved[..., None]},
        {"top_left": labels[top_left], "bottom_right": labels[bottom_right]},
    )
