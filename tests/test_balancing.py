"""The gradient balancers: a worked example, slow independent solutions, what each method promises, and errors."""

import functools
import inspect

from mtl_helpers import balancing

import gradient_matrices as reference
import keras
import numpy as np
import pytest
import tensorflow as tf
from gradient_matrices import WORKED_EXAMPLE, matrices, present, unit_rows
from hypothesis import given, settings
from hypothesis import strategies as st

EXPECTED = {
    "pcgrad": (0.584795, 3.801170, 3.801170),
    "mgda": (0, 1, 1),
    "cagrad": (0.346803, 1.163299, 1.163299),
    "imtl_g": (0.076697, 1, 1),
    "nash_mtl": (0.076584, 0.998533, 0.998533),
    "aligned_mtl": (0.213279, 0.967333, 0.967333),
    "upgrad": (0.292398, 1.900585, 1.900585),
}
BALANCERS = {name: getattr(balancing, name) for name in EXPECTED}
SETTINGS = settings(derandomize=True, deadline=None, max_examples=25, database=None)
every_balancer = pytest.mark.parametrize("name", BALANCERS)
some_and_many = pytest.mark.parametrize("count", [70, pytest.param(700, marks=pytest.mark.slow)])


@functools.cache
def graph(name, tasks=8):
    """One traced function for all sizes: rows of zeros fill up, which a balancer must leave out."""
    signature = [tf.TensorSpec((tasks, None), tf.float64)]
    return tf.function(BALANCERS[name], input_signature=signature)


def solve(name, matrix):
    filled = np.zeros((8, matrix.shape[1]))
    filled[: len(matrix)] = matrix
    return graph(name)(filled).numpy()


def close(actual, expected, scale, tolerance=1e-8):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def longest(matrix):
    return np.linalg.norm(matrix, axis=1).max()


@st.composite
def gradients(draw):
    """Small whole numbers, among them parallel, opposite and zero rows, with a length for each row."""
    tasks, parameters = draw(st.integers(2, 6)), draw(st.integers(1, 6))
    row = st.lists(st.integers(-3, 3), min_size=parameters, max_size=parameters)
    rows = draw(st.lists(row, min_size=tasks, max_size=tasks))
    lengths = draw(st.lists(st.sampled_from([0.01, 1.0, 1.0, 3.0, 100.0]), min_size=tasks, max_size=tasks))
    matrix = present(np.array(rows, float) * np.array(lengths)[:, None])
    return matrix if len(matrix) else np.eye(2, parameters)[:1]


# The worked example, and how the functions are called.


@every_balancer
def test_the_worked_example(name):
    direction = BALANCERS[name](WORKED_EXAMPLE)
    assert direction.dtype == tf.float64 and direction.shape == (3,)
    np.testing.assert_allclose(direction, EXPECTED[name], atol=6e-7)
    single = BALANCERS[name](tf.constant(WORKED_EXAMPLE, tf.float32))
    assert single.dtype == tf.float32
    np.testing.assert_allclose(single, EXPECTED[name], atol=2e-6)


@every_balancer
def test_a_graph_gives_what_eager_execution_gives(name):
    options = {"seed": 1} if name == "pcgrad" else {}
    traced = tf.function(functools.partial(BALANCERS[name], **options), autograph=False)
    for matrix in (tf.random.stateless_normal((4, 5), (1, seed), dtype="float64") for seed in range(3)):
        close(traced(matrix), BALANCERS[name](matrix, **options), longest(matrix), 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BALANCERS if name != "pcgrad"])
def test_xla_gives_what_eager_execution_gives(name):
    compiled = tf.function(BALANCERS[name], jit_compile=True)
    random = np.random.default_rng(1)
    cases = [random.normal(size=(4, 6)) * np.array([[100], [1], [1], [0.1]]) for _ in range(30)]
    cases += [np.eye(4, 6), np.eye(4, 6) - 0.2, np.zeros((4, 6)), np.ones((4, 6))]
    cases += [np.insert(WORKED_EXAMPLE, 1, 0, axis=0), np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0]])]
    for matrix in cases:
        expected = BALANCERS[name](matrix).numpy()
        close(compiled(tf.constant(matrix)), expected, np.linalg.norm(expected) + 1e-6, 1e-8)
    single = compiled(tf.constant(WORKED_EXAMPLE, tf.float32))
    np.testing.assert_allclose(single, EXPECTED[name], atol=2e-6)


