"""Linear tasks in known clusters: those of one cluster share a subspace, those of two clusters share nothing."""

from dataclasses import dataclass

from mtl_helpers.split import Split

import numpy as np


@dataclass(frozen=True)
class TaskClusters:
    """Linear regression tasks whose best grouping is known.

    train, validation, test: for task k the input `x_k`, (examples, dimensions), and the target `task_k`,
        (examples, 1)
    clusters: the true groups, as names of tasks
    weights:  (tasks, dimensions), the true weight vector of each task, of length 1
    """

    train: Split
    validation: Split
    test: Split
    clusters: tuple[tuple[str, ...], ...]
    weights: np.ndarray


def task_clusters(
    clusters: int = 2,
    tasks_in_cluster: int = 3,
    *,
    train_examples: int = 30,
    validation_examples: int = 30,
    test_examples: int = 500,
    dimensions: int = 30,
    rank: int = 1,
    noise: float = 0.2,
    seed: int = 0,
) -> TaskClusters:
    """Generate clusters of linear tasks, each cluster in a subspace of its own.

    rank:  the number of dimensions of each cluster's subspace; the subspaces are orthogonal
    noise: standard deviation of the noise on every target; the noiseless targets have variance 1
    seed:  decides the subspaces, the weight vectors, the examples and the noise

    task_1, task_2, … belong to the first cluster, the next ones to the second, and so on. Every task has
    examples of its own: x is standard normal, y = w·x + noise. Inputs and targets are float32. With rank 1 the
    tasks of a cluster are the same but for the sign and the noise.
    Raises ValueError for settings out of range.
    """
    if (
        min(clusters, tasks_in_cluster, train_examples, validation_examples, test_examples, rank) < 1
        or noise < 0
    ):
        raise ValueError(
            "At least one cluster, one task in it, one example in each part, rank 1 and noise of zero or more are "
            f"expected, but {clusters} clusters of {tasks_in_cluster} tasks, {train_examples}, "
            f"{validation_examples} and {test_examples} examples, rank {rank} and noise {noise} were given. Use "
            "larger numbers."
        )
    if clusters * rank > dimensions:
        raise ValueError(
            f"{clusters} orthogonal subspaces of {rank} dimensions need {clusters * rank} dimensions, but "
            f"{dimensions} were given. Use fewer clusters, a lower rank, or more dimensions."
        )
    generator = np.random.default_rng(seed)
    axes = np.linalg.qr(generator.normal(size=(dimensions, dimensions)))[0].T
    weights = []
    for cluster in range(clusters):
        mixtures = generator.normal(size=(tasks_in_cluster, rank))
        mixtures /= np.linalg.norm(mixtures, axis=1, keepdims=True)
        weights.append(mixtures @ axes[cluster * rank : (cluster + 1) * rank])
    of_all = np.concatenate(weights)
    names = [f"task_{k + 1}" for k in range(len(of_all))]

    def part(examples: int) -> Split:
        x = generator.normal(size=(len(names), examples, dimensions))
        y = np.einsum("ted,td->te", x, of_all) + noise * generator.normal(size=(len(names), examples))
        return Split(
            {f"x_{k + 1}": x[k].astype("float32") for k in range(len(names))},
            {name: y[k, :, None].astype("float32") for k, name in enumerate(names)},
        )

    groups = tuple(
        tuple(names[start : start + tasks_in_cluster]) for start in range(0, len(names), tasks_in_cluster)
    )
    return TaskClusters(part(train_examples), part(validation_examples), part(test_examples), groups, of_all)
