"""The checks of lesson 09: PCGrad for many tasks, gradients at length 1, what a table of cosines shows."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import numpy as np
import tensorflow as tf

Answer = str | EllipsisType | None

ROUNDING = 1e-6
# Three gradients for which each of the known faults gives another direction, in every order or in some.
GRADIENTS = np.array([[-0.5, -0.2, 1.8], [0.0, 0.1, -1.5], [1.6, 0.9, 1.1]])
DRAWS = 200
ORIGINAL = (
    "Each gradient has to meet the ORIGINAL gradients of the others, but here it meets them as already changed. Then "
    "the later tasks see no conflict and keep their parts against the earlier ones. Change a copy: "
    "`own = gradients[i].copy()`."
)


def check_1(pcgrad_for_many: Callable) -> Answer:
    """PCGrad for three tasks: each draw must be one of the directions that the orders can give."""
    if isinstance(pcgrad_for_many, (Mapping, str)) or not callable(pcgrad_for_many):
        return "A function is expected. Write `exercises.check('09.1', pcgrad_for_many)`, without calling it."
    found, generator = [], np.random.default_rng(0)
    for _ in range(DRAWS):
        gradients = GRADIENTS.copy()
        try:
            returned = pcgrad_for_many(gradients, generator)
        except TypeError as error:
            if "NoneType" in str(error) and "itera" in str(error):
                return (
                    "The order is None: `generator.shuffle` shuffles in place and returns nothing. "
                    "`generator.permutation(len(gradients))` returns an order."
                )
            raise
        if returned is ...:
            return ...
        if message := _no_direction(returned):
            return message
        if not np.array_equal(gradients, GRADIENTS):
            return _changed_input(gradients)
        found.append(np.asarray(returned, dtype=float))
    if message := _which_fault(np.array(found)):
        return message
    return _which_orders(np.array(found))


def _no_direction(returned: Any) -> Answer:
    """What is wrong with the kind or the shape of what was returned."""
    if returned is None:
        return "The function returned nothing. End it with `return` and the direction."
    if callable(returned):
        return "The function returned another function. Return the direction, an array."
    shape = np.shape(returned)
    if shape == GRADIENTS.shape:
        return "A gradient for each task came back. The direction is their sum, of shape (parameters,): add up the rows."
    if shape != GRADIENTS.shape[1:]:
        return f"One direction of shape (3,) is expected for three parameters, but the shape is {shape}."
    return None


def _changed_input(gradients: np.ndarray) -> str:
    if np.array_equal(np.sort(gradients, axis=0), np.sort(GRADIENTS, axis=0)):
        return (
            "Your function shuffled the rows of `gradients` itself, in place. Then row i is no longer task i. Leave "
            "`gradients` as they are, and draw an order of numbers: `generator.permutation(len(gradients))`."
        )
    return ORIGINAL


Step = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _project(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One meeting, as it should be; `start` is the own gradient before all meetings."""
    return own - min(own @ other, 0.0) / (other @ other) * other


def _directions(
    step: Step = _project, itself: bool = False, stale: bool = True, share: float = 1.0
) -> dict[tuple, np.ndarray]:
    """The direction for each combination of orders; with a fault, if one is given.

    itself: a gradient also meets itself. stale: it meets the original gradients, as it should.
    """
    tasks = range(len(GRADIENTS))
    orders = [list(itertools.permutations([j for j in tasks if itself or j != i])) for i in tasks]
    result = {}
    for chosen in itertools.product(*orders):
        changed = GRADIENTS.copy()
        for i, order in enumerate(chosen):
            for j in order:
                other = GRADIENTS[j] if stale else changed[j]
                changed[i] = step(changed[i], GRADIENTS[i], other)
        result[chosen] = share * changed.sum(axis=0)
    return result


def _among(found: np.ndarray, directions: Sequence[np.ndarray]) -> bool:
    """Whether each direction found is one of these."""
    gaps = np.abs(found[:, None] - np.array(directions)[None]).max(axis=2)
    return bool((gaps.min(axis=1) < ROUNDING).all())


