"""The checks of lesson 06: units as weights, the total of uncertainty weighting, dynamic weight average."""

from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Answer = str | EllipsisType | None

CHANGES = {"weight of body_mass": 1e6, "step of SGD": 10.0, "step of Adam": 1.0}
_ADAM = "Adam divides each gradient by its own usual size, so a common factor of both weights cancels"
_SGD = (
    "SGD's step is the rate times the gradient, and a sum ten times as large has gradients ten times as large"
)


def check_1(changes: dict[str, float]) -> Answer:
    """What a change of unit, and a common factor on both weights, do."""
    if not isinstance(changes, Mapping) or set(changes) != set(CHANGES):
        return "A dictionary with the three keys of the exercise is expected. Change only the numbers."
    for what, value in changes.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            return f"'{what}': a number is expected, but {value!r} was given."
    weight, sgd, adam = (float(changes[what]) for what in CHANGES)
    return _weight_of_kilograms(weight) or _step_sizes(sgd, adam)


def _weight_of_kilograms(weight: float) -> str | None:
    if np.isclose(weight, 1e6, rtol=1e-3):
        return None
    told = {
        1e3: "The loss is a squared error: errors a thousandth as large make it a thousandth of a thousandth.",
        1e-3: "Two faults. The loss is squared, so the factor is 1,000². And it shrank: the weight must make it larger.",
        1e-6: "The factor is right, its direction is not. The loss shrank, so the weight must make it larger.",
        1.0: "The number on the scale is a thousandth, and so is each error. Then the loss did not stay the same.",
        0.0: "A weight of zero takes the task out of the sum. Its share is to stay what it was.",
        2e3: "Squaring does not double. If an error e becomes e / 1,000, what does e² become?",
    }
    for wrong, message in told.items():
        if np.isclose(weight, wrong, rtol=1e-3, atol=1e-12):
            return f"'weight of body_mass': not {weight:g}. {message}"
    return f"'weight of body_mass': not {weight:g}. By how much does the mean of e² shrink if each e is a thousandth?"


def _step_sizes(sgd: float, adam: float) -> str | None:
    if np.isclose(sgd, 1.0) and np.isclose(adam, 10.0):
        return f"You have these two the wrong way round. {_ADAM}. {_SGD}."
    if not np.isclose(sgd, 10.0, rtol=0.01):
        told = {
            1.0: "The balance of the tasks is the same, but the total is not",
            0.1: "A larger loss does not make a smaller step",
            20.0: "Both weights grew by the same factor, ten. Their ratio of two was there before",
            2.0: "Two is the ratio of the tasks, and it did not change",
            100.0: "A weight is not squared. Only the error of the mass is",
        }
        return f"'step of SGD': not {sgd:g}. {told.get(sgd, 'Look at the total: what is it multiplied by?')}. {_SGD}."
    if not np.isclose(adam, 1.0, rtol=0.01):
        nothing = " Zero would mean that nothing moves." if adam == 0 else ""
        return f"'step of Adam': not {adam:g}.{nothing} {_ADAM}."
    return None


# Losses and s of the trials; no two formulas below agree on both.
_TRIALS = (
    ({"body_mass": 0.4, "sex": 0.9}, {"body_mass": -1.2, "sex": 0.7}),
    ({"body_mass": 3.0, "sex": 0.2}, {"body_mass": 0.5, "sex": -0.3}),
)


def check_2(uncertainty_total: Callable) -> Answer:
    """A function from losses and s to the total of uncertainty weighting."""
    if not callable(uncertainty_total):
        return (
            "A function is expected. Write `exercises.check('06.2', uncertainty_total)`, without calling it."
        )
    totals, slopes = [], []
    for losses, s in _TRIALS:
        variables = {task: keras.Variable(value, dtype="float32") for task, value in s.items()}
        with tf.GradientTape() as tape:
            total = uncertainty_total(
                {task: tf.constant(loss, "float32") for task, loss in losses.items()}, variables
            )
        if (problem := _no_total(total)) is not None:
            return problem
        totals.append(float(total))
        gradients = tape.gradient(total, list(variables.values())) if isinstance(total, tf.Tensor) else [None]
        if all(gradient is None for gradient in gradients):
            return f"The total carries no gradient to s, so s would never be learned. {_TENSORFLOW}"
        slopes.append([np.nan if gradient is None else float(gradient) for gradient in gradients])
    return _same_formula(totals) or _same_slopes(slopes)


