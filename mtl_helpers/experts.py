"""Mixtures of experts with a gate for each task: MMoE and PLE. See `mtl_helpers.sharing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mtl_helpers.validation import describe

import keras
from keras import layers, ops

Features = dict[str, Any]  # task -> tensor of shape (batch, units)


@keras.saving.register_keras_serializable(package="mtl_helpers")
class MMoE(layers.Layer):
    """Multi-gate mixture of experts: all experts serve all tasks, and each task has a gate that weighs them.

    Features of task k: Σ_i g_k(x)_i · f_i(x), with experts f_i(x) = activation(W_i x + b_i) and the gate
    g_k(x) = softmax(V_k x), without bias.

    tasks:   the names of the tasks
    experts: how many, two or more
    units:   of each expert

    Call it with x of shape (batch, inputs). Returns {task: (batch, units)}. Parameters, gates included:
    experts · (inputs + 1) · units + tasks · inputs · experts.
    Source: Ma et al., KDD 2018, doi 10.1145/3219819.3220007.
    """

    def __init__(
        self, tasks: Sequence[str], experts: int, units: int, activation: Any = "relu", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = _task_names(tasks)
        self.experts, self.units = _count("experts", experts, 2), _count("units", units)
        self.activation = keras.activations.get(activation)
        self.expert_layers = _experts("expert", experts, units, activation)
        self.gate_layers = [_gate(task, experts) for task in self.tasks]

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights of experts and gates."""
        _build([*self.expert_layers, *self.gate_layers], input_shape)

    def gates(self, inputs: Any) -> Features:
        """The weights that each task's gate gives to the experts: {task: (batch, experts)}, each row sums to 1."""
        return {task: gate(inputs) for task, gate in zip(self.tasks, self.gate_layers, strict=True)}

    def call(self, inputs: Any) -> Features:
        """(batch, inputs) -> {task: (batch, units)}."""
        experts = [expert(inputs) for expert in self.expert_layers]
        return {task: _mixture(gate, experts) for task, gate in self.gates(inputs).items()}

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, Any]:
        """Features for each task."""
        return {task: (input_shape[0], self.units) for task in self.tasks}

    def get_config(self) -> dict[str, Any]:
        """What `save` stores."""
        own = {"tasks": list(self.tasks), "experts": self.experts, "units": self.units}
        return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class PLE(layers.Layer):
    """Progressive layered extraction: experts of each task beside shared ones, in one level or several.

    On each level a task's gate weighs the task's own experts and the shared ones. On every level but the last a
    shared branch has a gate over ALL experts of the level, and its features feed the shared experts of the next.
    With h_k the features of task k from the level below, and h_s those of the shared branch (x on the first level),
    an expert is activation(W h + b), a gate softmax(V h_k) or softmax(V h_s), without bias.

    tasks:          the names of the tasks
    units:          of each expert, one number a level, such as [8] or [16, 8]; one level is the paper's CGC
    task_experts:   own experts of each task on each level
    shared_experts: on each level

    Call it with x of shape (batch, inputs). Returns {task: (batch, units of the last level)}. Parameters of a level
    with K tasks, m own and s shared experts, u units, n inputs: (K·m + s) · (n + 1) · u + K · n · (m + s), and
    n · (K·m + s) for the gate of the shared branch where there is one.
    Source: Tang et al., RecSys 2020, doi 10.1145/3383313.3412236.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        units: Sequence[int],
        task_experts: int = 1,
        shared_experts: int = 1,
        activation: Any = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = _task_names(tasks)
        if isinstance(units, (str, int)) or not len(units):
            raise ValueError(
                f"units must be a list, one number a level, but {units!r} was given. Write units=[8]."
            )
        self.units = [_count("units", number) for number in units]
        self.task_experts = _count("task_experts", task_experts)
        self.shared_experts = _count("shared_experts", shared_experts)
        self.activation = keras.activations.get(activation)
        last = len(self.units) - 1
        self.levels = [
            self._level(f"level_{n + 1}", number, n == last) for n, number in enumerate(self.units)
        ]

    def _level(self, name: str, units: int, is_last: bool) -> dict[str, list[layers.Layer]]:
        """The layers of a level: "experts <task>" and "gate <task>", "shared experts" and "shared gate"."""
        level: dict[str, list[layers.Layer]] = {}
        for task in self.tasks:
            own = _experts(f"{name}_own_{task}", self.task_experts, units, self.activation)
            gate = _gate(f"{name}_own_{task}", self.task_experts + self.shared_experts)
            level |= {f"experts {task}": own, f"gate {task}": [gate]}
        level["shared experts"] = _experts(f"{name}_shared", self.shared_experts, units, self.activation)
        all_experts = len(self.tasks) * self.task_experts + self.shared_experts
        level["shared gate"] = [] if is_last else [_gate(f"{name}_shared", all_experts)]
        return level

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights of experts and gates, level by level."""
        shape = input_shape
        for level, units in zip(self.levels, self.units, strict=True):
            _build([layer for group in level.values() for layer in group], shape)
            shape = (input_shape[0], units)

    def _run(self, inputs: Any) -> tuple[Features, list[dict[str, Any]]]:
        """The features of the last level, and the gates of all."""
        features, shared, gates = dict.fromkeys(self.tasks, inputs), inputs, []
        for level in self.levels:
            own = {task: [e(features[task]) for e in level[f"experts {task}"]] for task in self.tasks}
            common = [expert(shared) for expert in level["shared experts"]]
            weights = {task: level[f"gate {task}"][0](features[task]) for task in self.tasks}
            features = {task: _mixture(weights[task], own[task] + common) for task in self.tasks}
            for gate in level["shared gate"]:
                weights[""] = gate(shared)
                shared = _mixture(weights[""], [e for task in self.tasks for e in own[task]] + common)
            gates.append(weights)
        return features, gates

    def gates(self, inputs: Any) -> list[dict[str, Any]]:
        """For each level the weights of the experts: {task: (batch, experts)}, own experts first, each row sums to 1.

        The gate of the shared branch has the key "" and weighs the experts of each task in turn, then the shared ones.
        """
        return self._run(inputs)[1]

    def call(self, inputs: Any) -> Features:
        """(batch, inputs) -> {task: (batch, units of the last level)}."""
        return self._run(inputs)[0]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, Any]:
        """Features for each task."""
        return {task: (input_shape[0], self.units[-1]) for task in self.tasks}

    def get_config(self) -> dict[str, Any]:
        """What `save` stores."""
        own = {"tasks": list(self.tasks), "units": list(self.units), "task_experts": self.task_experts}
        own["shared_experts"] = self.shared_experts
        return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}


