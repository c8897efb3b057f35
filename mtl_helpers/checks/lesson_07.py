"""The checks of lesson 07: parameters of a trunk, PLE by hand, what a mixture's gates cost."""

from collections.abc import Callable, Mapping
from types import EllipsisType

import numpy as np
from scipy.special import softmax

Answer = str | EllipsisType | None

INPUTS, TASKS, OWN_UNITS = 30, 8, 2
UNITS = 13


def _together(width: int) -> int:
    return (INPUTS + 1) * width + TASKS * (width + 1)


_APART = TASKS * ((INPUTS + 1) * OWN_UNITS + OWN_UNITS + 1)


def check_1(units: int) -> Answer:
    """The width of a shared trunk with about as many parameters as eight small networks."""
    if isinstance(units, bool) or not isinstance(units, (int, float, np.number)):
        return f"One number of units is expected, but {units!r} was given."
    if units != int(units):
        return f"A layer has whole units. Which whole number is nearest to {units:g}?"
    units = int(units)
    if units == UNITS:
        return None
    told = {
        TASKS
        * OWN_UNITS: "Eight times two units have the same trunks, but not the same heads: each head now reads all "
        "sixteen units, not two.",
        OWN_UNITS: "That is the same width for each network. The eight trunks together are larger than one.",
        _APART: "That is a number of parameters. Which width has about as many?",
        _APART
        // TASKS: "That is the number of parameters of one of the eight networks. Which width has as many as all?",
        round(
            (_APART - TASKS) / (INPUTS + 1)
        ): "Did you forget the heads? Each reads the whole trunk and has a bias.",
        round(_APART / INPUTS): "Did you forget the heads, and the biases of the trunk?",
        12: "Near. Did you count the biases, of the trunk and of the heads, on both sides?",
        14: "Near. Did you count the biases, of the trunk and of the heads, on both sides?",
    }
    if units < 1:
        return "A trunk has at least one unit."
    count = f"A shared trunk of {units} units makes {_together(units):,} parameters, the eight networks have {_APART:,}."
    return f"{told[units]} {count}" if units in told else count


_GENERATOR = np.random.default_rng(7)
_X = _GENERATOR.normal(size=(6, 5))
_OWN = _GENERATOR.normal(size=(2, 6, 4))
_SHARED = _GENERATOR.normal(size=(3, 6, 4))
_GATE = _GENERATOR.normal(size=(5, 5))


def check_2(ple_features: Callable) -> Answer:
    """A function from x, own experts, shared experts and a gate to the features of one task."""
    if not callable(ple_features):
        return "A function is expected. Write `exercises.check('07.2', ple_features)`, without calling it."
    found = ple_features(_X.copy(), _OWN.copy(), _SHARED.copy(), _GATE.copy())
    if found is ...:
        return ...
    if found is None:
        return "The function returned nothing. End it with `return` and the features."
    if isinstance(found, (Mapping, str)) or callable(found):
        return f"An array of features is expected, but the function returned a {type(found).__name__}."
    found = np.asarray(found, dtype=float)
    if found.shape == _X.shape and np.allclose(found, softmax(_X @ _GATE, axis=1), atol=1e-6):
        return "These are the weights of the gate. The experts, weighed by them and added up, are asked for."
    if found.shape != (6, 4):
        return (
            "For 6 examples and experts of 4 units, features of shape (6, 4) are expected, but the shape "
            f"{found.shape} came. Sum over the experts, and over nothing else."
        )
    return _which(found)


