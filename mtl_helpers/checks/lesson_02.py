"""The checks of lesson 02: the shared trunk."""

from collections.abc import Callable
from typing import Any

from mtl_helpers.data import Penguins, Split, load_penguins, tutorial_data
from mtl_helpers.graph import last_activation, unused_inputs, walk

import keras
import numpy as np


def check_1(parameters: int) -> str | None:
    """The number of parameters of the network with the heads species and body_mass."""
    messages = {
        256 + 99 + 33: None,
        2 * 256 + 99 + 33: "You counted the trunk twice. Both heads read the same trunk: count it once.",
        224 + 96 + 32: "The biases are missing: each of the 32 + 3 + 1 units has one.",
        224 + 99 + 33: "The trunk's 32 biases are missing.",
        256 + 96 + 32: "The biases of the heads are missing: three for species, one for body_mass.",
        3 * 32 + 32 + 99 + 33: "You counted `measurements` only. The trunk sees 3 + 4 = 7 numbers.",
        4 * 32 + 32 + 99 + 33: "You counted `island_and_sex` only. The trunk sees 3 + 4 = 7 numbers.",
        7 * 32 + 2 * 32 + 99 + 33: (
            "You gave the trunk two sets of biases. The inputs are joined first, so there is one dense layer."
        ),
        256 + 99: (
            "Every unit has a bias: 32 in the trunk, 3 and 1 in the heads. One bias for each layer is too few. (Or did "
            "you leave out the head of body_mass?)"
        ),
        7 * 32 + 7 + 99 + 33: "The trunk has a bias for each of its 32 units, not for each of its 7 inputs.",
        256 + 96 + 33: "The three biases of the species head are missing.",
        256 + 99 + 32: "The bias of the head of body_mass is missing.",
        256 + 33: "This is the network for body_mass alone. Add the other head.",
        256: "This is the trunk alone. Add the two heads.",
        99 + 33: "These are the two heads alone. Add the trunk.",
    }
    return messages.get(
        int(parameters), "Count three layers: the trunk (7 → 32), one head (32 → 3), one head (32 → 1)."
    )


def check_2(units: int) -> str | None:
    """The smallest trunk that can represent eight unrelated linear tasks."""
    messages = {
        8: None,
        2: "Two would do for the related tasks, whose weights lie in a plane. These do not.",
        1: "One unit passes on one combination of the inputs; then all heads could only differ by a factor.",
        4: "Four is what the trunk has, and it was not enough. How many independent weight vectors are there?",
        7: "Seven is one too few. A constant could be left to the biases, but none of the weight vectors.",
        16: "That is enough, but not the least: each task needs one combination of the inputs, not two.",
        30: "Thirty would pass on every input, and that is enough. But eight combinations of them serve eight tasks.",
        32: "That is the penguins' trunk. Ask how many combinations of the inputs these heads need.",
        240: "One unit for each input of each task is far too many: a unit combines all 30 inputs.",
    }
    if np.size(units) != 1:
        return "One number is expected: how many units?"
    if units != int(units):
        return "A number of units is a whole number."
    return messages.get(
        int(units), "Look at the rank of `unrelated[0].weights`: one independent direction needs one unit."
    )


def check_3(three_task_network: Callable[[], keras.Model]) -> Any:
    """A compiled network with the heads species, body_mass and sex on one trunk; it is trained here."""
    network = _call(three_task_network)
    if network is ... or isinstance(network, str):
        return network  # not tried yet, or a message
    problem = _outputs_problem(network, ["species", "body_mass", "sex"])
    if problem:
        return problem
    if "island_and_sex" in network.input:
        accuracy = _sex_accuracy(network, _penguins_with_sex_in_both())
        return (
            f"On the validation birds your network names the sex with an accuracy of {accuracy:.2f}. Too good to be "
            "true: the input `island_and_sex` still holds the answer. Use the inputs of load_penguins(sex='target')."
        )
    if set(network.input) != {"measurements", "island"}:
        return f"The inputs should be measurements and island, but they are {', '.join(network.input)}."
    if unused := unused_inputs(network):
        return f"The input {', '.join(unused)} leads nowhere. Concatenate both inputs before the trunk."
    kinds = {"species": "class numbers", "body_mass": "a number", "sex": "yes or no"}
    for task, kind in kinds.items():
        if problem := _head_problem(network, task, kind):
            return problem
    if problem := _sharing_problem(network):
        return problem
    accuracy = _sex_accuracy(network, load_penguins(sex="target"))
    if not accuracy > 0.75:
        return (
            f"After training, the accuracy of sex is {accuracy:.2f} on the validation birds; about 0.5 is mere "
            "guessing, and this network can reach more than 0.8. Look at the head, the loss and the learning rate."
        )
    return None


