"""Every mistake in a call of `train_seeds` is refused before training: expected, given, and what to do.

One row a mistake: its name, the arguments that differ from a good call, and parts of the message.
"""

from mtl_helpers.data import Split
from mtl_helpers.seeds import train_seeds
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import Static

import keras
import numpy as np
import pytest
from small_models import LOSSES, small_data

INPUTS, TARGETS = small_data(20)
GOOD = {"train": Split(INPUTS, TARGETS), "losses": LOSSES, "epochs": 1, "batch_size": 8, "seeds": 2}
ONES = np.ones(20)


def build(kind=keras.Model, units=4, dense=None, **options):
    inputs = {"size": keras.Input((3,), name="size"), "island": keras.Input((2,), name="island")}
    features = keras.layers.Concatenate()(list(inputs.values()))
    features = (dense or keras.layers.Dense(units, "relu", **options))(features)
    species, mass = keras.layers.Dense(3, "softmax"), keras.layers.Dense(1)
    return inputs, {"species": species(features), "mass": mass(features)}


def build_model(**options):
    return keras.Model(*build(**options))


def split(inputs=None, targets=None):
    """The good data with other entries; an entry of None is taken out."""
    parts = ({**INPUTS, **(inputs or {})}, {**TARGETS, **(targets or {})})
    return Split(*({key: value for key, value in part.items() if value is not None} for part in parts))


def holding(array, value):
    copy = np.array(array)
    copy.flat[3] = value
    return copy


def of_list_inputs():
    inputs, outputs = build()
    return keras.Model(list(inputs.values()), outputs)


def of_list_outputs():
    inputs, outputs = build()
    return keras.Model(inputs, list(outputs.values()))


def widening(widths=(4, 5)):
    widths = iter(widths)
    return lambda: build_model(units=next(widths))


def one_model():
    model = build_model()
    return lambda: model


def one_layer():
    layer = keras.layers.Dense(4)
    return lambda: build_model(dense=layer)


