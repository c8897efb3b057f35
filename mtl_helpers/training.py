"""MultiTaskModel: a functional Keras model with a loss for each task and a weighting that joins them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers import data_checks, validation
from mtl_helpers import missing as missing_labels
from mtl_helpers.balanced_step import BalancedStep, Balancer, check_optimizer, serialised_balancer
from mtl_helpers.callbacks import with_end_of_epoch
from mtl_helpers.losses import as_loss, class_weights_of_examples
from mtl_helpers.shared_parameters import shared_table
from mtl_helpers.weighting import Static, Weighting

import keras
import pandas as pd
import tensorflow as tf

Tensors = dict[str, Any]  # by the name of an input or of a task


@keras.saving.register_keras_serializable(package="mtl_helpers")
class MultiTaskModel(keras.Model):
    """A network with several heads. A task is a key of `outputs`.

        model = MultiTaskModel(
            inputs={"measurements": measurements, "island": island},        # each a keras.Input
            outputs={"species": species_head, "body_mass": body_mass_head},  # each made from the inputs
            weighting=Static({"species": 1.0, "body_mass": 0.5}),            # default: Static(), a plain sum
        )
        model.compile("adam", loss={"species": "sparse_categorical_crossentropy", "body_mass": "mse"})
        model.fit(inputs, targets, ...)                                       # two dictionaries of arrays

    It trains on `weighting(task losses) + regularisation`. With a `balancer`, such as
    `mtl_helpers.balancing.pcgrad`, what the tasks share follows one direction made from a gradient of each task
    (see `mtl_helpers.balanced_step` for balance_on="parameters" or "features" and passes). Shared are the trainable
    variables that more than one task uses, or those of the layers named in `shared`; `shared_table()` lists them.

    Losses, metrics, targets, sample weights and class weights are dictionaries with the tasks as keys. The logs hold
    "loss" (what was trained on), "<task>_loss" (not weighted) and "<task>_<metric>". In `evaluate` and validation
    "loss" is the plain sum of the task losses, plus regularisation: it means the same under every weighting.

    With `missing`, labels may be missing: missing="nan" says that NaN in a target means no label, missing=-1 that -1
    does, missing={"species": -1, "body_mass": "nan"} says it for each task. A task's loss and metrics are then over its
    labels alone, as if the batch had no other examples for it; without a label in the batch the loss is 0, and so are
    its gradients. A box lacks its label if any of its numbers is missing; of a mask single pixels can be missing, and
    its metrics see the others as one long list. DWA, GLS, FAMO and GradNorm need a label of every task in
    every batch.

    Whatever does not fit together is refused before training starts, with a ValueError or a TypeError
    that says what was expected, what was given and what to do (see `mtl_helpers.validation`).
    """

    def __init__(
        self,
        inputs: Tensors,
        outputs: Tensors,
        name: str | None = None,
        *,
        weighting: Weighting | None = None,
        balancer: Balancer | None = None,
        balance_on: str = "parameters",
        shared: Sequence[str] | None = None,
        passes: str = "separate",
        missing: float | str | Mapping[str, float | str] | None = None,
        **kwargs: Any,
    ) -> None:
        weighting = Static() if weighting is None else weighting
        validation.check_model(inputs, outputs, weighting)
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.task_names = tuple(outputs)
        self.missing = missing_labels.as_markers(missing, self.task_names)
        weighting.build_for(self.task_names, self)
        self.weighting = weighting  # a layer: Keras saves its variables with the model's own
        self.balancing = {"balance_on": balance_on, "shared": shared, "passes": passes}
        self.balancer = balancer
        self.balanced_step = None
        if balancer is not None:
            self.balanced_step = BalancedStep(self, balancer, balance_on, shared, passes)
        means = {
            task: missing_labels.MeanOverLabels if task in self.missing else keras.metrics.Mean
            for task in outputs
        }
        self.loss_trackers = [mean(name=f"{task}_loss") for task, mean in means.items()]
        if self.missing:
            self.penalty = keras.metrics.Mean(name="_penalty")  # of evaluate; not in the logs

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *,
        metrics: Tensors | None = None,
        weighted_metrics: Tensors | None = None,
        **options: Any,
    ) -> None:
        """As in Keras, with `{task: ...}` for losses and metrics. `loss_weights` belong to the weighting."""
        validation.check_compile(self, loss, metrics, weighted_metrics, options.pop("loss_weights", None))
        missing_labels.check_markers(self.missing, loss, self.output)
        if self.missing:
            options.setdefault("jit_compile", False)  # how many labels metrics see is not known when tracing
        super().compile(optimizer, loss=loss, metrics=metrics, weighted_metrics=weighted_metrics, **options)
        if self.balancer is not None:
            check_optimizer(self.optimizer)
        loss_functions = {task: as_loss(loss[task]) for task in self.task_names}
        self.weighting.take_losses(loss_functions)
        self.loss_functions = missing_labels.with_markers(loss_functions, self.missing)

    def task_losses(
        self, targets: Tensors, predictions: Tensors, sample_weights: Tensors | None = None
    ) -> Tensors:
        """The loss of each task on one batch, not weighted: `{task: scalar}`, in the order of the tasks."""
        validation.check_names("The target", targets, self.task_names, "tasks")
        sample_weights = sample_weights or {}
        return {
            task: self.loss_functions[task](targets[task], predictions[task], sample_weights.get(task))
            for task in self.task_names
        }

    def train_step(self, data: tuple) -> Tensors:
        """One batch: predict, a loss for each task, one total, gradients, update."""
        validation.check_one_replica()
        inputs, targets, sample_weights = keras.utils.unpack_x_y_sample_weight(data)
        state = self._state()
        if self.balanced_step is not None:
            tape = None
            predictions, losses, total, gradients = self.balanced_step(inputs, targets, sample_weights)
        else:
            with tf.GradientTape(persistent=self.weighting.uses_tape) as tape:
                predictions = self(inputs, training=True)
                losses = self.task_losses(targets, predictions, sample_weights)
                # .call, because calling a layer under mixed precision would round the losses to 16 bits.
                total = self.weighting.call(losses) + self.regularisation()
                scaled_total = self.optimizer.scale_loss(total)
            gradients = tape.gradient(scaled_total, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)

        def losses_again() -> Tensors:
            # Same dropout as before; and what this look changes, such as batch statistics, is not kept.
            weights = [tf.identity(variable.value) for variable in self.trainable_variables]
            outputs, _ = self.stateless_call(weights, state, inputs, training=True)
            return self.task_losses(targets, outputs, sample_weights)

        self.weighting.after_step(losses, tape, losses_again)
        return self._logs(total, losses, inputs, targets, predictions, sample_weights)

    def test_step(self, data: tuple) -> Tensors:
        """One batch of `evaluate` or of validation: the same losses, added up without weights."""
        validation.check_one_replica()
        inputs, targets, sample_weights = keras.utils.unpack_x_y_sample_weight(data)
        predictions = self(inputs, training=False)
        losses = self.task_losses(targets, predictions, sample_weights)
        penalty = self.regularisation()
        total = sum(losses.values()) + penalty
        if self.missing:
            self.penalty.update_state(penalty, sample_weight=_examples(inputs))
        return self._logs(total, losses, inputs, targets, predictions, sample_weights)

    def regularisation(self) -> Any:
        """The sum of all penalties on weights and activities; 0 if there are none."""
        return sum(keras.ops.sum(keras.ops.cast(penalty, "float32")) for penalty in self.losses)

    def shared_table(self) -> pd.DataFrame:
        """A row for each trainable variable: the tasks that use it, and whether it is shared (balanced)."""
        return shared_table(self, self.balancing["shared"])

    def _state(self) -> list[tf.Tensor]:
        """What a step changes besides the weights, such as batch statistics, as it is now."""
        if not self.weighting.uses_losses_again:
            return []
        return [tf.identity(variable.value) for variable in self.non_trainable_variables]

    def _logs(
        self,
        total: Any,
        losses: Tensors,
        inputs: Tensors,
        targets: Tensors,
        predictions: Tensors,
        weights: Any,
    ) -> Tensors:
        values = {"loss": total, **{f"{task}_loss": loss for task, loss in losses.items()}}
        counts = missing_labels.label_counts(targets, predictions, self.missing)
        for metric in self.metrics:
            if metric.name in values:
                count = counts.get(metric.name, _examples(inputs))
                metric.update_state(values[metric.name], sample_weight=count)
        if self.missing:
            targets, predictions, weights = missing_labels.labelled_only(
                targets, predictions, weights, self.missing
            )
        return self.compute_metrics(inputs, targets, predictions, weights)

    def get_metrics_result(self) -> Tensors:
        """As in Keras, but with one task its metrics bear its name too: "species_accuracy"."""
        results = super().get_metrics_result()
        if self.missing:
            results = missing_labels.with_plain_sum(results, self.task_names, self.penalty)
        if len(self.task_names) > 1:
            return results
        task = self.task_names[0]
        own = {"loss", f"{task}_loss"}
        return {name if name in own else f"{task}_{name}": value for name, value in results.items()}

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        sample_weight: Tensors | None = None,
        class_weight: dict[str, dict[int, float]] | None = None,
        validation_data: Any = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """As in Keras; also `class_weight={task: {class: weight}}`, for data in arrays."""
        data_checks.check_fit(
            self, x, y, sample_weight, class_weight, validation_data, options.get("steps_per_epoch")
        )
        if class_weight is not None:
            sample_weight = {
                task: class_weights_of_examples(y[task], class_weight.get(task), head)
                for task, head in self.output.items()
            }
        if y is None:
            options.setdefault("shuffle", False)  # or Keras warns that it cannot shuffle a dataset
        options["callbacks"] = with_end_of_epoch(options.get("callbacks"), self)
        return super().fit(x, y, sample_weight=sample_weight, validation_data=validation_data, **options)

    def evaluate(self, x: Any = None, y: Any = None, *, sample_weight: Any = None, **options: Any) -> Any:
        """As in Keras. `return_dict=True` gives the results by name."""
        if "_use_cached_eval_dataset" not in options:  # set by fit, which has checked its validation data
            data_checks.check_evaluate(self, x, y, sample_weight)
        return super().evaluate(x, y, sample_weight=sample_weight, **options)

    def predict(self, x: Any, **options: Any) -> Tensors:
        """As in Keras: `{task: array}`."""
        data_checks.check_predict(self, x)
        return super().predict(x, **options)

    def get_config(self) -> Tensors:
        """What `from_config` needs: the graph, the weighting and the balancer."""
        return {
            **super().get_config(),
            "weighting": keras.saving.serialize_keras_object(self.weighting),
            "balancer": serialised_balancer(self.balancer),
            "missing": missing_labels.saved_markers(self.missing),
            **self.balancing,
        }

    @classmethod
    def from_config(cls, config: Tensors, custom_objects: Any = None) -> MultiTaskModel:
        """The same network and weighting, untrained."""
        objects = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects)
            for key in ("weighting", "balancer")
        }
        return super().from_config({**config, **objects}, custom_objects)

    def compile_from_config(self, config: Tensors) -> None:
        """Called by `load_model`. Keras skips this when a model has a `compile` of its own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


def _examples(inputs: Tensors) -> Any:
    """How many there are: the last batch of an epoch may be smaller."""
    return tf.shape(next(iter(inputs.values())))[0]
