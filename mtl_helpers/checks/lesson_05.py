"""The checks of lesson 05: one training step, traces, means over an epoch."""

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

Answer = str | EllipsisType | None

BIRDS, RATE, ROUNDING = 20, 0.1, 1e-5
BROADCAST = (
    "The squared error of `body_mass` was broadcast: a target of shape (batch,) minus a prediction of shape "
    "(batch, 1) is a table of shape (batch, batch), every bird against every other. Give both one shape, for "
    "example with `targets['body_mass'][:, None]`."
)
OUTSIDE = (
    "There are no gradients: the tape did not see the way from the weights to the loss. The call of the model, "
    "the losses and their sum belong inside `with tf.GradientTape() as tape:`, as tensors, not as NumPy numbers."
)


def check_1(one_step: Callable) -> Answer:
    """One training step of two tasks, compared with the weights that a right step leaves."""
    if isinstance(one_step, Mapping) or not callable(one_step):
        return "A function is expected. Write `exercises.check('05.1', one_step)`, without calling it."
    trial = _Trial.start()
    before = _values(trial.model)
    try:
        returned = one_step(trial.model, trial.optimizer, *_batch())
    except (ValueError, RuntimeError) as error:
        if "No gradients provided" in str(error):
            return OUTSIDE
        if "non-persistent" in str(error):
            return (
                "This tape was asked for gradients twice. Add up the losses inside it, and ask once, for the "
                "gradients of the sum."
            )
        raise
    if returned is ...:
        return ...
    if callable(returned):
        return "The function returned another function. Take the step in it, and return the losses."
    return _movement(trial, before) or _comparison(trial) or _returned_losses(returned)


