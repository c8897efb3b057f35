"""MultiTaskModel against plain Keras, with callbacks, datasets, weights, and through save and load."""

from mtl_helpers.graph import connections
from mtl_helpers.losses import as_loss
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import Static, Weighting

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import LOSSES, METRICS, small_data, small_graph, small_model

INPUTS, TARGETS = small_data()
EXTRAS = ("regulariser", "batch_normalisation", "dropout")
FIT = {"epochs": 2, "batch_size": 32, "verbose": 0}  # 48 examples: the last batch is smaller


def largest_difference(model, other):
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


def fit_both(
    weighting=None, loss_weights=None, tasks=("species", "mass"), compile_options=None, **fit_options
):
    """The same network, seed and batches through MultiTaskModel and through plain Keras."""
    inputs, outputs = small_graph(tasks, extras=EXTRAS)
    plain = keras.Model(inputs=inputs, outputs=outputs)
    model = small_model(tasks, weighting, extras=EXTRAS, compiled=False)
    options = {
        "run_eagerly": True,
        "loss": {t: LOSSES[t] for t in tasks},
        "metrics": {t: METRICS[t] for t in tasks},
    }
    options.update(compile_options or {})
    plain.compile(keras.optimizers.Adam(0.01), loss_weights=loss_weights, **options)
    model.compile(keras.optimizers.Adam(0.01), **options)
    targets = {task: TARGETS[task] for task in tasks}
    histories = []
    for one in (model, plain):
        keras.utils.set_random_seed(7)
        histories.append(one.fit(INPUTS, targets, **{**FIT, **fit_options}).history)
    return model, plain, *histories


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"run_eagerly": True}, id="eager"),
        pytest.param({"run_eagerly": False}, id="graph", marks=pytest.mark.slow),
        pytest.param({"run_eagerly": False, "jit_compile": True}, id="XLA", marks=pytest.mark.slow),
    ],
)
def test_the_plain_sum_trains_exactly_as_keras_does(options):
    model, plain, history, expected = fit_both(compile_options=options, validation_data=(INPUTS, TARGETS))
    assert largest_difference(model, plain) < 1e-5
    assert list(history) == list(expected)
    for name in expected:
        # Keras 3.15 averages the losses of the tasks over batches as if all were of one size.
        if name.removeprefix("val_") not in ("species_loss", "mass_loss"):
            np.testing.assert_allclose(history[name], expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_fixed_weights_train_exactly_as_loss_weights_of_keras():
    weights = {"mass": 0.25, "species": 3.0}
    model, plain, history, expected = fit_both(Static(weights), weights, batch_size=24)
    assert largest_difference(model, plain) < 1e-5
    for name in expected:  # batches of equal size: Keras' losses of the tasks are right, and not weighted
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_sample_weights_act_as_in_keras():
    rng = np.random.default_rng(1)
    weights = {"species": rng.uniform(0, 2, 48), "mass": rng.integers(0, 2, (48, 1)).astype("float32")}
    model, plain, history, expected = fit_both(
        compile_options={"weighted_metrics": {"mass": ["mae"]}}, sample_weight=weights
    )
    assert largest_difference(model, plain) < 1e-5
    np.testing.assert_allclose(history["mass_weighted_mae"], expected["mass_weighted_mae"], rtol=1e-5)


@pytest.mark.slow
def test_class_weights_are_sample_weights_of_one_task():
    by_class, by_example = small_model(), small_model()
    by_class.fit(INPUTS, TARGETS, class_weight={"species": {0: 2.0, 2: 0.5}}, shuffle=False, **FIT)
    weights = {"species": np.array([2.0, 1.0, 0.5])[TARGETS["species"]], "mass": np.ones(48)}
    by_example.fit(INPUTS, TARGETS, sample_weight=weights, shuffle=False, **FIT)
    assert largest_difference(by_class, by_example) < 1e-6
    unweighted = small_model()
    unweighted.fit(INPUTS, TARGETS, shuffle=False, **FIT)
    assert largest_difference(by_class, unweighted) > 1e-3


@pytest.mark.slow
def test_one_task_trains_as_in_keras_and_its_logs_bear_its_name():
    model, plain, history, expected = fit_both(tasks=("species",))
    assert largest_difference(model, plain) < 1e-5
    assert set(history) == {"loss", "species_loss", "species_accuracy"}
    np.testing.assert_allclose(history["species_accuracy"], expected["accuracy"], rtol=1e-5)


@pytest.mark.slow
def test_validation_loss_does_not_depend_on_the_weighting():
    model = small_model(weighting=Static({"species": 100.0, "mass": 0.0}), extras=EXTRAS[:1])
    results = model.evaluate(INPUTS, TARGETS, batch_size=24, verbose=0, return_dict=True)
    penalty = float(sum(model.losses))
    assert results["loss"] == pytest.approx(
        results["species_loss"] + results["mass_loss"] + penalty, rel=1e-5
    )
    history = model.fit(INPUTS, TARGETS, validation_data=(INPUTS, TARGETS), **FIT).history
    after = model.evaluate(INPUTS, TARGETS, verbose=0, return_dict=True)
    assert history["val_loss"][-1] == pytest.approx(after["loss"], rel=1e-5)
    assert history["loss"][-1] > 10 * history["val_loss"][-1]  # the weighted total


def test_losses_of_tasks_are_means_over_examples_also_with_a_small_last_batch():
    model = small_model()
    results = model.evaluate(INPUTS, TARGETS, batch_size=40, verbose=0, return_dict=True)
    predictions = model.predict(INPUTS, verbose=0)
    right = np.take_along_axis(predictions["species"], TARGETS["species"][:, None], axis=1)
    assert results["species_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert results["mass_loss"] == pytest.approx(
        np.square(predictions["mass"] - TARGETS["mass"]).mean(), rel=1e-5
    )
    assert results["mass_mae"] == pytest.approx(
        np.abs(predictions["mass"] - TARGETS["mass"]).mean(), rel=1e-5
    )
    accuracy = (predictions["species"].argmax(axis=1) == TARGETS["species"]).mean()
    assert results["species_accuracy"] == pytest.approx(accuracy, rel=1e-5)


@pytest.mark.slow
def test_targets_of_shape_n_and_n_by_1_are_the_same():
    flat, column = small_model(), small_model()
    flat.fit(INPUTS, {**TARGETS, "mass": TARGETS["mass"].ravel()}, shuffle=False, **FIT)
    column.fit(INPUTS, {**TARGETS, "species": TARGETS["species"][:, None]}, shuffle=False, **FIT)
    assert largest_difference(flat, column) < 1e-6


@pytest.mark.slow
def test_a_dataset_trains_as_arrays_do():
    weights = {"species": np.linspace(0, 1, 48), "mass": np.ones(48)}
    dataset = tf.data.Dataset.from_tensor_slices((INPUTS, TARGETS, weights)).batch(32)
    from_arrays, from_dataset = small_model(), small_model()
    from_arrays.fit(INPUTS, TARGETS, sample_weight=weights, shuffle=False, **FIT)
    history = from_dataset.fit(dataset, epochs=2, verbose=0, validation_data=dataset).history
    assert largest_difference(from_arrays, from_dataset) < 1e-6
    results = from_dataset.evaluate(dataset, verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(history["val_loss"][-1])
    np.testing.assert_allclose(
        from_dataset.predict(dataset, verbose=0)["mass"],
        from_dataset.predict(INPUTS, verbose=0)["mass"],
        atol=1e-6,
    )


def test_a_generator_and_batch_methods_work():
    model = small_model()
    model.fit(((INPUTS, TARGETS) for _ in range(2)), steps_per_epoch=2, verbose=0)
    before = model.test_on_batch(INPUTS, TARGETS, return_dict=True)["loss"]
    for _ in range(10):
        model.train_on_batch(INPUTS, TARGETS)
    assert model.test_on_batch(INPUTS, TARGETS, return_dict=True)["loss"] < before


@pytest.mark.slow
def test_callbacks_see_the_logs_they_need(tmp_path):
    path = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10.0, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(path, monitor="val_mass_mae", mode="min", save_best_only=True),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1)),
    ]
    model = small_model()
    fit = {**FIT, "epochs": 9, "callbacks": callbacks, "validation_data": (INPUTS, TARGETS)}
    history = model.fit(INPUTS, TARGETS, **fit).history
    assert len(history["loss"]) == 2  # stopped: no epoch can be better by ten
    np.testing.assert_allclose(history["learning_rate"], [0.01, 0.005])
    best = keras.models.load_model(path).evaluate(INPUTS, TARGETS, verbose=0, return_dict=True)
    assert best["mass_mae"] == pytest.approx(min(history["val_mass_mae"]), rel=1e-5)
    restored = model.evaluate(INPUTS, TARGETS, verbose=0, return_dict=True)
    assert restored["loss"] == pytest.approx(history["val_loss"][0], rel=1e-5)


