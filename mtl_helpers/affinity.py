"""How much a step for one task helps another one, and the ways to put tasks into groups."""

from collections.abc import Iterator, Sequence
from typing import Any

from mtl_helpers.shared_parameters import shared_variables
from mtl_helpers.training import MultiTaskModel

import numpy as np
import tensorflow as tf

Groups = tuple[tuple[str, ...], ...]


def lookahead_affinity(
    model: MultiTaskModel, inputs: dict[str, Any], targets: dict[str, Any], rate: float
) -> dict[str, tf.Tensor]:
    """The affinity of every task onto every other on one batch: {"affinity": (tasks, tasks)}.

    Row i, column j: the share of task j's loss that goes away when the shared weights take one step of gradient
    descent for task i alone, 1 − (loss of j after) / (loss of j before). Above 0 the step helped j. On the
    diagonal a task helps itself. The model is left as it is.

    rate: the rate of that step, such as the one that the model learns with

    Shared are the variables that more than one task uses. Give it to `train_in_turn` as
    `on_step=partial(lookahead_affinity, rate=...)`, and average what was recorded over the steps.
    Source: Fifty et al. (TAG), NeurIPS 2021, arXiv 2109.04617.
    Raises ValueError for a model whose tasks share nothing, and for a rate that is not above zero.
    """
    if not rate > 0:
        raise ValueError(
            f"rate must be above zero, but {rate} was given. Use the rate that the model learns with."
        )
    shared = {id(variable) for variable in shared_variables(model)}
    weights = [variable.value for variable in model.trainable_variables]
    places = [n for n, variable in enumerate(model.trainable_variables) if id(variable) in shared]
    state = [variable.value for variable in model.non_trainable_variables]

    def losses_with(values: Sequence[Any]) -> list[tf.Tensor]:
        # Without effect on the model: what training changes, such as averages of a normalisation, is dropped.
        outputs, _ = model.stateless_call(values, state, inputs, training=True)
        return list(model.task_losses(targets, outputs).values())

    with tf.GradientTape(persistent=True) as tape:
        before = losses_with(weights)
    rows = []
    for loss in before:
        gradients = tape.gradient(loss, [weights[n] for n in places])
        after_step = list(weights)
        for place, gradient in zip(places, gradients, strict=True):
            if gradient is not None:  # shared by others, but not by this task
                after_step[place] = weights[place] - rate * tf.convert_to_tensor(gradient)
        rows.append(1.0 - tf.stack(losses_with(after_step)) / tf.stack(before))
    return {"affinity": tf.stack(rows)}


def partitions(tasks: Sequence[str], groups: int) -> list[Groups]:
    """All ways to put the tasks into exactly so many groups; order plays no part, no group is empty.

    Six tasks go into two groups in 31 ways. The number grows fast: ten tasks into three groups in 9,330.
    Raises ValueError for fewer than one group, more groups than tasks, and a task that is named twice.
    """
    if not 1 <= groups <= len(tasks) or len(set(tasks)) < len(tasks):
        raise ValueError(
            f"From one to {len(tasks)} groups of different tasks are expected, but {groups} groups of "
            f"{list(tasks)} were given. Name each task once, and use fewer groups."
        )
    return [tuple(map(tuple, found)) for found in _partitions(list(tasks), groups)]


def best_groups(scores: np.ndarray, tasks: Sequence[str], groups: int) -> Groups:
    """The way to put the tasks into so many groups that has the highest total score.

    scores: (tasks, tasks), row onto column, such as affinities; the diagonal plays no part
    The total is the sum over tasks of the mean score of a task's group mates onto it, 0 for a task alone.
    Raises ValueError for scores of another shape, and as `partitions` does.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.shape != (len(tasks), len(tasks)):
        raise ValueError(
            f"scores must have a row and a column for each of the {len(tasks)} tasks, but their shape is "
            f"{scores.shape}. Give them in the order of the tasks."
        )
    place = {task: number for number, task in enumerate(tasks)}

    def total(way: Groups) -> float:
        found = 0.0
        for group in way:
            for helped in group:
                mates = [place[task] for task in group if task != helped]
                found += scores[mates, place[helped]].mean() if mates else 0.0
        return found

    return max(partitions(tasks, groups), key=total)


def _partitions(tasks: list[str], groups: int) -> Iterator[list[list[str]]]:
    """The first task alone, or joined to each group of the others."""
    if not tasks or not groups:
        if not tasks and not groups:
            yield []
        return
    first, others = tasks[0], tasks[1:]
    for rest in _partitions(others, groups - 1):
        yield [[first], *rest]
    for rest in _partitions(others, groups):
        for place, group in enumerate(rest):
            yield [*rest[:place], [first, *group], *rest[place + 1 :]]
