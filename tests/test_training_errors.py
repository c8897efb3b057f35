"""Every mistake gets a clear error before anything is trained: what was expected, given, and what to do.

One row a mistake: its name, what is done, the type of the error, and parts that its message must hold.
"""

import re
import subprocess
import sys
import time

from mtl_helpers import data_checks
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import Static

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_models import LOSSES, METRICS, small_data, small_graph, small_model

INPUTS, TARGETS = small_data(20)
WEIGHTS = {"species": np.ones(20), "mass": np.ones(20)}
SPECIES, MASS = TARGETS["species"], TARGETS["mass"]
SPARSE = keras.losses.SparseCategoricalCrossentropy
ONE_HOT_LOSS = {"species": "categorical_crossentropy", "mass": "mse"}


def changed(dictionary, **entries):
    """A copy with other entries; an entry of None is taken out."""
    return {key: value for key, value in {**dictionary, **entries}.items() if value is not None}


def renamed(dictionary, old, new):
    return {new if key == old else key: value for key, value in dictionary.items()}


def holding(array, value):
    copy = np.array(array)
    copy.flat[3] = value
    return copy


def dataset(inputs=INPUTS, targets=TARGETS, *more, batch=5):
    data = tf.data.Dataset.from_tensor_slices((inputs, targets, *more))
    return data.batch(batch) if batch else data


def build(change=lambda inputs, outputs: (inputs, outputs), **options):
    inputs, outputs = change(*small_graph())
    return MultiTaskModel(inputs=inputs, outputs=outputs, **options)


def build_heads(**heads):
    """A model whose heads are made from the shared features by these functions."""

    def change(inputs, outputs):
        features = keras.layers.Concatenate()(list(inputs.values()))
        return inputs, {name: head(features) for name, head in heads.items()}

    return build(change)


def compile_with(model=None, **options):
    model = model or small_model(compiled=False)
    model.compile(**{"loss": LOSSES, **options})


def compile_head(head, loss):
    build_heads(task=head).compile(loss={"task": loss})


def fit(model, inputs=INPUTS, targets=TARGETS, **options):
    model.fit(inputs, targets, verbose=0, **options)


def fit_target(loss=LOSSES, **targets):
    return lambda: fit(small_model(loss=loss, metrics=None), targets=changed(TARGETS, **targets))


def fit_input(**inputs):
    return lambda: fit(small_model(), inputs=changed(INPUTS, **inputs))


def fit_weight(**weights):
    return lambda: fit(small_model(), sample_weight=changed(WEIGHTS, **weights))


def extra_input(connected):
    other = keras.Input((4,), name="other")

    def change(inputs, outputs):
        if connected:
            return inputs, {**outputs, "far": keras.layers.Dense(1)(other)}
        return {**inputs, "other": other}, outputs

    return change


def dense(*arguments, **options):
    return keras.layers.Dense(*arguments, **options)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return INPUTS, changed(TARGETS, species=SPECIES - 1)