_TENSORFLOW = "Use TensorFlow's functions, such as `tf.exp`, and no NumPy, `float` or `.numpy()`."


def _same_slopes(slopes: list[list[float]]) -> str | None:
    """None if the derivatives in s are those of the total, which a part without a gradient makes wrong."""
    wanted = [
        [
            0.5 - factor * np.exp(-s[task]) * losses[task]
            for task, factor in (("body_mass", 0.5), ("sex", 1.0))
        ]
        for losses, s in _TRIALS
    ]
    if np.allclose(slopes, wanted, atol=1e-4):
        return None
    return (
        f"The number is right, but a part of it carries no gradient to s, so s would go astray. {_TENSORFLOW}"
    )


def _no_total(total: Any) -> Answer:
    if total is ...:
        return ...
    if total is None:
        return "The function returned nothing. End it with `return` and the total."
    if isinstance(total, Mapping):
        return "One number is expected, but a dictionary came. Add up the parts of the tasks."
    if callable(total):
        return "The function returned a function. Compute the total in it, and return that."
    if np.size(total) != 1:
        return f"One number is expected, but {np.size(total)} came. Add up the parts of the tasks."
    return None


def _total(
    losses: Mapping[str, float],
    s: Mapping[str, float],
    factors: tuple[float, float] = (0.5, 1.0),  # of body_mass, of sex
    term: float = 0.5,
    scale: float = -1.0,
    of: tuple[str, str] = ("body_mass", "sex"),  # whose s each task gets
) -> float:
    """The right total, or one with a fault."""
    return sum(
        factor * np.exp(scale * s[own]) * losses[task] + term * s[own]
        for task, factor, own in zip(("body_mass", "sex"), factors, of, strict=True)
    )


_NO_TERM = "The `+ ½·s` is missing. Then the total falls for ever as s grows: all weights go to zero."
_FAULTS: list[tuple[str, dict[str, Any]]] = [
    (
        "½ stands before both losses. It belongs to the squared error alone: it comes from the Gaussian. A "
        "cross-entropy has `e^(−s)·L + ½·s`. Here `sex` starts at half its weight; at rest its weight is the same, "
        "but e^s is L and not 2L.",
        {"factors": (0.5, 0.5)},
    ),
    (
        "No ½ stands before the squared error. Its Gaussian has one: `½·e^(−s)·L + ½·s`.",
        {"factors": (1.0, 1.0)},
    ),
    (
        "The ½ is at the wrong task: `body_mass`, with the squared error, has it, and `sex` has not.",
        {"factors": (1.0, 0.5)},
    ),
    (_NO_TERM, {"term": 0.0}),
    (f"Two faults. {_NO_TERM} And ½ stands before both losses.", {"term": 0.0, "factors": (0.5, 0.5)}),
    (f"Two faults. {_NO_TERM} And no ½ stands before the squared error.", {"term": 0.0, "factors": (1, 1)}),
    (
        "Each s is added whole. Half of it belongs there: `ln σ` is `½·s`, as `s = ln σ²`.",
        {"term": 1.0},
    ),
    (
        "The total is divided by e^(−2s). That is right for `s = ln σ`; here `s = ln σ²`, so it is e^(−s).",
        {"scale": -2.0, "term": 1.0},
    ),
    (
        "The exponent is −2s. That belongs to `s = ln σ`; here `s = ln σ²`, so it is −s.",
        {"scale": -2.0},
    ),
    (
        "The sign of s is turned in both places. That is the form of IMTL-L, where e^s is the weight. Here a large s "
        "means much noise, and little weight.",
        {"scale": 1.0, "term": -0.5},
    ),
    (
        "This is IMTL-L: `e^s·L − s` for each task. Here e^(−s) is the weight, and the terms of the tasks differ.",
        {"scale": 1.0, "term": -1.0, "factors": (1.0, 1.0)},
    ),
    (
        "The weight is e^s. Then noise, a large s, would give a task more weight. It is e^(−s).",
        {"scale": 1.0},
    ),
    (
        "`½·s` is subtracted. It must be added: it is the price of calling a task noisy.",
        {"term": -0.5},
    ),
    ("Both tasks use the s of `body_mass`. Each has its own.", {"of": ("body_mass", "body_mass")}),
    ("Both tasks use the s of `sex`. Each has its own.", {"of": ("sex", "sex")}),
    ("The two s are swapped: each task has its own.", {"of": ("sex", "body_mass")}),
]


