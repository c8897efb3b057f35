"""A small archive in the form of the real one, which the library's own builder reads: no photograph is downloaded."""

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

TRAIN, TEST = 40, 10  # photographs in the two lists of the archive
WITHOUT_BOX = 3  # the number of the photograph in the first list that has no file of boxes


def _write_photograph(folder: Path, name: str, number: int, with_box: bool) -> None:
    """A bright pet on a dark ground; its outline is a band of 2 pixels; its upper half is the head."""
    generator = np.random.default_rng(number)
    height, width = 60 + number % 7, 90 + number % 5
    top, left = generator.integers(3, 20, size=2)
    bottom, right = height - generator.integers(3, 15), width - generator.integers(3, 30)
    trimap = np.full((height, width), 2, "uint8")
    trimap[top - 2 : bottom + 2, left - 2 : right + 2] = 3
    trimap[top:bottom, left:right] = 1
    pixels = generator.integers(0, 60, (height, width, 3)) + 150 * (trimap != 2)[:, :, None]
    Image.fromarray(pixels.astype("uint8")).save(folder / "images" / f"{name}.jpg", quality=95)
    Image.fromarray(trimap).save(folder / "annotations/trimaps" / f"{name}.png")
    if with_box:
        edges = {"xmin": left, "ymin": top, "xmax": right, "ymax": (top + bottom) // 2}
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in edges.items())
        (folder / "annotations/xmls" / f"{name}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size>"
            f"<object><bndbox>{inside}</bndbox></object></annotation>"
        )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the library, made by its real builder from a made-up archive."""
    archive, folder = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("data")
    for part in ("images", "annotations/trimaps", "annotations/xmls"):
        (archive / part).mkdir(parents=True)
    for file, count in (("trainval.txt", TRAIN), ("test.txt", TEST)):
        lines = []
        for number in range(count):
            name, breed = f"{file[:4]}_{number}", number % 4 % 3 + 1  # breed 1 is the most frequent
            with_box = file == "trainval.txt" and number != WITHOUT_BOX
            _write_photograph(archive, name, number + 1000 * (file == "test.txt"), with_box)
            lines.append(f"{name} {breed} 1 1")
        (archive / "annotations" / file).write_text("\n".join(lines))
    with mock.patch.object(
        tfds.download.DownloadManager,
        "download_and_extract",
        lambda manager, addresses: dict.fromkeys(addresses, str(archive)),
    ):
        tfds.builder("oxford_iiit_pet:4.0.0", data_dir=folder).download_and_prepare()
    return folder
