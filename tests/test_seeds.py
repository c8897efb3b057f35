"""`train_seeds` against `fit` with the same seeds and batches; what it keeps, takes and returns."""

import gc
import logging

from mtl_helpers.data import Split
from mtl_helpers.seeds import batch_order, draw_subsets, train_seeds
from tools import seeds_benchmark

import keras
import numpy as np
import psutil
import pytest
from small_models import LOSSES, small_data

TRAIN, VALIDATION = Split(*small_data(50)), Split(*small_data(30, seed=1))
SETTINGS = {"losses": LOSSES, "epochs": 3, "batch_size": 16, "seeds": [4, 0]}  # the last batch holds 2
SUBSETS = np.array([np.arange(0, 40), np.arange(49, 9, -1)])
RNG = np.random.default_rng(5)
SAMPLE_WEIGHTS = {"species": RNG.uniform(0, 2, 50), "mass": RNG.integers(0, 2, (2, 50)).astype("float32")}


def build(extras=()):
    inputs = {"size": keras.Input((3,), name="size"), "island": keras.Input((2,), name="island")}
    features = keras.layers.Concatenate()(list(inputs.values()))
    regulariser = keras.regularizers.L2(0.01) if "regulariser" in extras else None
    features = keras.layers.Dense(8, "relu", kernel_regularizer=regulariser)(features)
    if "batch normalisation" in extras:
        features = keras.layers.BatchNormalization()(features)
    if "dropout" in extras:
        features = keras.layers.Dropout(0.3)(features)
    species, mass = keras.layers.Dense(3, "softmax"), keras.layers.Dense(1)
    return keras.Model(inputs, {"species": species(features), "mass": mass(features)})


def changed(**settings):
    return {**SETTINGS, **settings}


def batches(seed, rows, sample_weights, settings):
    """The batches that `train_seeds` gives one seed, as a generator for `fit`."""
    size = settings["batch_size"]
    for epoch in range(settings["epochs"]):
        shuffled = rows[batch_order(seed, epoch, len(rows))]
        for start in range(0, len(rows), size):
            batch_rows = shuffled[start : start + size]
            batch = TRAIN.take(batch_rows)
            weights = {task: weight[batch_rows] for task, weight in sample_weights.items()}
            yield (batch.inputs, batch.targets, weights) if weights else (batch.inputs, batch.targets)


