"""The checks of lesson 03: ten defects."""

from collections.abc import Callable
from types import EllipsisType
from typing import Any

from mtl_helpers.data import Split, load_penguins
from mtl_helpers.graph import last_activation, walk
from mtl_helpers.validation import loss_kind, loss_option

import keras
import numpy as np

Answer = str | EllipsisType | None


def check_1(species_labels: np.ndarray, species_loss: Any, species_metric: Any) -> Answer:
    """Labels, loss and metric of the species that fit together."""
    labels, classes = np.asarray(species_labels), load_penguins().train.targets["species"]
    if isinstance(species_loss, dict):
        return "Give one loss, that of the species, not a dictionary."
    try:
        kind = loss_kind(species_loss)
    except ValueError:
        return f"Keras knows no loss called {species_loss!r}. Its name is written as in `LOSSES`."
    if isinstance(species_metric, (list, tuple)) and len(species_metric) == 1:
        species_metric = species_metric[0]  # as in METRICS
    if isinstance(species_metric, (list, tuple, dict)):
        return "Give one metric for the species, such as its name."
    metric = str(getattr(species_metric, "name", species_metric))
    if labels.dtype.kind not in "biuf":
        return "The labels must be numbers. Start from `one_hot`, or from `penguins.train.targets`."
    if labels.shape == (3,):
        return "The labels have shape (3,): this argmax ran over the birds. The classes are along axis 1."
    is_one_hot = labels.shape == (len(classes), 3)
    if not is_one_hot and labels.size != len(classes):
        return f"One label for each of the {len(classes)} training birds is expected, but shape {labels.shape} came."
    if not is_one_hot and np.array_equal(labels.ravel(), classes + 1):
        return "These classes start at 1. Keras counts classes from 0."
    if not np.array_equal(
        labels if is_one_hot else labels.ravel(), np.eye(3)[classes] if is_one_hot else classes
    ):
        return "These are not the species of the training birds, in their order. Start from `one_hot`."
    if is_one_hot and kind == "labels":
        return (
            "Nothing has changed: the labels still are rows of three numbers, whatever their dtype, and a sparse "
            "loss wants one class number for each bird. Change the labels or the loss."
        )
    if not is_one_hot and kind == "one-hot":
        return (
            "Now it is the other way round: the labels are class numbers, and 'categorical_crossentropy' wants "
            "one-hot rows. Change one of the two, not both."
        )
    if kind == "yes or no":
        return (
            "'binary_crossentropy' asks three separate yes-or-no questions. A bird has exactly one species: use a "
            "categorical cross-entropy."
        )
    if kind not in ("labels", "one-hot"):
        return f"{species_loss!r} is a loss for numbers. For classes use a cross-entropy."
    return _metric_message(metric, is_one_hot)


def _metric_message(metric: str, is_one_hot: bool) -> Answer:
    if metric in ("accuracy", "acc", f"{'' if is_one_hot else 'sparse_'}categorical_accuracy"):
        return None
    if metric == "categorical_accuracy":
        return (
            "Labels and loss fit, and it would train. But 'categorical_accuracy' looks for the largest number along "
            "the last axis, and with class numbers that is the axis of the birds: no error, and a share that means "
            "nothing. Use 'accuracy'."
        )
    if metric == "sparse_categorical_accuracy":
        return (
            "Labels and loss fit, but a sparse metric wants class numbers, not one-hot rows. Use 'accuracy'."
        )
    if metric == "binary_accuracy":
        return "'binary_accuracy' counts each of the three columns by itself. Use 'accuracy'."
    return f"Labels and loss fit, but {metric!r} is not the share of birds named correctly. Use 'accuracy'."