def _same_formula(totals: list[float]) -> str | None:
    def same(*factor: float, **how: Any) -> bool:
        wanted = [_total(*trial, **how) for trial in _TRIALS]
        return np.allclose(totals, np.multiply(wanted, factor or 1.0), atol=1e-4)

    if same():
        return None
    for message, how in _FAULTS:
        if same(**how):
            return message
    if same(0.5):
        return "This is half of the total. The parts of the tasks are added up, not averaged."
    if same(2.0):
        return "This is twice the total. Look at each ½."
    for task, other in (("body_mass", "sex"), ("sex", "body_mass")):
        parts = [_total({**losses, other: 0.0}, {**s, other: 0.0}) for losses, s in _TRIALS]
        if np.allclose(totals, parts, atol=1e-4):
            return f"Only `{task}` is in the total. Was it overwritten, or does `return` stand inside a loop?"
    plain = [sum(losses.values()) for losses, _ in _TRIALS]
    if np.allclose(totals, plain, atol=1e-4):
        return "This is the plain sum of the losses: s has no part in it."
    (losses, s), wanted = _TRIALS[0], _total(*_TRIALS[0])
    return (
        f"This is another formula. For the losses {losses} and s {s} the total is {wanted:.4f}; yours is "
        f"{totals[0]:.4f}. Compare each of the four parts."
    )


# Losses of the batches of each epoch; the last batch alone tells another story than its epoch.
_HISTORY = {
    "body_mass": [[4.0, 3.0, 2.0], [1.6, 1.4, 0.9], [1.0, 0.7, 0.4]],
    "sex": [[0.8, 0.7, 0.6], [0.7, 0.6, 0.5], [0.55, 0.5, 0.6]],
}
_TEMPERATURE = 0.7


def check_3(dwa_weights: Callable) -> Answer:
    """A function from the losses of all batches so far to the weights of the next epoch."""
    if not callable(dwa_weights):
        return "A function is expected. Write `exercises.check('06.3', dwa_weights)`, without calling it."
    history = {task: np.array(epochs) for task, epochs in _HISTORY.items()}
    returned = dwa_weights({task: epochs.copy() for task, epochs in history.items()}, _TEMPERATURE)
    if (found := _as_weights(returned)) is None or not isinstance(found, np.ndarray):
        return ... if found is None else found
    if (wrong := _wrong_weights(found, history)) is not None:
        return wrong
    for epochs, message in (
        (2, "With two finished epochs the ratio is due already: only with fewer is every weight to be 1."),
        (1, "With one there is no ratio yet, and every weight is to be 1: look at the number of rows first."),
    ):
        begun = {task: losses[:epochs] for task, losses in history.items()}
        wanted = _right_weights(begun) if epochs == 2 else np.ones(len(begun))
        try:
            early = _as_weights(
                dwa_weights({task: losses.copy() for task, losses in begun.items()}, _TEMPERATURE)
            )
        except Exception:  # there is no row to take
            early = None
        if not isinstance(early, np.ndarray) or not np.allclose(early, wanted, atol=1e-4):
            return f"Right once three epochs are over. {message}"
    return None


def _right_weights(history: Mapping[str, np.ndarray]) -> np.ndarray:
    means = np.array([epochs.mean(axis=1) for epochs in history.values()])
    return len(means) * _softmax(means[:, -1] / means[:, -2] / _TEMPERATURE)


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values)
    return powers / powers.sum()


def _as_weights(returned: Any) -> np.ndarray | str | None:
    """The weights in the order of the tasks; None if not tried; a message for what is not weights."""
    if returned is ... or (isinstance(returned, Mapping) and any(v is ... for v in returned.values())):
        return None
    where = "Return a dictionary, `{'body_mass': ..., 'sex': ...}`"
    if not isinstance(returned, Mapping):
        what = "nothing" if returned is None else f"a {type(returned).__name__}"
        return f"{where}: the function returned {what}."
    if set(returned) != set(_HISTORY):
        return f"{where}: the keys found are {', '.join(map(repr, returned))}."
    for task, weight in returned.items():
        if callable(weight) or np.size(weight) != 1:
            return (
                f"{where}: the weight of '{task}' is no single number. Is the mean of each epoch taken over its "
                "batches, the second axis?"
            )
    return np.array([float(np.squeeze(returned[task])) for task in _HISTORY])


