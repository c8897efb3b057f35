"""Two regression tasks on one input, with a dial for how much they have in common."""

from dataclasses import dataclass

from mtl_helpers.split import Split

import numpy as np

FREQUENCIES = np.linspace(0.5, 2.0, 4)  # α_j of the sine terms
PHASES = np.arange(4.0) ** 2  # β_j


@dataclass(frozen=True)
class DialTasks:
    """Two tasks with known truth on the same input.

    train, validation, test: the input `x`, (examples, dimensions), and the targets `task_1` and `task_2`,
        (examples, 1)
    weights: (2, dimensions), the true weight vector of each task, of length 1
    """

    train: Split
    validation: Split
    test: Split
    weights: np.ndarray


def dial_tasks(
    relatedness: float,
    *,
    train_examples: int = 500,
    validation_examples: int = 200,
    test_examples: int = 1000,
    dimensions: int = 100,
    noise: float = 0.1,
    seed: int = 0,
) -> DialTasks:
    """Generate two tasks whose weight vectors have the cosine `relatedness`, as Ma et al. do.

    With orthonormal u1 and u2: w1 = u1, w2 = p·u1 + √(1 − p²)·u2, with p = relatedness. x is standard normal, and
    y = w·x + Σ_j sin(α_j w·x + β_j) + noise, with four terms, α from 0.5 to 2, β = 0, 1, 4, 9.

    relatedness: from 0, two directions at a right angle, to 1, the same task twice but for the noise
    noise:       standard deviation of the noise on every target
    seed:        decides the weight vectors, the examples and the noise

    Every example has both targets. Targets are standardised with the mean and standard deviation of the training
    part, so that an error of 1 is that of a constant answer. Inputs and targets are float32.
    Source: Ma et al., KDD 2018, doi 10.1145/3219819.3220007; number of terms, α and β are ours.
    Raises ValueError for settings out of range.
    """
    if not 0 <= relatedness <= 1:
        raise ValueError(
            f"relatedness must lie between 0 and 1, but {relatedness} was given. Use 1 for the same task twice, 0 "
            "for directions at a right angle."
        )
    if min(train_examples, dimensions) < 2 or min(validation_examples, test_examples) < 1 or noise < 0:
        raise ValueError(
            "At least two dimensions and training examples, one example in each other part and noise of zero or more "
            f"are expected, but {dimensions} dimensions, {train_examples}, {validation_examples} and {test_examples} "
            f"examples and noise {noise} were given. Use larger numbers."
        )
    generator = np.random.default_rng(seed)
    u1, u2 = np.linalg.qr(generator.normal(size=(dimensions, 2)))[0].T
    weights = np.stack([u1, relatedness * u1 + np.sqrt(1 - relatedness**2) * u2])

    examples = (train_examples, validation_examples, test_examples)
    x = generator.normal(size=(sum(examples), dimensions))
    y = _curve(x @ weights.T) + noise * generator.normal(size=(sum(examples), 2))
    training = y[:train_examples]
    y = (y - training.mean(axis=0)) / training.std(axis=0)
    whole = Split(
        {"x": x.astype("float32")},
        {f"task_{k + 1}": y[:, k, None].astype("float32") for k in range(2)},
    )
    rows = np.split(np.arange(sum(examples)), np.cumsum(examples)[:-1])
    train, validation, test = (whole.take(of_part) for of_part in rows)
    return DialTasks(train, validation, test, weights)


def _curve(z: np.ndarray) -> np.ndarray:
    """Each number plus its sine terms."""
    return z + np.sin(np.multiply.outer(z, FREQUENCIES) + PHASES).sum(axis=-1)
