"""The gradient balancers against torchjd, an independent implementation in PyTorch, where that is exact.

Where it is not, the same matrices must meet the equations that define the method: its MGDA is Frank-Wolfe's and
its Nash-MTL a fixed number of convex-concave steps.
"""

from mtl_helpers import balancing

import gradient_matrices as reference
import numpy as np
import pytest
from gradient_matrices import WORKED_EXAMPLE, matrices, present, unit_rows

aggregation = pytest.importorskip(
    "torchjd.aggregation",
    reason="torchjd is not installed: the balancers are not compared with it",
    exc_type=ImportError,
)
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.slow


def cases(count=280, seed=20):
    yield "worked example", WORKED_EXAMPLE
    for kind, matrix in matrices(count, seed):
        if len(present(matrix)) > 1:
            yield kind, present(matrix)


def theirs(aggregator, matrix):
    return aggregator(torch.tensor(matrix)).numpy()


def agree(ours, peer, scale, kind, tolerance):
    error = np.linalg.norm(np.asarray(ours) - peer) / scale
    assert error < tolerance, f"{kind}: off by {error:.1e} of {scale:.2g}"


def longest(matrix):
    return np.linalg.norm(matrix, axis=1).max()


def test_pcgrad_whose_orders_are_random_agrees_for_two_tasks_and_on_average():
    peer = aggregation.PCGrad()
    for kind, matrix in cases():
        pair = matrix[:2]
        agree(balancing.pcgrad(pair), theirs(peer, pair), longest(pair), kind, 1e-10)
    torch.manual_seed(1)
    matrix = np.random.default_rng(0).normal(size=(3, 2))
    outcomes = np.array(reference.pcgrad_in_all_orders(matrix))
    drawn = np.array([theirs(peer, matrix) for _ in range(400)])
    assert np.abs(drawn[:, None] - outcomes[None]).max(axis=2).min(axis=1).max() < 1e-10
    assert len(np.unique(drawn.round(9), axis=0)) == len(np.unique(outcomes.round(9), axis=0)) == 8


def test_aligned_mtl():
    peer = aggregation.AlignedMTL()  # the scale "min" is ours
    for kind, matrix in cases():
        values = np.linalg.eigvalsh(matrix @ matrix.T)
        if not np.any(
            (values > 1e-15 * values[-1]) & (values < 1e-11 * values[-1])
        ):  # both call the same ones zero
            agree(balancing.aligned_mtl(matrix), theirs(peer, matrix), longest(matrix), kind, 1e-8)


def test_upgrad():
    """Theirs adds a little to the diagonal; the less it adds, the nearer it comes to ours."""
    from torchjd.linalg import QuadprogProjector

    compared = 0
    for kind, matrix in cases():
        if not reference.full_rank(matrix):
            continue  # then what is added matters
        compared += 1
        errors = []
        for added in (1e-4, 1e-8, 1e-13):
            peer = aggregation.UPGrad(projector=QuadprogProjector(norm_eps=0.0, reg_eps=added))
            errors.append(np.linalg.norm(theirs(peer, matrix) - balancing.upgrad(matrix)) / longest(matrix))
        assert errors[2] < 1e-5 and errors[2] <= errors[0] + 1e-9, (kind, errors)
    assert compared > 100


def test_cagrad():
    """Theirs is undivided too, but leaves the weights to a conic solver and gives zero where g_w is short."""
    peer = aggregation.CAGrad(c=0.4, norm_eps=1e-10)
    compared = 0
    for kind, matrix in cases():
        matrix = matrix / np.linalg.norm(matrix)
        mean = matrix.mean(axis=0)
        moved = np.linalg.norm(balancing.cagrad(matrix).numpy() - mean)
        if np.linalg.norm(mean) > 1e-6 and moved > 0.4 * np.linalg.norm(mean) - 1e-9:
            ours, other, compared = balancing.cagrad(matrix).numpy(), theirs(peer, matrix), compared + 1
            radius = np.linalg.norm(other - mean)
            gain = (matrix @ ours).min() - (
                matrix @ (mean + 0.4 * np.linalg.norm(mean) / radius * (other - mean))
            ).min()
            assert gain > -1e-12, (kind, "theirs is better for the worst task")
            agree(ours, other, np.linalg.norm(mean), kind, 1e-3)
    assert compared > 180


def test_imtl_g():
    """Theirs projects where no equal projections exist, so we compare where the gradients are independent."""
    peer, compared = aggregation.IMTLG(), 0
    for kind, matrix in cases():
        expected = theirs(peer, matrix)
        if reference.full_rank(matrix):
            compared += 1
            agree(balancing.imtl_g(matrix), expected, np.linalg.norm(expected), kind, 1e-6)
    assert compared > 100


def test_mgda_is_never_longer_and_meets_its_equations():
    exact = aggregation.MGDA(epsilon=1e-12, max_iters=3000)
    for kind, matrix in cases(70):
        ours = balancing.mgda(matrix).numpy()
        assert np.linalg.norm(ours) <= np.linalg.norm(theirs(aggregation.MGDA(), matrix)) + 1e-9 * longest(
            matrix
        )
        assert (matrix @ ours).min() >= ours @ ours - 1e-9 * longest(matrix) ** 2, kind
        if kind in ("plain", "a common direction", "symmetric"):
            shortest = np.linalg.norm(matrix, axis=1).min()
            agree(ours, theirs(exact, matrix), shortest, kind, 1e-2)


def test_nash_meets_its_equations_better():
    from torchjd.aggregation import NashMTL

    def residual(matrix, direction):
        gains = unit_rows(matrix) @ direction
        return (
            np.linalg.norm(direction - (unit_rows(matrix) / gains[:, None]).sum(axis=0))
            if gains.min() > 0
            else np.inf
        )

    compared = 0
    for kind, matrix in cases(70):
        ours = balancing.nash_mtl(matrix).numpy()
        if ours.any():
            assert residual(matrix, ours) < 1e-6, kind
            if kind in ("worked example", "plain", "a common direction", "symmetric"):
                peer = NashMTL(n_tasks=len(matrix), max_norm=0.0, optim_niter=100)
                try:
                    other = theirs(peer, matrix)
                except Exception:  # its solver gives up
                    continue
                compared += 1
                assert residual(matrix, ours) <= residual(matrix, other) + 1e-6, kind
    assert compared > 5