@pytest.mark.slow
def test_pcgrad_under_xla_gives_the_result_of_some_orders():
    matrix = np.random.default_rng(0).normal(size=(3, 2))
    outcomes = np.array(reference.pcgrad_in_all_orders(matrix))
    orders = keras.random.SeedGenerator(1)
    compiled = tf.function(lambda: balancing.pcgrad(matrix, seed=orders), jit_compile=True)
    drawn = np.array([compiled().numpy() for _ in range(100)])
    assert np.abs(drawn[:, None] - outcomes[None]).max(axis=2).min(axis=1).max() < 1e-12
    assert len(np.unique(drawn.round(9), axis=0)) == 8


@every_balancer
def test_float32_is_close_to_the_float64_solution(name):
    options = {"seed": 2} if name == "pcgrad" else {}
    for _, matrix in matrices(3, seed=2, kinds=("plain", "one task x100", "a common direction")):
        single = BALANCERS[name](matrix.astype("float32"), **options).numpy()
        exact = BALANCERS[name](matrix, **options).numpy()
        close(single, exact, np.linalg.norm(exact), 1e-3)


@every_balancer
def test_it_is_saved_by_its_name(name):
    config = keras.saving.serialize_keras_object(BALANCERS[name])
    assert config["registered_name"] == f"mtl_helpers>{name}" or config["config"] == f"mtl_helpers>{name}"
    assert keras.saving.deserialize_keras_object(config) is BALANCERS[name]


@every_balancer
def test_a_zero_row_is_left_out(name):
    options = {"seed": 1} if name == "pcgrad" else {}
    for place in (0, 1, 2):
        with_zero = np.insert(WORKED_EXAMPLE, place, 0.0, axis=0)
        np.testing.assert_allclose(BALANCERS[name](with_zero, **options), EXPECTED[name], atol=6e-7)
    zero = BALANCERS[name](np.zeros((3, 4), "f"))
    np.testing.assert_array_equal(zero, np.zeros(4))


def test_one_task_alone_in_the_batch():
    matrix, gradient = np.array([[0.0, 0], [3, 4]]), np.array([3.0, 4])
    expected = {"cagrad": 1.4 * gradient, "nash_mtl": gradient / 5}
    for name, balancer in BALANCERS.items():
        np.testing.assert_allclose(balancer(matrix), expected.get(name, gradient), err_msg=name)


@every_balancer
def test_opposite_gradients_give_zero(name):
    for matrix in ([[1.0, 0], [-1, 0]], [[0.3, 0.1], [-0.3, -0.1]]):
        close(BALANCERS[name](np.array(matrix)), np.zeros(2), 1, 1e-7)
    unequal = BALANCERS[name](np.array([[1.0, 0], [-3, 0]])).numpy()
    # CAGrad stays near the mean, and of the two Aligned-MTL keeps one gradient and its opposite, of unequal weight.
    expected = {"cagrad": [-1 + 0.4, 0], "aligned_mtl": [-1, 0]}.get(name, [0, 0])
    close(unequal, expected, 1, 1e-7)


@every_balancer
@pytest.mark.parametrize("factor", [2.0, 1.0, 1 + 1e-7, 1e4])
def test_parallel_gradients_give_their_direction(name, factor):
    gradient = np.array([0.6, 0.8])
    direction = BALANCERS[name](np.stack([gradient, factor * gradient])).numpy()
    lengths = {"mgda": 1, "imtl_g": 2 / (1 + 1 / factor), "nash_mtl": np.sqrt(2), "pcgrad": 1 + factor}
    mean = (1 + factor) / 2
    lengths.update(cagrad=1.4 * mean, upgrad=mean, aligned_mtl=mean)
    np.testing.assert_allclose(direction, lengths[name] * gradient, rtol=1e-6)