def check_2(species_head: Callable, species_loss: Any) -> Answer:
    """A head for three classes, and a loss, with one softmax between them."""
    hidden = keras.Input((32,))
    output = species_head(hidden)
    if output is ...:
        return ...
    if isinstance(output, keras.layers.Layer):
        return "This is a layer, not what it puts out. Call it on hidden: `Dense(...)(hidden)`."
    if not isinstance(output, keras.KerasTensor):
        return f"The head must return one tensor, but it returned {type(output).__name__}."
    operations = [operation for _, operation, _ in walk([output])]
    if hidden is not output and not any(tensor is hidden for tensor, _, _ in walk([output])):
        return "This head is not computed from `hidden`. Call its layer on `hidden`."
    if output.shape[-1] != 3:
        return f"There are three species, so the head needs three units, but it has {output.shape[-1]}."
    if isinstance(species_loss, dict):
        return "Give one loss, not a dictionary: here it is asked for the species alone."
    if loss_kind(species_loss) != "labels":
        return "The labels are class numbers, so the loss must be 'sparse_categorical_crossentropy'."
    in_head, in_loss = sum(map(_is_softmax, operations)), bool(loss_option(species_loss, "from_logits"))
    if in_head > 1:
        return (
            f"The head still holds {in_head} softmaxes, one after the other. An activation given to Dense counts as "
            "one: leave out the other."
        )
    if in_head and in_loss:
        return (
            "One softmax is in the head and one in the loss. Keras would warn and forgive this one, but not "
            "behind a Reshape, for example: leave out from_logits=True or the activation."
        )
    activation = last_activation(output)
    if not in_head and activation not in ("linear", None):
        return (
            f"The head ends in {activation}, which does not make three probabilities that sum to one. Use softmax, "
            "or no activation with from_logits=True in the loss."
        )
    if not in_head and not in_loss:
        return (
            "Now there is none: the loss takes the logits for probabilities. Put the softmax back into the head, or "
            "give the loss from_logits=True."
        )
    return None


def _is_softmax(operation: Any) -> bool:
    is_activation = getattr(operation, "activation", None) is keras.activations.softmax
    return is_activation or type(operation).__name__ == "Softmax"


def check_3(shuffled: Callable) -> Answer:
    """A function that shuffles whole examples. It is tried on rows that carry their own number."""
    birds, first_number = 60, 1000  # no value of a penguin is as large

    def numbered() -> Split:
        rows = first_number + np.arange(birds)
        columns = rows[:, None].astype("float32")
        inputs = {"measurements": columns.repeat(3, axis=1), "island_and_sex": columns.repeat(4, axis=1)}
        return Split(inputs, {"species": rows.astype("int32"), "body_mass": columns.copy()})

    given = numbered()
    result = shuffled(given, 0)
    if result is ...:
        return ...
    if not isinstance(result, Split):
        return f"A Split is expected, but {type(result).__name__} came. Return `Split(inputs, targets)`."
    arrays = {**result.inputs, **result.targets}
    if set(arrays) != {*given.inputs, *given.targets}:
        return "The shuffled Split must hold the same inputs and targets as the one given."
    if any(len(values) == 200 for values in arrays.values()):
        return "Your function returns 200 birds for any split. Shuffle the `split` it is given, not `penguins.train`."
    for name, values in arrays.items():
        if not np.isin(values, given.inputs["measurements"]).all() and len(values):
            train = load_penguins().train
            if np.isin(values, {**train.inputs, **train.targets}[name]).all():
                return "You indexed the training birds, not the `split` given."
            return f"The numbers in '{name}' are not those of the `split` given. Change only their order."
    orders = {
        name: np.asarray(values).reshape(len(values), -1)[:, 0].astype(int) - first_number
        for name, values in arrays.items()
    }
    for name, values in arrays.items():
        whole = np.asarray(values).reshape(len(values), -1)
        if np.any(whole != whole[:, :1]):
            return f"In '{name}' the columns of one bird were torn apart. Shuffle along the first axis only."
    first = orders["measurements"]
    if not np.array_equal(orders["island_and_sex"], first):
        return (
            "The two inputs are still in different orders: a bird's measurements stand beside another bird's island. "
            "Draw one order, and use it for both."
        )
    if not all(np.array_equal(orders[name], first) for name in given.targets):
        return (
            "The inputs now keep together, but the targets are in another order. Index inputs and targets with the "
            "same order."
        )
    if len(first) != birds:
        return f"{birds} birds went in, and {len(first)} came out. Keep all of them."
    if len(set(first.tolist())) < birds:
        return "Some birds come twice and others not at all. Use a permutation: each row number once."
    if np.array_equal(first, np.arange(birds)):
        return "Every bird is whole, but nothing was shuffled."
    if not np.array_equal(given.targets["species"], first_number + np.arange(birds)):
        return "Every bird is whole, but the split that was given has changed as well. Index it; do not shuffle in place."
    other = np.asarray(shuffled(numbered(), 1).targets["species"]) - first_number
    if np.array_equal(other, first):
        return "Every seed gives the same order. Use `seed` to make the random generator."
    if not np.array_equal(np.asarray(shuffled(numbered(), 0).targets["species"]) - first_number, first):
        return "The same seed gives another order each time. Use `np.random.default_rng(seed)`."
    return None