@keras.saving.register_keras_serializable(package="tests")
class Learned(Weighting):
    """A weighting with a trainable number for each task: sum of exp(-s) * loss + s."""

    def __init__(self, start=0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def _build(self, model):
        initial = keras.initializers.Constant(self.start)
        self.s = self.add_weight(shape=(len(self.task_names),), initializer=initial)
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, losses):
        self.dtypes = [loss.dtype for loss in losses.values()]
        return super().call(losses)

    def _total_and_weights(self, losses):
        self.seen.assign_add(1.0)
        weights = keras.ops.exp(-self.s)
        return keras.ops.sum(weights * losses + self.s), weights

    def get_config(self):
        return {**super().get_config(), "start": self.start}


def test_a_weighting_with_variables_is_trained_by_the_same_optimizer():
    options = {"optimizer": keras.optimizers.SGD(0.1)}
    model = small_model(weighting=Learned(0.5), **options)
    losses = model.task_losses(TARGETS, model(INPUTS))
    model.train_on_batch(INPUTS, TARGETS)
    expected = [0.5 - 0.1 * (1 - np.exp(-0.5) * float(losses[task])) for task in ("species", "mass")]
    np.testing.assert_allclose(model.weighting.s, expected, rtol=1e-5)
    assert float(model.weighting.seen) == 1.0