def _wrong_weights(found: np.ndarray, history: Mapping[str, np.ndarray]) -> str | None:
    """None for the right weights, else what is wrong with them."""
    tasks, temperature = len(_HISTORY), _TEMPERATURE
    means = np.array([epochs.mean(axis=1) for epochs in history.values()])
    batches = np.array([epochs[-1] for epochs in history.values()])
    over_batches = np.array([epochs.mean(axis=0) for epochs in history.values()])
    ends = np.array([epochs[:, -1] for epochs in history.values()])
    of_batches = np.array([(epochs[-1] / epochs[-2]).mean() for epochs in history.values()])
    ratio = means[:, -1] / means[:, -2]

    if np.allclose(found, right := _right_weights(history), atol=1e-4):
        return None
    upside_down = (
        "The ratio is upside down. It is the last epoch over the one before: near 1 for a task that hardly fell, and "
        "that task is to get more weight."
    )
    sum_to_one = (
        "These weights sum to 1. They are to sum to the number of tasks, so that the total keeps its size."
    )
    no_softmax = "The ratios are scaled to their sum, without a softmax: `exp(ratio / temperature)` is what is shared out."
    faults = [
        (tasks * _softmax(1 / ratio / temperature), upside_down),
        (_softmax(ratio / temperature), sum_to_one),
        (_softmax(1 / ratio / temperature), f"Two faults. {upside_down} {sum_to_one}"),
        (
            tasks * _softmax(batches[:, -1] / batches[:, -2] / temperature),
            "These are the last two batches. One batch is noise: compare the means of the last two epochs.",
        ),
        (
            tasks * _softmax(ends[:, -1] / ends[:, -2] / temperature),
            "This is the last batch of an epoch against the last batch of the one before. One batch is noise: "
            "compare the means of the two epochs.",
        ),
        (
            tasks * _softmax(of_batches / temperature),
            "This is the mean of a ratio for each batch. Take the mean of each epoch first, then one ratio.",
        ),
        (
            tasks * _softmax(over_batches[:, -1] / over_batches[:, -2] / temperature),
            "The mean is taken over the epochs. Each row is an epoch: take it over the batches, `axis=1`.",
        ),
        (
            tasks * _softmax(ratio * temperature),
            "The ratio is multiplied by the temperature. Divide: a high temperature is to make the weights equal.",
        ),
        (tasks * _softmax(ratio), "The temperature is not used. Divide the ratio by it."),
        (tasks * _softmax(ratio / 2), "The temperature is 2 whatever is given. Use the argument."),
        (
            tasks * _softmax(means[:, -1] / means[:, 0] / temperature),
            "The last epoch is compared with the first. Compare it with the one before it.",
        ),
        (
            tasks * _softmax(means[:, -2] / means[:, -3] / temperature),
            "These are the two epochs before the last one. The last row is the epoch that has just ended.",
        ),
        (
            tasks * _softmax((means[:, -1] - means[:, -2]) / temperature),
            "This is a difference of losses, which has a unit. A ratio has none.",
        ),
        (
            tasks * _softmax(means[:, -1] / temperature),
            "This looks at how large the loss is, not at how it fell. Divide by the epoch before.",
        ),
        (tasks * ratio / ratio.sum(), no_softmax),
        (ratio / ratio.sum(), f"Two faults. {no_softmax} {sum_to_one}"),
        (ratio, "These are the ratios themselves. Their softmax, times the number of tasks, is asked for."),
        (
            np.ones(tasks),
            "Every weight is 1, which holds with fewer than two finished epochs only. Here three are over.",
        ),
    ]
    for wrong, message in faults:
        if np.allclose(found, wrong, atol=1e-4):
            return message
    if np.allclose(found[::-1], right, atol=1e-4):
        return "The two weights are swapped."
    return (
        f"These are not the weights. In the check the ratios are {ratio[0]:.3f} for body_mass and {ratio[1]:.3f} for "
        f"sex, and the temperature is {temperature}."
    )
