"""Affinity against steps taken for real, and groups against what is known of their number; brute force on truth."""

from functools import partial
from math import comb

from mtl_helpers.affinity import best_groups, lookahead_affinity, partitions
from mtl_helpers.grouping import group_errors, group_network, pairwise_gains, partition_error
from mtl_helpers.task_clusters import task_clusters
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.turns import train_in_turn

import keras
import numpy as np
import pytest
import tensorflow as tf

TASKS = [f"task_{k}" for k in range(1, 7)]


def network(tasks=6, units=2, kind=MultiTaskModel):
    model = group_network(tasks, units, dimensions=30, kind=kind)
    if kind is MultiTaskModel:
        model.compile(keras.optimizers.Adam(0.05), loss=dict.fromkeys(TASKS[:tasks], "mse"))
    return model


def after_a_real_step(model, helper, inputs, targets, rate):
    """The losses after SGD took a step for one task alone, on the shared variables."""
    start = model.get_weights()
    shared = model.get_layer("trunk").trainable_variables
    with tf.GradientTape() as tape:
        loss = model.task_losses(targets, model(inputs))[helper]
    keras.optimizers.SGD(rate).apply(tape.gradient(loss, shared), shared)
    after = [float(value) for value in model.task_losses(targets, model(inputs)).values()]
    model.set_weights(start)
    return np.array(after)


@pytest.mark.parametrize("rate", [0.001, 0.3])
def test_affinity_is_that_of_real_steps(rate):
    keras.utils.set_random_seed(0)
    model, batch = network(), task_clusters(rank=2).train
    before = np.array([float(v) for v in model.task_losses(batch.targets, model(batch.inputs)).values()])
    weights = model.get_weights()
    found = lookahead_affinity(model, batch.inputs, batch.targets, rate)["affinity"].numpy()
    expected = [
        1 - after_a_real_step(model, task, batch.inputs, batch.targets, rate) / before for task in TASKS
    ]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.abs(found).max() > 1e-4
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the model is left as it is


def test_a_small_step_for_a_task_helps_itself_and_by_the_product_of_gradients_another():
    keras.utils.set_random_seed(1)
    model, batch = network(), task_clusters(rank=1).train
    trunk = model.get_layer("trunk").kernel
    with tf.GradientTape(persistent=True) as tape:
        losses = model.task_losses(batch.targets, model(batch.inputs))
    kernels = np.stack([np.ravel(tape.gradient(loss, trunk.value)) for loss in losses.values()])
    biases = [tape.gradient(loss, model.get_layer("trunk").bias.value) for loss in losses.values()]
    gradients = np.concatenate([kernels, np.stack(biases)], axis=1)
    found = lookahead_affinity(model, batch.inputs, batch.targets, 1e-3)["affinity"].numpy()
    expected = 1e-3 * gradients @ gradients.T / np.array([float(v) for v in losses.values()])
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=2e-5)
    assert (np.diag(found) > 0).all()


@pytest.mark.slow
def test_it_is_recorded_during_training_without_changing_it():
    family = task_clusters(train_examples=20)
    options = {"epochs": 2, "batch_size": 10, "seeds": 2}
    plain = train_in_turn(network, family.train, **options)
    noted = train_in_turn(network, family.train, on_step=partial(lookahead_affinity, rate=0.05), **options)
    assert noted.recorded["affinity"].shape == (2, 4, 6, 6)
    for seed in range(2):
        for old, new in zip(plain.model(seed).get_weights(), noted.model(seed).get_weights(), strict=True):
            np.testing.assert_allclose(old, new, atol=1e-6)


def test_what_has_no_affinity_is_refused():
    batch = task_clusters().train
    with pytest.raises(ValueError, match="rate must be above zero, but 0"):
        lookahead_affinity(network(), batch.inputs, batch.targets, 0)
    inputs = {f"x_{k}": keras.Input((30,), name=f"x_{k}") for k in (1, 2)}
    apart = MultiTaskModel(inputs, {f"task_{k}": keras.layers.Dense(1)(inputs[f"x_{k}"]) for k in (1, 2)})
    apart.compile("sgd", loss=dict.fromkeys(TASKS[:2], "mse"))
    with pytest.raises(ValueError, match="they share none"):
        lookahead_affinity(apart, batch.inputs, batch.targets, 0.1)


def stirling(tasks, groups):
    """The number of partitions, by its sum formula."""
    factorial = int(np.prod(np.arange(1, groups + 1)))
    return sum((-1) ** k * comb(groups, k) * (groups - k) ** tasks for k in range(groups + 1)) // factorial


