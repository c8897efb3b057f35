"""`train_in_turn` against `fit` with the same seeds and batches; what it notes, keeps and refuses."""

import gc

from mtl_helpers import weighting
from mtl_helpers.data import Split
from mtl_helpers.seeds import batch_order
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.turns import train_in_turn

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from small_models import LOSSES, METRICS, small_data

TRAIN, VALIDATION = Split(*small_data(40)), Split(*small_data(30, seed=1))
SETTINGS = {"epochs": 3, "batch_size": 16, "seeds": [4, 0]}  # the last batch holds 8
STEPS = 3 * 3


def graph(extras=(), units=8):
    inputs = {"size": keras.Input((3,), name="size"), "island": keras.Input((2,), name="island")}
    features = keras.layers.Concatenate()(list(inputs.values()))
    if "convolution" in extras:
        features = keras.layers.Reshape((5, 1))(features)
        features = keras.layers.Conv1D(4, 3, activation="relu")(features)
        features = keras.layers.Flatten()(features)
    regulariser = keras.regularizers.L2(0.01) if "regulariser" in extras else None
    features = keras.layers.Dense(units, "relu", name="trunk", kernel_regularizer=regulariser)(features)
    if "batch normalisation" in extras:
        features = keras.layers.BatchNormalization(momentum=0.5)(features)
    if "dropout" in extras:
        features = keras.layers.Dropout(0.3)(features)
    species, mass = keras.layers.Dense(3, "softmax"), keras.layers.Dense(1)
    return inputs, {"species": species(features), "mass": mass(features)}


def builder(
    extras=(), make_weighting=lambda: None, make_optimizer=lambda: keras.optimizers.Adam(0.02), **more
):
    """A function that builds and compiles a model."""

    def build():
        model = MultiTaskModel(*graph(extras), weighting=make_weighting(), **more)
        model.compile(make_optimizer(), loss=LOSSES, metrics=METRICS, run_eagerly=True)
        return model

    return build


def batches(seed, epochs, batch_size):
    """The batches that `train_in_turn` gives one seed, as a generator for `fit`."""
    for epoch in range(epochs):
        order = batch_order(seed, epoch, len(TRAIN))
        for start in range(0, len(TRAIN), batch_size):
            batch = TRAIN.take(order[start : start + batch_size])
            yield batch.inputs, batch.targets


def fit_one(build, seed, validation=None, epochs=3, batch_size=16, **_):
    """The same through `fit`: the model, its history, and the loss weights after each step."""
    keras.utils.set_random_seed(seed)
    model, weights = build(), []

    def note(batch, logs):
        weights.append(list(model.weighting.weights_by_task().values()))

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=note)]
    options = {}
    if validation is not None:
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=99, restore_best_weights=True))
        options["validation_data"] = (validation.inputs, validation.targets)
        options["validation_batch_size"] = batch_size
    history = model.fit(
        batches(seed, epochs, batch_size),
        epochs=epochs,
        steps_per_epoch=-(-len(TRAIN) // batch_size),
        callbacks=callbacks,
        verbose=0,
        **options,
    ).history
    return model, history, np.array(weights, dtype=float)


def assert_same_weights(model, other, tolerance=2e-6):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def mostly_the_first_task(gradients):
    """A balancer: from (tasks, parameters) to (parameters,)."""
    return gradients[0] + 0.1 * gradients[1]


CASES = {
    "dense": {},
    "convolution": {"extras": ["convolution"]},
    "everything": {"extras": ["convolution", "regulariser", "batch normalisation", "dropout"]},
    "fixed weights": {"make_weighting": lambda: weighting.Static({"species": 0.2, "mass": 3.0})},
    "uncertainty": {"make_weighting": weighting.Uncertainty},
    "dwa": {"make_weighting": weighting.DWA},
    "gradnorm": {"make_weighting": weighting.GradNorm},
    "famo": {"make_weighting": weighting.FAMO, "extras": ["batch normalisation", "dropout"]},
    "rlw": {"make_weighting": weighting.RLW},
    "balancer": {"balancer": mostly_the_first_task, "extras": ["dropout"]},
    "a schedule and momentum": {
        "make_optimizer": lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9
        )
    },
    "averaged weights": {"make_optimizer": lambda: keras.optimizers.Adam(0.02, use_ema=True)},
}
slow_cases = [case if case == "everything" else pytest.param(case, marks=pytest.mark.slow) for case in CASES]


