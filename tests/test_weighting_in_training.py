"""Every weighting: through fit, through a loop by hand, through save and load, through checkpoints, and read."""

from mtl_helpers.callbacks import WeightRecorder
from mtl_helpers.checkpoints import Checkpoints
from mtl_helpers.weighting import DWA, FAMO, GLS, RLW, GradNorm, Static, Uncertainty

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import LOSSES, small_data, small_model

INPUTS, TARGETS = small_data()
WEIGHTINGS = [
    lambda: Static({"species": 2.0, "mass": 0.5}),
    Uncertainty,
    DWA,
    lambda: GradNorm(alpha=1.0),
    lambda: RLW(seed=3),
    GLS,
    lambda: FAMO({"species": 0.0, "mass": -0.1}),
]
every_weighting = pytest.mark.parametrize(
    "make", WEIGHTINGS, ids=["Static", "Uncertainty", "DWA", "GradNorm", "RLW", "GLS", "FAMO"]
)
FIT = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0}


def model_with(make, seed=3, **options):
    return small_model(weighting=make(), **{"optimizer": keras.optimizers.SGD(0.05), **options})


def largest_difference(model, other):
    return max(np.abs(a - b).max() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def by_hand(model, epochs, step):
    """Lesson 05's loop: for epoch, for batch."""
    for _ in range(epochs):
        for start in range(0, 48, 16):
            rows = slice(start, start + 16)
            step(
                {name: tf.constant(values[rows]) for name, values in INPUTS.items()},
                {task: tf.constant(values[rows]) for task, values in TARGETS.items()},
            )
        model.weighting.end_epoch()


def hand_written_step(network, weighting, losses, optimizer):
    """What a learner writes, for any weighting."""

    def task_losses(inputs, targets):
        predictions = network(inputs, training=True)
        return {task: loss(targets[task], predictions[task]) for task, loss in losses.items()}

    def step(inputs, targets):
        with tf.GradientTape(persistent=weighting.uses_tape) as tape:
            losses_now = task_losses(inputs, targets)
            total = weighting.call(losses_now)
        gradients = tape.gradient(total, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        weighting.after_step(losses_now, tape, lambda: task_losses(inputs, targets))

    return step


@pytest.mark.slow
@every_weighting
def test_a_loop_by_hand_trains_as_fit_does(make):
    fitted, looped = model_with(make), model_with(make)  # eagerly; in a graph
    fitted.fit(INPUTS, TARGETS, **FIT)
    losses = looped.loss_functions
    looped.optimizer.build(looped.trainable_variables)
    step = tf.function(hand_written_step(looped, looped.weighting, losses, looped.optimizer))
    by_hand(looped, 4, step)
    assert largest_difference(fitted, looped) < 1e-5
    assert fitted.weighting.weights_by_task() == pytest.approx(looped.weighting.weights_by_task(), abs=1e-5)


@pytest.mark.slow
@every_weighting
def test_the_recorded_weights_are_what_the_steps_used(make):
    """Trained once more with these numbers as fixed weights, the network ends in the same place."""
    model, again, recorder = model_with(make), model_with(Static), WeightRecorder()
    model.fit(INPUTS, TARGETS, callbacks=[recorder], **FIT)
    table = recorder.table
    assert table.shape == (12, 2) and list(table.columns) == ["species", "mass"]
    rows = iter(table.to_numpy())
    network, losses, optimizer = again, again.loss_functions, again.optimizer

    def step(inputs, targets):
        with tf.GradientTape() as tape:
            predictions = network(inputs, training=True)
            total = sum(
                w * losses[t](targets[t], predictions[t]) for t, w in zip(losses, next(rows), strict=True)
            )
        optimizer.apply(tape.gradient(total, network.trainable_variables), network.trainable_variables)

    by_hand(again, 4, step)
    pairs = zip(model.trainable_variables, again.trainable_variables, strict=True)
    assert max(np.abs(np.array(a) - np.array(b)).max() for a, b in pairs) < 1e-5


@pytest.mark.slow
@every_weighting
def test_saved_and_loaded_it_goes_on_identically(make, tmp_path):
    model = model_with(make)
    model.fit(INPUTS, TARGETS, **FIT)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.weighting) is type(model.weighting)
    assert loaded.weighting.get_config() == model.weighting.get_config()
    recorders = WeightRecorder(), WeightRecorder()
    for one, recorder in zip((model, loaded), recorders, strict=True):
        one.fit(INPUTS, TARGETS, callbacks=[recorder], **FIT)
    np.testing.assert_allclose(*(recorder.table for recorder in recorders), rtol=1e-5)
    assert largest_difference(model, loaded) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("make", [Uncertainty, DWA, RLW], ids=["Uncertainty", "DWA", "RLW"])
def test_checkpoints_hold_its_state(make, tmp_path):
    model, other = model_with(make), model_with(make)
    model.fit(INPUTS, TARGETS, **FIT)
    Checkpoints(tmp_path, model).save(1)
    other.fit(INPUTS, TARGETS, epochs=1, verbose=0)
    Checkpoints(tmp_path, other).restore()
    for one in (model, other):
        one.fit(INPUTS, TARGETS, **FIT)
    assert largest_difference(model, other) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("make", [GradNorm, FAMO], ids=["GradNorm", "FAMO"])  # XLA draws other random numbers
def test_under_xla_it_trains_the_same(make):
    plain, compiled = (
        model_with(make, run_eagerly=False),
        model_with(make, run_eagerly=False, jit_compile=True),
    )
    for model in (plain, compiled):
        model.fit(INPUTS, TARGETS, **FIT)
    assert largest_difference(plain, compiled) < 1e-4


def test_dwa_changes_after_the_second_epoch_of_fit():
    model, recorder = model_with(DWA), WeightRecorder()
    model.fit(INPUTS, TARGETS, callbacks=recorder, **FIT)
    epochs = recorder.table.to_numpy().reshape(4, 3, 2)
    np.testing.assert_array_equal(epochs[:2], np.ones((2, 3, 2)))
    assert np.ptp(epochs[2], axis=0).max() == 0 and np.abs(epochs[2] - 1).max() > 1e-4
    assert np.abs(epochs[3] - epochs[2]).max() > 1e-5
    means = np.array(model.weighting.last_means)
    assert (means > 0).all()


@pytest.mark.slow
def test_the_epoch_ends_for_the_weighting_before_callbacks_save_it(tmp_path):
    model = model_with(DWA)
    save = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
    model.fit(INPUTS, TARGETS, callbacks=[save], **{**FIT, "epochs": 2})
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.weighting.epoch_weights, model.weighting.epoch_weights)
    assert np.abs(np.array(loaded.weighting.epoch_weights) - 1).max() > 1e-4