def _always(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - own @ other / (other @ other) * other


def _when_they_agree(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - max(own @ other, 0.0) / (other @ other) * other


def _not_squared(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - min(own @ other, 0.0) / np.sqrt(other @ other) * other


def _own_length(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - min(own @ other, 0.0) / (own @ own) * other


def _start_length(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - min(own @ other, 0.0) / (start @ start) * other


def _start_product(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - min(start @ other, 0.0) / (other @ other) * other


def _added(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own + min(own @ other, 0.0) / (other @ other) * other


def _without_length(own: np.ndarray, start: np.ndarray, other: np.ndarray) -> np.ndarray:
    return own - min(own @ other, 0.0) * other


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"stale": False}, ORIGINAL),
    (
        {"share": 1 / 3},
        "This is the mean of the changed gradients. PCGrad returns their sum; only the scale differs, but at a fixed "
        "learning rate that counts.",
    ),
    (
        {"step": _always},
        "You take a part away also where the product is positive, so where the tasks agree. Only if `product < 0`.",
    ),
    (
        {"step": _when_they_agree},
        "You take a part away where the product is positive. It is a conflict if `product < 0`.",
    ),
    (
        {"itself": True},
        "A gradient also meets itself here. After a projection it may point against its own original, and then this "
        "changes the direction. Skip `j == i`.",
    ),
    (
        {"step": _not_squared},
        "The product has to be divided by the length of the other gradient SQUARED, "
        "`gradients[j] @ gradients[j]`.",
    ),
    (
        {"step": _without_length},
        "The product has to be divided by `gradients[j] @ gradients[j]`, or more than the part against it is taken.",
    ),
    (
        {"step": _own_length},
        "You divide by the squared length of the own gradient. What is taken away lies along the OTHER gradient, so "
        "its squared length counts: `gradients[j] @ gradients[j]`.",
    ),
    (
        {"step": _start_length},
        "You divide by the squared length of the own gradient. What is taken away lies along the OTHER gradient, so "
        "its squared length counts: `gradients[j] @ gradients[j]`.",
    ),
    (
        {"step": _start_product},
        "The product is always that of the gradient before all changes. After the first projection the conflict with "
        "the next task is another: use `own @ gradients[j]`, where `own` is what is left so far.",
    ),
    (
        {"step": _added},
        "The part is added, with its sign, where it should be taken away: the conflict becomes larger. Write `own -=`.",
    ),
]


def _which_fault(found: np.ndarray) -> Answer:
    """None if all directions are right ones, else the message of the fault that gives them."""
    if _among(found, list(_directions().values())):
        return None
    if _among(found, [GRADIENTS.sum(axis=0)]):
        return "This is the plain sum: no conflict was repaired. Is the changed gradient the one that you add up?"
    for options, message in FAULTS:
        if _among(found, list(_directions(**options).values())):
            return message
    return (
        "This is not PCGrad's direction. For each task begin with a copy of its gradient; for each other task j, in "
        "random order, if `own @ gradients[j] < 0`, take `product / (gradients[j] @ gradients[j]) * gradients[j]` away; "
        "then add up."
    )


def _which_orders(found: np.ndarray) -> Answer:
    """The directions are right; were all orders drawn?"""
    directions = _directions()
    distinct = _number(np.array(list(directions.values())))
    drawn = _number(found)
    if drawn == distinct:
        return None
    if drawn == 1:
        return (
            "The direction is right, but it is the same at every call: the order is never drawn. A fixed order favours "
            "some task. Use `generator.permutation(len(gradients))`, without a seed of your own."
        )
    together = [
        [j for j in order if j != i]
        for order in itertools.permutations(range(len(GRADIENTS)))
        for i in range(len(GRADIENTS))
    ]
    shared = {
        tuple(tuple(part) for part in together[start : start + len(GRADIENTS)])
        for start in range(0, len(together), len(GRADIENTS))
    }
    if _among(found, [directions[chosen] for chosen in shared]):
        return "All tasks use one and the same order. Draw a new one for each task, inside the loop over i."
    return (
        f"Each direction is right, but of {distinct} that the orders can give only {drawn} came in {DRAWS} calls. Are all "
        "orders equally likely, and drawn anew for each task?"
    )


def _number(vectors: np.ndarray) -> int:
    """How many different vectors there are."""
    return len({tuple(vector) for vector in np.round(vectors, 6)})


def check_2(mean_of_unit_gradients: Callable) -> Answer:
    """The weights that bring two gradients to length 1 and take their mean."""
    if isinstance(mean_of_unit_gradients, (Mapping, str)) or not callable(mean_of_unit_gradients):
        return "A function is expected. Write `exercises.check('09.2', mean_of_unit_gradients)`, without calling it."
    first, second = np.array([3.0, 4.0, 0.0]), np.array([-1.0, 1.0, 1.0])
    a, b, c = first @ first, first @ second, second @ second
    returned = mean_of_unit_gradients(*(tf.constant(value, tf.float64) for value in (a, b, c)))
    if returned is ...:
        return ...
    if returned is None:
        return "The function returned nothing. End it with `return` and two weights."
    if callable(returned) or isinstance(returned, (Mapping, str)) or len(returned) != 2:
        return "Two weights are expected: `return first_weight, second_weight`."
    if any(value is ... for value in returned):
        return ...
    found = np.array([np.squeeze(np.asarray(value, dtype=float)) for value in returned], dtype=float)
    if found.shape != (2,):
        return "Each weight must be one number. The gradients themselves are not needed, only a, b and c."
    lengths = np.sqrt([a, c])
    known = [
        (0.5 / lengths, None),
        (
            0.5 / lengths**2,
            "a and c are SQUARED lengths: divided by them, a long gradient becomes shorter than a short one. Take the "
            "square root.",
        ),
        (
            1 / lengths,
            "This is the sum of the two unit gradients. Their mean was asked for, half of it.",
        ),
        (
            1 / lengths**2,
            "a and c are squared lengths: take the square root. And a mean of two is half of their sum.",
        ),
        (
            0.5 / lengths[::-1],
            "Each gradient was divided by the length of the OTHER one, which makes the long one longer still.",
        ),
        (0.5 * lengths, "The gradients were multiplied by their lengths. Divide."),
        (np.full(2, 0.5), "This is the plain mean: nothing was divided by a length."),
        (
            np.full(2, 0.5 / np.linalg.norm(first + second)),
            "Both weights are the same: the sum of the gradients was brought to length 1. Then the long gradient still "
            "rules. Bring each to length 1 first.",
        ),
        (
            np.full(2, 1 / np.linalg.norm(first + second)),
            "Both weights are the same: the sum of the gradients was brought to length 1. Then the long gradient still "
            "rules. Bring each to length 1 first.",
        ),
        (
            lengths[::-1] / lengths.sum(),
            "These are IMTL-G's weights: the same direction, scaled so that the weights add up to 1. Here each gradient "
            "has to be 1 long: leave the sum of the weights as it comes.",
        ),
    ]
    for weights, message in known:
        if np.allclose(found, weights, rtol=1e-4):
            return message
    return (
        f"For gradients {lengths[0]:.0f} and {lengths[1]:.2f} long, weight times length should be one half for each, but "
        f"it is {found[0] * lengths[0]:.3f} and {found[1] * lengths[1]:.3f}."
    )


VERDICTS = {"A": "noise", "B": "conflict", "C": "scale", "D": "capacity"}
_SAID = {
    "A": {
        "conflict": (
            "Its 47 % look like conflict, but one task against itself has 41 %, and on all examples "
            "the cosine is not negative."
        ),
        "scale": "A length ratio of 1.3 is harmless.",
        "capacity": "A wider encoder changes nothing: the cosine is +0.04 and +0.05.",
    },
    "B": {
        "noise": (
            "Noise is gone when all examples count, and there the cosine is −0.62; one task against "
            "itself is negative in 3 % only."
        ),
        "scale": "The lengths are alike, 1.4. The angle is not.",
        "capacity": "A wider encoder leaves the cosine at −0.58: room was not what was missing.",
    },
    "C": {
        "noise": (
            "The signs in small batches are noise indeed, but they are not what stands in the way: one "
            "gradient is 85 times as long as the other."
        ),
        "conflict": "On all examples the cosine is +0.03: no conflict. Look at the last column.",
        "capacity": "A wider encoder changes nothing here. Look at the last column.",
    },
    "D": {
        "noise": "On all examples the cosine is −0.41, without noise.",
        "conflict": (
            "There is a conflict, but where does it come from? With a wider encoder the cosine is +0.02."
        ),
        "scale": "The lengths are alike, 1.2.",
    },
}


def check_3(verdicts: Mapping[str, str]) -> Answer:
    """What stands in the way of each pair of tasks."""
    if not isinstance(verdicts, Mapping) or set(verdicts) != set(VERDICTS):
        return "A dictionary with the keys 'A', 'B', 'C' and 'D' is expected. Change only the values."
    for pair, right in VERDICTS.items():
        given = verdicts[pair]
        if given not in VERDICTS.values():
            choices = ", ".join(map(repr, VERDICTS.values()))
            return f"Pair {pair}: one of {choices} is expected, but {given!r} was given."
        if given != right:
            return f"Pair {pair} is not {given}. {_SAID[pair][given]}"
    return None