@every_balancer
@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_the_scale_of_all_gradients_goes_through(name, scale):
    options = {"seed": 1} if name == "pcgrad" else {}
    for _, matrix in matrices(2, seed=3, kinds=("plain", "a common direction")):
        expected = BALANCERS[name](matrix.astype("f"), **options).numpy()
        expected = expected * (1 if name == "nash_mtl" else scale)
        actual = BALANCERS[name]((scale * matrix).astype("f"), **options)
        close(actual, expected, np.linalg.norm(expected), 1e-4)


@pytest.mark.parametrize("name", [name for name in BALANCERS if name != "pcgrad"])
@SETTINGS
@given(matrix=gradients(), data=st.data())
def test_the_order_of_the_tasks_changes_nothing(name, matrix, data):
    order = data.draw(st.permutations(range(len(matrix))))
    close(solve(name, matrix[order]), solve(name, matrix), longest(matrix), 1e-7)


# PCGrad.


def test_pcgrad_equals_the_papers_loop_over_all_orders():
    matrix = np.random.default_rng(0).normal(size=(3, 2))
    outcomes = reference.pcgrad_in_all_orders(matrix)
    orders = keras.random.SeedGenerator(0)
    step = tf.function(lambda: balancing.pcgrad(matrix, seed=orders))
    drawn = np.array([step().numpy() for _ in range(200)])
    errors = np.abs(drawn[:, None] - np.array(outcomes)[None]).max(axis=2)
    assert errors.min(axis=1).max() < 1e-12
    distinct = np.unique(np.round(outcomes, 9), axis=0)
    assert len(distinct) > 1 and len(np.unique(np.round(drawn, 9), axis=0)) == len(distinct)
    standard_error = np.std(outcomes, axis=0) / np.sqrt(200)
    assert np.all(np.abs(drawn.mean(axis=0) - np.mean(outcomes, axis=0)) < 4 * standard_error + 1e-9)


def test_pcgrad_of_two_tasks_depends_on_no_order():
    for _, matrix in matrices(20, seed=4):
        pair = present(matrix)[:2]
        if len(pair) == 2:
            expected = reference.pcgrad_in_orders(pair, [(1,), (0,)])
            close(balancing.pcgrad(pair), expected, longest(pair), 1e-12)


def pcgrad_sequence(seed, count=12):
    """Directions of successive steps of one graph, for five tasks that conflict."""
    matrix = np.random.default_rng(0).normal(size=(5, 4))
    matrix -= matrix.mean(axis=0)
    step = tf.function(lambda: balancing.pcgrad(matrix, seed=seed))
    return np.array([step().numpy() for _ in range(count)])


def differ(directions):
    return len(np.unique(directions.round(9), axis=0)) > 3


@pytest.mark.slow
def test_pcgrad_draws_a_fresh_order_at_each_step_of_a_graph():
    keras.utils.set_random_seed(1)
    first, second = pcgrad_sequence(None), pcgrad_sequence(None)
    assert differ(first) and not np.allclose(first, second)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(first, pcgrad_sequence(None))


def test_pcgrad_with_a_seed_of_its_own():
    constant = pcgrad_sequence(3)
    np.testing.assert_array_equal(constant, constant[:1].repeat(12, axis=0))
    assert not np.allclose(constant[0], pcgrad_sequence(4, 1)[0])
    changing = pcgrad_sequence(keras.random.SeedGenerator(3))
    assert differ(changing)
    np.testing.assert_array_equal(changing, pcgrad_sequence(keras.random.SeedGenerator(3)))


# MGDA.