@pytest.mark.slow
def test_a_list_of_callbacks_of_keras_is_kept():
    model, recorder = model_with(DWA), WeightRecorder()
    callbacks = keras.callbacks.CallbackList([recorder], add_history=True, model=model)
    model.fit(INPUTS, TARGETS, callbacks=callbacks, **{**FIT, "epochs": 3})
    assert np.abs(recorder.table.to_numpy()[-1] - 1).max() > 1e-4


@pytest.mark.slow
def test_the_weighting_is_out_of_reach_of_the_models_optimizer():
    """Weight decay and clipping act on the network; s moves as without them."""
    learned = []
    for options in ({}, {"weight_decay": 0.5, "global_clipnorm": 1e-9}):
        model = model_with(Uncertainty, optimizer=keras.optimizers.SGD(0.0, **options))
        model.fit(INPUTS, TARGETS, **FIT)
        learned.append(np.array(model.weighting.learned))
        assert not model.weighting.trainable_variables
    np.testing.assert_allclose(*learned, rtol=1e-6)


@pytest.mark.slow
@every_weighting
def test_validation_is_the_plain_sum(make):
    model = model_with(make)
    history = model.fit(INPUTS, TARGETS, validation_data=(INPUTS, TARGETS), **FIT).history
    expected = np.add(*(history[f"val_{task}_loss"] for task in LOSSES))
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-5)