def check_4(loss_weight: float) -> Answer:
    """The loss weight that turns a sum over a batch of 20 into a mean."""
    if np.size(loss_weight) != 1:
        return f"One number is expected, but the answer has {np.size(loss_weight)}."
    weight = float(np.squeeze(loss_weight))
    wrong = {
        20: "This is the factor that the sum has put on the mass. The weight must undo it.",
        200: "This would make the mass weigh even more, and 200 is the number of all birds.",
        1 / 200: "200 is the number of all training birds. The loss is summed over one batch.",
        1 / 10: "10 is the number of batches in an epoch. The sum runs over the birds of one batch.",
        1 / 50: "50 is the number of validation birds. The sum that trains runs over one batch.",
        1: "With weight 1 nothing changes: the mass still counts as a sum.",
        0: "With weight 0 the mass is not trained at all.",
        1 / 2: "Half each is a mean over the two tasks. The sum to undo runs over the birds of one batch.",
        1 / 32: "32 is Keras' default batch size. Here a batch has 20 birds.",
    }
    if np.isclose(weight, 1 / 20):
        return None
    for value, message in wrong.items():
        if np.isclose(weight, value):
            return message
    return "A sum of 20 numbers, divided by how much, is their mean?"


def check_5(repaired_heads: Callable) -> Answer:
    """Heads that can say what their losses and targets need."""
    hidden = keras.Input((32,))
    heads = repaired_heads(hidden)
    if not isinstance(heads, dict) or set(heads) != {"species", "body_mass"}:
        return "A dictionary with the keys 'species' and 'body_mass' is expected."
    if any(head is ... for head in heads.values()):
        return ...
    for task, head in heads.items():
        if not isinstance(head, keras.KerasTensor):
            return f"The head of '{task}' must be a tensor: call its layer on `hidden`, `Dense(...)(hidden)`."
        if not any(tensor is hidden for tensor, _, _ in walk([head])):
            return f"The head of '{task}' is not computed from `hidden`. Call its layer on `hidden`."
    species, body_mass = heads["species"], heads["body_mass"]
    if (species.shape[-1], body_mass.shape[-1]) == (1, 3):
        return "The heads have changed places: three units are for the species, one for the mass."
    if species.shape[-1] != 3:
        return f"There are three species, but the head of 'species' has {species.shape[-1]} unit(s)."
    if body_mass.shape[-1] != 1:
        return f"A mass is one number, but the head of 'body_mass' has {body_mass.shape[-1]} units."
    return _activation_message(last_activation(species), last_activation(body_mass), body_mass)


def _activation_message(species: str | None, body_mass: str | None, mass_head: Any) -> Answer:
    operation = walk([mass_head])[0][1]
    name = body_mass or getattr(getattr(operation, "activation", None), "__name__", "a layer")
    if name == "leaky_relu" or type(operation).__name__ in ("LeakyReLU", "PReLU", "LeakyRelu"):
        return (
            "The head of 'body_mass' ends in a leaky ReLU. It reaches every mass, but it bends for no reason: leave "
            "out the activation."
        )
    if name == "relu":
        return "The head of 'body_mass' still ends in a ReLU: the light birds, more than half of all, cannot be predicted."
    if name == "softmax":
        return "A softmax over one unit is always 1. The mass needs a head without activation."
    if name != "linear":
        return (
            f"The head of 'body_mass' ends in {name}, which cannot reach every standardised mass: some are below "
            "−1, some above 1, more than half are negative. Leave out the activation."
        )
    if species == "linear":
        return (
            "The head of 'species' still puts out logits, and its loss, without from_logits, takes them for "
            "probabilities. The mass is right."
        )
    if species != "softmax":
        return f"The head of 'species' ends in {species}: its three outputs need not sum to one. Use softmax."
    return None
