"""The course's data sets. Nothing is downloaded: each comes inside an installed package, or is generated."""

from dataclasses import dataclass

from mtl_helpers.diamonds import Diamonds, load_diamonds
from mtl_helpers.digits import DigitScenes, digit_scenes
from mtl_helpers.split import Split
from mtl_helpers.two_digits import TwoDigits, two_digits

import numpy as np
import pandas as pd

__all__ = [
    "Diamonds",
    "DigitScenes",
    "Penguins",
    "RelatedTasks",
    "Split",
    "TwoDigits",
    "digit_scenes",
    "load_diamonds",
    "load_penguins",
    "related_tasks",
    "tutorial_data",
    "two_digits",
]

SPECIES = ("Adelie", "Chinstrap", "Gentoo")
ISLANDS = ("Biscoe", "Dream", "Torgersen")
MEASUREMENTS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")
TRAINING_BIRDS, VALIDATION_BIRDS = 200, 50


@dataclass(frozen=True)
class Penguins:
    """The 333 complete Palmer penguins, ready for a model with two inputs.

    train, validation, test: 200, 50 and 83 birds, with the same share of each species.
    table: every bird in its own units, with the column `part` naming its part.
    body_mass_mean, body_mass_std: of the training part, in g; they standardise the target `body_mass`.
    """

    train: Split
    validation: Split
    test: Split
    table: pd.DataFrame
    body_mass_mean: float
    body_mass_std: float

    def grams(self, standardised: np.ndarray) -> np.ndarray:
        """Body masses in g from standardised ones, of any shape."""
        return np.asarray(standardised) * self.body_mass_std + self.body_mass_mean


def load_penguins(sex: str = "input", seed: int = 0) -> Penguins:
    """Load the Palmer penguins from the package `palmerpenguins`, as two inputs and a target for each task.

    sex:  "input" puts each bird's sex into the second input; "target" makes it a third task instead.
    seed: decides which birds go to training, validation and test.

    Inputs (float32):
      measurements    (birds, 3)  bill length, bill depth, flipper length; standardised on the training part
      island_and_sex  (birds, 4)  Biscoe, Dream, Torgersen, male: each 0 or 1       (sex="input")
      island          (birds, 3)  the same without the sex                          (sex="target")
    Targets:
      species    (birds,)    int32    0 Adelie, 1 Chinstrap, 2 Gentoo
      body_mass  (birds, 1)  float32  standardised on the training part; `Penguins.grams` turns it back into g
      sex        (birds, 1)  float32  0 female, 1 male                              (sex="target")

    Eleven of the 344 birds lack a value and are left out.
    Source: Horst, Hill and Gorman, palmerpenguins (2020); data of Gorman, Williams and Fraser, PLoS ONE
    (2014).
    """
    if sex not in ("input", "target"):
        raise ValueError(
            f"sex must be 'input' or 'target', but {sex!r} was given. Use 'target' for a third task."
        )
    # Imported here, so that lessons on other data do not need the package.
    from palmerpenguins import load_penguins as load_table

    table = load_table().dropna().reset_index(drop=True)
    species = table["species"].map(SPECIES.index).to_numpy(dtype="int32")
    part = _stratified_parts(species, seed)
    training = part == "train"

    measured = table[list(MEASUREMENTS)].to_numpy(dtype="float64")
    measured = (measured - measured[training].mean(axis=0)) / measured[training].std(axis=0)
    grams = table["body_mass_g"].to_numpy(dtype="float64")
    mean, std = float(grams[training].mean()), float(grams[training].std())
    island = (table["island"].to_numpy()[:, None] == np.array(ISLANDS)).astype("float32")
    male = (table["sex"] == "male").to_numpy(dtype="float32")[:, None]

    inputs = {"measurements": measured.astype("float32")}
    targets = {"species": species, "body_mass": ((grams - mean) / std).astype("float32")[:, None]}
    if sex == "input":
        inputs["island_and_sex"] = np.concatenate([island, male], axis=1)
    else:
        inputs["island"] = island
        targets["sex"] = male

    birds = Split(inputs, targets)
    return Penguins(
        train=birds.take(np.flatnonzero(training)),
        validation=birds.take(np.flatnonzero(part == "validation")),
        test=birds.take(np.flatnonzero(part == "test")),
        table=table.assign(part=part),
        body_mass_mean=mean,
        body_mass_std=std,
    )


@dataclass(frozen=True)
class RelatedTasks:
    """Linear regression tasks with known truth.

    train, validation, test: for task k the input `x_k`, (examples, dimensions), and the target `task_k`,
        (examples, 1)
    weights: (tasks, dimensions), the true weight vector of each task, of length 1
    """

    train: Split
    validation: Split
    test: Split
    weights: np.ndarray