optimizers = keras.optimizers
MISTAKES = [
    ("no seed", {"seeds": 0}, ["seeds", "at least one"]),
    ("a seed twice", {"seeds": [1, 2, 1]}, ["different", "[1, 2, 1]", "none twice"]),
    ("a negative seed", {"seeds": [-1, 2]}, ["zero or more"]),
    ("seeds not whole", {"seeds": [0.5, 2.0]}, ["whole numbers"]),
    ("no epoch", {"epochs": 0}, ["epochs", "at least 1", "0 was given"]),
    ("half an epoch", {"epochs": 1.5}, ["epochs", "whole number"]),
    ("an empty batch", {"batch_size": 0}, ["batch_size", "at least 1"]),
    ("an optimizer of matrices", {"optimizer": optimizers.Muon()}, ["a Muon", "mix the seeds", "'Adam'"]),
    ("layer-wise rates", {"optimizer": optimizers.Lamb()}, ["a Lamb", "'Adam'"]),
    ("factored moments", {"optimizer": "adafactor"}, ["Adafactor", "'Adam'"]),
    (
        "a scaled loss",
        {"optimizer": optimizers.LossScaleOptimizer(optimizers.Adam())},
        ["LossScaleOptimizer"],
    ),
    ("clipnorm", {"optimizer": optimizers.Adam(clipnorm=1.0)}, ["clip", "Use clipvalue"]),
    ("global_clipnorm", {"optimizer": optimizers.SGD(global_clipnorm=1.0)}, ["clip", "Use clipvalue"]),
    ("averaged weights", {"optimizer": optimizers.SGD(use_ema=True)}, ["use_ema", "Leave it out"]),
    ("an unknown optimizer", {"optimizer": "adamm"}, ["adamm"]),
    ("a model, not a function", {"build_model": one_model()()}, ["function", "without brackets"]),
    (
        "a function without return",
        {"build_model": lambda: None},
        ["must return", "a NoneType", "return keras"],
    ),
    ("a list of outputs", {"build_model": of_list_outputs}, ["dictionary of outputs", "'task'"]),
    ("a list of inputs", {"build_model": of_list_inputs}, ["inputs must be a dictionary", "a list of 2"]),
    ("the same model again", {"build_model": one_model()}, ["anew", "share weights", "inside build_model"]),
    ("a layer made outside", {"build_model": one_layer()}, ["anew", "share weights"]),
    ("models that differ", {"build_model": widening()}, ["same network", "shapes"]),
    (
        "a constraint",
        {"build_model": lambda: build_model(kernel_constraint="max_norm")},
        ["constraint", "kernel_constraint"],
    ),
    (
        "a weighting in the model",
        {"build_model": lambda: MultiTaskModel(*build(), weighting=Static({"species": 2.0, "mass": 1.0}))},
        ["weighting of its own", "task_weights={"],
    ),
    ("a misspelt loss", {"losses": {"species": "mse", "mas": "mse"}}, ["'mas'", "Did you mean 'mass'?"]),
    ("a missing loss", {"losses": {"mass": "mse"}}, ["The loss is missing for 'species'"]),
    ("a loss without name", {"losses": "mse"}, ["losses must be a dictionary"]),
    ("an unknown loss", {"losses": {**LOSSES, "mass": "mes"}}, ["'mes'"]),
    ("a loss for another head", {"losses": {**LOSSES, "mass": "binary_crossentropy"}}, ["'mass'", "linear"]),
    ("a tuple of data", {"train": (INPUTS, TARGETS)}, ["training part must be a Split", "a tuple of 2"]),
    (
        "a split too few",
        {"train": [split()]},
        ["one Split for each of the", "of [", "Give one Split"],
    ),
    ("a missing input", {"train": split({"island": None})}, ["training", "missing for 'island'"]),
    ("a missing target", {"train": split(targets={"mass": None})}, ["missing for 'mass'"]),
    (
        "a misspelt target",
        {"train": split(targets={"mass": None, "mas": TARGETS["mass"]})},
        ["'mas'", "Did you mean 'mass'?"],
    ),
    ("NaN in an input", {"train": split({"size": holding(INPUTS["size"], np.nan)})}, ["training", "1 of 60"]),
    ("NaN in a target", {"train": split(targets={"mass": holding(TARGETS["mass"], np.nan)})}, ["1 of 20"]),
    ("one-hot labels", {"train": split(targets={"species": np.eye(3)[TARGETS["species"]]})}, ["one-hot"]),
    ("labels from 1", {"train": split(targets={"species": TARGETS["species"] + 1})}, ["subtract 1"]),
    ("unequal lengths", {"train": split({"size": INPUTS["size"][:9]})}, ["same number", "input 'size': 9"]),
    ("inputs of another width", {"train": split({"size": np.ones((20, 4))})}, ["(n, 3)", "(20, 4)"]),
    ("no example", {"train": split().take(np.arange(0))}, ["At least one example"]),
    (
        "validation without a target",
        {"validation": split(targets={"mass": None})},
        ["In the validation part", "missing for 'mass'"],
    ),
    (
        "NaN in validation",
        {"validation": split({"size": holding(INPUTS["size"], np.nan)})},
        ["In the validation part", "1 of 60"],
    ),
    ("subsets of one seed", {"subsets": np.arange(5)}, ["shape (2, n)", "shape (5,)"]),
    ("subsets of three seeds", {"subsets": np.zeros((3, 5), int)}, ["shape (2, n)", "shape (3, 5)"]),
    ("subsets of two lengths", {"subsets": [[1, 2], [3]]}, ["equally many", "a list of 2"]),
    ("a mask", {"subsets": np.ones((2, 20), bool)}, ["row numbers", "numpy.flatnonzero"]),
    ("empty subsets", {"subsets": np.zeros((2, 0), int)}, ["shape (2, n)"]),
    ("a row beyond the last", {"subsets": [[1, 20], [1, 2]]}, ["from 0 to 19", "1 to 20"]),
    ("a negative row", {"subsets": [[1, -1], [1, 2]]}, ["from 0 to 19", "-1 to 2"]),
    ("a misspelt task weight", {"task_weights": {"mas": 1.0}}, ["task weight", "Did you mean 'mass'?"]),
    ("task weights in a list", {"task_weights": [1.0, 2.0]}, ["task_weights must be a dictionary"]),
    ("task weights of three seeds", {"task_weights": {"mass": np.ones(3)}}, ["2 seeds", "'mass'"]),
    ("a negative task weight", {"task_weights": {"mass": -1.0}}, ["zero or more", "-1.0"]),
    ("a task weight of NaN", {"task_weights": {"mass": [1.0, np.nan]}}, ["finite", "nan"]),
    ("no weight at all", {"task_weights": {"mass": [1, 0], "species": [1, 0]}}, ["some seed", "positive"]),
    (
        "a misspelt sample weight",
        {"sample_weights": {"mas": ONES}},
        ["sample weight", "Did you mean 'mass'?"],
    ),
    ("an array of sample weights", {"sample_weights": ONES}, ["sample_weights must be a dictionary"]),
    ("sample weights too short", {"sample_weights": {"mass": ONES[:9]}}, ["(20,)", "(2, 20)", "(9,)"]),
    ("a negative sample weight", {"sample_weights": {"mass": -ONES}}, ["zero or more", "-1"]),
    ("a sample weight of NaN", {"sample_weights": {"mass": holding(ONES, np.nan)}}, ["1 of 20"]),
    ("sample weights of zero", {"sample_weights": {"mass": 0 * ONES}}, ["not zero everywhere"]),
]


@pytest.mark.parametrize(
    ("arguments", "parts"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_refused_with_a_clear_message(arguments, parts, monkeypatch):
    monkeypatch.setattr("mtl_helpers.seeds.SeedStack", None)  # training would fail
    with pytest.raises((ValueError, TypeError)) as error:
        train_seeds(**{"build_model": build_model, **GOOD, **arguments})
    for part in parts:
        assert part in str(error.value)


def test_a_good_call_is_accepted_with_all_that_may_be_left_over():
    more = split({"another": np.full(20, np.nan)}, {"sex": ONES})
    runs = train_seeds(
        lambda: MultiTaskModel(*build(), weighting=Static()),
        more,
        losses=LOSSES,
        epochs=np.int64(1),
        seeds=np.int64(2),
        validation=more,
        subsets=[[1, 2, 3], [4, 5, 6]],
        task_weights={"mass": [1, 2]},
        sample_weights={"mass": np.arange(20)},
    )
    assert runs.seeds == (0, 1) and isinstance(runs.model(1), MultiTaskModel)
