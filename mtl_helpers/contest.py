"""Problems on which lessons compare methods: data, network and measures, the same for every method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_helpers.data import Split, load_penguins, two_digits
from mtl_helpers.seeds import SeedRuns, draw_subsets
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.turns import TurnRuns, train_in_turn
from mtl_helpers.two_digits_network import two_digits_network, two_digits_tasks

import keras
import numpy as np
from keras import layers

Scores = dict[str, np.ndarray]  # task -> one number a seed
Measure = Callable[[np.ndarray, np.ndarray], Any]


@dataclass(frozen=True)
class Problem:
    """All that a method is not free to choose.

    train, validation, test: the examples; no seed changes validation and test
    labels:           how many training examples each seed draws; all if None
    losses:           task -> loss
    network:          (tasks, options of `MultiTaskModel`) -> an untrained model; as large for one task as for all
    measures:         task -> function of predictions (seeds, examples, units) and truth to one number a seed
    higher_is_better: task -> the direction of its measure
    trivial:          part -> task -> the measure there of a constant answer; here of the one that is best in training
    keep_best:        whether each seed keeps its best epoch on validation, or its last
    """

    train: Split
    validation: Split
    test: Split
    losses: dict[str, str]
    network: Callable[..., MultiTaskModel]
    measures: dict[str, Measure]
    higher_is_better: dict[str, bool]
    trivial: dict[str, dict[str, float]]
    epochs: int
    batch_size: int
    labels: int | None = None
    keep_best: bool = True

    def fit(
        self,
        rate: float,
        seeds: Sequence[int],
        tasks: Sequence[str] | None = None,
        options: Callable[[], Mapping[str, Any]] = dict,
    ) -> TurnRuns:
        """Train the network for some of the tasks (default: all) with Adam, one seed after another.

        options: makes what `MultiTaskModel` takes, such as {"weighting": RLW()}, anew for each seed
        """
        losses = {task: self.losses[task] for task in tasks or self.losses}

        def build() -> MultiTaskModel:
            model = self.network(tuple(losses), **options())
            model.compile(keras.optimizers.Adam(rate), loss=losses)
            return model

        train: Split | list[Split] = self.train
        if self.labels is not None:
            examples = len(next(iter(self.train.targets.values())))
            train = [self.train.take(rows) for rows in draw_subsets(examples, self.labels, seeds)]
        return train_in_turn(
            build,
            train,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seeds=seeds,
            validation=self.validation if self.keep_best else None,
        )

    def scores(self, runs: SeedRuns, part: str) -> Scores:
        """The measure of every task of the trained networks on "validation" or "test", one number a seed."""
        if part not in ("validation", "test"):
            raise ValueError(
                f"part must be 'validation' or 'test', but {part!r} was given. Choose on validation, report on test."
            )
        split = getattr(self, part)
        return {
            task: np.asarray(self.measures[task](predicted, split.targets[task]), dtype=float)
            for task, predicted in runs.predict(split.inputs).items()
        }

    def progress(self, runs: SeedRuns) -> np.ndarray:
        """On validation: the mean over tasks of the share of the way from trivial to perfect, one number a seed."""
        trivial = self.trivial["validation"]
        perfect = {
            task: float(better) for task, better in self.higher_is_better.items()
        }  # accuracy 1, error 0
        scores = self.scores(runs, "validation")
        return np.mean(
            [(scores[task] - trivial[task]) / (perfect[task] - trivial[task]) for task in scores], axis=0
        )


def penguins(labels: int = 40, width: int = 8, epochs: int = 60) -> Problem:
    """Three tasks on one bird: species (accuracy), body mass (mean absolute error in g) and sex (accuracy).

    labels: how many of the 200 training birds each seed draws
    """
    birds = load_penguins(sex="target")
    heads = {"species": (3, "softmax"), "body_mass": (1, None), "sex": (1, "sigmoid")}

    def network(tasks: Sequence[str], **options: Any) -> MultiTaskModel:
        inputs = {name: keras.Input((3,), name=name) for name in ("measurements", "island")}
        joined = layers.Concatenate(name="join")(list(inputs.values()))
        trunk = layers.Dense(width, activation="relu", name="trunk")(joined)
        outputs = {
            task: layers.Dense(units, activation=activation, name=task)(trunk)
            for task, (units, activation) in heads.items()
            if task in tasks
        }
        return MultiTaskModel(inputs, outputs, **options)

    median = np.median(birds.train.targets["body_mass"])

    def trivial(part: Split) -> dict[str, float]:
        return {
            "species": _most_frequent(birds.train.targets["species"], part.targets["species"]),
            "body_mass": float(np.abs(part.targets["body_mass"] - median).mean() * birds.body_mass_std),
            "sex": _most_frequent(birds.train.targets["sex"], part.targets["sex"]),
        }

    return Problem(
        birds.train,
        birds.validation,
        birds.test,
        losses={
            "species": "sparse_categorical_crossentropy",
            "body_mass": "mse",
            "sex": "binary_crossentropy",
        },
        network=network,
        measures={
            "species": _accuracy,
            "body_mass": lambda mass, true: np.abs(mass - true).mean(axis=(1, 2)) * birds.body_mass_std,
            "sex": lambda male, true: ((male > 0.5) == (true > 0.5)).mean(axis=(1, 2)),
        },
        higher_is_better={"species": True, "body_mass": False, "sex": True},
        trivial={"validation": trivial(birds.validation), "test": trivial(birds.test)},
        epochs=epochs,
        batch_size=10,
        labels=labels,
    )


def digits(images: int = 3000, epochs: int = 8, test: int = 3000, keep_best: bool = True) -> Problem:
    """Two tasks on one image: the digit at the top left and the one at the bottom right (accuracy each)."""
    data = two_digits(images, 1000, test)
    tasks = two_digits_tasks()

    def network(names: Sequence[str], **options: Any) -> MultiTaskModel:
        return two_digits_network([task for task in tasks if task.name in names], **options)

    def trivial(part: Split) -> dict[str, float]:
        return {name: _most_frequent(data.train.targets[name], truth) for name, truth in part.targets.items()}

    return Problem(
        data.train,
        data.validation,
        data.test,
        losses={task.name: task.loss for task in tasks},
        network=network,
        measures={task.name: _accuracy for task in tasks},
        higher_is_better={task.name: True for task in tasks},
        trivial={"validation": trivial(data.validation), "test": trivial(data.test)},
        epochs=epochs,
        batch_size=64,
        keep_best=keep_best,
    )


def _accuracy(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (predicted.argmax(axis=-1) == truth).mean(axis=-1)


def _most_frequent(train: np.ndarray, elsewhere: np.ndarray) -> float:
    """The accuracy elsewhere of the class that is most frequent in training."""
    return float(np.mean(elsewhere == np.bincount(train.astype(int).ravel()).argmax()))
