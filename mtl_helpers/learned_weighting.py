"""Loss weightings that learn their weights while the network is trained, by an Adam step of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mtl_helpers.validation import check_names, example_of, nearest, quoted
from mtl_helpers.weighting_protocol import Losses, Weighting, positive_number

import keras
import tensorflow as tf


class LearnedWeighting(Weighting):
    """A weighting with one learned number for each task, and Adam to learn it.

    Adam stands here in five lines, because the state of a `keras.optimizers.Adam` inside a layer is no part of
    the layer's variables, so checkpoints would lose it.
    """

    def __init__(self, learning_rate: float = 0.025, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.learning_rate = positive_number("learning_rate", learning_rate)

    def _build(self, model: keras.Model | None) -> None:
        tasks = (len(self.task_names),)
        self.learned = self._state("learned", tasks)
        self.mean, self.square = self._state("mean", tasks), self._state("square", tasks)
        self.steps = self._state("steps", ())

    def _adam_step(self, gradient: tf.Tensor) -> None:
        """Kingma and Ba, ICLR 2015, arXiv 1412.6980."""
        self.steps.assign_add(1.0)
        self.mean.assign(0.9 * self.mean + 0.1 * gradient)
        self.square.assign(0.999 * self.square + 0.001 * gradient**2)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.learned.assign_sub(self.learning_rate * mean / (keras.ops.sqrt(square) + 1e-7))

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "learning_rate": self.learning_rate}


# total = Σ factor·e^(−s)·L + term·s, from the likelihood that belongs to each loss
KINDS = {"squared error": (0.5, 0.5), "absolute error": (1.0, 1.0), "cross-entropy": (1.0, 0.5)}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class Uncertainty(LearnedWeighting):
    """Weights by learned noise: each task has a number s, large where its loss stays large.

        squared error (Gaussian):   ½·e^(−s)·L + ½·s     s = ln σ², best at s = ln L
        cross-entropy:              e^(−s)·L + ½·s       best at s = ln 2L
        absolute error (Laplace):   e^(−s)·L + s         s = ln of the scale, best at s = ln L

    The total is the sum over the tasks. It may rightly become negative.

    kinds: `{task: kind}`, one of the three names above; by default what `compile` is given decides
    learning_rate: of Adam on s. Its size matters: s has a long way to go if a loss is in the hundreds, and as Adam
        remembers large gradients it slows down on the way; a sensible unit helps more
    Source: Kendall, Gal and Cipolla, CVPR 2018, arXiv 1705.07115; L is a mean over the examples.
    """

    def __init__(
        self, kinds: Mapping[str, str] | None = None, learning_rate: float = 0.025, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.kinds_given = None if kinds is None else dict(kinds)
        for task, kind in (kinds or {}).items():
            if kind not in KINDS:
                raise ValueError(
                    f"The kind of '{task}' must be one of {quoted(KINDS)}, but {kind!r} was given. "
                    f"{nearest(kind, KINDS)}Choose the one that its loss belongs to."
                )

    def _build(self, model: keras.Model | None) -> None:
        super()._build(model)
        if self.kinds_given is not None:
            check_names("The kind", self.kinds_given, self.task_names, "tasks")
            self._set_kinds(self.kinds_given)

    def take_losses(self, loss_functions: Mapping[str, Any]) -> None:
        """Finds the kind of each task from its loss. Raises ValueError where it cannot be told."""
        if self.kinds_given is None:
            self._set_kinds({task: _kind(task, loss_functions[task]) for task in self.task_names})

    def _set_kinds(self, kinds: Mapping[str, str]) -> None:
        pairs = [KINDS[kinds[task]] for task in self.task_names]
        self.factors, self.terms = (tf.constant(numbers) for numbers in zip(*pairs, strict=True))

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if not hasattr(self, "factors"):
            raise ValueError(
                "Uncertainty must know what kind of loss each task has, but neither compile nor you have told. "
                f"Write Uncertainty(kinds={example_of(self.task_names)}), each one of {quoted(KINDS)}."
            )
        weights = self.factors * tf.exp(-self.learned.value)
        return tf.reduce_sum(weights * losses + self.terms * self.learned.value), weights

    def after_step(
        self,
        losses: Losses,
        tape: tf.GradientTape | None = None,
        losses_again: Callable[[], Losses] | None = None,
    ) -> None:
        """An Adam step on s, with the derivative of the total in s."""
        losses = self._stacked(losses)
        derivative = self.terms - self.factors * tf.exp(-self.learned.value) * losses
        self._adam_step(derivative * tf.cast(losses != 0, "float32"))  # 0: the batch has no label of the task

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "kinds": self.kinds_given}


def _kind(task: str, loss: Any) -> str:
    """The kind of a loss, by its name: only for these is the formula a likelihood."""
    loss = keras.losses.get(loss)
    loss = getattr(loss, "function", loss)  # what FunctionLoss wraps
    name = getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()
    if name in ("meansquarederror", "meanabsoluteerror"):
        return "squared error" if "squared" in name else "absolute error"
    if name in ("sparsecategoricalcrossentropy", "categoricalcrossentropy", "binarycrossentropy"):
        return "cross-entropy"
    raise ValueError(
        f"Uncertainty expects a mean squared error, a mean absolute error or a cross-entropy, but the loss of "
        f"'{task}' is {getattr(loss, '__name__', type(loss).__name__)}. Use one of these, or say what it comes "
        f"nearest to: Uncertainty(kinds={{'{task}': 'squared error', ...}})."
    )


@keras.saving.register_keras_serializable(package="mtl_helpers")
class GradNorm(LearnedWeighting):
    """Weights under which the gradients of all tasks have a like size, larger for tasks that lag behind.

    On the weights W of one shared layer: G = w·‖∇_W L‖ for each task, and r = (L / L at the first step), divided
    by its mean over the tasks. Each step moves w so that Σ |G − mean(G)·r^α| falls, where mean(G)·r^α counts as
    constant; the derivative in w is sign(G − target)·‖∇_W L‖. Then w is kept at 0.001 or more, and scaled to sum
    to the number of tasks: so it cannot make up for units that differ by a factor of thousands.

    layer: the name of W's layer; by default the last shared one. alpha: 0 asks for equal sizes.
    Source: Chen, Badrinarayanan, Lee and Rabinovich, ICML 2018, arXiv 1711.02257.
    """

    uses_tape = True

    def __init__(
        self, layer: str | None = None, alpha: float = 1.5, learning_rate: float = 0.025, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.layer_given, self.alpha = layer, positive_number("alpha", alpha, zero_too=True)

    def _build(self, model: keras.Model | None) -> None:
        from mtl_helpers.shared_parameters import layer_for_gradients

        super()._build(model)
        self.learned.assign(tf.ones(len(self.task_names)))
        self.first_losses = self._state("first_losses", (len(self.task_names),))
        layer = layer_for_gradients(model, self.layer_given)
        # In a function: a layer kept as an attribute would be saved twice, as part of the weighting too.
        self._shared_weights = lambda: [variable.value for variable in layer.trainable_variables]

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        weights = tf.identity(self.learned.value)
        return tf.reduce_sum(weights * losses), weights

    def after_step(
        self,
        losses: Losses,
        tape: tf.GradientTape | None = None,
        losses_again: Callable[[], Losses] | None = None,
    ) -> None:
        """A step on the weights, from the gradient of each loss in the shared layer."""
        if tape is None:
            raise ValueError(
                "GradNorm needs the tape that recorded the losses, but none was given. Make it with "
                "tf.GradientTape(persistent=True), and call after_step(losses, tape)."
            )
        stacked = self._positive(self._stacked(losses))
        first = tf.where(self.steps.value == 0, stacked, self.first_losses.value)
        self.first_losses.assign(first)
        norms = tf.stack([self._norm(tape, losses[task], task) for task in self.task_names])
        sizes, progress = self.learned * norms, stacked / first
        target = tf.reduce_mean(sizes) * (progress / tf.reduce_mean(progress)) ** self.alpha
        self._adam_step(tf.sign(sizes - target) * norms)
        weights = tf.maximum(self.learned.value, 1e-3)
        self.learned.assign(weights * len(self.task_names) / tf.reduce_sum(weights))

    def _norm(self, tape: tf.GradientTape, loss: tf.Tensor, task: str) -> tf.Tensor:
        gradients = [one for one in tape.gradient(loss, self._shared_weights()) if one is not None]
        if not gradients:
            raise ValueError(
                f"GradNorm's layer must be one that every task uses, but the loss of '{task}' does not depend on "
                "it. Name a layer of the shared trunk: GradNorm(layer='...')."
            )
        return tf.linalg.global_norm(gradients)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "layer": self.layer_given, "alpha": self.alpha}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class FAMO(LearnedWeighting):
    """Weights under which the losses fall at a like rate, learned from what the last step did to them.

    z = softmax(ξ). The network's step is on c·Σ z·ln(L − b), with c = 1 / Σ z/(L − b) held constant. Then the same
    batch is looked at once more, and ξ takes an Adam step with the gradient (∂z/∂ξ)ᵀ [ln L before − ln L after] +
    decay·ξ: tasks that fell less get more.

    lower_bounds: b, `{task: the lowest value its loss can have}`; 0 by default
    Source: Liu, Feng, Stone and Liu, NeurIPS 2023, arXiv 2306.03792.
    """

    uses_losses_again = True

    def __init__(
        self,
        lower_bounds: Mapping[str, float] | None = None,
        decay: float = 0.01,
        learning_rate: float = 0.025,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.bounds_given = None if lower_bounds is None else dict(lower_bounds)
        self.decay = positive_number("decay", decay, zero_too=True)

    def _build(self, model: keras.Model | None) -> None:
        super()._build(model)
        if self.bounds_given is not None:
            check_names("The lower bound", self.bounds_given, self.task_names, "tasks")
        self.bounds = tf.constant([float((self.bounds_given or {}).get(task, 0)) for task in self.task_names])

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        above = self._positive(losses - self.bounds)
        shares = tf.nn.softmax(self.learned.value)
        scale = tf.stop_gradient(1 / tf.reduce_sum(shares / above))
        return scale * tf.reduce_sum(shares * tf.math.log(above)), scale * shares / above

    def after_step(
        self,
        losses: Losses,
        tape: tf.GradientTape | None = None,
        losses_again: Callable[[], Losses] | None = None,
    ) -> None:
        """Looks at the batch again, and takes a step on ξ."""
        if losses_again is None:
            raise ValueError(
                "FAMO needs the losses of the same batch after the update, but losses_again was not given. Call "
                "after_step(losses, losses_again=function), with a function that computes them again."
            )
        before, after = (
            tf.math.log(self._positive(self._stacked(each) - self.bounds))
            for each in (losses, losses_again())
        )
        shares, fell = tf.nn.softmax(self.learned.value), before - after
        self._adam_step(shares * (fell - tf.reduce_sum(shares * fell)) + self.decay * self.learned.value)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "lower_bounds": self.bounds_given, "decay": self.decay}
