"""One training step with a gradient balancer: a gradient of each task, and one direction for what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mtl_helpers.shared_parameters import Halves, halves, shared_variables
from mtl_helpers.validation import describe, quoted

import keras
import tensorflow as tf

Tensors = dict[str, Any]  # by the name of an input or of a task
Balancer = Callable[[tf.Tensor], tf.Tensor]  # from (tasks, parameters) to (parameters,)
PLACES, PASSES = ("parameters", "features"), ("separate", "together")


class Step(NamedTuple):
    """What a step computed: `gradients` are in the order of the model's trainable variables."""

    predictions: Tensors
    losses: Tensors
    total: tf.Tensor
    gradients: list[tf.Tensor]


class BalancedStep:
    """How a model's gradients are computed with a balancer.

    on = "parameters": the balancer is given the gradients in the shared variables, flattened, (tasks, parameters).
    on = "features": those in the shared features of the batch, (tasks, batch × features); its direction is passed
        back through the encoder once, so a step costs about as much as without a balancer.
    passes: for the parameters, "separate" takes the gradients back in a pass for each task, "together" takes those of
        all tasks through the encoder in one vectorised pass. The results are the same. Separate passes were as fast
        or faster on every network that we timed on two cores (see benchmarks/), and are the default.

    Gradients are of weight × loss, with the weights of the model's weighting. Variables that are not shared get
    their plain sum, and so does regularisation everywhere.
    """

    def __init__(
        self,
        model: keras.Model,
        balancer: Balancer,
        on: str = "parameters",
        shared: Sequence[str] | None = None,
        passes: str = "separate",
    ) -> None:
        check_balancer(model, balancer, on, shared, passes)
        self.model, self.balancer, self.on, self.shared = model, balancer, on, shared
        shared_variables(model, shared)  # a clear error now, if there are none
        self.halves = halves(model) if on == "features" or passes == "together" else None

    def __call__(self, inputs: Tensors, targets: Tensors, sample_weights: Tensors | None) -> Step:
        """Predictions, losses and gradients on one batch."""
        shared = {id(variable) for variable in shared_variables(self.model, self.shared)}
        if self.halves is not None:
            in_encoder = {id(variable) for variable in self.halves.encoder.trainable_variables}
            # A layer that several heads call, or a mixture of experts, is shared, but lies behind the cut: it gets
            # the plain sum if features are balanced.
            if self.on == "features" or shared <= in_encoder:
                return self._in_halves(self.halves, shared, inputs, targets, sample_weights)
        return self._separate(shared, inputs, targets, sample_weights)

    def _separate(self, shared: set[int], inputs: Tensors, targets: Tensors, weights: Any) -> Step:
        """A backward pass through the whole network for each task."""
        variables = self.model.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            predictions = self.model(inputs, training=True)
            losses, weighted, total = self._losses(targets, predictions, weights)
            penalty = self.model.regularisation()
        rows = [_gradients(tape, loss, variables) for loss in weighted]
        gradients = [tf.add_n(list(of_variable)) for of_variable in zip(*rows, strict=True)]
        places = [place for place, variable in enumerate(variables) if id(variable) in shared]
        matrix = tf.stack([_flat([row[place] for place in places]) for row in rows])
        for place, piece in zip(places, _pieces(self._direction(matrix), gradients, places), strict=True):
            gradients[place] = piece
        return Step(predictions, losses, total + penalty, _added(gradients, tape, penalty, variables))

    def _in_halves(
        self, halves: Halves, shared: set[int], inputs: Tensors, targets: Tensors, weights: Any
    ) -> Step:
        """Back through the heads to the shared features; from there through the encoder, all tasks at once."""
        encoder, heads, direct, ready = halves
        below = encoder.trainable_variables
        above = [v for v in self.model.trainable_variables if id(v) not in {id(one) for one in below}]
        with tf.GradientTape(persistent=True) as tape:
            features = list(encoder({name: inputs[name] for name in encoder.input}, training=True).values())
            # With several features, one may depend on another. On copies, each gradient is that of the heads alone.
            copies = [tf.stop_gradient(feature) for feature in features]
            tape.watch(copies)
            predictions = heads([*copies, *(inputs[name] for name in direct)], training=True)
            predictions |= {task: copies[number] for task, number in ready.items()}
            losses, weighted, total = self._losses(targets, predictions, weights)
            penalty = self.model.regularisation()
        rows = [_gradients(tape, loss, [*copies, *above]) for loss in weighted]
        sums = [tf.add_n(list(of_variable)) for of_variable in zip(*rows, strict=True)]
        of_features = [tf.stack([row[place] for row in rows]) for place in range(len(copies))]

        def through_encoder(output_gradients: list[tf.Tensor]) -> list[tf.Tensor]:
            return _gradients(tape, features, below, output_gradients)

        if self.on == "features":
            matrix = tf.concat([tf.reshape(one, (len(rows), -1)) for one in of_features], axis=1)
            direction = self._direction(matrix)
            encoder_gradients = through_encoder(_pieces(direction, copies, range(len(copies))))
        else:
            per_task = tf.vectorized_map(through_encoder, of_features, warn=False)
            encoder_gradients = [tf.reduce_sum(one, axis=0) for one in per_task]
            places = [place for place, variable in enumerate(below) if id(variable) in shared]
            matrix = tf.concat([tf.reshape(per_task[place], (len(rows), -1)) for place in places], axis=1)
            pieces = _pieces(self._direction(matrix), encoder_gradients, places)
            for place, piece in zip(places, pieces, strict=True):
                encoder_gradients[place] = piece
        if tf.is_tensor(penalty) and any(one is not None for one in tape.gradient(penalty, copies)):
            # A penalty on activities behind the cut.
            back = through_encoder(_gradients(tape, penalty, copies))
            encoder_gradients = [tf.add(*pair) for pair in zip(encoder_gradients, back, strict=True)]
        found = {
            id(v): g for v, g in zip([*below, *above], encoder_gradients + sums[len(copies) :], strict=True)
        }
        gradients = [found[id(variable)] for variable in self.model.trainable_variables]
        total += penalty
        return Step(
            predictions, losses, total, _added(gradients, tape, penalty, self.model.trainable_variables)
        )

    def _losses(
        self, targets: Tensors, predictions: Tensors, weights: Any
    ) -> tuple[Tensors, list, tf.Tensor]:
        """The losses, each times its weight, and the total."""
        losses = self.model.task_losses(targets, predictions, weights)
        total = self.model.weighting.call(losses)
        weights_now = self.model.weighting.weights_by_task()
        return losses, [tf.stop_gradient(weights_now[task]) * loss for task, loss in losses.items()], total

    def _direction(self, matrix: tf.Tensor) -> tf.Tensor:
        direction = self.balancer(tf.cast(matrix, "float32"))
        if getattr(direction, "shape", None) is None or direction.shape.rank != 1:
            raise ValueError(
                "A balancer must return one direction of shape (parameters,), but from a matrix of shape "
                f"{tuple(matrix.shape)} it made {describe(direction)}. See mtl_helpers.balancing for examples."
            )
        return direction


