"""A small two-headed network and data for it, which several test files use."""

from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np

LOSSES = {"species": "sparse_categorical_crossentropy", "mass": "mse"}
METRICS = {"species": ["accuracy"], "mass": ["mae"]}


def small_data(examples=48, seed=0):
    """Inputs and targets that can be learned: three classes, and a number."""
    rng = np.random.default_rng(seed)
    inputs = {
        "size": rng.normal(size=(examples, 3)).astype("float32"),
        "island": rng.normal(size=(examples, 2)).astype("float32"),
    }
    targets = {
        "species": (inputs["size"][:, 0] > 0).astype("int32") + (inputs["island"][:, 0] > 0),
        "mass": inputs["size"][:, 1:2] - inputs["island"][:, 1:2],
    }
    return inputs, targets


def small_graph(tasks=("species", "mass"), seed=3, extras=()):
    """Inputs and outputs of a shared layer with a head each.

    The names of the layers and the order of the tasks are not those of Keras' alphabetical order: what
    is wired up wrongly shows. extras: "regulariser", "batch_normalisation", "dropout", as wanted.
    """
    keras.utils.set_random_seed(seed)
    inputs = {"size": keras.Input((3,), name="size"), "island": keras.Input((2,), name="island")}
    features = keras.layers.Concatenate()(list(inputs.values()))
    regulariser = keras.regularizers.L2(0.01) if "regulariser" in extras else None
    features = keras.layers.Dense(8, "relu", name="trunk", kernel_regularizer=regulariser)(features)
    if "batch_normalisation" in extras:
        features = keras.layers.BatchNormalization()(features)
    if "dropout" in extras:
        features = keras.layers.Dropout(0.2)(features)
    outputs = {}
    if "species" in tasks:
        outputs["species"] = keras.layers.Dense(3, "softmax", name="a_head")(features)
    if "mass" in tasks:
        outputs["mass"] = keras.layers.Dense(1, name="z_head")(features)
    return inputs, outputs


def small_model(tasks=("species", "mass"), weighting=None, extras=(), compiled=True, **options):
    inputs, outputs = small_graph(tasks, extras=extras)
    model = MultiTaskModel(inputs=inputs, outputs=outputs, weighting=weighting)
    if compiled:
        # Without a graph: tracing one takes longer than these few steps.
        defaults = {"run_eagerly": True, "loss": {task: LOSSES[task] for task in tasks}}
        defaults["metrics"] = {task: METRICS[task] for task in tasks}
        model.compile(**{"optimizer": keras.optimizers.Adam(0.01), **defaults, **options})
    return model