@SETTINGS
@given(gradients())
def test_mgda_is_in_the_hull_and_no_task_gains_less_than_its_square(matrix):
    direction, scale = solve("mgda", matrix), longest(matrix)
    assert (matrix @ direction).min() >= direction @ direction - 1e-9 * scale**2
    ones = scale * np.ones((len(matrix), 1))
    residual = reference.nnls(np.hstack([matrix, ones]).T, np.append(direction, scale))[1]
    assert residual < 1e-7 * scale


@some_and_many
def test_mgda_equals_enumeration(count):
    for kind, matrix in matrices(count, seed=5):
        matrix = present(matrix)
        if len(matrix) and len(matrix) <= 6:
            shortest = np.linalg.norm(matrix, axis=1).min()
            expected = reference.mgda_by_enumeration(matrix)
            error = np.linalg.norm(solve("mgda", matrix) - expected)
            assert error < 1e-8 * shortest, (kind, matrix)


# CAGrad.


def check_cagrad(matrix, direction, c=0.4):
    """d = g0 + Σ u_i g_i with u_i ≥ 0 for the worst tasks alone, on the sphere: optimal, whatever found it."""
    mean, scale = matrix.mean(axis=0), longest(matrix)
    radius, moved = c * np.linalg.norm(mean), np.linalg.norm(direction - mean)
    if radius < 1e-7 * scale:
        return close(direction, mean, scale, 1e-7)
    gains = matrix @ direction
    worst = matrix[gains <= gains.min() + 1e-8 * scale**2]
    assert reference.distance_from_cone(worst, direction - mean) < 1e-7 * scale
    if moved < radius - 1e-8 * scale:  # only where no step helps the worst task
        assert abs(gains.min()) < 1e-8 * scale**2
        assert np.linalg.norm(solve("mgda", unit_rows(matrix))) < 1e-6
    else:
        close(moved, radius, scale)


@SETTINGS
@given(gradients())
def test_cagrad_is_the_best_for_the_worst_task_near_the_mean(matrix):
    check_cagrad(matrix, solve("cagrad", matrix))


@some_and_many
def test_cagrad_is_optimal_on_many_matrices(count):
    for _, matrix in matrices(count, seed=6):
        if len(present(matrix)):
            check_cagrad(present(matrix), solve("cagrad", present(matrix)))


@pytest.mark.parametrize("c", [0, 0.1, 0.9, 1.0, 3.0])
def test_cagrad_with_another_c(c):
    for _, matrix in matrices(4, seed=7, kinds=("plain", "one task x100")):
        direction = balancing.cagrad(matrix, c=c).numpy()
        check_cagrad(matrix, direction, c)
        close(np.linalg.norm(direction - matrix.mean(axis=0)), c * np.linalg.norm(matrix.mean(axis=0)), 100)


def test_cagrad_where_several_directions_are_best_takes_the_nearest_to_the_mean():
    matrix = np.array([[1.0, 0], [-1, 0], [0, 1]])  # the worst task cannot gain, whatever the second entry
    np.testing.assert_allclose(balancing.cagrad(matrix), [0, 1 / 3], atol=1e-9)


def test_cagrad_passes_from_one_parallel_gradient_to_the_other():
    """The longer is the worst while both lose, the shorter once both gain."""
    matrix = np.array([[1.0, 0], [3, 0], [-5, 4]])
    radius = 0.4 * np.hypot(1 / 3, 4 / 3)
    np.testing.assert_allclose(balancing.cagrad(matrix), [radius - 1 / 3, 4 / 3])


# IMTL-G.


@SETTINGS
@given(gradients())
def test_imtl_g_has_equal_projections(matrix):
    direction = solve("imtl_g", matrix)
    projections = unit_rows(matrix) @ direction
    assert np.ptp(projections) < 1e-7 * max(longest(matrix), np.linalg.norm(direction))


@some_and_many
def test_imtl_g_equals_the_papers_formula(count):
    checked = 0
    for _, matrix in matrices(count, seed=8):
        matrix = present(matrix)
        if len(matrix) > 1 and reference.full_rank(matrix):
            expected, checked = reference.imtl_g_by_the_papers_formula(matrix), checked + 1
            close(solve("imtl_g", matrix), expected, np.linalg.norm(expected), 1e-6)
            alpha = np.linalg.lstsq(matrix.T, solve("imtl_g", matrix))[0]
            assert abs(alpha.sum() - 1) < 1e-7 * (1 + np.abs(alpha).sum())
    assert checked > 0.4 * count


