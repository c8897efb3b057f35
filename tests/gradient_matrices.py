"""Matrices of task gradients of many kinds, and slow, independent solutions of the balancing problems in NumPy."""

import itertools
from collections.abc import Iterator

import numpy as np
from scipy.optimize import nnls

WORKED_EXAMPLE = np.array([[-4.0, 1, 1], [6, 1, 1]])
KINDS = (
    "plain",
    "one task x100",
    "rank-deficient",
    "exactly opposite",
    "opposite",
    "parallel",
    "identical",
    "a zero row",
    "small whole numbers",
    "a common direction",
    "symmetric",
    "badly scaled",
    "strong conflict",
    "more tasks than parameters",
)


def matrices(count: int, seed: int = 0, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[str, np.ndarray]]:
    """Kind and matrix; two to eight tasks."""
    random = np.random.default_rng(seed)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        tasks = int(random.integers(2, 9))
        parameters = int(random.integers(tasks, 13))
        matrix = random.normal(size=(tasks, parameters))
        if kind == "one task x100":
            matrix[random.integers(tasks)] *= 100
        if kind == "rank-deficient":
            rank = max(1, tasks - int(random.integers(1, 3)))
            matrix = random.normal(size=(tasks, rank)) @ random.normal(size=(rank, parameters))
        if kind == "exactly opposite":
            matrix[1] = -matrix[0]
        if kind == "opposite":
            matrix[1] = -matrix[0] * random.uniform(0.1, 3)
        if kind == "parallel":
            matrix[1] = matrix[0] * random.uniform(0.1, 3)
        if kind == "identical":
            matrix[1] = matrix[0]
        if kind == "a zero row":
            matrix[random.integers(tasks)] = 0
        if kind == "small whole numbers":
            matrix = random.integers(-2, 3, size=matrix.shape).astype(float)
        if kind == "a common direction":
            matrix += random.normal(size=parameters)
        if kind == "symmetric":
            matrix = np.eye(tasks) - random.uniform(0, 0.9) / tasks
        if kind == "badly scaled":
            matrix *= 10.0 ** random.uniform(-2, 2, size=(tasks, 1))
        if kind == "strong conflict":
            matrix -= matrix.mean(axis=0) * random.uniform(0.5, 1.5)
            matrix += 3 * np.outer(random.normal(size=tasks), random.normal(size=parameters))
        if kind == "more tasks than parameters":
            matrix = matrix[:, : random.integers(1, tasks)]
        yield kind, matrix


def almost_dependent(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Six gradients, some parallel, opposite, repeated or in one plane but for a part of 1e-17 to 1e-5."""
    random = np.random.default_rng(seed)
    for number in range(count):
        matrix = random.normal(size=(6, random.integers(2, 8)))
        a, b, c, *_ = matrix
        if number % 4 == 0:
            matrix[1] = a * random.uniform(0.5, 2)
        if number % 4 == 1:
            matrix[2], matrix[3] = a + b, a - b
        if number % 4 == 2:
            matrix = np.stack([a, a, b, b, c, c])
        if number % 4 == 3:
            matrix[1], matrix[3] = -a, -c
        yield matrix + 10.0 ** random.uniform(-17, -5) * random.normal(size=matrix.shape)


def present(matrix: np.ndarray) -> np.ndarray:
    """Without the zero rows."""
    return matrix[np.linalg.norm(matrix, axis=1) > 0]


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def full_rank(matrix: np.ndarray) -> bool:
    values = np.linalg.svd(matrix, compute_uv=False)
    return len(matrix) <= matrix.shape[1] and bool(values.min() > 1e-6 * values.max())


def pcgrad_in_orders(matrix: np.ndarray, orders: list[tuple[int, ...]]) -> np.ndarray:
    """The algorithm as the paper writes it; one order of the other tasks for each task."""
    total = np.zeros(matrix.shape[1])
    for i, order in enumerate(orders):
        changed = matrix[i].copy()
        for j in order:
            product = changed @ matrix[j]
            if product < 0:
                changed -= product / (matrix[j] @ matrix[j]) * matrix[j]
        total += changed
    return total


def pcgrad_in_all_orders(matrix: np.ndarray) -> list[np.ndarray]:
    """One result for each choice of orders, all equally likely."""
    tasks = range(len(matrix))
    choices = [list(itertools.permutations([j for j in tasks if j != i])) for i in tasks]
    return [pcgrad_in_orders(matrix, list(orders)) for orders in itertools.product(*choices)]


def mgda_by_enumeration(matrix: np.ndarray) -> np.ndarray:
    """The shortest point of every face of the hull that lies inside its face; the shortest of these."""
    best = matrix[np.argmin(np.linalg.norm(matrix, axis=1))]
    for size in range(2, len(matrix) + 1):
        for face in itertools.combinations(range(len(matrix)), size):
            corner, edges = matrix[face[0]], matrix[list(face[1:])] - matrix[face[0]]
            weights = np.linalg.lstsq(edges.T, -corner, rcond=1e-12)[0]
            point = corner + weights @ edges
            inside = min(weights.min(), 1 - weights.sum()) > -1e-9
            if inside and point @ point < best @ best:
                best = point
    return best


def upgrad_by_nnls(matrix: np.ndarray) -> np.ndarray:
    return np.mean([row + nnls(matrix.T, -row, maxiter=10_000)[0] @ matrix for row in matrix], axis=0)


def aligned_by_svd(matrix: np.ndarray) -> np.ndarray:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    kept = values > 1e-6 * values.max()
    return values[kept].min() * left[:, kept].mean(axis=0) @ right[kept]


def imtl_g_by_the_papers_formula(matrix: np.ndarray) -> np.ndarray:
    """Of full rank: α_2..K = g_1 Uᵀ (D Uᵀ)⁻¹ with D the differences of the gradients, U of the unit gradients."""
    units = unit_rows(matrix)
    unit_differences, differences = units[:1] - units[1:], matrix[:1] - matrix[1:]
    others = np.linalg.solve((differences @ unit_differences.T).T, unit_differences @ matrix[0])
    return np.concatenate([[1 - others.sum()], others]) @ matrix


def distance_from_cone(matrix: np.ndarray, vector: np.ndarray) -> float:
    """How far a vector is from all sums of rows with weights of zero or more."""
    return float(
        nnls(unit_rows(matrix).T, vector, maxiter=10_000)[1] if len(matrix) else np.linalg.norm(vector)
    )