def _which(found: np.ndarray) -> str | None:
    """None for the right features, else what is wrong with them."""

    def mixed(experts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.einsum("ei,ieu->eu", weights, experts)

    both, turned = np.concatenate([_OWN, _SHARED]), np.concatenate([_SHARED, _OWN])
    logits = _X @ _GATE
    weights = softmax(logits, axis=1)
    if np.allclose(found, mixed(both, weights), atol=1e-5):
        return None
    half = mixed(_OWN, softmax(logits[:, :2], axis=1)) + mixed(_SHARED, softmax(logits[:, 2:], axis=1))
    faults = [
        (mixed(turned, weights), "The order is turned: the own experts come first, then the shared ones."),
        (
            mixed(both, softmax(logits, axis=0)),
            "The softmax runs over the examples. Each example's weights are to sum to 1: `axis=1`.",
        ),
        (
            mixed(both, softmax(logits)),
            "The softmax runs over the whole table. Each example's weights are to sum to 1: `axis=1`.",
        ),
        (mixed(both, logits), "There is no softmax, so the weights may be negative and do not sum to 1."),
        (
            mixed(_OWN, softmax(logits[:, :2], axis=1)),
            "Only the own experts are in it. The shared ones are what this task has in common with others.",
        ),
        (
            mixed(_SHARED, softmax(logits[:, 2:], axis=1)),
            "Only the shared experts are in it. The own ones belong to this task alone.",
        ),
        (half, "There are two softmaxes. One gate weighs all five, so that own and shared ones compete."),
        (half / 2, "There are two softmaxes. One gate weighs all five, so that own and shared ones compete."),
        (both.mean(axis=0), "This is the plain mean of the experts. The gate is not used."),
        (both.sum(axis=0), "This is the plain sum of the experts. The gate is not used."),
        (
            mixed(both, weights) / 5,
            "This is a mean of the weighed experts. The weights sum to 1 already: add up.",
        ),
        (
            mixed(both, np.tile(weights.mean(axis=0), (6, 1))),
            "All examples get the same weights. The gate looks at each example.",
        ),
    ]
    for wrong, message in faults:
        if np.allclose(found, wrong, atol=1e-5):
            return message
    return (
        "These are other features. `mixture` from above is nearly all you need: which experts does it get, and in which "
        "order?"
    )


PARTS = {"experts": 4 * (100 + 1) * 7, "gates": 2 * 100 * 4}


def check_3(parameters: dict[str, int]) -> Answer:
    """How many parameters the experts and the gates of a mixture have."""
    if not isinstance(parameters, Mapping) or set(parameters) != set(PARTS):
        return "A dictionary with the keys 'experts' and 'gates' is expected. Change only the numbers."
    for part, number in parameters.items():
        if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
            return f"'{part}': a number is expected, but {number!r} was given."
    told: dict[str, dict[float, str]] = {
        "experts": {
            4 * 100 * 7: "Each unit of an expert has a bias too.",
            101 * 7: "That is one expert. There are four.",
            2 * PARTS["experts"]: "The experts are not copied for each task: both tasks use the same four.",
            2 * 101 * 7: "That is one expert for each task. There are four, and both tasks use all.",
        },
        "gates": {
            2 * 101 * 4: "A gate has no bias here: `softmax(x @ gate)`.",
            101 * 4: "That is one gate, with a bias. There is one for each task, without.",
            100 * 4: "That is one gate. Each task has its own.",
            2
            * 4: "A gate is not one number for each expert. It computes these from the 100 inputs, for each example.",
            4: "A gate is not one number for each expert. It computes these from the 100 inputs, for each example.",
            2 * 7 * 4: "A gate reads the inputs, not the 7 units of the experts.",
            2 * 28 * 4: "A gate reads the inputs, not the outputs of the experts.",
            0: "A softmax has no parameters, but the matrix before it has.",
            2 * 100 * 4 * 7: "A gate gives one weight to an expert, not one to each of its units.",
        },
    }
    if all(parameters[part] == PARTS[other] for part, other in (("experts", "gates"), ("gates", "experts"))):
        return "The two numbers are swapped."
    for part, right in PARTS.items():
        if parameters[part] != right:
            hint = told[part].get(
                float(parameters[part]), "What is the shape of each matrix, and how many are there?"
            )
            return f"'{part}': not {parameters[part]:g}. {hint}"
    return None