@pytest.mark.slow
def test_saved_and_loaded_it_goes_on_training_identically(tmp_path):
    # Keras 3.15 does not save how far the random numbers of dropout have come, so dropout stays out.
    model = small_model(weighting=Learned(0.5), extras=EXTRAS[:2])
    model.fit(INPUTS, TARGETS, shuffle=False, **FIT)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is MultiTaskModel and loaded.task_names == ("species", "mass")
    assert loaded.weighting.start == 0.5
    np.testing.assert_array_equal(loaded.weighting.s, model.weighting.s)
    assert float(loaded.weighting.seen) == 4.0
    assert loaded.optimizer.iterations == 4
    np.testing.assert_array_equal(
        loaded.predict(INPUTS, verbose=0)["mass"], model.predict(INPUTS, verbose=0)["mass"]
    )
    again, expected = (one.fit(INPUTS, TARGETS, shuffle=False, **FIT).history for one in (loaded, model))
    assert largest_difference(model, loaded) < 1e-6
    assert again.keys() == expected.keys()
    np.testing.assert_allclose(again["loss"], expected["loss"], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_weights_alone_are_saved_and_loaded_too(tmp_path):
    model = small_model(weighting=Learned(0.5))
    model.fit(INPUTS, TARGETS, **FIT)
    model.save_weights(tmp_path / "model.weights.h5")
    other = small_model(weighting=Learned(0.0))
    other.load_weights(tmp_path / "model.weights.h5")
    assert largest_difference(model, other) == 0


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_fixed_weights_and_loss_objects_survive_loading(tmp_path):
    losses = {
        "species": keras.losses.SparseCategoricalCrossentropy(ignore_class=2),
        "mass": keras.losses.MeanSquaredError(reduction="sum"),  # Huber forgets its delta in Keras 3.15
    }
    model = small_model(weighting=Static({"species": 2.0, "mass": 0.5}), loss=losses)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.weighting.weights_by_task() == {"species": 2.0, "mass": 0.5}
    results = [one.evaluate(INPUTS, TARGETS, verbose=0, return_dict=True) for one in (model, loaded)]
    assert results[0] == pytest.approx(results[1])


def test_from_config_makes_a_new_model_of_the_same_kind():
    model = small_model(weighting=Static({"species": 2.0, "mass": 0.5}))
    copy = MultiTaskModel.from_config(model.get_config())
    assert copy.task_names == model.task_names and copy.name == model.name
    assert copy.weighting.weights_by_task() == model.weighting.weights_by_task()
    assert largest_difference(model, copy) > 0


def test_a_function_as_loss_counts_with_weights_and_the_mean():
    def squared(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    weights = {"species": np.ones(48), "mass": np.linspace(0, 2, 48)}
    own = small_model(loss={**LOSSES, "mass": squared})
    named = small_model()
    flat = {**TARGETS, "mass": TARGETS["mass"].ravel()}  # a naive difference would be 48 by 48
    results = [
        one.evaluate(INPUTS, flat, sample_weight=weights, verbose=0, return_dict=True) for one in (own, named)
    ]
    assert results[0]["mass_loss"] == pytest.approx(results[1]["mass_loss"], rel=1e-5)


def test_losses_stay_32_bit_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small_model(weighting=Learned(), optimizer=keras.optimizers.SGD(0.05))
        history = model.fit(INPUTS, TARGETS, **FIT).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.weighting.dtypes == ["float32", "float32"]
    # The loss is scaled before the gradients are taken: without that they would be 2 ** 15 too small.
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert history["loss"][-1] < 0.95 * history["loss"][0]


@pytest.mark.slow
def test_frozen_layers_stay_as_they_are():
    model = small_model(compiled=False)
    model.get_layer("trunk").trainable = False
    model.compile("adam", loss=LOSSES)
    before = [layer.get_weights()[0] for layer in (model.get_layer("trunk"), model.get_layer("z_head"))]
    model.fit(INPUTS, TARGETS, **FIT)
    after = [layer.get_weights()[0] for layer in (model.get_layer("trunk"), model.get_layer("z_head"))]
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 0


@pytest.mark.slow
def test_tensors_and_data_frames_are_taken_as_arrays():
    pandas = pytest.importorskip("pandas")
    inputs = {"size": pandas.DataFrame(INPUTS["size"]), "island": tf.constant(INPUTS["island"])}
    targets = {"species": pandas.Series(TARGETS["species"]), "mass": tf.constant(TARGETS["mass"])}
    model, other = small_model(), small_model()
    model.fit(inputs, targets, shuffle=False, **FIT)
    other.fit(INPUTS, TARGETS, shuffle=False, **FIT)
    assert largest_difference(model, other) < 1e-6


def test_connections_are_those_of_the_configuration():
    model = small_model(extras=EXTRAS)
    edges = {
        (tensor["config"]["keras_history"][0], layer["name"])
        for layer in model.get_config()["layers"]
        for node in layer["inbound_nodes"]
        for tensor in _tensors(node["args"])
    }
    assert len(edges) == 7 and set(connections(model)) == edges
    assert connections(model)[-1][1] in ("a_head", "z_head")


def _tensors(value):
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def test_a_loss_may_be_a_lambda():
    squared = as_loss(lambda y_true, y_pred: keras.ops.mean((y_true - y_pred) ** 2, axis=-1))
    assert float(squared(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))) == pytest.approx(5.0)