def check_4(tutorial_network: Callable[[], keras.Model]) -> Any:
    """The classic tutorial's network, repaired and compiled; it is trained here for ten epochs."""
    network = _call(tutorial_network)
    if network is ... or isinstance(network, str):
        return network
    problem = _outputs_problem(network, ["kind", "amount"])
    if problem:
        return problem
    if set(network.input) != {"first", "second"}:
        return f"The inputs should be first and second, but they are {', '.join(network.input)}."
    if unused := unused_inputs(network):
        return (
            f"The input {', '.join(unused)} is declared, but leads nowhere: this is the tutorial's second fault. "
            "Concatenate both inputs before the shared layer."
        )
    for task, kind in {"kind": "one-hot", "amount": "a number"}.items():
        if problem := _head_problem(network, task, kind):
            return problem
    if problem := _sharing_problem(network) or _description_problem(network):
        return problem
    train, test = tutorial_data(1500, seed=1), tutorial_data(1000, seed=2)
    network.fit(train.inputs, train.targets, epochs=10, batch_size=32, verbose=0)
    predictions = network.predict(test.inputs, verbose=0)
    accuracy = np.mean(predictions["kind"].argmax(axis=-1) == test.targets["kind"].argmax(axis=-1))
    error = np.abs(predictions["amount"] - test.targets["amount"]).mean()
    trivial = np.abs(test.targets["amount"] - train.targets["amount"].mean()).mean()
    if accuracy < 0.6 or error > 0.5 * trivial:
        return (
            f"It runs, but it learns too little: accuracy {accuracy:.2f}, error {error:.2f} against {trivial:.2f} for "
            "the mean. Compare sizes, activations, losses and the optimizer with the text of the exercise."
        )
    return None


def _call(build: Any) -> Any:
    """What the learner's function returns, or a message."""
    network = build() if callable(build) and not isinstance(build, keras.Model) else build
    if network is None:
        return "Your function returns nothing. End it with `return network`."
    if network is not ... and not isinstance(network, keras.Model):
        return f"Your function should return a Keras model, but it returns {type(network).__name__}."
    return network


def _outputs_problem(network: keras.Model, tasks: list[str]) -> str | None:
    if isinstance(network, keras.Sequential) or not (
        isinstance(network.output, dict) and isinstance(network.input, dict)
    ):
        return "Give inputs and outputs as dictionaries, so that every loss finds its head by name."
    if set(network.output) != set(tasks):
        return f"The outputs should be {', '.join(tasks)}, but they are {', '.join(network.output)}."
    if not network.compiled:
        return "The network is not compiled: call compile with an optimizer, the losses and the metrics."
    loss = network.get_compile_config()["loss"]
    if not isinstance(loss, dict):
        return "Give a loss for each task, in a dictionary."
    if set(loss) != set(tasks):
        wrong = sorted(set(loss) ^ set(tasks))
        return (
            f"The losses are for {', '.join(loss)}, and the outputs are {', '.join(tasks)}: {', '.join(wrong)} has no "
            "partner. The keys are the names of the outputs, not those of your Python variables."
        )
    return None


