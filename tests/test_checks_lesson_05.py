"""Lesson 05: each wrong answer is met by its own message."""

from mtl_helpers import exercises
from mtl_helpers.checks.lesson_05 import TRACES, check_1, check_2, check_3

import keras
import numpy as np
import pytest
import tensorflow as tf

cross_entropy = keras.losses.SparseCategoricalCrossentropy()


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


def squared_error(targets, predictions):
    return tf.reduce_mean(tf.square(targets["body_mass"][:, None] - predictions["body_mass"]))


def broadcast_error(targets, predictions):
    return tf.reduce_mean(tf.square(targets["body_mass"] - predictions["body_mass"]))


def both_losses(targets, predictions, mass_error=squared_error):
    species = cross_entropy(targets["species"], predictions["species"])
    return {"species": species, "body_mass": mass_error(targets, predictions)}


def update(model, optimizer, tape, total):
    optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)


def right(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        total = sum(losses.values())
    update(model, optimizer, tape, total)
    return losses


def right_in_the_old_way(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        total = losses["species"] + losses["body_mass"]
    gradients = tape.gradient(total, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return losses


def right_with_the_error_of_keras(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        predictions = model(inputs, training=True)
        losses = {
            "species": cross_entropy(targets["species"], predictions["species"]),
            "body_mass": keras.losses.MeanSquaredError()(targets["body_mass"], predictions["body_mass"]),
        }
        total = sum(losses.values())
    update(model, optimizer, tape, total)
    return losses


def right_with_gradients_added(model, optimizer, inputs, targets):
    with tf.GradientTape(persistent=True) as tape:
        losses = both_losses(targets, model(inputs, training=True))
    first, second = (tape.gradient(losses[task], model.trainable_variables) for task in losses)
    summed = [a if b is None else b if a is None else a + b for a, b in zip(first, second, strict=True)]
    optimizer.apply(summed, model.trainable_variables)
    return losses


def loss_outside_the_tape(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        pass
    losses = both_losses(targets, model(inputs, training=True))
    update(model, optimizer, tape, sum(losses.values()))
    return losses


def none_gradients_left_out(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        pass
    losses = both_losses(targets, model(inputs, training=True))
    gradients = tape.gradient(sum(losses.values()), model.trainable_variables)
    gradients = [
        tf.zeros_like(v.value) if g is None else g
        for g, v in zip(gradients, model.trainable_variables, strict=True)
    ]
    optimizer.apply(gradients, model.trainable_variables)
    return losses


def optimizer_forgotten(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        total = sum(losses.values())
    tape.gradient(total, model.trainable_variables)
    return losses


def optimizer_by_hand(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        total = sum(losses.values())
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(total, model.trainable_variables), strict=True
    ):
        variable.assign_sub(0.1 * gradient)
    return losses


def second_loss_overwrites(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        for task in losses:
            total = losses[task]
    update(model, optimizer, tape, total)
    return losses


def only_the_species(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
    update(model, optimizer, tape, losses["species"])
    return losses


def total_computed_after_the_tape(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
    update(model, optimizer, tape, sum(losses.values()))
    return losses


def a_step_for_each_loss(model, optimizer, inputs, targets):
    with tf.GradientTape(persistent=True) as tape:
        losses = both_losses(targets, model(inputs, training=True))
    for task in losses:
        gradients = tape.gradient(losses[task], model.trainable_variables)
        pairs = [(g, v) for g, v in zip(gradients, model.trainable_variables, strict=True) if g is not None]
        optimizer.apply_gradients(pairs)
    return losses


def gradients_asked_twice(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
    for task in losses:
        update(model, optimizer, tape, losses[task])
    return losses


def heads_only(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = both_losses(targets, model(inputs, training=True))
        total = sum(losses.values())
    heads = [v for v in model.trainable_variables if "trunk" not in v.path]
    gradients = dict(zip([v.path for v in heads], tape.gradient(total, heads), strict=True))
    everything = [gradients.get(v.path, tf.zeros_like(v.value)) for v in model.trainable_variables]
    optimizer.apply(everything, model.trainable_variables)
    return losses


def called_twice(model, optimizer, inputs, targets):
    with tf.GradientTape() as tape:
        losses = {
            "species": cross_entropy(targets["species"], model(inputs, training=True)["species"]),
            "body_mass": squared_error(targets, model(inputs, training=True)),
        }
        total = sum(losses.values())
    update(model, optimizer, tape, total)
    return losses


def step(training=True, mass_error=squared_error, joined=lambda losses: sum(losses.values()), returned=dict):
    """A step that is right but for what is given."""

    def one_step(model, optimizer, inputs, targets):
        with tf.GradientTape() as tape:
            losses = both_losses(targets, model(inputs, training=training), mass_error)
            total = joined(losses)
        update(model, optimizer, tape, total)
        return returned(losses)

    return one_step


def summed(losses):
    return 20 * sum(losses.values())


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    ("one_step", "message"),
    [
        (right, None),
        (tf.function(right), None),
        (right_in_the_old_way, None),
        (right_with_the_error_of_keras, None),
        (right_with_gradients_added, None),
        (total_computed_after_the_tape, "no gradients"),
        (lambda *given: ..., ...),
        (step(returned=lambda losses: {"species": ..., "body_mass": ...}), ...),
        (loss_outside_the_tape, "belong inside `with tf.GradientTape()"),
        (none_gradients_left_out, "optimizer was called, but nothing moved"),
        (lambda *given: {}, "the optimizer was not called"),
        (optimizer_forgotten, "the optimizer was not called"),
        (optimizer_by_hand, "not by the `optimizer` that was given"),
        (second_loss_overwrites, "head of 'species' did not move"),
        (only_the_species, "head of 'body_mass' did not move"),
        (a_step_for_each_loss, "taken 2 steps for one batch"),
        (gradients_asked_twice, "asked for gradients twice"),
        (heads_only, "the trunk did not"),
        (called_twice, "called more than once"),
        (step(training=False), "Dropout kept silent"),
        (step(training=None), "Dropout kept silent"),
        (step(mass_error=broadcast_error), "was broadcast"),
        (step(training=False, mass_error=broadcast_error), "Two faults. Dropout"),
        (step(joined=lambda losses: sum(losses.values()) / 2), "mean of the two losses"),
        (step(joined=summed), "sums over the batch"),
        (lambda model, optimizer, inputs, targets: lambda: None, "returned another function"),
        (step(joined=lambda losses: -sum(losses.values())), "uphill"),
        (step(joined=lambda losses: losses["species"] + 3 * losses["body_mass"]), "added without weights"),
        (step(returned=lambda losses: None), "returned nothing"),
        (step(returned=lambda losses: sum(losses.values())), "The step is right. Now return"),
        (step(returned=lambda losses: {"loss": sum(losses.values())}), "the keys found are 'loss'"),
        (step(returned=lambda losses: {task: 0.0 for task in losses}), "is not the loss on which"),
        (
            step(returned=lambda losses: {task: [loss, loss] for task, loss in losses.items()}),
            "not one number",
        ),
        ({"species": 1.0}, "A function is expected"),
        (3, "A function is expected"),
    ],
)
def test_one_step(one_step, message):
    expect(check_1(one_step), message)


def test_check_leaves_the_learners_random_numbers_alone():
    keras.utils.set_random_seed(3)
    expected = float(keras.random.normal(()))
    keras.utils.set_random_seed(3)
    check_1(right)
    assert float(keras.random.normal(())) == expected


def means(batch_loss=True, weighted=True, reset="epoch", read=float):
    """A function as a learner writes it, right but for what is given."""

    def epoch_means(epochs):
        mean, result = keras.metrics.Mean(), []
        for batches in epochs:
            if reset == "epoch":
                mean.reset_state()
            for loss, birds in batches:
                if reset == "batch":
                    mean.reset_state()
                mean.update_state(loss, sample_weight=birds if weighted else None)
            if reset == "too soon":
                mean.reset_state()
            result.append(read(mean.result()))
        return result

    return epoch_means


def by_hand(epochs):
    return [
        sum(loss * birds for loss, birds in batches) / sum(birds for _, birds in batches)
        for batches in epochs
    ]


def metrics_in_a_list(epochs):
    mean = keras.metrics.Mean()
    for batches in epochs:
        for loss, birds in batches:
            mean.update_state(loss, sample_weight=birds)
    return [mean for _ in epochs]


@pytest.mark.parametrize(
    ("epoch_means", "message"),
    [
        (means(), None),
        (means(read=lambda tensor: tensor), None),
        (lambda epochs: np.array(means()(epochs)), None),
        (by_hand, None),
        (lambda epochs: ..., ...),
        (lambda epochs: [...] * 3, ...),
        (means(reset="never"), "was not reset"),
        (means(reset="never", weighted=False), "Two faults. The metric was not reset"),
        (means(weighted=False), "The mean of the batch means"),
        (
            lambda epochs: [np.mean([loss for loss, _ in batches]) for batches in epochs],
            "mean of the batch means",
        ),
        (means(reset="batch"), "the last batch alone"),
        (lambda epochs: [batches[-1][0] for batches in epochs], "the last batch alone"),
        (means(reset="too soon"), "reset before its result was read"),
        (
            lambda epochs: [sum(loss * birds for loss, birds in batches) for batches in epochs],
            "sums over the birds",
        ),
        (lambda epochs: [sum(loss for loss, _ in batches) for batches in epochs], "sums over the batches"),
        (lambda epochs: [loss for batches in epochs for loss, _ in batches], "one number for each batch"),
        (lambda epochs: means()(epochs)[-1], "only one came"),
        (lambda epochs: means()(epochs)[1:], "3 epochs went in, and 2 numbers"),
        (lambda epochs: None, "returned nothing"),
        (lambda epochs: dict(enumerate(by_hand(epochs))), "a dictionary came"),
        (lambda epochs: [keras.metrics.Mean().result for _ in epochs], "Call it: `mean.result()`"),
        (
            lambda epochs: [np.mean([loss * birds for loss, birds in batches]) for batches in epochs],
            "was multiplied by its birds",
        ),
        (lambda epochs: [1.0, 2.0, 3.0], "the mean over its 72 birds is 2.778; yours is 1.000"),
        (metrics_in_a_list, "the metric itself"),
        (means()([[(1.0, 1)]]), "A function is expected"),
    ],
)
def test_epoch_means(epoch_means, message):
    expect(check_3(epoch_means), message)


TENSORS, SAME, BATCHES, NUMBERS = TRACES


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({BATCHES: 3}, "two shapes only"),
        ({BATCHES: 14}, "Not each call traces anew"),
        ({BATCHES: 7}, "Not each batch has a graph"),
        ({BATCHES: 4}, "brings no new shape"),
        ({BATCHES: 1}, "Does a graph for 32 birds serve 8?"),
        ({NUMBERS: 1}, "Can one graph hold"),
        ({SAME: 3}, "fits the graph that is there already"),
        ({TENSORS: 3}, "an input of the graph"),
        ({SAME: 2}, "not the calls"),
        ({TENSORS: 0}, "The first call traces"),
        ({TENSORS: "one"}, "a number is expected"),
    ],
)
def test_traces(changed, message):
    expect(check_2({**TRACES, **changed}), message)


def test_traces_need_all_four_keys():
    assert "four keys" in check_2({BATCHES: 2})
    assert "four keys" in check_2([2, 3, 1, 1])


def test_traces_are_those_that_tensorflow_counts():
    def count(calls):
        traced = []

        @tf.function
        def function(value):
            traced.append(value)
            return value * 2.0

        for value in calls:
            function(value)
        return len(traced)

    epoch = [np.zeros((32, 3))] * 6 + [np.zeros((8, 3))]
    numbers = (0.1, 0.2, 0.3)
    calls = [map(tf.constant, numbers), [0.1] * 3, 2 * epoch, numbers]
    assert list(TRACES.values()) == [count(values) for values in calls]


@pytest.mark.parametrize("exercise", ["05.1", "05.2", "05.3"])
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, lambda *given: "42", {"a": 1}])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, nonsense).status == exercises.WRONG
