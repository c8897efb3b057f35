"""Balanced training steps: against gradients of each task taken one by one, on networks of every shape."""

import functools

from mtl_helpers import balancing
from mtl_helpers.data import digit_scenes
from mtl_helpers.scene_network import scene_network, scene_tasks
from mtl_helpers.shared_parameters import halves, shared_variables
from mtl_helpers.sharing import MMoE
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import FAMO, RLW, GradNorm, Static, Uncertainty

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import LOSSES, small_data, small_graph, small_model

INPUTS, TARGETS = ({name: tf.constant(values) for name, values in part.items()} for part in small_data())
EXTRAS = ("regulariser", "batch_normalisation", "dropout")
WAYS = [
    pytest.param({"passes": "together"}, id="together"),
    pytest.param({"passes": "separate"}, id="separate"),
    pytest.param({"balance_on": "features"}, id="features"),
]


@keras.saving.register_keras_serializable(package="tests")
def plain_sum(matrix):
    return tf.reduce_sum(matrix, axis=0)


@keras.saving.register_keras_serializable(package="tests")
def first_task_twice(matrix):
    return 2 * matrix[0]


def balanced(balancer=plain_sum, weighting=None, extras=(), **options):
    inputs, outputs = small_graph(extras=extras)
    model = MultiTaskModel(inputs, outputs, weighting=weighting, balancer=balancer, **options)
    model.compile(keras.optimizers.SGD(0.1), loss=LOSSES, run_eagerly=True)
    return model


def gradients_of(model, inputs, targets, weighted):
    """Gradients in all variables of `weighted(losses)`, in one ordinary pass."""
    with tf.GradientTape() as tape:
        losses = model.task_losses(targets, model(inputs, training=True))
        total = weighted(losses) + model.regularisation()
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(total, [v.value for v in model.trainable_variables], unconnected_gradients=zero)


def assert_equal(found, expected, tolerance=2e-5):
    for one, other in zip(found, expected, strict=True):
        largest = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=tolerance * max(largest, 1e-3))