def _head_problem(network: keras.Model, task: str, kind: str) -> str | None:
    """Whether a head and its loss fit each other and the targets."""
    loss = network.get_compile_config()["loss"][task]
    settings = loss.get("config", {}) if isinstance(loss, dict) else {}
    name, logits = str(settings.get("name", loss)), settings.get("from_logits", False)
    activation, units = last_activation(network.output[task]), network.output[task].shape[-1]
    if kind == "a number":
        if "crossentropy" in name:
            return f"{task} is a number, not a class: use mse."
        if activation != "linear" or units != 1:
            return f"{task} must reach any number, below zero too: use one unit without activation."
        return None
    if kind == "yes or no" and units == 1:
        if activation == "softmax":
            return (
                f"A softmax makes its units sum to 1, and with one unit it is always 1: the answer of {task} never "
                "changes, and its accuracy stays at the share of ones. Use a sigmoid."
            )
        if name != "binary_crossentropy" and "categorical" in name:
            return f"{task} has one unit for yes or no, so its loss is binary_crossentropy."
        if activation == "linear" and not logits:
            return f"The head of {task} has no activation, but its loss expects a probability. Use a sigmoid."
        return None
    if "crossentropy" not in name:
        return f"The loss of {task} is {name}, but {task} is a class: use a cross-entropy."
    if kind == "one-hot" and "sparse" in name:
        return f"The target {task} is one-hot: use categorical_crossentropy, not the sparse one."
    if kind != "one-hot" and "sparse" not in name:
        return f"The targets of {task} are class numbers: put sparse_ before categorical_crossentropy."
    if activation != "softmax" and not logits:
        return f"The head of {task} needs a softmax: cross-entropy expects probabilities that sum to 1."
    return None


def _description_problem(network: keras.Model) -> str | None:
    """Whether the tutorial's network has the size, optimizer and metrics of its description."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    hidden = [layer for layer in layers if layer.output not in list(network.output.values())]
    sizes = ", ".join(f"{layer.units} {layer.activation.__name__}" for layer in hidden)
    if sizes != "64 relu":
        return f"It may train, but the description has one shared layer of 64 ReLU units, and yours has: {sizes}."
    if not isinstance(network.optimizer, keras.optimizers.Adam):
        return f"The description says Adam, but the optimizer is {type(network.optimizer).__name__}."
    metrics = str(network.get_compile_config()["metrics"])
    if "acc" not in metrics or not ("mae" in metrics or "mean_absolute_error" in metrics):
        return "The metrics are missing: accuracy for kind, and mae for amount."
    return None


def _sharing_problem(network: keras.Model) -> str | None:
    """Whether some layer with weights stands before every head."""
    behind = {
        task: {
            id(operation): operation
            for _, operation, _ in walk([head])
            if getattr(operation, "weights", None)
        }
        for task, head in network.output.items()
    }
    if set.intersection(*(set(layers) for layers in behind.values())):
        return None
    for task, layers in behind.items():
        others = [layer for other, found in behind.items() if other != task for layer in found]
        if len(layers) == 1:
            return f"The head of {task} reads the inputs directly and misses the trunk. Connect it to the trunk's output."
        if not set(layers) & set(others):
            return f"{task} has a trunk of its own, so it shares nothing. Make one trunk and give every head its output."
    return "No layer serves all heads. Make the trunk once, and give every head its output."


def _penguins_with_sex_in_both() -> Penguins:
    """The penguins with the sex among the inputs and the targets: what a learner makes who overlooks it."""
    penguins = load_penguins(sex="input")
    parts = {
        name: Split(part.inputs, {**part.targets, "sex": part.inputs["island_and_sex"][:, 3:]})
        for name, part in (
            ("train", penguins.train),
            ("validation", penguins.validation),
            ("test", penguins.test),
        )
    }
    return Penguins(
        **parts,
        table=penguins.table,
        body_mass_mean=penguins.body_mass_mean,
        body_mass_std=penguins.body_mass_std,
    )


def _sex_accuracy(network: keras.Model, penguins: Penguins) -> float:
    """The accuracy of sex on the validation birds after forty epochs."""
    network.fit(penguins.train.inputs, penguins.train.targets, batch_size=20, epochs=40, verbose=0)
    male = np.asarray(network(penguins.validation.inputs)["sex"])
    male = male[:, 0] > 0.5 if male.shape[-1] == 1 else male.argmax(axis=-1)
    return float(np.mean(male == (penguins.validation.targets["sex"][:, 0] > 0.5)))