@pytest.mark.parametrize("case", slow_cases)
def test_each_seed_trains_exactly_as_fit_does(case):
    build = builder(**CASES[case])
    runs = train_in_turn(build, TRAIN, **SETTINGS)
    assert runs.step_weights.shape == (2, STEPS, 2)
    for place, seed in enumerate(SETTINGS["seeds"]):
        model, history, weights = fit_one(build, seed, **SETTINGS)
        assert_same_weights(runs.model(place), model)
        assert set(runs.history) == set(history) > {"loss", "species_loss", "mass_mae"}
        for name, values in history.items():
            np.testing.assert_allclose(runs.history[name][place], values, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(runs.step_weights[place], weights, rtol=1e-4)
    if case in ("uncertainty", "gradnorm", "famo", "rlw"):
        assert abs(np.diff(runs.step_weights, axis=1)).min(axis=2).max() > 1e-4  # they do change


@pytest.mark.slow
def test_the_best_epoch_is_kept_as_early_stopping_keeps_it():
    build = builder(["dropout"], make_optimizer=lambda: keras.optimizers.Adam(0.2))
    settings = {**SETTINGS, "epochs": 6, "validation": VALIDATION}
    runs = train_in_turn(build, TRAIN, **settings)
    assert (runs.best_epoch == runs.history["val_loss"].argmin(axis=1)).all()
    assert runs.best_epoch.min() < 5  # else nothing would have to be kept
    for place, seed in enumerate(SETTINGS["seeds"]):
        model, history, _ = fit_one(build, seed, **settings)
        assert_same_weights(runs.model(place), model, 1e-5)
        assert set(runs.history) == set(history)
        for name in ("val_loss", "val_species_loss", "val_mass_mae", "loss"):
            np.testing.assert_allclose(runs.history[name][place], history[name], rtol=1e-4, err_msg=name)
        results = runs.model(place).evaluate(
            VALIDATION.inputs, VALIDATION.targets, verbose=0, return_dict=True
        )
        assert results["loss"] == pytest.approx(runs.history["val_loss"][place].min(), rel=1e-4)


def draws(model, inputs, targets):
    """Random numbers of all kinds, traced with the step."""
    return {
        "tensorflow": tf.random.uniform((2,)),
        "keras": keras.random.uniform((2,)),
        "first": inputs["size"][0],
    }


@pytest.mark.slow
def test_a_seed_ends_where_it_ends_alone_and_again():
    build = builder(["dropout", "batch normalisation"], weighting.RLW)
    together = train_in_turn(build, TRAIN, **{**SETTINGS, "seeds": [0, 4, 2]}, on_step=draws)
    np.random.seed(99)  # the state before plays no part
    tf.random.set_seed(99)
    alone = train_in_turn(build, TRAIN, **{**SETTINGS, "seeds": [4]}, on_step=draws)
    for name, values in together.history.items():
        np.testing.assert_array_equal(values[1], alone.history[name][0])
    np.testing.assert_array_equal(together.step_weights[1], alone.step_weights[0])
    for name, values in together.recorded.items():
        np.testing.assert_array_equal(values[1], alone.recorded[name][0], err_msg=name)
    assert_same_weights(together.model(1), alone.model(0), 0)
    # The weighting's draws are a seed's own. Those that belong to no layer are alike in each, as documented.
    assert (together.step_weights[0] != together.step_weights[1]).any()
    for name in ("tensorflow", "keras"):
        np.testing.assert_array_equal(*together.recorded[name][:2])
        assert len(np.unique(together.recorded[name][0])) == 2 * STEPS


@pytest.mark.slow
def test_predictions_records_and_models_belong_to_the_seeds_in_their_order():
    def first_and_loss(model, inputs, targets):
        losses = model.task_losses(targets, model(inputs, training=False))
        return {"first": inputs["size"][0], "species": losses["species"]}

    runs = train_in_turn(builder(["dropout"]), TRAIN, **SETTINGS, on_step=first_and_loss)
    assert runs.seeds == (4, 0) and runs.best_epoch is None and runs.seconds > 0
    assert runs.recorded["first"].shape == (2, STEPS, 3) and runs.recorded["species"].shape == (2, STEPS)
    assert set(runs.recorded) == {"first", "species"}
    assert all(values.shape == (2, 3) for values in runs.history.values())
    np.testing.assert_array_equal(runs.step_weights, np.ones((2, STEPS, 2)))
    for place, seed in enumerate(SETTINGS["seeds"]):
        starts = [next(iter(batch[0].values()))[0] for batch in batches(seed, 3, 16)]
        np.testing.assert_array_equal(runs.recorded["first"][place], starts)
        first_batch = next(batches(seed, 1, 16))
        keras.utils.set_random_seed(seed)
        model = builder(["dropout"])()
        losses = model.task_losses(first_batch[1], model({k: v for k, v in first_batch[0].items()}))
        assert runs.recorded["species"][place, 0] == pytest.approx(float(losses["species"]), rel=1e-5)
    predictions = runs.predict({**VALIDATION.inputs, "not_needed": np.zeros(30)})
    assert predictions["species"].shape == (2, 30, 3)
    for place in range(2):
        for task, values in runs.model(place).predict(VALIDATION.inputs, verbose=0).items():
            np.testing.assert_allclose(predictions[task][place], values, atol=1e-6)
    assert abs(predictions["mass"][0] - predictions["mass"][1]).max() > 0.01


@pytest.mark.slow
def test_each_seed_may_have_examples_of_its_own():
    trains = [Split(*small_data(40, seed=seed)) for seed in (2, 3)]
    validations = [Split(*small_data(30, seed=seed)) for seed in (4, 5)]
    build = builder(["batch normalisation"])
    together = train_in_turn(build, trains, validation=validations, **SETTINGS)
    for place, seed in enumerate(SETTINGS["seeds"]):
        alone = {**SETTINGS, "seeds": [seed], "validation": validations[place]}
        alone = train_in_turn(build, trains[place], **alone)
        assert_same_weights(together.model(place), alone.model(0), 0)
        for name, values in alone.history.items():
            np.testing.assert_array_equal(together.history[name][place], values[0])


@pytest.mark.slow
def test_a_trained_model_can_be_trained_on():
    runs = train_in_turn(builder(), TRAIN, **SETTINGS)
    for place in range(2):
        history = runs.model(place).fit(TRAIN.inputs, TRAIN.targets, epochs=2, verbose=0).history
        assert history["loss"][-1] < runs.history["loss"][place, -1]


@pytest.mark.slow
def test_a_seed_that_diverges_leaves_the_others_alone():
    def build_with_rate():
        build = builder(make_optimizer=lambda: keras.optimizers.SGD(rates.pop(0)))
        return build()

    settings = {**SETTINGS, "validation": VALIDATION}
    rates = [1e30, 0.05]
    with_bad = train_in_turn(build_with_rate, TRAIN, **settings)
    rates = [0.05]
    good = train_in_turn(build_with_rate, TRAIN, **{**settings, "seeds": [0]})
    assert not np.isfinite(with_bad.history["val_loss"][0]).any() and with_bad.best_epoch[0] == 0
    for name, values in good.history.items():
        np.testing.assert_array_equal(with_bad.history[name][1], values[0])


@pytest.mark.slow
def test_many_calls_in_a_row_keep_little_memory():
    def one_call():
        train_in_turn(builder(["dropout"]), TRAIN, **{**SETTINGS, "epochs": 1}, validation=VALIDATION)
        gc.collect()
        return psutil.Process().memory_info().rss / 2**20

    megabytes = [one_call() for _ in range(7)]
    assert megabytes[-1] - megabytes[2] < 4 * 10, megabytes


def plain_keras_model():
    return keras.Model(*graph())


def not_compiled():
    return MultiTaskModel(*graph())


def with_one_optimizer(optimizer=keras.optimizers.Adam()):  # noqa: B008  (shared on purpose)
    return builder(make_optimizer=lambda: optimizer)()


def of_random_width():
    model = MultiTaskModel(*graph(units=int(np.random.randint(4, 400))))
    model.compile("adam", loss=LOSSES)
    return model


@pytest.mark.parametrize(
    "build, error, message",
    [
        (builder()(), TypeError, "build_model must be a function that makes a model"),
        (plain_keras_model, TypeError, "must return a MultiTaskModel.*train_seeds takes other"),
        (lambda: None, TypeError, "but it returned a NoneType. End it with return model"),
        (not_compiled, ValueError, r"is not compiled. Call model.compile\(optimizer, loss=\{'species'"),
        (with_one_optimizer, ValueError, "two of its models share a layer, a weighting or an optimizer"),
        (of_random_width, ValueError, "must make the same network each time.*shapes"),
    ],
)
def test_what_builds_no_fitting_models_is_refused(build, error, message):
    with pytest.raises(error, match=message):
        train_in_turn(build, TRAIN, **SETTINGS)


@pytest.mark.parametrize(
    "setting, error, message",
    [
        ({"epochs": 0}, ValueError, "epochs must be a whole number of at least 1, but 0"),
        ({"batch_size": 0.5}, ValueError, "batch_size must be a whole number"),
        ({"seeds": [1, 1]}, ValueError, "none twice"),
        ({"train": [TRAIN, VALIDATION]}, ValueError, r"training part.*all of one size.*\[40, 30\]"),
        ({"train": [TRAIN]}, ValueError, "one Split for each of the 2 seeds"),
        ({"validation": [TRAIN, VALIDATION]}, ValueError, "validation part must hold one Split for each"),
        (
            {"train": Split(TRAIN.inputs, {"mass": TRAIN.targets["mass"]})},
            ValueError,
            "missing for 'species'",
        ),
        ({"validation": (TRAIN.inputs, TRAIN.targets)}, TypeError, "validation part must be a Split"),
        ({"on_step": lambda model, inputs, targets: inputs["size"]}, TypeError, "must return a dictionary"),
        (
            {"on_step": lambda model, inputs, targets: {"step_weights": 0}},
            TypeError,
            "without the name 'step_w",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(setting, error, message):
    with pytest.raises(error, match=message):
        train_in_turn(builder(), **{"train": TRAIN, **SETTINGS, **setting})