def fit_one(place, settings, build_model=build):
    """The seed at this place of the settings through plain Keras."""
    seed, examples = settings["seeds"][place], len(TRAIN)
    keras.utils.set_random_seed(seed)
    model = build_model()
    optimizer = keras.optimizers.get(settings.get("optimizer", "adam"))
    optimizer = type(optimizer).from_config(optimizer.get_config())
    given = {"species": 1.0, "mass": 1.0, **settings.get("task_weights", {})}
    task_weights = {task: float(np.broadcast_to(weight, 2)[place]) for task, weight in given.items()}
    # Without a graph: tracing one takes longer than these few steps.
    model.compile(optimizer, LOSSES, loss_weights=task_weights, run_eagerly=True)
    given = settings.get("sample_weights", {})
    sample_weights = {task: np.broadcast_to(weight, (2, examples))[place] for task, weight in given.items()}
    rows = settings["subsets"][place] if "subsets" in settings else np.arange(examples)
    options = {"steps_per_epoch": -(-len(rows) // settings["batch_size"]), "verbose": 0}
    if "validation" in settings:
        callback = keras.callbacks.EarlyStopping("val_loss", patience=1000, restore_best_weights=True)
        options |= {"callbacks": [callback], "validation_data": (VALIDATION.inputs, VALIDATION.targets)}
    generator = batches(seed, rows, sample_weights, settings)
    history = model.fit(generator, epochs=settings["epochs"], **options).history
    return model, history


def assert_same_weights(model, other, tolerance=2e-6):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


CASES = {
    "adam": {},
    "sgd with momentum": {"optimizer": keras.optimizers.SGD(0.05, momentum=0.9)},
    "a schedule and weight decay": {
        "optimizer": keras.optimizers.AdamW(keras.optimizers.schedules.ExponentialDecay(0.02, 3, 0.5))
    },
    "clipped by value": {"optimizer": keras.optimizers.RMSprop(0.01, clipvalue=0.01)},
    "task weights": {"task_weights": {"species": 0.3, "mass": np.array([2.0, 0.0])}},
    "sample weights": {"sample_weights": SAMPLE_WEIGHTS},
    "subsets": {"subsets": SUBSETS},
    "regulariser": {"extras": ["regulariser"]},
    "batch normalisation": {"extras": ["batch normalisation"]},
    "dropout": {"extras": ["dropout"]},
    "everything": {
        "extras": ["regulariser", "batch normalisation", "dropout"],
        "subsets": SUBSETS,
        "task_weights": {"species": np.array([0.5, 3.0])},
        "sample_weights": {"mass": SAMPLE_WEIGHTS["mass"], "species": np.ones(50)},
    },
}


slow_cases = [case if case == "everything" else pytest.param(case, marks=pytest.mark.slow) for case in CASES]


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
@pytest.mark.parametrize("case", slow_cases)
def test_each_seed_trains_exactly_as_fit_does(case):
    settings = changed(**CASES[case])
    extras = settings.pop("extras", ())
    runs = train_seeds(lambda: build(extras), TRAIN, **settings)
    for place in range(2):
        model, history = fit_one(place, settings, lambda: build(extras))
        assert_same_weights(runs.model(place), model)
        np.testing.assert_allclose(runs.history["loss"][place], history["loss"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
def test_the_best_epoch_is_kept_as_early_stopping_keeps_it():
    settings = changed(validation=VALIDATION, optimizer=keras.optimizers.Adam(0.2), epochs=6)
    runs = train_seeds(lambda: build(["regulariser"]), TRAIN, **settings)
    assert (runs.best_epoch == runs.history["val_loss"].argmin(axis=1)).all()
    assert runs.best_epoch.min() < 5  # else nothing would have to be kept
    for place in range(2):
        model, history = fit_one(place, settings, lambda: build(["regulariser"]))
        assert_same_weights(runs.model(place), model, 1e-5)
        for name in ("val_loss", "val_species_loss", "val_mass_loss"):
            np.testing.assert_allclose(runs.history[name][place], history[name], rtol=1e-4, err_msg=name)
        results = model.evaluate(VALIDATION.inputs, VALIDATION.targets, verbose=0, return_dict=True)
        assert results["loss"] == pytest.approx(runs.history["val_loss"][place].min(), rel=1e-4)


@pytest.mark.slow
def test_predictions_history_and_models_belong_to_the_seeds_in_their_order():
    runs = train_seeds(build, TRAIN, **changed(task_weights={"species": 0.25}))
    assert runs.seeds == (4, 0) and runs.best_epoch is None and runs.seconds > 0
    assert {name: values.shape for name, values in runs.history.items()} == {
        name: (2, 3) for name in ("loss", "species_loss", "mass_loss")
    }
    np.testing.assert_allclose(
        runs.history["loss"], 0.25 * runs.history["species_loss"] + runs.history["mass_loss"], rtol=1e-5
    )
    more = {**VALIDATION.inputs, "not_needed": np.zeros(30)}
    predictions = runs.predict(more)
    assert predictions["species"].shape == (2, 30, 3) and predictions["mass"].shape == (2, 30, 1)
    for place in range(2):
        for task, values in runs.model(place).predict(VALIDATION.inputs, verbose=0).items():
            np.testing.assert_allclose(predictions[task][place], values, atol=1e-6)
    with pytest.raises(ValueError, match="The input is missing for 'island'"):
        runs.predict({"size": VALIDATION.inputs["size"]})

    np.random.seed(99)  # the state before plays no part
    again = train_seeds(build, TRAIN, **changed(task_weights={"species": 0.25}))
    turned = train_seeds(build, TRAIN, **changed(task_weights={"species": 0.25}, seeds=(0, 4)))
    for name, values in runs.history.items():
        np.testing.assert_array_equal(again.history[name], values)
        np.testing.assert_allclose(turned.history[name][::-1], values, rtol=1e-6)
    for task, values in again.predict(VALIDATION.inputs).items():
        np.testing.assert_array_equal(values, predictions[task])
        # Runs that came later changed nothing in the first ones.
        np.testing.assert_array_equal(runs.predict(VALIDATION.inputs)[task], predictions[task])


def test_the_order_of_batches_is_a_permutation_of_its_own_for_each_seed_and_epoch():
    orders = [tuple(batch_order(seed, epoch, 50)) for seed in (0, 4) for epoch in (0, 1)]
    assert len(set(orders)) == 4 and all(sorted(order) == list(range(50)) for order in orders)
    assert tuple(batch_order(4, 1, 50)) == orders[3]


def test_the_state_of_random_numbers_afterwards_is_that_of_the_last_seed():
    train_seeds(build, TRAIN, **changed(epochs=1))
    after = np.random.random()
    keras.utils.set_random_seed(0)
    build()
    assert after == np.random.random()


@pytest.mark.slow
def test_seeds_have_dropout_masks_of_their_own():
    def build_alike():  # from the same first weights in every seed
        size = keras.Input((3,), name="size")
        features = keras.layers.Dense(8, "relu", kernel_initializer=keras.initializers.GlorotUniform(1))(size)
        features = keras.layers.Dropout(rate)(features)
        mass = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(2))(features)
        return keras.Model({"size": size}, {"mass": mass})

    settings = {
        "losses": {"mass": "mse"},
        "epochs": 2,
        "batch_size": 50,
        "seeds": 2,
    }  # a batch of all: no order
    rate = 0.0
    first, second = train_seeds(build_alike, TRAIN, **settings).history["loss"]
    np.testing.assert_allclose(first, second, rtol=1e-5)
    rate = 0.5
    first, second = train_seeds(build_alike, TRAIN, **settings).history["loss"]
    assert (abs(first - second) > 1e-3).all()


@pytest.mark.slow
def test_a_seed_that_diverges_leaves_the_others_alone():
    weights = {"mass": np.array([1.0, 1e38])}
    options = changed(validation=VALIDATION, optimizer="sgd")
    with_bad = train_seeds(build, TRAIN, **options, task_weights=weights)
    good = train_seeds(build, TRAIN, **options)
    assert np.isnan(with_bad.history["val_loss"][1]).all() and with_bad.best_epoch[1] == 0
    for name, values in good.history.items():
        np.testing.assert_allclose(with_bad.history[name][0], values[0], rtol=1e-6)
    assert_same_weights(with_bad.model(0), good.model(0))


@pytest.mark.slow
def test_many_calls_in_a_row_are_silent_and_keep_little_memory(capfd, caplog):
    def one_call():
        train_seeds(lambda: build(["dropout"]), TRAIN, **changed(epochs=1, validation=VALIDATION))
        gc.collect()
        return psutil.Process().memory_info().rss / 2**20

    with caplog.at_level(logging.WARNING):  # TensorFlow would warn of tracing again and again
        megabytes = [one_call() for _ in range(20)]
    assert not caplog.records and capfd.readouterr() == ("", "")
    # Keras' optimizers keep about 2 MB of every step that was traced, in `fit` too.
    assert megabytes[-1] - megabytes[5] < 14 * 4, megabytes


@pytest.mark.slow
def test_the_benchmark_is_far_ahead_also_on_a_busy_machine():
    _, _, ratio = seeds_benchmark.measure(epochs=50)
    assert ratio > 20


def test_subsets_are_drawn_without_replacement_and_again_the_same():
    drawn = draw_subsets(50, 20, seeds=3)
    assert drawn.shape == (3, 20) and drawn.min() >= 0 and drawn.max() < 50
    assert all(len(set(rows)) == 20 for rows in drawn)
    assert len({tuple(rows) for rows in drawn}) == 3
    np.testing.assert_array_equal(draw_subsets(50, 20, seeds=[2, 0]), drawn[[2, 0]])


@pytest.mark.slow
def test_each_seed_may_have_examples_of_its_own():
    trains = [Split(*small_data(50, seed=seed)) for seed in (2, 3)]
    validations = [Split(*small_data(30, seed=seed)) for seed in (4, 5)]
    settings = changed(subsets=SUBSETS, sample_weights=SAMPLE_WEIGHTS)
    together = train_seeds(build, trains, validation=validations, **settings)
    predictions = together.predict([split.inputs for split in validations])
    for place, seed in enumerate(SETTINGS["seeds"]):
        weights = {task: np.broadcast_to(weight, (2, 50))[place] for task, weight in SAMPLE_WEIGHTS.items()}
        alone = changed(seeds=[seed], subsets=SUBSETS[[place]], sample_weights=weights)
        alone = train_seeds(build, trains[place], validation=validations[place], **alone)
        assert_same_weights(together.model(place), alone.model(0))
        np.testing.assert_allclose(
            together.history["val_loss"][place], alone.history["val_loss"][0], rtol=1e-5
        )
        own = alone.predict(validations[place].inputs)
        for task, values in own.items():
            np.testing.assert_allclose(predictions[task][place], values[0], atol=1e-5)