# Nash-MTL.


def check_nash(matrix, direction):
    """d = Σ g_i / (g_i·d), which is G α = 1/α; or zero where zero lies in the hull."""
    if not direction.any():
        assert np.linalg.norm(solve("mgda", unit_rows(matrix))) < 1.1e-6
        return False
    gains = matrix @ direction
    assert gains.min() > 0
    close(direction, (matrix / gains[:, None]).sum(axis=0), 1, 1e-6)
    close(direction @ direction, len(matrix), 1, 1e-6)
    return True


@SETTINGS
@given(gradients())
def test_nash_solves_its_equations_or_is_zero(matrix):
    check_nash(matrix, solve("nash_mtl", matrix))


@some_and_many
def test_nash_solves_its_equations_on_many_matrices(count):
    solved = [
        check_nash(present(matrix), solve("nash_mtl", present(matrix)))
        for _, matrix in matrices(count, seed=9)
        if len(present(matrix))
    ]
    assert sum(solved) > 0.5 * count and not all(solved)


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-5, 3e-6])
def test_nash_close_to_opposed_gradients(angle):
    matrix = np.array([[1, angle, 0], [-1, angle, 0], [0, angle, 1], [0, angle, -1]])
    np.testing.assert_allclose(balancing.nash_mtl(matrix), [0, 2, 0], atol=1e-5)


def test_nash_can_be_shortened():
    full = balancing.nash_mtl(WORKED_EXAMPLE)
    np.testing.assert_allclose(balancing.nash_mtl(WORKED_EXAMPLE, max_norm=0.5), 0.5 * full / np.sqrt(2))
    np.testing.assert_allclose(balancing.nash_mtl(WORKED_EXAMPLE, max_norm=2), full)


# Aligned-MTL.


@some_and_many
def test_aligned_equals_the_singular_value_decomposition(count):
    for kind, matrix in matrices(count, seed=10):
        matrix = present(matrix)
        if len(matrix):
            expected = reference.aligned_by_svd(matrix)
            error = np.linalg.norm(solve("aligned_mtl", matrix) - expected)
            assert error < 1e-6 * np.linalg.norm(expected) + 1e-9 * longest(matrix), (kind, matrix)


@SETTINGS
@given(gradients())
def test_aligned_gradients_are_orthogonal_and_equally_long(matrix):
    if len(matrix) > 1:
        rows = [balancing.aligned_mtl(matrix, weights=row) for row in np.eye(len(matrix))]
        values, given_values = np.linalg.svd(rows)[1], np.linalg.svd(matrix)[1]
        smallest = given_values[given_values > 1e-6 * given_values[0]]
        expected = np.zeros_like(values)
        expected[: len(smallest)] = smallest[-1]
        close(values, expected, smallest[-1] + 1e-3 * longest(matrix), 1e-5)


def test_aligned_with_weights():
    both = balancing.aligned_mtl(WORKED_EXAMPLE, weights=[0.5, 0.5])
    np.testing.assert_allclose(both, EXPECTED["aligned_mtl"], atol=6e-7)
    parts = [balancing.aligned_mtl(WORKED_EXAMPLE, weights=w) for w in ([3, 0], [0, 0.5])]
    np.testing.assert_allclose(balancing.aligned_mtl(WORKED_EXAMPLE, weights=[3, 0.5]), sum(parts))
    with_zero = np.insert(WORKED_EXAMPLE, 1, 0, axis=0)
    np.testing.assert_allclose(balancing.aligned_mtl(with_zero, weights=[3, 9, 0.5]), sum(parts))


# UPGrad.