class _Trial(NamedTuple):
    """A small network with much dropout, so that one batch shows whether it was on. Every draw has its seed."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    dropout: layers.Dropout

    @classmethod
    def start(cls) -> "_Trial":
        def dense(units: int, number: int, activation: str | None = None, name: str | None = None) -> Any:
            start = keras.initializers.GlorotUniform(seed=number)
            return layers.Dense(units, activation=activation, kernel_initializer=start, name=name)

        inputs = {"measurements": keras.Input((3,), name="measurements")}
        dropout = layers.Dropout(0.5, seed=1)
        hidden = dropout(dense(8, 1, "relu", "trunk")(inputs["measurements"]))
        outputs = {
            "species": dense(3, 2, "softmax", "species")(hidden),
            "body_mass": dense(1, 3, name="body_mass")(hidden),
        }
        model, optimizer = keras.Model(inputs, outputs), keras.optimizers.SGD(RATE)
        optimizer.build(model.trainable_variables)
        return cls(model, optimizer, dropout)


def _batch() -> tuple[dict[str, Any], dict[str, Any]]:
    generator = np.random.default_rng(5)
    inputs = {"measurements": tf.constant(generator.normal(size=(BIRDS, 3)), "float32")}
    species = tf.constant(generator.integers(0, 3, BIRDS), "int32")
    return inputs, {"species": species, "body_mass": tf.constant(generator.normal(size=BIRDS), "float32")}


def _values(model: keras.Model) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable) for variable in model.trainable_variables}


def _losses(
    model: keras.Model, training: bool = True, broadcast: bool = False, summed: bool = False
) -> dict[str, Any]:
    """The losses of the batch, right or in one of the known wrong ways."""
    inputs, targets = _batch()
    predictions = model(inputs, training=training)
    masses = targets["body_mass"] if broadcast else targets["body_mass"][:, None]
    reduce = tf.reduce_sum if summed else tf.reduce_mean
    species = keras.losses.sparse_categorical_crossentropy(targets["species"], predictions["species"])
    return {
        "species": reduce(species),
        "body_mass": reduce(tf.square(masses - predictions["body_mass"])),
    }


def _stepped(factor: float = 1.0, **how: bool) -> dict[str, np.ndarray]:
    """The weights after one step on `factor` times the sum of the losses."""
    trial = _Trial.start()
    with tf.GradientTape() as tape:
        total = factor * sum(_losses(trial.model, **how).values())
    trial.optimizer.apply(tape.gradient(total, trial.model.trainable_variables))
    return _values(trial.model)


def _movement(trial: _Trial, before: dict[str, np.ndarray]) -> Answer:
    """What is wrong if too little or too much has moved."""
    after, steps = _values(trial.model), int(trial.optimizer.iterations)
    moved = {path.split("/")[0] for path in after if np.abs(after[path] - before[path]).max() > 1e-8}
    if not moved:
        if steps:
            return f"The optimizer was called, but nothing moved. {OUTSIDE}"
        return "Nothing moved, and the optimizer was not called. After the gradients comes `optimizer.apply(...)`."
    if not steps:
        return "The weights moved, but not by the `optimizer` that was given. Use that one: `optimizer.apply(...)`."
    if steps > 1:
        return (
            f"The optimizer has taken {steps} steps for one batch. Steps on one loss after the other are not one "
            "step on their sum: the second starts where the first has ended. Add up the losses, then apply once."
        )
    for task, other in (("species", "body_mass"), ("body_mass", "species")):
        if task not in moved:
            return (
                f"The head of '{task}' did not move: its loss is not in what the gradients are taken of. Was it "
                f"overwritten by the loss of '{other}', or computed with NumPy, which the tape does not see? Add both up."
            )
    if "trunk" not in moved:
        return (
            "The heads moved, the trunk did not. Take the gradients for all of `model.trainable_variables`."
        )
    return None


def _comparison(trial: _Trial) -> Answer:
    """None for the weights of a right step, else which wrong step leaves the weights found."""
    found = _values(trial.model)

    def same(reference: dict[str, np.ndarray]) -> bool:
        return all(np.abs(found[path] - value).max() < ROUNDING for path, value in reference.items())

    if same(_stepped()):
        return None
    if same(_stepped(broadcast=True)):
        return BROADCAST
    silent = "Dropout kept silent: the model was called without `training=True`. Outside `fit` nobody says so for you."
    if same(_stepped(training=False)):
        return silent
    if same(_stepped(training=False, broadcast=True)):
        return f"Two faults. {silent} {BROADCAST}"
    if same(_stepped(factor=0.5)):
        return "This is a step on the mean of the two losses, half as large. `fit` adds them up."
    if same(_stepped(summed=True)):
        return (
            "This is the step of sums over the batch, not of means. Is each loss one number? Where `tf.reduce_mean` is "
            "missing, or has an axis, the tape adds up the birds."
        )
    if same(_stepped(factor=-1.0)):
        return (
            "This step goes uphill: it makes the losses larger. The optimizer subtracts the gradient itself."
        )
    drawn, once = (np.array(one.dropout.seed_generator.state) for one in (trial, _after_one_call()))
    if not np.array_equal(drawn, once):
        return (
            "The model was called more than once, and dropout drew other units each time. Call it once, and use its "
            "predictions for both losses."
        )
    return (
        "All weights moved in one step, but not to where a step on the sum of the two mean losses leads. Are they the "
        "cross-entropy of `species` and the mean squared error of `body_mass`, added without weights?"
    )


def _after_one_call() -> _Trial:
    trial = _Trial.start()
    trial.model(_batch()[0], training=True)
    return trial


def _returned_losses(returned: Any) -> Answer:
    """The step was right; are its losses returned by task?"""
    expected = {task: float(loss) for task, loss in _losses(_Trial.start().model).items()}
    where = "The step is right. Now return the losses as a dictionary, `{'species': ..., 'body_mass': ...}`"
    if not isinstance(returned, Mapping):
        what = "nothing" if returned is None else f"a {type(returned).__name__}"
        return f"{where}: the function returned {what}."
    if set(returned) != set(expected):
        return f"{where}: the keys found are {', '.join(map(repr, returned))}."
    if any(value is ... for value in returned.values()):
        return ...
    for task, loss in expected.items():
        if np.size(returned[task]) != 1:
            return f"{where}: the one of '{task}' has the shape {np.shape(returned[task])}, not one number."
        if abs(float(returned[task]) - loss) > 1e-4:
            return f"{where}: the one of '{task}' is not the loss on which the step was taken."
    return None


TRACES = {
    "tensors 0.1, 0.2, 0.3": 1,
    "Python numbers 0.1, 0.1, 0.1": 1,
    "two epochs of 7 batches": 2,
    "Python numbers 0.1, 0.2, 0.3": 3,
}
_TRACES_SAID = {
    (
        "tensors 0.1, 0.2, 0.3",
        3,
    ): "A tensor is an input of the graph: its shape and its kind are fixed, its value is not.",
    ("Python numbers 0.1, 0.1, 0.1", 3): "The same Python number fits the graph that is there already.",
    ("two epochs of 7 batches", 14): "Not each call traces anew: a graph serves all batches of its shape.",
    (
        "two epochs of 7 batches",
        7,
    ): "Not each batch has a graph of its own: a graph serves all batches of its shape.",
    ("two epochs of 7 batches", 3): "There are two shapes only: 32 birds, and 8.",
    ("two epochs of 7 batches", 4): "The second epoch brings no new shape. Its numbers may differ.",
    (
        "two epochs of 7 batches",
        1,
    ): "The last batch of an epoch has another shape. Does a graph for 32 birds serve 8?",
    (
        "Python numbers 0.1, 0.2, 0.3",
        1,
    ): "A Python number is built into the graph as a constant. Can one graph hold three of them?",
}


def check_2(traces: dict[str, int]) -> Answer:
    """How often a function is traced."""
    if not isinstance(traces, Mapping) or set(traces) != set(TRACES):
        return "A dictionary with the four keys of the exercise is expected. Change only the numbers."
    wrong = [calls for calls, count in TRACES.items() if traces[calls] != count]
    if not wrong:
        return None
    given = traces[wrong[0]]
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)):
        return f"'{wrong[0]}': a number is expected, but {given!r} was given."
    if given == 0:
        return f"'{wrong[0]}': a function that was never traced has no graph to run. The first call traces."
    hint = _TRACES_SAID.get(
        (wrong[0], int(given)), "Count the different graphs that these calls need, not the calls."
    )
    return f"'{wrong[0]}': not {given}. {hint}"


# Of each batch its mean loss and its number of birds; the last batch is smaller.
EPOCHS = [
    [(4.0, 32), (2.0, 32), (1.0, 8)],
    [(2.0, 32), (1.0, 32), (4.0, 8)],
    [(1.0, 32), (0.5, 32), (2.0, 8)],
]


def check_3(epoch_means: Callable) -> Answer:
    """A function from batches to the mean loss of each epoch."""
    if not callable(epoch_means):
        return "A function is expected. Write `exercises.check('05.3', epoch_means)`, without calling it."
    returned = epoch_means([list(batches) for batches in EPOCHS])
    if returned is ... or (isinstance(returned, Sequence) and any(value is ... for value in returned)):
        return ...
    if returned is None:
        return "The function returned nothing. End it with `return` and the list."
    if isinstance(returned, Mapping):
        return "A list is expected, one number for each epoch, but a dictionary came."
    if isinstance(returned, Sequence) and any(isinstance(value, keras.metrics.Metric) for value in returned):
        return "The list holds the metric itself, which goes on changing. Keep the number: `float(mean.result())`."
    if isinstance(returned, Sequence) and any(map(callable, returned)):
        return "The list holds a method, not a number. Call it: `mean.result()`."
    if np.size(returned) == 1:
        return (
            f"One number for each of the {len(EPOCHS)} epochs is expected, but only one came. Does `return` stand "
            "inside the loop?"
        )
    found = np.array([float(value) for value in np.ravel(returned)])
    if len(found) == sum(map(len, EPOCHS)):
        return "This is one number for each batch. Read the result when all batches of the epoch are through."
    if len(found) != len(EPOCHS):
        return f"{len(EPOCHS)} epochs went in, and {len(found)} numbers came out."
    for wrong, message in _wrong_means():
        if np.allclose(found, wrong, atol=1e-4):
            return message
    if np.allclose(found, _means(), atol=1e-4):
        return None
    return (
        "These are not the means. For the first epoch of the check, with the batches (4.0, 32), (2.0, 32) and "
        f"(1.0, 8), the mean over its 72 birds is {200 / 72:.3f}; yours is {found[0]:.3f}."
    )


def _means() -> list[float]:
    return [
        sum(loss * birds for loss, birds in batches) / sum(birds for _, birds in batches)
        for batches in EPOCHS
    ]


def _wrong_means() -> list[tuple[list[float], str]]:
    losses, birds = np.array(EPOCHS)[..., 0], np.array(EPOCHS)[..., 1]
    so_far = range(1, len(EPOCHS) + 1)
    forgotten = (
        "The metric was not reset: from the second epoch on the numbers average over all epochs so far, so a curve "
        "looks too smooth and comes too late. Call `reset_state()` at the start of each epoch."
    )
    unweighted = (
        "The mean of the batch means: the 8 birds of the last batch count as much as 32 others. Give the number of "
        "birds as `sample_weight`."
    )
    return [
        ([np.average(losses[:n], weights=birds[:n]) for n in so_far], forgotten),
        ([losses[:n].mean() for n in so_far], f"Two faults. {forgotten} {unweighted}"),
        (list(losses.mean(axis=1)), unweighted),
        (
            list(losses[:, -1]),
            "This is the loss of the last batch alone, which is small and noisy. Is the metric reset for each batch, "
            "or is the value of the batch kept instead of the metric's result?",
        ),
        ([0.0] * len(EPOCHS), "Every number is zero: the metric was reset before its result was read."),
        (
            list((losses * birds).sum(axis=1)),
            "These are sums over the birds. Divide by the number of birds, or let `keras.metrics.Mean` do it.",
        ),
        (
            list((losses * birds).mean(axis=1)),
            "Each loss was multiplied by its birds, then averaged over the batches. Give the birds as `sample_weight`.",
        ),
        (list(losses.sum(axis=1)), "These are sums over the batches. A mean over the birds is asked for."),
    ]
