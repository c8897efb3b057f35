"""Lesson 03: each wrong answer is met by its own message."""

from mtl_helpers.checks.lesson_03 import check_1, check_2, check_3, check_4, check_5
from mtl_helpers.data import Split, load_penguins

import keras
import numpy as np
import pytest
from keras.layers import Activation, Dense, LeakyReLU, Reshape, Softmax

CLASSES = load_penguins().train.targets["species"]
ONE_HOT = np.eye(3)[CLASSES]
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


@pytest.mark.parametrize(
    ("labels", "loss", "metric", "message"),
    [
        (CLASSES, SPARSE, "accuracy", None),
        (CLASSES[:, None], SPARSE, "sparse_categorical_accuracy", None),
        (ONE_HOT, CATEGORICAL, "accuracy", None),
        (ONE_HOT, keras.losses.CategoricalCrossentropy(), keras.metrics.CategoricalAccuracy(), None),
        (CLASSES, SPARSE, ["accuracy"], None),
        (ONE_HOT, CATEGORICAL, ["sparse_categorical_accuracy"], "a sparse metric wants class numbers"),
        (CLASSES, SPARSE, ["accuracy", "mae"], "one metric"),
        (CLASSES, {"species": SPARSE, "body_mass": "mse"}, "accuracy", "not a dictionary"),
        (ONE_HOT, SPARSE, "accuracy", "Nothing has changed"),
        (ONE_HOT.astype("int32"), SPARSE, "accuracy", "whatever their dtype"),
        (CLASSES, CATEGORICAL, "accuracy", "other way round"),
        (ONE_HOT.argmax(axis=0), SPARSE, "accuracy", "ran over the birds"),
        (ONE_HOT.argmax(axis=1) + 1, SPARSE, "accuracy", "counts classes from 0"),
        (CLASSES[::-1], SPARSE, "accuracy", "not the species of the training birds"),
        (load_penguins().test.targets["species"], SPARSE, "accuracy", "each of the 200 training birds"),
        (np.array(["Adelie"] * 200), SPARSE, "accuracy", "must be numbers"),
        (CLASSES, "sparse_crossentropy", "accuracy", "no loss called 'sparse_crossentropy'"),
        (ONE_HOT, "binary_crossentropy", "accuracy", "three separate yes-or-no questions"),
        (ONE_HOT, "mse", "accuracy", "loss for numbers"),
        (CLASSES, SPARSE, "categorical_accuracy", "a share that means nothing"),
        (ONE_HOT, CATEGORICAL, "sparse_categorical_accuracy", "a sparse metric wants class numbers"),
        (ONE_HOT, CATEGORICAL, "binary_accuracy", "each of the three columns"),
        (CLASSES, SPARSE, "mae", "not the share of birds"),
    ],
)
def test_labels_loss_and_metric(labels, loss, metric, message):
    expect(check_1(labels, loss, metric), message)


LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("head", "loss", "message"),
    [
        (lambda hidden: Dense(3, "softmax")(hidden), SPARSE, None),
        (lambda hidden: Softmax()(Dense(3)(hidden)), SPARSE, None),
        (lambda hidden: keras.ops.softmax(Dense(3)(hidden)), SPARSE, None),
        (lambda hidden: Dense(3)(hidden), LOGITS, None),
        (lambda hidden: ..., SPARSE, ...),
        (
            lambda hidden: Dense(3, "softmax")(hidden),
            {"species": SPARSE, "body_mass": "mse"},
            "Give one loss",
        ),
        (
            lambda hidden: Activation("softmax")(Dense(3, "softmax")(hidden)),
            SPARSE,
            "still holds 2 softmaxes",
        ),
        (lambda hidden: Softmax()(Dense(3, "softmax")(hidden)), LOGITS, "still holds 2 softmaxes"),
        (lambda hidden: Dense(3, "softmax")(hidden), LOGITS, "one in the loss"),
        (lambda hidden: Reshape((3,))(Dense(3, "softmax")(hidden)), LOGITS, "one in the loss"),
        (lambda hidden: Dense(3)(hidden), SPARSE, "Now there is none"),
        (lambda hidden: Dense(3, "sigmoid")(hidden), SPARSE, "ends in sigmoid"),
        (lambda hidden: Dense(3, "relu")(hidden), LOGITS, "ends in relu"),
        (lambda hidden: Dense(1, "softmax")(hidden), SPARSE, "needs three units"),
        (lambda hidden: Dense(3, "softmax")(hidden), CATEGORICAL, "labels are class numbers"),
        (lambda hidden: Dense(3, "softmax"), SPARSE, "a layer, not what it puts out"),
        (lambda hidden: {"species": Dense(3, "softmax")(hidden)}, SPARSE, "must return one tensor"),
        (lambda hidden: Dense(3, "softmax")(keras.Input((32,))), SPARSE, "not computed from `hidden`"),
    ],
)
def test_one_softmax(head, loss, message):
    expect(check_2(head, loss), message)


def both(split, rows_of_inputs, rows_of_targets):
    inputs = {name: values[rows_of_inputs] for name, values in split.inputs.items()}
    return Split(inputs, {name: values[rows_of_targets] for name, values in split.targets.items()})


def order(split, seed):
    return np.random.default_rng(seed).permutation(len(split))


