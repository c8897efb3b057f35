"""Clusters of tasks: what the truth promises, and what the examples show of it."""

from mtl_helpers.task_clusters import task_clusters

import numpy as np
import pytest


@pytest.mark.parametrize(("clusters", "size", "rank"), [(2, 3, 1), (2, 3, 2), (3, 2, 2), (1, 4, 3)])
def test_each_cluster_has_a_subspace_of_its_own(clusters, size, rank):
    family = task_clusters(clusters, size, rank=rank, seed=3)
    weights = family.weights.reshape(clusters, size, 30)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=2), 1)
    for place, cluster in enumerate(weights):
        assert np.linalg.matrix_rank(cluster) == min(rank, size)
        for other in weights[place + 1 :]:
            np.testing.assert_allclose(cluster @ other.T, 0, atol=1e-12)
    names = [f"task_{k + 1}" for k in range(clusters * size)]
    assert [task for group in family.clusters for task in group] == names
    assert {len(group) for group in family.clusters} == {size}


def test_targets_follow_the_weights_with_the_noise_asked_for():
    family = task_clusters(noise=0.5, test_examples=20_000)
    for k, weights in enumerate(family.weights, 1):
        x, y = family.test.inputs[f"x_{k}"], family.test.targets[f"task_{k}"].ravel()
        assert x.dtype == y.dtype == np.float32
        assert np.std(y - x @ weights) == pytest.approx(0.5, abs=0.02)
        assert np.std(x @ weights) == pytest.approx(1.0, abs=0.03)


def test_sizes_seeds_and_parts():
    family, again = task_clusters(train_examples=7, seed=1), task_clusters(train_examples=7, seed=1)
    assert family.train.inputs["x_6"].shape == (7, 30) and family.test.targets["task_1"].shape == (500, 1)
    np.testing.assert_array_equal(family.train.inputs["x_1"], again.train.inputs["x_1"])
    other = task_clusters(train_examples=7, seed=2)
    assert np.abs(family.weights - other.weights).max() > 0.1
    # Examples of their own: neither tasks nor parts share any.
    assert np.abs(family.train.inputs["x_1"] - family.train.inputs["x_2"]).max() > 0.1
    assert np.abs(family.train.inputs["x_1"] - family.validation.inputs["x_1"][:7]).max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clusters": 0}, "At least one cluster"),
        ({"rank": 0}, "rank 0"),
        ({"noise": -1}, "noise -1"),
        ({"rank": 16}, "need 32 dimensions, but 30 were given"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        task_clusters(**options)
