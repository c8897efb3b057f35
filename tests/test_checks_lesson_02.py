"""Lesson 02: each wrong answer is met by its own message."""

from mtl_helpers.checks.lesson_02 import check_1, check_2, check_3, check_4

import keras
import pytest
from keras.layers import Concatenate, Dense

LOSSES = {"species": "sparse_categorical_crossentropy", "body_mass": "mse", "sex": "binary_crossentropy"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (388, None),
        (644, "trunk twice"),
        (352, "biases are missing"),
        (260, "`measurements` only"),
        (420, "two sets of biases"),
        (355, "One bias for each layer"),
        (385, "species head"),
        (363, "not for each of its 7 inputs"),
        (256, "trunk alone"),
        (1000, "Count three layers"),
    ],
)
def test_parameters(answer, message):
    said = check_1(answer)
    assert said is None if message is None else message in said


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (8, None),
        (2, "related tasks"),
        (4, "was not enough"),
        (16, "not the least"),
        (30, "Thirty would pass on every input"),
        (9, "rank of"),
        (5.5, "whole number"),
    ],
)
def test_width_of_the_trunk(answer, message):
    said = check_2(answer)
    assert said is None if message is None else message in said


def three_tasks(
    *, second="island", size=3, sex=("sigmoid", 1), mass=None, species="softmax", wiring="shared",
    losses=LOSSES, compiled=True,
):  # fmt: skip
    """A learner's network for exercise 02.3, right unless told otherwise."""
    inputs = {
        "measurements": keras.Input((3,), name="measurements"),
        second: keras.Input((size,), name=second),
    }
    features = (
        Concatenate()(list(inputs.values())) if wiring != "second input unused" else inputs["measurements"]
    )
    trunk = Dense(32, activation="relu")(features)
    under_sex = {"on the inputs": features, "own trunk": Dense(32, activation="relu")(features)}.get(
        wiring, trunk
    )
    activation, units = sex
    outputs = {
        "species": Dense(3, activation=species)(trunk),
        "body_mass": Dense(1, activation=mass)(trunk),
        "sex": Dense(units, activation=activation)(under_sex),
    }
    network = keras.Model(inputs, outputs)
    if compiled:
        network.compile(keras.optimizers.Adam(0.01), loss=losses)
    return network


def without(losses, task, **more):
    return {name: loss for name, loss in losses.items() if name != task} | more


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: None, "returns nothing"),
        (lambda: 3, "returns int"),
        (lambda: three_tasks(sex=("softmax", 1)), "with one unit it is always 1"),
        (lambda: three_tasks(sex=(None, 1)), "has no activation"),
        (
            lambda: three_tasks(losses={**LOSSES, "sex": LOSSES["species"]}),
            "so its loss is binary_crossentropy",
        ),
        (lambda: three_tasks(losses={**LOSSES, "species": "categorical_crossentropy"}), "put sparse_ before"),
        (lambda: three_tasks(losses={**LOSSES, "species": "mse"}), "is a class"),
        (lambda: three_tasks(mass="relu"), "below zero too"),
        (lambda: three_tasks(species=None), "species needs a softmax"),
        (lambda: three_tasks(wiring="on the inputs"), "reads the inputs directly"),
        (lambda: three_tasks(wiring="own trunk"), "a trunk of its own"),
        (lambda: three_tasks(wiring="second input unused"), "leads nowhere"),
        (
            lambda: three_tasks(losses=without(LOSSES, "sex", sex_head="binary_crossentropy")),
            "Python variables",
        ),
        (lambda: three_tasks(losses=without(LOSSES, "sex")), "has no partner"),
        (lambda: three_tasks(compiled=False), "not compiled"),
        (lambda: three_tasks(losses="mse"), "a loss for each task"),
        pytest.param(
            lambda: three_tasks(second="island_and_sex", size=4),
            "Too good to be true",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_third_head(answer, message):
    assert message in check_3(answer)


def test_third_head_not_tried_yet():
    assert check_3(lambda: ...) is ...


@pytest.mark.slow
@pytest.mark.parametrize(
    "right",
    [
        three_tasks,
        # Two units and a softmax serve a yes-or-no task as well.
        lambda: three_tasks(sex=("softmax", 2), losses={**LOSSES, "sex": "sparse_categorical_crossentropy"}),
    ],
)
def test_third_head_right(right):
    assert check_3(right) is None


@pytest.mark.slow
def test_third_head_that_does_not_learn():
    def too_slow():
        network = three_tasks(compiled=False)
        network.compile(keras.optimizers.SGD(1e-6), loss=LOSSES)
        return network

    assert "mere guessing" in check_3(too_slow)


METRICS = {"kind": ["accuracy"], "amount": ["mae"]}


def tutorial(
    *, both=True, loss="categorical_crossentropy", kind="softmax", amount=None, units=64, optimizer="adam",
    metrics=METRICS,
):  # fmt: skip
    """A learner's network for exercise 02.4, right unless told otherwise."""
    inputs = {"first": keras.Input((50,), name="first"), "second": keras.Input((100,), name="second")}
    joined = Concatenate()(list(inputs.values())) if both else inputs["first"]
    shared = Dense(units, activation="relu")(joined)
    outputs = {"kind": Dense(10, activation=kind)(shared), "amount": Dense(1, activation=amount)(shared)}
    network = keras.Model(inputs, outputs)
    network.compile(optimizer, loss={"kind": loss, "amount": "mse"}, metrics=metrics)
    return network


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: tutorial(both=False), "second fault"),
        (lambda: tutorial(loss="sparse_categorical_crossentropy"), "one-hot"),
        (lambda: tutorial(kind=None), "needs a softmax"),
        (lambda: tutorial(amount="relu"), "below zero too"),
        (lambda: tutorial(units=32), "yours has: 32 relu"),
        (lambda: tutorial(optimizer="sgd"), "says Adam"),
        (lambda: tutorial(metrics=None), "metrics are missing"),
        (lambda: keras.Sequential([keras.Input((50,)), Dense(1)]), "as dictionaries"),
    ],
)
def test_tutorial(answer, message):
    assert message in check_4(answer)


@pytest.mark.slow
def test_tutorial_right():
    assert check_4(tutorial) is None