def input_by_input(split, seed):
    rng = np.random.default_rng(seed)
    return Split({name: rng.permutation(values) for name, values in split.inputs.items()}, split.targets)


def torn_apart(split, seed):
    rows = split.take(order(split, seed))
    measurements = np.random.default_rng(seed).permuted(rows.inputs["measurements"], axis=0)
    return Split({**rows.inputs, "measurements": measurements}, rows.targets)


def of_the_training_birds(split, seed):
    return load_penguins().train.take(order(split, seed))


def one_input_of_the_training_birds(split, seed):
    rows = split.take(order(split, seed))
    other = of_the_training_birds(split, seed).inputs["island_and_sex"]
    return Split({**rows.inputs, "island_and_sex": other}, rows.targets)


def shuffled_and_halved(split, seed):
    rows = split.take(order(split, seed))
    return Split(rows.inputs, {**rows.targets, "body_mass": rows.targets["body_mass"] / 2})


def in_place(split, seed):
    for values in [*split.inputs.values(), *split.targets.values()]:
        values[:] = values[order(split, seed)]
    return split


@pytest.mark.parametrize(
    ("shuffled", "message"),
    [
        (lambda split, seed: split.take(order(split, seed)), None),
        (lambda split, seed: both(split, order(split, seed), order(split, seed)), None),
        (lambda split, seed: ..., ...),
        (input_by_input, "The two inputs are still in different orders"),
        (
            lambda split, seed: both(split, order(split, seed), slice(None)),
            "the targets are in another order",
        ),
        (
            lambda split, seed: both(split, order(split, seed), order(split, seed + 100)),
            "the targets are in another order",
        ),
        (lambda split, seed: split, "nothing was shuffled"),
        (torn_apart, "torn apart"),
        (of_the_training_birds, "You indexed the training birds"),
        (one_input_of_the_training_birds, "You indexed the training birds"),
        (shuffled_and_halved, "Change only their order"),
        (
            lambda split, seed: split.take(np.random.default_rng(seed).integers(0, len(split), len(split))),
            "Some birds come twice",
        ),
        (lambda split, seed: split.take(order(split, seed)[:20]), "60 birds went in, and 20 came out"),
        (in_place, "do not shuffle in place"),
        (lambda split, seed: split.take(order(split, 0)), "Every seed gives the same order"),
        (
            lambda split, seed: split.take(np.random.default_rng().permutation(len(split))),
            "The same seed gives another order",
        ),
        (lambda split, seed: load_penguins().train.take(np.arange(200)), "not `penguins.train`"),
        (lambda split, seed: (split.inputs, split.targets), "A Split is expected"),
        (lambda split, seed: Split(split.inputs, {}), "same inputs and targets"),
    ],
)
def test_shuffled(shuffled, message):
    expect(check_3(shuffled), message)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (0.05, None),
        (20, "must undo it"),
        (1 / 200, "all training birds"),
        (1 / 10, "number of batches"),
        (1 / 50, "validation birds"),
        (0.5, "over the two tasks"),
        (1, "nothing changes"),
        (0, "not trained at all"),
        (1 / 32, "default batch size"),
        (0.3, "divided by how much"),
        ([0.05, 0.05], "One number is expected"),
    ],
)
def test_weight_that_undoes_a_sum(weight, message):
    expect(check_4(weight), message)


def heads(species="softmax", body_mass=None, units=(3, 1)):
    def repaired(hidden):
        return {
            "species": Dense(units[0], species)(hidden),
            "body_mass": Dense(units[1], body_mass)(hidden),
        }

    return repaired


@pytest.mark.parametrize(
    ("repaired", "message"),
    [
        (heads(), None),
        (lambda hidden: {"species": ..., "body_mass": ...}, ...),
        (heads(body_mass="relu"), "more than half of all"),
        (heads(None, "relu"), "more than half of all"),
        (heads(body_mass="softplus"), "ends in softplus"),
        (heads(body_mass="leaky_relu"), "bends for no reason"),
        (
            lambda hidden: {
                "species": Dense(3, "softmax")(hidden),
                "body_mass": LeakyReLU()(Dense(1)(hidden)),
            },
            "bends for no reason",
        ),
        (heads(body_mass="tanh"), "ends in tanh"),
        (heads(body_mass="sigmoid"), "ends in sigmoid"),
        (heads(body_mass="softmax"), "always 1"),
        (heads(None), "still puts out logits"),
        (heads("sigmoid"), "need not sum to one"),
        (heads("relu"), "need not sum to one"),
        (heads(units=(1, 1)), "three species"),
        (heads(units=(3, 3)), "A mass is one number"),
        (heads(None, "softmax", units=(1, 3)), "changed places"),
        (lambda hidden: [Dense(3)(hidden), Dense(1)(hidden)], "A dictionary with the keys"),
        (lambda hidden: {"species": Dense(3, "softmax"), "body_mass": Dense(1)}, "must be a tensor"),
        (
            lambda hidden: {
                "species": Dense(3, "softmax")(keras.Input((3,))),
                "body_mass": Dense(1)(hidden),
            },
            "'species' is not computed from `hidden`",
        ),
    ],
)
def test_repaired_heads(repaired, message):
    expect(check_5(repaired), message)
