"""Layers that let tasks share more or less: cross-stitch units, and mixtures of experts with a gate for each task.

Each gives a dictionary with features for each task, which the heads read:

    features = MMoE(tasks=["species", "body_mass"], experts=4, units=8)(inputs)
    outputs = {"species": Dense(3, activation="softmax")(features["species"]), ...}

All weights of such a layer belong to one layer, so to a balancer all look shared, gates and the experts of single
tasks too. There another task's gradient is zero, so the products of two tasks' gradients are right, but their
lengths count the own gate as well. Where that matters, give `MultiTaskModel` `shared=` with the names of other layers.
`balance_on="features"` needs a layer below this one that the tasks share, whose features are balanced; this one then
gets the plain sum. So does `passes="together"`, which goes back in separate passes where this layer is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers.experts import PLE, MMoE

import keras
from keras import layers, ops

__all__ = ["PLE", "CrossStitch", "MMoE"]


@keras.saving.register_keras_serializable(package="mtl_helpers")
class CrossStitch(layers.Layer):
    """Mixes the features of networks that stand side by side, one network a task.

    Features of task i: Σ_j α_ij · x_j, where x_j are the features of task j. All α are trained; at the start
    α_ii = `same` and the others share the rest, so that each sum of α is 1.

    same:        α of a task's own features at the start; 0.9 as in the paper for two tasks, 1 leaves all as it is
    per_feature: an α for each feature (for images: each channel), as in the paper; False: one for all of them

    Call it with a dictionary {task: features}, all of one shape (batch, ..., units). Returns such a dictionary.
    Weight: `alpha`, of shape (units, tasks, tasks), or (1, tasks, tasks); from task j (last axis) to task i, tasks
    in alphabetical order. tasks² · units numbers.
    Source: Misra et al., CVPR 2016, arXiv 1604.03539. The paper trains α with a larger learning rate than the rest,
    and starts from networks trained alone; neither is done here.
    """

    def __init__(self, same: float = 0.9, per_feature: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(same, bool) or not isinstance(same, (int, float)) or not 0 <= same <= 1:
            raise ValueError(
                f"same must lie between 0 and 1, but {same!r} was given. Use 0.9, as the paper does."
            )
        self.same, self.per_feature = same, per_feature

    def build(self, input_shape: Mapping[str, Sequence[int | None]]) -> None:
        """Makes α for the tasks of the dictionary."""
        shapes = _shapes(input_shape)
        tasks, units = len(shapes), next(iter(shapes.values()))[-1]

        def near_identity(shape: Sequence[int], dtype: Any = None) -> Any:
            other = (1 - self.same) / (tasks - 1)
            mixing = other * ops.ones(shape, dtype) + (self.same - other) * ops.eye(tasks, dtype=dtype)
            return ops.cast(mixing, dtype)

        shape = (units if self.per_feature else 1, tasks, tasks)
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer=near_identity)

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """{task: features} -> {task: mixed features}, of the same shapes."""
        tasks = sorted(inputs)
        stacked = ops.stack([inputs[task] for task in tasks], axis=-1)  # (batch, ..., units, tasks)
        mixed = ops.squeeze(ops.matmul(self.alpha, stacked[..., None]), axis=-1)
        return {task: mixed[..., place] for place, task in enumerate(tasks)}

    def compute_output_shape(self, input_shape: Mapping[str, Sequence[int | None]]) -> dict[str, Any]:
        """The shapes of the inputs."""
        return {task: tuple(shape) for task, shape in input_shape.items()}

    def get_config(self) -> dict[str, Any]:
        """What `save` stores."""
        return {**super().get_config(), "same": self.same, "per_feature": self.per_feature}


def _shapes(input_shape: Any) -> dict[str, tuple]:
    """The shapes by task: two or more, all the same."""
    if not isinstance(input_shape, Mapping) or len(input_shape) < 2:
        raise ValueError(
            "A dictionary {task: features} for two tasks or more is expected, but the shapes "
            f"{input_shape} were given. Give it the features of all networks at once."
        )
    shapes = {task: tuple(shape) for task, shape in input_shape.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"The features of all tasks must have one shape, but {shapes} were given. Give the networks layers of "
            "the same width."
        )
    return shapes