@pytest.mark.parametrize(("tasks", "groups"), [(1, 1), (4, 2), (5, 3), (6, 2), (6, 3), (6, 6), (7, 4)])
def test_partitions_are_all_and_different(tasks, groups):
    names = [f"t{n}" for n in range(tasks)]
    found = partitions(names, groups)
    assert len(found) == stirling(tasks, groups)
    assert len({frozenset(map(frozenset, way)) for way in found}) == len(found)
    for way in found:
        assert len(way) == groups and all(way) and sorted(task for group in way for task in group) == names
        assert all(list(group) == sorted(group) for group in way)  # as `group_errors` names them
    assert stirling(10, 3) == 9330  # what the docstring says


@pytest.mark.parametrize(("tasks", "groups"), [(["a", "b"], 0), (["a", "b"], 3), (["a", "a"], 1)])
def test_no_such_partition(tasks, groups):
    with pytest.raises(ValueError, match="groups of different tasks are expected"):
        partitions(tasks, groups)


def test_the_best_groups_for_known_scores_are_the_true_ones():
    names = list("abcdef")
    same = np.kron(np.eye(2), np.ones((3, 3)))
    scores = np.where(same == 1, 0.02, -0.03)
    np.fill_diagonal(scores, np.nan)  # a task's score onto itself plays no part
    assert set(best_groups(scores, names, 2)) == {("a", "b", "c"), ("d", "e", "f")}
    order = [0, 3, 1, 4, 2, 5]  # clusters that do not stand in a row
    assert set(best_groups(scores[np.ix_(order, order)], names, 2)) == {("a", "c", "e"), ("b", "d", "f")}
    assert set(best_groups(scores, names, 6)) == {(name,) for name in names}


def test_the_best_groups_count_the_mean_of_the_mates_onto_each_task():
    scores = np.array([[0, 1, 0], [0, 0, 0], [0, -0.4, 0]])  # row onto column: a helps b, c harms it
    assert set(best_groups(scores, ["a", "b", "c"], 2)) == {("a", "b"), ("c",)}
    # Two pairs have the means 1 and 1, in all 4; b, c and d together have the mean 1 each, in all 3 (as sums 6).
    scores = np.array([[0, 1, -1, -1], [1, 0, 1, 1], [-1, 1, 0, 1], [-1, 1, 1, 0]])
    assert set(best_groups(scores, list("abcd"), 2)) == {("a", "b"), ("c", "d")}
    with pytest.raises(ValueError, match="for each of the 2 tasks"):
        best_groups(scores, ["a", "b"], 2)


@pytest.mark.slow
def test_brute_force_finds_clusters_and_its_errors_are_those_of_the_networks():
    families = [task_clusters(train_examples=60, validation_examples=60, seed=seed) for seed in range(2)]
    setting = {"units": 1, "rate": 0.05, "epochs": 120, "batch_size": 20}
    errors = group_errors(families, (1, 2, 3), **setting)
    assert len(errors) == 6 + 15 + 20 and errors["task_1", "task_2"]["test"].shape == (2, 2)
    true = partition_error(errors, families[0].clusters, "test")
    mixed = partition_error(errors, (("task_1", "task_2", "task_4"), ("task_3", "task_5", "task_6")), "test")
    assert (true < 0.1).all() and (mixed > 0.2).all()
    assert true[0] == pytest.approx(
        np.mean([errors[group]["test"][0] for group in families[0].clusters]), rel=1e-5
    )
    gains = pairwise_gains(errors, TASKS, "test")
    assert gains.shape == (2, 6, 6) and (np.diagonal(gains, axis1=1, axis2=2) == 0).all()
    expected = errors[("task_2",)]["test"][:, 0] - errors["task_1", "task_2"]["test"][:, 1]
    np.testing.assert_allclose(gains[:, 0, 1], expected)
    assert gains[:, 0, 1].min() > gains[:, 0, 3].max()  # a task of the own cluster helps more
    # Against scores of a network of the same group, trained by hand from the same seed on the same batches.
    again = train_in_turn(
        lambda: network(1, 1), families[0].train, epochs=120, batch_size=20, seeds=1,
        validation=families[0].validation,
    )  # fmt: skip
    predicted = again.predict(families[0].test.inputs)["task_1"][0]
    assert errors[("task_1",)]["test"][0, 0] == pytest.approx(
        np.mean((predicted - families[0].test.targets["task_1"]) ** 2), rel=1e-2
    )