@SETTINGS
@given(gradients())
def test_upgrad_conflicts_with_no_task(matrix):
    direction = solve("upgrad", matrix)
    assert (unit_rows(matrix) @ direction).min() > -1e-9 * longest(matrix)


@some_and_many
def test_upgrad_equals_nonnegative_least_squares(count):
    for kind, matrix in matrices(count, seed=11):
        matrix = present(matrix)
        if len(matrix):
            error = np.linalg.norm(solve("upgrad", matrix) - reference.upgrad_by_nnls(matrix))
            assert error < 1e-8 * longest(matrix), (kind, matrix)


@pytest.mark.parametrize("seed", [22, 32, 71])
def test_upgrad_where_multipliers_turn_negative_on_the_way(seed):
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(8, 8))
    matrix -= matrix.mean(axis=0)
    matrix += 3 * np.outer(random.normal(size=8), random.normal(size=8))
    close(solve("upgrad", matrix), reference.upgrad_by_nnls(matrix), longest(matrix))


def test_upgrad_of_two_tasks_is_half_of_pcgrad():
    for _, matrix in matrices(15, seed=12):
        close(2 * balancing.upgrad(matrix[:2]), balancing.pcgrad(matrix[:2]), longest(matrix) + 1e-30)


# Gradients that are almost dependent: tiny parts decide much, so we ask for what is promised up to 1e-5.


@some_and_many
def test_almost_dependent_gradients(count):
    for matrix in reference.almost_dependent(count, seed=14):
        scale, units = longest(matrix), unit_rows(matrix)
        mgda, cagrad, upgrad = (solve(name, matrix) for name in ("mgda", "cagrad", "upgrad"))
        assert (matrix @ mgda).min() > mgda @ mgda - 1e-6 * scale**2
        assert (units @ upgrad).min() > -1e-5 * scale
        mean, gains = matrix.mean(axis=0), matrix @ cagrad
        radius = 0.4 * np.linalg.norm(mean)
        assert np.linalg.norm(cagrad - mean) < radius * (1 + 1e-4)
        worst = matrix[gains < gains.min() + 1e-7 * scale**2]
        optimal = reference.distance_from_cone(worst, cagrad - mean) < 1e-5 * scale
        nothing_to_gain = np.linalg.norm(reference.mgda_by_enumeration(units)) < 2e-5
        assert optimal or (nothing_to_gain and gains.min() > -1e-6 * scale**2)
        nash = solve("nash_mtl", matrix)
        if nash.any():
            assert (matrix @ nash).min() > 0
            close(nash @ nash, 6, 1, 1e-3)
        for name in ("imtl_g", "aligned_mtl"):
            assert np.isfinite(solve(name, matrix)).all()