def check_balancer(model: keras.Model, balancer: Any, on: Any, shared: Any, passes: Any) -> None:
    """What `MultiTaskModel` is given about balancing. Raises ValueError or TypeError."""
    if isinstance(balancer, type) or not callable(balancer):
        raise TypeError(
            "balancer must be a function from gradients (tasks, parameters) to one direction (parameters,), but "
            f"{describe(balancer)} was given. Write for example balancer=mtl_helpers.balancing.pcgrad."
        )
    if on not in PLACES:
        raise ValueError(f"balance_on must be one of {quoted(PLACES)}, but {on!r} was given. Choose one.")
    if passes not in PASSES:
        raise ValueError(f"passes must be one of {quoted(PASSES)}, but {passes!r} was given. Choose one.")
    if on == "features" and shared is not None:
        raise ValueError(
            "shared names the layers for balance_on='parameters', but balance_on='features' was given, where the graph "
            "decides. Leave one of them out."
        )
    if len(model.task_names) < 2:
        raise ValueError(
            f"A balancer needs two tasks or more, but the model has {quoted(model.task_names)} alone. Add a task, "
            "or leave the balancer out."
        )
    weighting = model.weighting
    if weighting.uses_tape or weighting.uses_losses_again or weighting.trainable_variables:
        raise ValueError(
            f"A balancer goes with a weighting that looks at the losses alone, but {type(weighting).__name__}, "
            "which steers by gradients or by what a step did, was given too: each would undo the other's work. Use "
            "one of the two."
        )


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """One that takes the gradients as they are: a balancer need not be linear in their scale."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "A balancer needs an optimizer without loss scaling, but mixed precision with float16 brings a "
            "LossScaleOptimizer. Use the policy 'mixed_bfloat16' or 'float32'."
        )


def serialised_balancer(balancer: Balancer | None) -> Any:
    """A balancer as `save` stores it. Raises ValueError for one that could not be found again."""
    if balancer is None:
        return None
    name = getattr(balancer, "__name__", None)
    if name is None or keras.saving.get_registered_name(balancer) == name:
        raise ValueError(
            f"To be saved, a balancer must be registered, but {describe(balancer)} is not. Define it as a function "
            "with @keras.saving.register_keras_serializable(), or save the weights alone: model.save_weights(...)."
        )
    return keras.saving.serialize_keras_object(balancer)


def _gradients(
    tape: tf.GradientTape, of: Any, variables: list, output_gradients: Any = None
) -> list[tf.Tensor]:
    """The gradients, zero where there is no connection."""
    sources = [one.value if isinstance(one, keras.Variable) else one for one in variables]
    return tape.gradient(of, sources, output_gradients, tf.UnconnectedGradients.ZERO)


def _flat(tensors: list[tf.Tensor]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)


def _pieces(flat: tf.Tensor, like: Sequence[tf.Tensor], places: Sequence[int]) -> list[tf.Tensor]:
    """A flat vector, cut into the shapes and kinds of some of these tensors."""
    wanted = [like[place] for place in places]
    parts = tf.split(flat, [tf.size(tensor) for tensor in wanted])
    return [
        tf.cast(tf.reshape(part, tf.shape(tensor)), tensor.dtype)
        for part, tensor in zip(parts, wanted, strict=True)
    ]


def _added(gradients: list, tape: tf.GradientTape, penalty: Any, variables: list) -> list[tf.Tensor]:
    """The gradients with those of the regularisation, if there is any."""
    if not tf.is_tensor(penalty):
        return gradients
    return [tf.add(*pair) for pair in zip(gradients, _gradients(tape, penalty, variables), strict=True)]