def related_tasks(
    relatedness: float,
    *,
    tasks: int = 6,
    train_examples: int = 40,
    validation_examples: int = 40,
    test_examples: int = 500,
    dimensions: int = 30,
    rank: int = 2,
    noise: float = 0.2,
    seed: int = 0,
) -> RelatedTasks:
    """Generate linear tasks whose weight vectors lie more or less in one common subspace.

    relatedness: from 0 to 1, the share of each squared weight vector that lies in the common subspace:
                 1 puts every task into it, at 0 each task has a direction of its own
    rank:        the number of dimensions of the common subspace
    noise:       standard deviation of the noise on every target; the noiseless targets have variance 1
    seed:        decides the weight vectors, the examples and the noise

    Every task has examples of its own: x is standard normal, y = w·x + noise. Inputs and targets are float32.
    Raises ValueError for settings out of range.
    """
    if not 0 <= relatedness <= 1:
        raise ValueError(
            f"relatedness must lie between 0 and 1, but {relatedness} was given. Use 1 for tasks that share "
            "one subspace, 0 for tasks that share nothing."
        )
    if not 1 <= rank < dimensions:
        raise ValueError(
            f"rank must be at least 1 and below the {dimensions} dimensions, but {rank} was given. "
            "Use fewer, or give more dimensions: each task needs room outside the common subspace."
        )
    if min(tasks, train_examples, validation_examples, test_examples) < 1 or noise < 0:
        raise ValueError(
            "At least one task, one example in each part and noise of zero or more are expected, but "
            f"{tasks} tasks, {train_examples}, {validation_examples} and {test_examples} examples and noise "
            f"{noise} were given. Use larger numbers."
        )
    generator = np.random.default_rng(seed)
    axes = np.linalg.qr(generator.normal(size=(dimensions, dimensions)))[0].T
    common = _unit_rows(generator.normal(size=(tasks, rank))) @ axes[:rank]
    own = _unit_rows(generator.normal(size=(tasks, dimensions - rank))) @ axes[rank:]
    weights = np.sqrt(relatedness) * common + np.sqrt(1 - relatedness) * own

    def part(examples: int) -> Split:
        x = generator.normal(size=(tasks, examples, dimensions))
        y = np.einsum("ted,td->te", x, weights) + noise * generator.normal(size=(tasks, examples))
        return Split(
            {f"x_{k + 1}": x[k].astype("float32") for k in range(tasks)},
            {f"task_{k + 1}": y[k, :, None].astype("float32") for k in range(tasks)},
        )

    return RelatedTasks(part(train_examples), part(validation_examples), part(test_examples), weights)


def tutorial_data(examples: int, seed: int = 0) -> Split:
    """Generate data for the classic two-headed tutorial network, such that both inputs matter.

    Inputs (float32): `first` (examples, 50) and `second` (examples, 100). Six hidden numbers make the features,
    and each input shows three of them, with noise.
    Targets (float32): `kind` (examples, 10), one-hot, the largest of ten scores of the hidden numbers; `amount`
    (examples, 1), a sum over them, with a standard deviation of about 2.3.
    The relation is the same for every seed, so that two seeds give training and test data.
    """
    relation = np.random.default_rng(123)
    show_first, show_second = relation.normal(size=(3, 50)), relation.normal(size=(3, 100))
    scores, effect = relation.normal(size=(6, 10)), np.array([1.0, -1.0, 0.5, 1.0, -0.5, 1.0])
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(examples, 6))
    first, second = hidden[:, :3] @ show_first, hidden[:, 3:] @ show_second
    inputs = {
        name: values + 0.5 * generator.normal(size=values.shape)
        for name, values in (("first", first), ("second", second))
    }
    amount = hidden @ effect + 0.1 * generator.normal(size=examples)
    targets = {"kind": np.eye(10)[(hidden @ scores).argmax(axis=1)], "amount": amount[:, None]}
    return Split(
        {name: values.astype("float32") for name, values in inputs.items()},
        {name: values.astype("float32") for name, values in targets.items()},
    )


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _stratified_parts(classes: np.ndarray, seed: int) -> np.ndarray:
    """The name of each example's part, so that every part holds the same share of each class."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(classes))
    train, rest = train_test_split(rows, train_size=TRAINING_BIRDS, stratify=classes, random_state=seed)
    validation, _ = train_test_split(
        rest, train_size=VALIDATION_BIRDS, stratify=classes[rest], random_state=seed
    )
    part = np.full(len(classes), "test", dtype=object)
    part[train], part[validation] = "train", "validation"
    return part