# More tasks, each number of tasks in its own graph.


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [16, 64])
@pytest.mark.parametrize("parameters", ["half", "one less", "three times"])
def test_many_tasks(tasks, parameters):
    size = {"half": tasks // 2, "one less": tasks - 1, "three times": 3 * tasks}[parameters]
    matrix = np.random.default_rng(tasks).normal(size=(tasks, size))
    matrix[0] *= 100
    directions = {name: graph(name, tasks)(matrix).numpy() for name in BALANCERS}
    scale = longest(matrix)
    mgda = directions["mgda"]
    assert (matrix @ mgda).min() > mgda @ mgda - 1e-9 * scale
    close(directions["upgrad"], reference.upgrad_by_nnls(matrix), scale)
    close(directions["aligned_mtl"], reference.aligned_by_svd(matrix), scale)
    check_cagrad(matrix, directions["cagrad"])
    if directions["nash_mtl"].any():
        check_nash(matrix, directions["nash_mtl"])
    else:
        assert np.linalg.norm(graph("mgda", tasks)(unit_rows(matrix))) < 1e-6
    assert np.ptp(unit_rows(matrix) @ directions["imtl_g"]) < 1e-8 * scale
    assert np.isfinite(directions["pcgrad"]).all()


@pytest.mark.slow
def test_each_number_of_tasks_in_its_own_graph():
    for _, matrix in matrices(250, seed=13):
        if not len(present(matrix)):
            continue
        scale = longest(matrix)
        for name in BALANCERS:
            if name != "pcgrad":
                own = graph(name, len(matrix))(matrix)
                close(own, solve(name, present(matrix)), scale + np.linalg.norm(own), 1e-8)


# Errors.


@every_balancer
def test_wrong_matrices_are_refused(name):
    balancer = BALANCERS[name]
    with pytest.raises(
        ValueError, match=r"must have shape \(tasks, parameters\).*\(3,\) was given.*tf.stack"
    ):
        balancer(np.ones(3))
    with pytest.raises(ValueError, match=r"must have shape \(tasks, parameters\).*\(2, 3, 4\) was given"):
        balancer(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"two tasks or more, but shape \(1, 3\) was given.*single task"):
        balancer(np.ones((1, 3)))
    with pytest.raises(TypeError, match=r"must be float32 or float64, but int64 was given.*tf.cast"):
        balancer(np.ones((2, 3), int))
    with pytest.raises(TypeError, match="must be float32 or float64, but float16 was given"):
        balancer(np.ones((2, 3), np.float16))
    traced = tf.function(balancer, input_signature=[tf.TensorSpec((None, None))])
    with pytest.raises(ValueError, match=r"number of tasks must be known.*\(None, None\).*ensure_shape"):
        traced(np.ones((2, 3), np.float32))


@every_balancer
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite_are_refused(name, bad):
    matrix = np.ones((8, 3))
    matrix[1, 2] = matrix[4, 0] = bad
    with pytest.raises(
        ValueError, match=r"must be finite.*in row 1, 4 \(from 0\).*Look for a loss that diverged"
    ):
        BALANCERS[name](matrix)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be finite.*(?s:.)*\[1 0 1 1 0 1 1 1\]"):
        graph(name)(matrix)


@pytest.mark.slow
@every_balancer
def test_under_xla_what_is_not_finite_passes_into_the_result(name):
    matrix = tf.constant([[1.0, np.nan], [2.0, 1.0]])
    assert not np.isfinite(tf.function(BALANCERS[name], jit_compile=True)(matrix)).all()


@pytest.mark.parametrize("c", [-0.1, np.nan, np.inf, "0.4", None])
def test_a_wrong_c_is_refused(c):
    with pytest.raises(
        ValueError, match=r"c must be a finite number of zero or more, but .* was given. Use 0.4"
    ):
        balancing.cagrad(WORKED_EXAMPLE, c=c)


@pytest.mark.parametrize("max_norm", [0, -1, np.nan, "1"])
def test_a_wrong_max_norm_is_refused(max_norm):
    with pytest.raises(ValueError, match="max_norm must be above zero, but .* was given. Use None"):
        balancing.nash_mtl(WORKED_EXAMPLE, max_norm=max_norm)


@pytest.mark.parametrize(
    "weights, message",
    [
        ([1.0], r"one number for each of the 2 tasks, but shape \(1,\) was given.*order of the rows"),
        (1.0, r"one number for each of the 2 tasks, but shape \(\) was given"),
        ([1.0, -1.0], r"finite numbers of zero or more, not all zero, but \[1.0, -1.0\] was given. Use 0"),
        ([1.0, np.nan], "finite numbers of zero or more"),
        ([0, 0], "not all zero"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        balancing.aligned_mtl(WORKED_EXAMPLE, weights=weights)


@pytest.mark.parametrize("seed", ["1", 1.0, True, tf.random.Generator])
def test_a_wrong_seed_is_refused(seed):
    with pytest.raises(
        TypeError, match="seed must be a whole number, a keras.random.SeedGenerator or None, but"
    ):
        balancing.pcgrad(WORKED_EXAMPLE, seed=seed)


@every_balancer
def test_the_docstring_states_the_scale_and_the_source(name):
    text = inspect.getdoc(BALANCERS[name]) or ""
    assert "Scale: " in text.split("\n")[0] and ("arXiv" in text or "OpenReview" in text)