def _mixture(gate: Any, experts: list[Any]) -> Any:
    """Σ_i gate_i · expert_i: gate (batch, experts), each expert (batch, units)."""
    return ops.sum(gate[:, None, :] * ops.stack(experts, axis=-1), axis=-1)


def _experts(name: str, number: int, units: int, activation: Any) -> list[layers.Layer]:
    return [layers.Dense(units, activation=activation, name=f"{name}_{i + 1}") for i in range(number)]


def _gate(name: str, experts: int) -> layers.Layer:
    return layers.Dense(experts, activation="softmax", use_bias=False, name=f"{name}_gate")


def _build(parts: list[layers.Layer], input_shape: Sequence[int | None]) -> None:
    if len(input_shape) != 2 or input_shape[-1] is None:
        raise ValueError(
            f"Inputs of shape (batch, inputs) are expected, but {tuple(input_shape)} was given. Put a Flatten or a "
            "pooling layer before this one."
        )
    for part in parts:
        part.build(input_shape)


def _task_names(tasks: Any) -> tuple[str, ...]:
    is_list = isinstance(tasks, (list, tuple)) and all(isinstance(task, str) and task for task in tasks)
    if not is_list or len(set(tasks)) < max(2, len(tasks)):
        raise ValueError(
            f"tasks must be a list of two names or more, each once, but {describe(tasks)} was given. Write for "
            "example tasks=['species', 'body_mass']."
        )
    return tuple(tasks)


def _count(what: str, number: Any, least: int = 1) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(
            f"{what} must be a whole number, {least} or more, but {number!r} was given. Use more."
        )
    return number