@pytest.mark.parametrize("options", WAYS)
def test_a_balancer_that_adds_up_is_the_plain_sum(options):
    model = balanced(extras=EXTRAS, **options)
    keras.utils.set_random_seed(1)
    state = [np.array(v) for v in model.non_trainable_variables]
    step = model.balanced_step(INPUTS, TARGETS, None)
    for variable, value in zip(model.non_trainable_variables, state, strict=True):
        variable.assign(value)  # the same dropout once more
    expected = gradients_of(model, INPUTS, TARGETS, lambda losses: sum(losses.values()))
    assert_equal(step.gradients, expected)
    penalty = float(model.regularisation())
    assert penalty > 0.01
    assert float(step.total) == pytest.approx(float(sum(step.losses.values())) + penalty, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("options", WAYS)
def test_skip_connections_are_exact(options):
    """The mask's head reads the encoder at two depths: one of the shared features depends on the other."""
    scenes = digit_scenes(train=16, validation=1, test=1).train
    inputs, targets = (
        {name: tf.constant(values) for name, values in part.items()}
        for part in (scenes.inputs, scenes.targets)
    )
    plain = scene_network()
    model = MultiTaskModel(plain.input, plain.output, balancer=first_task_twice, **options)
    model.compile("sgd", loss={task.name: task.loss for task in scene_tasks()})
    model.get_layer("digit_dropout").rate = 0.0
    shared = {id(v) for v in shared_variables(model)}
    found = model.balanced_step(inputs, targets, None).gradients
    digit = gradients_of(model, inputs, targets, lambda losses: 2 * losses["digit"])
    every = gradients_of(model, inputs, targets, lambda losses: sum(losses.values()))
    expected = [
        d if id(v) in shared else e for v, d, e in zip(model.trainable_variables, digit, every, strict=True)
    ]
    assert_equal(found, expected, tolerance=1e-4)
    model.balanced_step.balancer = lambda matrix: 2 * matrix[2]  # the mask, whose head reads both depths
    found = model.balanced_step(inputs, targets, None).gradients
    mask = gradients_of(model, inputs, targets, lambda losses: 2 * losses["mask"])
    expected = [
        m if id(v) in shared else e for v, m, e in zip(model.trainable_variables, mask, every, strict=True)
    ]
    assert_equal(found, expected, tolerance=1e-4)


def seen_by_balancer(weighting=None, **options):
    matrices = []

    def spy(matrix):
        matrices.append(matrix.numpy())
        return plain_sum(matrix)

    model = balanced(spy, weighting, **options)
    model.train_on_batch(INPUTS, TARGETS)
    return matrices[0]


def rows_of_parameters(model):
    rows = []
    for task in ("species", "mass"):
        gradients = gradients_of(model, INPUTS, TARGETS, lambda losses, task=task: losses[task])
        rows.append(np.concatenate([np.ravel(g) for g in gradients[:2]]))
    return np.stack(rows)


@pytest.mark.parametrize("options", WAYS[:2])
def test_the_balancer_is_given_the_gradients_in_the_shared_parameters(options):
    assert_equal([seen_by_balancer(**options)], [rows_of_parameters(small_model())])


def test_the_balancer_is_given_the_gradients_in_the_features_of_the_whole_batch():
    model = small_model()
    encoder, heads, *_ = halves(model)
    features = encoder(INPUTS)["0"]
    rows = []
    for task in ("species", "mass"):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = model.task_losses(TARGETS, heads([features]))[task]
        rows.append(np.ravel(tape.gradient(loss, features)))
    found = seen_by_balancer(balance_on="features")
    assert found.shape == (2, 48 * 8)
    assert_equal([found], [np.stack(rows)])


def test_features_are_balanced_below_a_mixture_of_experts_which_gets_the_plain_sum():
    seen = []

    def spy(matrix):
        seen.append(matrix.shape)
        return first_task_twice(matrix)

    x = keras.Input((3,), name="x")
    of_tasks = MMoE(tasks=["a", "b"], experts=2, units=4)(keras.layers.Dense(5, activation="tanh")(x))
    outputs = {task: keras.layers.Dense(1, name=task)(of_tasks[task]) for task in ("a", "b")}
    model = MultiTaskModel({"x": x}, outputs, balancer=spy, balance_on="features")
    model.compile("sgd", loss=dict.fromkeys(outputs, "mse"), run_eagerly=True)
    inputs = {"x": tf.constant(np.random.default_rng(0).normal(size=(6, 3)), tf.float32)}
    targets = {task: tf.ones((6, 1)) * number for number, task in enumerate(outputs, 1)}
    found = model.balanced_step(inputs, targets, None).gradients
    assert seen == [(2, 6 * 5)]
    assert_equal(found[:2], gradients_of(model, inputs, targets, lambda losses: 2 * losses["a"])[:2])
    assert_equal(found[2:], gradients_of(model, inputs, targets, lambda losses: sum(losses.values()))[2:])


@pytest.mark.parametrize("options", WAYS)
def test_weights_scale_the_rows_and_the_heads(options):
    weights = {"species": 3.0, "mass": 0.5}
    plain, scaled = seen_by_balancer(**options), seen_by_balancer(Static(weights), **options)
    assert_equal([scaled], [plain * [[3.0], [0.5]]])
    model = balanced(weighting=Static(weights), **options)
    expected = gradients_of(model, INPUTS, TARGETS, lambda losses: 3 * losses["species"] + losses["mass"] / 2)
    assert_equal(model.balanced_step(INPUTS, TARGETS, None).gradients, expected)


@pytest.mark.parametrize("options", WAYS)
def test_a_weighting_that_learns_goes_on_learning(options):
    model = balanced(weighting=Uncertainty(), **options)
    model.train_on_batch(INPUTS, TARGETS)
    assert np.abs(model.weighting.learned).min() > 0.01
    assert list(model.weighting.weights_by_task().values()) == [1.0, 0.5]  # of the step: s was still 0


@pytest.mark.parametrize("options", WAYS[:2])
def test_named_layers_are_balanced_and_the_rest_of_the_trunk_is_summed(options):
    inputs = {"x": keras.Input((3,), name="x")}
    keras.utils.set_random_seed(1)
    trunk = keras.layers.Dense(4, "tanh", name="second")(
        keras.layers.Dense(4, "tanh", name="first")(inputs["x"])
    )
    outputs = {task: keras.layers.Dense(1, name=task)(trunk) for task in ("a", "b")}
    model = MultiTaskModel(inputs, outputs, balancer=first_task_twice, shared=["second"], **options)
    model.compile("sgd", loss={"a": "mse", "b": "mse"})
    x, y = {"x": tf.random.normal((5, 3), seed=1)}, {"a": tf.ones((5, 1)), "b": -tf.ones((5, 1))}
    found = model.balanced_step(x, y, None).gradients
    double = gradients_of(model, x, y, lambda losses: 2 * losses["a"])
    every = gradients_of(model, x, y, lambda losses: losses["a"] + losses["b"])
    assert_equal(found, [*every[:2], *double[2:4], *every[4:]])
    assert np.abs(double[2] - every[2]).max() > 0.01


@pytest.mark.parametrize("options", WAYS[:2])
def test_a_layer_that_two_heads_call_is_shared_too(options):
    inputs = {"x": keras.Input((3,), name="x")}
    keras.utils.set_random_seed(1)
    trunk = keras.layers.Dense(4, "tanh", name="trunk")(inputs["x"])
    both = keras.layers.Dense(4, "tanh", name="both")
    outputs = {
        task: keras.layers.Dense(1, name=task)(both(keras.layers.Dense(4, name=f"own_{task}")(trunk)))
        for task in ("a", "b")
    }
    model = MultiTaskModel(inputs, outputs, balancer=first_task_twice, **options)
    model.compile("sgd", loss={"a": "mse", "b": "mse"})
    table = model.shared_table()
    assert set(table[table["shared"]]["layer"]) == {"trunk", "both"}
    x, y = {"x": tf.random.normal((5, 3), seed=1)}, {"a": tf.ones((5, 1)), "b": -tf.ones((5, 1))}
    found = model.balanced_step(x, y, None).gradients
    shared = {id(v) for v in shared_variables(model)}
    double = gradients_of(model, x, y, lambda losses: 2 * losses["a"])
    every = gradients_of(model, x, y, lambda losses: losses["a"] + losses["b"])
    assert_equal(
        found,
        [
            d if id(v) in shared else e
            for v, d, e in zip(model.trainable_variables, double, every, strict=True)
        ],
    )


@pytest.mark.parametrize("options", WAYS)
def test_penalties_on_activities_reach_the_encoder_from_both_sides_of_the_cut(options):
    inputs = {"x": keras.Input((3,), name="x")}
    keras.utils.set_random_seed(1)
    penalty = keras.regularizers.L2(0.1)
    trunk = keras.layers.Dense(4, "tanh", activity_regularizer=penalty)(inputs["x"])
    hidden = keras.layers.Dense(4, "tanh", activity_regularizer=penalty)(trunk)
    outputs = {"a": keras.layers.Dense(1)(hidden), "b": keras.layers.Dense(1)(trunk)}
    model = MultiTaskModel(inputs, outputs, balancer=plain_sum, **options)
    model.compile("sgd", loss={"a": "mse", "b": "mse"})
    x, y = {"x": tf.random.normal((5, 3), seed=1)}, {"a": tf.ones((5, 1)), "b": -tf.ones((5, 1))}
    step = model.balanced_step(x, y, None)
    assert_equal(step.gradients, gradients_of(model, x, y, lambda losses: losses["a"] + losses["b"]))


@pytest.mark.parametrize("options", WAYS)
def test_a_task_absent_from_the_batch_is_left_out(options):
    model = balanced(balancing.mgda, **options)
    absent = {"species": tf.ones(48), "mass": tf.zeros(48)}
    found = model.balanced_step(INPUTS, TARGETS, absent).gradients
    alone = gradients_of(model, INPUTS, TARGETS, lambda losses: losses["species"])
    assert_equal(found, alone)


BALANCERS = ["pcgrad", "mgda", "cagrad", "imtl_g", "nash_mtl", "aligned_mtl", "upgrad"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"), zip(BALANCERS, 3 * [way.values[0] for way in WAYS], strict=False)
)
def test_every_balancer_trains_in_a_graph_and_after_loading(name, options, tmp_path):
    model = balanced(getattr(balancing, name), **options)
    model.compile(keras.optimizers.Adam(0.01), loss=LOSSES)
    fit = {"x": small_data()[0], "y": small_data()[1], "shuffle": False, "verbose": 0}
    before = model.evaluate(*small_data(), verbose=0, return_dict=True)
    model.fit(epochs=20, **fit)
    after = model.evaluate(*small_data(), verbose=0, return_dict=True)
    for task in LOSSES:
        assert after[f"{task}_loss"] < 0.9 * before[f"{task}_loss"]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.balancer is getattr(balancing, name) and loaded.balancing == model.balancing
    for one in (model, loaded):
        one.fit(epochs=2, **fit)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("options", WAYS)
def test_under_xla_the_step_is_the_same(options):
    weights = []
    for compiled in (False, True):
        model = balanced(balancing.upgrad, **options)
        model.compile(keras.optimizers.SGD(0.1), loss=LOSSES, jit_compile=compiled)
        model.fit(*small_data(), shuffle=False, epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert_equal(weights[1], weights[0], tolerance=1e-4)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (
            {"balancer": "pcgrad"},
            TypeError,
            "balancer must be a function .* 'pcgrad' was given.*balancing.pcgrad",
        ),
        ({"balancer": Static}, TypeError, "balancer must be a function"),
        (
            {"balance_on": "feature"},
            ValueError,
            "balance_on must be one of 'parameters', 'features', but 'feature'",
        ),
        ({"passes": "both"}, ValueError, "passes must be one of 'separate', 'together', but 'both'"),
        (
            {"balance_on": "features", "shared": ["trunk"]},
            ValueError,
            "shared names the layers for balance_on='parameters'",
        ),
        (
            {"weighting": GradNorm()},
            ValueError,
            "balancer goes with a weighting that looks at the losses.*GradNorm",
        ),
        ({"weighting": FAMO()}, ValueError, "balancer goes with a weighting that looks at the losses.*FAMO"),
        ({"shared": ["trnk"]}, ValueError, "shared must name a layer.*Did you mean 'trunk'"),
    ],
)
def test_what_does_not_go_together_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        balanced(**options)