CASES = [
    # The constructor.
    ("inputs in a list", lambda: build(lambda i, o: (list(i.values()), o)), TypeError,
     "inputs must be a dictionary", "a list of 2", "Write inputs={"),
    ("outputs as one tensor", lambda: build(lambda i, o: (i, o["mass"])), TypeError,
     "outputs must be a dictionary", "a KerasTensor of shape (None, 1)", "Write outputs={"),
    ("no outputs", lambda: build(lambda i, o: (i, {})), ValueError,
     "outputs needs at least one entry", "empty", "Add one"),
    ("a layer instead of its output", lambda: build(lambda i, o: (i, {"mass": dense(1)})), TypeError,
     "must map a name to a tensor", "'mass' maps to a Dense", "Call the layers"),
    ("an input under another name", lambda: build(lambda i, o: (renamed(i, "size", "sizes"), o)), ValueError,
     "key of an input must be its name", "'sizes' has the name 'size'", "keras.Input(..., name='sizes')"),
    ("an input computed by a layer",
     lambda: build(lambda i, o: (changed(i, size=dense(3, name="early")(i["size"])), o)), ValueError,
     "'size' must be made by keras.Input", "layer 'early'", "Begin at a keras.Input"),
    ("an input that nothing uses", lambda: build(extra_input(connected=False)), ValueError,
     "input 'other' is connected to no output", "'size', 'island', 'other' must lead to an output",
     "Concatenate"),
    ("an output from an input that is not listed", lambda: build(extra_input(connected=True)), ValueError,
     "'far' must depend on the model's inputs 'size', 'island'", "computed from 'other'", "to inputs"),
    ("softmax over one unit", lambda: build_heads(task=dense(1, "softmax")), ValueError,
     "softmax over one unit", "must have two or more units", "use sigmoid"),
    ("weights instead of a weighting", lambda: build(weighting={"species": 1, "mass": 1}), TypeError,
     "weighting must be a loss weighting", "a dict", "weighting=Static({"),
    ("a misspelt task in the weighting",
     lambda: build(weighting=Static({"species": 1, "mas": 1})), ValueError,
     "loss weight is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("a missing task in the weighting", lambda: build(weighting=Static({"species": 1})), ValueError,
     "loss weight is missing for 'mass'", "only 'species' was given", "Add the key 'mass'"),
    ("the weighting of another model", lambda: build(weighting=used_weighting()), ValueError,
     "must have a weighting of its own", "a model with the tasks 'mass'", "Make a new one"),
    # compile.
    ("a misspelt task in the losses", lambda: compile_with(loss=renamed(LOSSES, "mass", "mas")), ValueError,
     "loss is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("losses keyed by the layers", lambda: compile_with(loss={"a_head": "mse", "z_head": "mse"}), ValueError,
     "loss is for 'a_head', 'z_head'", "tasks are 'species', 'mass'", "names of the tasks as keys"),
    ("a task without loss", lambda: compile_with(loss={"mass": "mse"}), ValueError,
     "loss is missing for 'species'", "only 'mass' was given", "Add the key 'species'"),
    ("one loss for all", lambda: compile_with(loss="mse"), TypeError,
     "loss must be a dictionary", "'mse' was given", "Write loss={'species': ..., 'mass': ...}"),
    ("no loss", lambda: compile_with(loss=None), ValueError,
     "needs a loss for each task", "none was given", "Write loss={"),
    ("two losses for one head", lambda: compile_with(loss=changed(LOSSES, mass=["mse", "mae"])), TypeError,
     "'mass' must be one loss", "a list of 2", "Add several up"),
    ("an unknown loss", lambda: compile_with(loss=changed(LOSSES, mass="mean_square_error")), ValueError,
     "one that Keras knows", "'mean_square_error' was given", "Did you mean 'mean_squared_error'?"),
    ("a loss without reduction",
     lambda: compile_with(loss=changed(LOSSES, mass=keras.losses.MeanSquaredError(reduction=None))),
     ValueError,
     "'mass' must give one number", "reduction is None", "sum_over_batch_size"),
    ("loss_weights", lambda: compile_with(loss_weights={"species": 1.0, "mass": 2.0}), ValueError,
     "expected in the model's weighting", "given to compile", "weighting=Static({"),
    ("a misspelt task in the metrics", lambda: compile_with(metrics={"specie": ["accuracy"]}), ValueError,
     "entry in metrics is for 'specie'", "tasks are 'species', 'mass'", "Did you mean 'species'?"),
    ("metrics in a list", lambda: compile_with(metrics=["accuracy"]), TypeError,
     "metrics must be a dictionary", "a list of 1", "Write metrics={"),
    ("an unknown metric", lambda: compile_with(metrics={"species": ["acuracy"]}), ValueError,
     "metric of 'species' must be one that Keras knows", "'acuracy' was given", "Did you mean 'accuracy'?"),
    ("sparse crossentropy on one unit",
     lambda: compile_head(dense(1, "sigmoid"), LOSSES["species"]), ValueError,
     "for two or more classes", "head has one unit", "binary_crossentropy"),
    ("softmax twice", lambda: compile_head(dense(3, "softmax"), SPARSE(from_logits=True)), ValueError,
     "expects a head without activation", "ends in softmax", "Leave out from_logits"),
    ("crossentropy of a linear head", lambda: compile_head(dense(3), SPARSE()), ValueError,
     "expects probabilities", "ends in linear", "Use activation='softmax'"),
    ("yes or no from a linear head", lambda: compile_head(dense(1), "binary_crossentropy"), ValueError,
     "expects probabilities", "ends in linear", "Use activation='sigmoid'"),
    # fit: structure.
    ("fit before compile", lambda: fit(small_model(compiled=False)), ValueError,
     "must be compiled before fit", "it is not", "Call model.compile("),
    ("evaluate before compile", lambda: small_model(compiled=False).evaluate(INPUTS, TARGETS), ValueError,
     "must be compiled before fit or evaluate", "it is not", "Call model.compile("),
    ("no targets", lambda: small_model().fit(INPUTS), ValueError,
     "Targets are expected for 'species', 'mass'", "none were given", "Give y={"),
    ("targets in a list", lambda: fit(small_model(), targets=[SPECIES, MASS]), TypeError,
     "targets must be a dictionary", "a list of 2", "Write {'species': ..., 'mass': ...}"),
    ("a misspelt target", lambda: fit(small_model(), targets=renamed(TARGETS, "mass", "mas")), ValueError,
     "target is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("a missing target", fit_target(mass=None), ValueError,
     "target is missing for 'mass'", "only 'species' was given", "Add the key 'mass'"),
    ("one array of inputs", lambda: fit(small_model(), inputs=INPUTS["size"]), TypeError,
     "inputs must be a dictionary", "a ndarray of shape (20, 3)", "Write {'size': ..., 'island': ...}"),
    ("a DataFrame of inputs", lambda: fit(small_model(), inputs=pd.DataFrame(INPUTS["size"])), TypeError,
     "inputs must be a dictionary", "a DataFrame of shape (20, 3)", "Write {'size': ..., 'island': ...}"),
    ("an input too many", fit_input(age=MASS), ValueError,
     "input is for 'age'", "inputs are 'size', 'island'", "as keys"),
    ("a missing input", fit_input(island=None), ValueError,
     "input is missing for 'island'", "only 'size' was given", "Add the key 'island'"),
    ("a misspelt sample weight",
     lambda: fit(small_model(), sample_weight=renamed(WEIGHTS, "mass", "mas")), ValueError,
     "sample weight is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("a missing sample weight", fit_weight(mass=None), ValueError,
     "sample weight is missing for 'mass'", "only 'species' was given", "Add the key 'mass'"),
    ("one array of sample weights", lambda: fit(small_model(), sample_weight=np.ones(20)), TypeError,
     "sample weights must be a dictionary", "a ndarray of shape (20,)",
     "Write {'species': ..., 'mass': ...}"),
    ("a misspelt class weight", lambda: fit(small_model(), class_weight={"specie": {0: 2.0}}), ValueError,
     "class weight is for 'specie'", "tasks are 'species', 'mass'", "Did you mean 'species'?"),
    ("class weights without task", lambda: fit(small_model(), class_weight={0: 1.0, 1: 2.0}), ValueError,
     "class weight is for '0', '1'", "tasks are 'species', 'mass'", "names of the tasks as keys"),
    ("a class weight for no class",
     lambda: fit(small_model(), class_weight={"species": {3: 2.0}}), ValueError,
     "to its 3 classes", "{3: 2.0} was given", "Use class numbers as keys"),
    ("class and sample weights",
     lambda: fit(small_model(), class_weight={"species": {0: 2.0}}, sample_weight=WEIGHTS), ValueError,
     "class_weight is expected", "sample_weight beside it", "into the sample weights"),
    # fit: what the arrays hold.
    ("an input with a column too few", fit_input(size=INPUTS["size"][:, :2]), ValueError,
     "'size' must have shape (n, 3)", "shape (20, 2) was given", "Check its columns"),
    ("text as input", fit_input(island=np.array([["Biscoe", "Dream"]] * 20)), TypeError,
     "'island' must hold numbers", "dtype is <U6", "one-hot columns"),
    ("a DataFrame with a column of text",
     fit_input(island=pd.DataFrame({"a": [1.0] * 20, "b": ["Dream"] * 20})),
     TypeError, "'island' must hold numbers", "dtype is object", "one-hot columns"),
    ("a list instead of an array", fit_input(island=INPUTS["island"].tolist()), TypeError,
     "'island' must be an array", "a list of 20", "Use numpy.asarray"),
    ("NaN in an input", fit_input(size=holding(INPUTS["size"], np.nan)), ValueError,
     "'size' must hold finite numbers", "1 of 60 are NaN or infinite", "Drop those examples"),
    ("infinite input", fit_input(size=holding(INPUTS["size"], np.inf)), ValueError,
     "'size' must hold finite numbers", "1 of 60 are NaN or infinite", "Drop those examples"),
    ("NaN in a target", fit_target(mass=holding(MASS, np.nan)), ValueError,
     "'mass' must hold finite numbers", "1 of 20 are NaN or infinite", "give it sample weight 0"),
    ("one-hot where class numbers are due", fit_target(species=np.eye(3)[SPECIES]), ValueError,
     "'species' must hold class numbers, in shape (n,)", "shape (20, 3) was given", ".argmax(axis=-1)"),
    ("class numbers where one-hot is due", fit_target(ONE_HOT_LOSS), ValueError,
     "'species' must be one-hot, of shape (n, 3)", "shape (20,) was given",
     "sparse_categorical_crossentropy"),
    ("one-hot with a class too many", fit_target(ONE_HOT_LOSS, species=np.eye(4)[SPECIES]), ValueError,
     "'species' must have shape (n, 3)", "shape (20, 4) was given", "Check its columns"),
    ("two ones in each row of one-hot",
     fit_target(ONE_HOT_LOSS, species=np.eye(3)[SPECIES] + np.eye(3)[[1]]), ValueError,
     "'species' must be one-hot", "other rows were given", "use sigmoid"),
    ("measurements as classes", fit_target(species=SPECIES.astype("float32")), TypeError,
     "'species' must hold class numbers as integers", "dtype is float32", ".astype('int32')"),
    ("text as classes", fit_target(species=np.array(["Adelie"] * 20)), TypeError,
     "'species' must hold numbers", "dtype is <U6", "class numbers"),
    ("objects as measurements", fit_target(mass=MASS.astype(object)), TypeError,
     "'mass' must hold numbers", "dtype is object", ".astype('float32')"),
    ("two columns for one unit", fit_target(mass=np.hstack([MASS, MASS])), ValueError,
     "'mass' must have shape (n, 1)", "shape (20, 2) was given", "Check its columns"),
    ("label -1", fit_target(species=holding(SPECIES, -1)), ValueError,
     "classes from 0 to 2", "labels from -1 to 2 were given", "sample weight 0"),
    ("labels that start at 1", fit_target(species=SPECIES + 1), ValueError,
     "classes from 0 to 2", "labels from 1 to 3 were given", "subtract 1"),
    ("a label outside the classes", fit_target(species=holding(SPECIES, 7)), ValueError,
     "classes from 0 to 2", "labels from 0 to 7 were given", "one unit for each class"),
    ("yes or no as 1 and 2", lambda: fit_yes_or_no(np.array([1, 2] * 10)), ValueError,
     "between 0 (no) and 1 (yes)", "from 1 to 2 were given", "subtract 1"),
    ("a target that is shorter", fit_target(mass=MASS[:-1]), ValueError,
     "same number of examples", "target 'species': 20, target 'mass': 19", "Check how they were cut"),
    ("an input that is shorter", fit_input(size=INPUTS["size"][:-1]), ValueError,
     "same number of examples", "input 'size': 19", "Check how they were cut"),
    ("a sample weight that is shorter", fit_weight(mass=np.ones(19)), ValueError,
     "same number of examples", "sample weight 'mass': 19", "Check how they were cut"),
    ("no examples",
     lambda: fit(small_model(), *[{k: v[:0] for k, v in d.items()} for d in (INPUTS, TARGETS)]),
     ValueError, "At least one example is expected", "target 'mass': 0", "Check the filter"),
    ("a negative sample weight", fit_weight(mass=holding(np.ones(20), -2)), ValueError,
     "'mass' must be zero or more", "the lowest is -2", "Use 0 to leave"),
    ("NaN as sample weight", fit_weight(mass=holding(np.ones(20), np.nan)), ValueError,
     "'mass' must hold finite numbers", "1 of 20 are NaN", "Drop"),
    ("sample weights all zero", fit_weight(mass=np.zeros(20)), ValueError,
     "not zero everywhere", "all are zero", "set its weight in Static"),
    ("sample weights in two columns", fit_weight(mass=np.ones((20, 2))), ValueError,
     "'mass' must have shape (n,)", "shape (20, 2) was given", "Check its columns"),
    # Validation, evaluate, predict.
    ("validation data in a dictionary",
     lambda: fit(small_model(), validation_data={"x": INPUTS, "y": TARGETS}), TypeError,
     "must be a tuple (inputs, targets)", "a dict", "Write validation_data=(inputs, targets)"),
    ("validation data without targets", lambda: fit(small_model(), validation_data=(INPUTS,)), TypeError,
     "must be a tuple (inputs, targets)", "a tuple of 1", "Write validation_data=(inputs, targets)"),
    ("validation data the wrong way round",
     lambda: fit(small_model(), validation_data=(TARGETS, INPUTS)), ValueError,
     "In validation_data: The input is for 'species', 'mass'", "inputs are 'size', 'island'", "as keys"),
    ("NaN in validation data",
     lambda: fit(small_model(), validation_data=(INPUTS, changed(TARGETS, mass=MASS * np.nan))), ValueError,
     "In validation_data: The target 'mass' must hold finite numbers", "20 of 20", "Drop"),
    ("a misspelt target in evaluate", lambda: small_model().evaluate(INPUTS, renamed(TARGETS, "mass", "mas")),
     ValueError, "target is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("a missing input in predict", lambda: small_model().predict({"size": INPUTS["size"]}), ValueError,
     "input is missing for 'island'", "only 'size' was given", "Add the key 'island'"),
    ("inputs of predict in a list", lambda: small_model().predict(list(INPUTS.values())), TypeError,
     "inputs must be a dictionary", "a list of 2", "Write {'size': ..., 'island': ...}"),
    # Datasets and generators.
    ("a dataset without batches", lambda: small_model().fit(dataset(batch=None)), ValueError,
     "'size' of the dataset must come in batches", "examples come singly", "Add .batch(32)"),
    ("a dataset without targets",
     lambda: small_model().fit(tf.data.Dataset.from_tensor_slices((INPUTS,)).batch(5)),
     TypeError, "must yield tuples (inputs, targets)", "a tuple of 1", "Map its elements"),
    ("a dataset of dictionaries",
     lambda: small_model().fit(tf.data.Dataset.from_tensor_slices(INPUTS).batch(5)),
     TypeError, "must yield tuples (inputs, targets)", "a dict", "Map its elements"),
    ("a dataset with a misspelt target",
     lambda: small_model().fit(dataset(targets=renamed(TARGETS, "mass", "mas"))),
     ValueError, "target of the dataset is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
    ("a dataset with one-hot targets",
     lambda: small_model().fit(dataset(targets=changed(TARGETS, species=np.eye(3)[SPECIES]))), ValueError,
     "'species' of the dataset must hold class numbers", "shape (n, 3) was given", ".argmax(axis=-1)"),
    ("a dataset with text",
     lambda: small_model().fit(dataset(changed(INPUTS, size=np.array([["a"] * 3] * 20)))),
     TypeError, "'size' of the dataset must hold numbers", "dtype is object", "class numbers"),
    ("an empty dataset", lambda: small_model().fit(dataset().take(0)), ValueError,
     "At least one example is expected", "the dataset is empty", "Check its filter"),
    ("a dataset without end", lambda: small_model().fit(dataset().repeat()), ValueError,
     "An epoch must end", "repeats without end", "Give steps_per_epoch"),
    ("targets beside a dataset", lambda: small_model().fit(dataset(), TARGETS), ValueError,
     "expected inside the dataset", "given beside it", "Let the dataset yield"),
    ("batches with label -1", lambda: small_model().fit(Batches(), verbose=0), ValueError,
     "classes from 0 to 2", "labels from -1 to 1 were given", "sample weight 0"),
    ("a generator with a misspelt target",
     lambda: small_model().fit(((INPUTS, renamed(TARGETS, "mass", "mas")) for _ in range(2)), verbose=0),
     ValueError,
     "target is for 'mas'", "tasks are 'species', 'mass'", "Did you mean 'mass'?"),
]  # fmt: skip


def used_weighting():
    return small_model(tasks=("mass",)).weighting


def fit_yes_or_no(labels):
    model = build_heads(task=dense(1, "sigmoid"))
    model.compile(loss={"task": "binary_crossentropy"})
    model.fit(INPUTS, {"task": labels}, verbose=0)


@pytest.fixture
def no_update(monkeypatch):
    """Fails the test if any optimizer is asked to change a weight."""

    def refuse(*_, **__):
        raise AssertionError("a weight was about to be changed")

    monkeypatch.setattr(keras.optimizers.Optimizer, "apply", refuse)


@pytest.mark.parametrize(
    "act, error, expected, given, advice",
    [pytest.param(act, error, *parts, id=name) for name, act, error, *parts in CASES],
)
def test_a_mistake_is_named(act, error, expected, given, advice, no_update):
    with pytest.raises((TypeError, ValueError)) as caught:
        act()
    message = str(caught.value)
    assert type(caught.value) is error
    for part in (expected, given, advice):
        assert part in message
    assert len(message) < 400  # short enough to be read


def test_the_guard_against_updates_works(no_update):
    with pytest.raises(AssertionError, match="about to be changed"):
        fit(small_model())


def test_what_is_right_raises_nothing():
    """The forgiven shapes, and kinds of loss and target that the table refuses elsewhere."""
    model = small_model()
    data_checks.check_evaluate(model, INPUTS, changed(TARGETS, mass=MASS.ravel(), species=SPECIES[:, None]))
    data_checks.check_evaluate(model, INPUTS, changed(TARGETS, mass=MASS.astype("float64")))
    data_checks.check_evaluate(model, INPUTS, TARGETS, {"species": np.arange(20), "mass": np.ones((20, 1))})
    data_checks.check_predict(model, dataset(INPUTS, TARGETS))
    data_checks.check_predict(model, tf.data.Dataset.from_tensor_slices(INPUTS).batch(5))
    compile_with(model, loss=ONE_HOT_LOSS)
    data_checks.check_evaluate(model, INPUTS, changed(TARGETS, species=np.full((20, 3), 1 / 3)))
    compile_with(model, loss=changed(LOSSES, species=SPARSE(ignore_class=-1)))
    data_checks.check_evaluate(model, INPUTS, changed(TARGETS, species=holding(SPECIES, -1)))
    compile_with(model, loss=changed(LOSSES, mass=lambda y_true, y_pred: keras.ops.mean(y_pred)))
    data_checks.check_evaluate(model, INPUTS, changed(TARGETS, mass=np.zeros((20, 5))))
    compile_head(dense(3), SPARSE(from_logits=True))
    compile_head(dense(1, "sigmoid"), "binary_crossentropy")


def test_images_have_targets_and_weights_for_each_pixel():
    image = keras.Input((8, 8, 1), name="image")
    mask = keras.layers.Conv2D(4, 3, padding="same", activation="softmax")(image)
    model = MultiTaskModel(inputs={"image": image}, outputs={"mask": mask})
    model.compile(loss={"mask": "sparse_categorical_crossentropy"}, metrics={"mask": METRICS["species"]})
    images, masks = {"image": np.zeros((6, 8, 8))}, {"mask": np.ones((6, 8, 8), "int64")}
    data_checks.check_evaluate(model, images, masks, {"mask": np.ones((6, 1, 1))})
    data_checks.check_evaluate(model, images, {"mask": masks["mask"][..., None]})
    with pytest.raises(ValueError, match=r"must have 3 axes.*\(6,\) was given.*reshape\(-1, 1, 1\)"):
        data_checks.check_evaluate(model, images, masks, {"mask": np.ones(6)})


TWO_DEVICES = """
from mtl_helpers.training import MultiTaskModel
import keras, numpy as np, tensorflow as tf
parts = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    features = keras.Input((2,), name="features")
    model = MultiTaskModel({"features": features}, {"mass": keras.layers.Dense(1)(features)})
    model.compile(loss={"mass": "mse"})
    for method in (model.fit, model.evaluate):
        try:
            method({"features": np.ones((8, 2))}, {"mass": np.ones((8, 1))}, verbose=0)
        except ValueError as error:
            print(method.__name__, error)
"""


@pytest.mark.slow
def test_replicas_would_each_weigh_their_own_losses():
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], stdout=subprocess.PIPE, text=True, check=True)
    for method in ("fit", "evaluate"):
        assert re.search(
            f"{method} .*for one replica, but tf.distribute has 2.*step of lesson 11", done.stdout, re.S
        )


def test_checks_take_milliseconds():
    inputs, targets = small_data(10_000)
    model, weights = small_model(), {"species": np.ones(10_000), "mass": np.ones(10_000)}
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        data_checks.check_fit(model, inputs, targets, weights, None, (inputs, targets), None)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02