def test_one_task_has_nothing_to_balance():
    inputs, outputs = small_graph(("mass",))
    with pytest.raises(ValueError, match="balancer needs two tasks or more, but the model has 'mass' alone"):
        MultiTaskModel(inputs, outputs, balancer=plain_sum)


def test_a_balancer_must_return_one_direction():
    for wrong in (lambda matrix: matrix, lambda matrix: None):
        with pytest.raises(
            ValueError, match=r"must return one direction of shape \(parameters,\), but from a matrix"
        ):
            balanced(wrong).train_on_batch(INPUTS, TARGETS)


def test_gradients_that_are_not_finite_are_refused():
    model = balanced(balancing.mgda)
    with pytest.raises(ValueError, match="must be finite.*row 1"):
        model.train_on_batch(INPUTS, {**TARGETS, "mass": TARGETS["mass"] * np.nan})


def test_a_balancer_that_cannot_be_found_again_is_not_saved(tmp_path):
    for balancer in (lambda matrix: matrix[0], functools.partial(balancing.cagrad, c=0.2)):
        with pytest.raises(ValueError, match="To be saved, a balancer must be registered.*save_weights"):
            balanced(balancer).save(tmp_path / "model.keras")


def test_loss_scaling_is_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ValueError, match="without loss scaling.*mixed_bfloat16"):
            balanced()
    finally:
        keras.config.set_dtype_policy("float32")


def test_random_weights_go_with_a_balancer():
    model = balanced(weighting=RLW(seed=1))
    model.train_on_batch(INPUTS, TARGETS)
    assert sum(model.weighting.weights_by_task().values()) == pytest.approx(1)
