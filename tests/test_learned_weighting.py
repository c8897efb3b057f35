"""Uncertainty, GradNorm and FAMO, step by step against numbers worked by hand and against Keras' Adam."""

from mtl_helpers.learned_weighting import FAMO, GradNorm, Uncertainty
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import small_data, small_graph, small_model

TASKS = ("species", "mass")


def ready(weighting, model=None):
    weighting.build_for(TASKS, model)
    return weighting


def losses(species, mass):
    return {"species": tf.constant(species), "mass": tf.constant(mass)}


# Uncertainty.


def test_uncertainty_has_a_formula_for_each_kind_of_loss():
    for kind, total, weight in [
        ("squared error", 0.5 * np.exp(-0.4) * 3 + 0.5 * 0.4, 0.5 * np.exp(-0.4)),
        ("cross-entropy", np.exp(-0.4) * 3 + 0.5 * 0.4, np.exp(-0.4)),
        ("absolute error", np.exp(-0.4) * 3 + 0.4, np.exp(-0.4)),
    ]:
        weighting = ready(Uncertainty({"species": kind, "mass": "squared error"}))
        weighting.learned.assign([0.4, 0.0])
        assert float(weighting.call(losses(3.0, 10.0))) == pytest.approx(total + 5.0, rel=1e-6), kind
        assert list(weighting.weights_by_task().values()) == pytest.approx([weight, 0.5], rel=1e-6)


def test_uncertainty_learns_as_a_trainable_variable_with_adam_would():
    weighting = ready(Uncertainty({"species": "cross-entropy", "mass": "squared error"}))
    adam, s = keras.optimizers.Adam(0.025), keras.Variable([0.0, 0.0])
    for step in range(20):
        now = losses(1.5 / (step + 1), 30.0 - step)
        with tf.GradientTape() as tape:
            total = tf.exp(-s[0]) * now["species"] + s[0] / 2 + tf.exp(-s[1]) * now["mass"] / 2 + s[1] / 2
        assert float(weighting.call(now)) == pytest.approx(float(total), rel=1e-5)
        adam.apply([tape.gradient(total, s.value)], [s])
        weighting.after_step(now)
        np.testing.assert_allclose(weighting.learned, s, atol=1e-6)


def test_uncertainty_first_step_is_the_learning_rate_by_hand():
    weighting = ready(Uncertainty({"species": "cross-entropy", "mass": "squared error"}, learning_rate=0.1))
    weighting.after_step(losses(0.2, 10.0))  # derivatives ½ − 0.2 > 0 and ½ − 5 < 0
    np.testing.assert_allclose(weighting.learned, [-0.1, 0.1], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, best", [("squared error", 105.0), ("cross-entropy", 210.0), ("absolute error", 105.0)]
)
def test_uncertainty_converges_to_the_known_optimum(kind, best):
    weighting = ready(Uncertainty(dict.fromkeys(TASKS, kind), learning_rate=0.1))
    step = tf.function(lambda: weighting.after_step(losses(105.0, 105.0)))
    for _ in range(3000):
        step()
    np.testing.assert_allclose(weighting.learned, np.log([best, best]), atol=1e-3)


@pytest.mark.parametrize(
    "loss, kind",
    [
        ("mse", "squared error"),
        (keras.losses.MeanSquaredError(), "squared error"),
        (keras.losses.mean_absolute_error, "absolute error"),
        ("binary_crossentropy", "cross-entropy"),
        (keras.losses.CategoricalCrossentropy(from_logits=True), "cross-entropy"),
        ("sparse_categorical_crossentropy", "cross-entropy"),
    ],
)
def test_uncertainty_tells_the_kind_from_the_loss(loss, kind):
    found, expected = ready(Uncertainty()), ready(Uncertainty({"species": kind, "mass": "squared error"}))
    found.take_losses({"species": loss, "mass": "mse"})
    for one in (found, expected):
        one.learned.assign([0.3, 0.0])
    assert float(found.call(losses(2.0, 1.0))) == float(expected.call(losses(2.0, 1.0)))


@pytest.mark.parametrize("loss", ["huber", "log_cosh", lambda y, p: (y - p) ** 2])
def test_uncertainty_does_not_guess_at_other_losses(loss):
    with pytest.raises(ValueError, match="loss of 'mass' is .*kinds={'mass': 'squared error'"):
        small_model(
            weighting=Uncertainty(), loss={"species": "sparse_categorical_crossentropy", "mass": loss}
        )


def test_compile_tells_uncertainty_the_losses():
    model = small_model(weighting=Uncertainty())
    np.testing.assert_array_equal(model.weighting.factors, [1.0, 0.5])
    np.testing.assert_array_equal(model.weighting.terms, [0.5, 0.5])


# GradNorm.


def norms_of_three_and_four():
    """Two losses, |3·w| and |4·w| at w = 1: their gradients in the trunk are 3 and 4."""
    x = keras.Input((1,), name="x")
    trunk = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="trunk")(x)
    heads = {
        task: keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(size))(
            trunk
        )
        for task, size in (("species", 3.0), ("mass", 4.0))
    }
    return MultiTaskModel({"x": x}, heads)


def gradnorm_step(weighting, model, scale=1.0):
    with tf.GradientTape(persistent=True) as tape:
        outputs = model({"x": tf.ones((1, 1))})
        now = {"species": tf.reduce_sum(outputs["species"]), "mass": scale * tf.reduce_sum(outputs["mass"])}
        total = weighting.call(now)
    weighting.after_step(now, tape)
    return float(total), np.array(weighting.learned).tolist()


def test_gradnorm_by_hand_over_three_steps():
    model = norms_of_three_and_four()
    weighting = ready(GradNorm(), model)
    # Sizes 3 and 4, both losses as at first: the targets are 3.5 and 3.5. Adam begins with steps of 0.025.
    total, weights = gradnorm_step(weighting, model)
    assert total == pytest.approx(7.0) and weights == pytest.approx([1.025, 0.975], abs=1e-6)
    # Sizes 3.075 and 3.9: the same signs, so the same step.
    total, weights = gradnorm_step(weighting, model)
    assert total == pytest.approx(3 * 1.025 + 4 * 0.975) and weights == pytest.approx([1.05, 0.95], abs=1e-6)
    # The second loss, and its gradient, are halved: r = 4/3 and 2/3, sizes 3.15 and 1.9, targets
    # 2.525·r^1.5 = 3.887 and 1.374. Adam: 0.025 up; 0.025·3.262/√11.996 down; then scaled to sum to 2.
    total, weights = gradnorm_step(weighting, model, scale=0.5)
    assert weights == pytest.approx([1.074219, 0.925781], abs=2e-6)
    np.testing.assert_array_equal(weighting.first_losses, [3.0, 4.0])


@pytest.mark.slow
def test_gradnorm_evens_out_the_sizes_of_gradients_when_alpha_is_zero():
    model = norms_of_three_and_four()
    weighting = ready(GradNorm(alpha=0, learning_rate=0.01), model)
    for _ in range(100):
        _, weights = gradnorm_step(weighting, model)
    assert 3 * weights[0] == pytest.approx(4 * weights[1], rel=0.03)
    assert sum(weights) == pytest.approx(2, rel=1e-5)


def test_gradnorm_weights_stay_above_zero():
    model = norms_of_three_and_four()
    weighting = ready(GradNorm(learning_rate=5.0), model)
    for _ in range(3):
        _, weights = gradnorm_step(weighting, model)
    assert min(weights) > 0 and sum(weights) == pytest.approx(2, rel=1e-5)


def test_gradnorm_reaches_neither_trunk_nor_heads():
    """The network gets the gradient of the weighted sum alone, with the weights before this step."""
    gradnorm = small_model(weighting=GradNorm(), optimizer=keras.optimizers.SGD(0.1))
    plain = small_model(optimizer=keras.optimizers.SGD(0.1))
    for model in (gradnorm, plain):
        model.train_on_batch(*small_data())
    for ours, theirs in zip(gradnorm.trainable_variables, plain.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(np.array(gradnorm.weighting.learned) - 1).max() > 0.01


def test_gradnorm_takes_the_last_shared_layer_or_the_one_named():
    inputs, outputs = small_graph()
    model = keras.Model(inputs, outputs)
    for name in (None, "trunk"):
        variables = ready(GradNorm(name), model)._shared_weights()
        assert [v.shape for v in variables] == [(5, 8), (8,)]


def test_gradnorm_refuses_layers_that_do_not_serve():
    with pytest.raises(
        ValueError, match="GradNorm's layer must name .* 'trunk'.* 'trnk' was given. Did you mean 'trunk'"
    ):
        small_model(weighting=GradNorm("trnk"))
    model = small_model(weighting=GradNorm("a_head"))
    with pytest.raises(
        ValueError, match="layer must be one that every task uses, but the loss of 'mass' does not"
    ):
        model.train_on_batch(*small_data())
    inputs = {name: keras.Input((2,), name=name) for name in ("a", "b")}
    heads = {name: keras.layers.Dense(1)(tensor) for name, tensor in inputs.items()}
    with pytest.raises(
        ValueError, match="trainable layer that all of the tasks 'a', 'b' use, but there is none"
    ):
        MultiTaskModel(inputs, heads, weighting=GradNorm())
    weighting = ready(GradNorm(), norms_of_three_and_four())
    with pytest.raises(ValueError, match="needs the tape.*persistent=True"):
        weighting.after_step(losses(1.0, 1.0))


# FAMO.


def famo_by_formula(before, after, xi, decay, bounds=(0.0, 0.0)):
    """The gradient on ξ as a matrix product, in float64."""
    z = np.exp(xi) / np.exp(xi).sum()
    jacobian = np.diag(z) - np.outer(z, z)
    fell = np.log(np.subtract(before, bounds)) - np.log(np.subtract(after, bounds))
    return jacobian.T @ fell + decay * xi


@pytest.mark.parametrize("bounds", [(0.0, 0.0), (0.5, 1.0)])
def test_famo_over_several_steps(bounds):
    weighting = ready(FAMO(dict(zip(TASKS, bounds, strict=True)), decay=0.01))
    adam, xi = keras.optimizers.Adam(0.025), keras.Variable([0.0, 0.0])
    for step in range(10):
        before, after = (4.0 / (step + 1) + 1, 9.0 - step / 2), (4.0 / (step + 2) + 1, 8.9 - step / 2)
        z = np.exp(np.array(xi)) / np.exp(np.array(xi)).sum()
        above = np.subtract(before, bounds)
        scale = 1 / np.sum(z / above)
        assert float(weighting.call(losses(*before))) == pytest.approx(
            scale * np.sum(z * np.log(above)), rel=1e-4
        )
        weights = list(weighting.weights_by_task().values())
        assert weights == pytest.approx(scale * z / above, rel=1e-5)
        assert sum(weights) == pytest.approx(1, rel=1e-5)
        gradient = famo_by_formula(before, after, np.array(xi, "float64"), 0.01, bounds)
        adam.apply([tf.constant(gradient, "float32")], [xi])
        weighting.after_step(losses(*before), losses_again=lambda after=after: losses(*after))
        np.testing.assert_allclose(weighting.learned, xi, atol=1e-5)


def test_famo_gives_more_to_the_task_that_fell_less():
    weighting = ready(FAMO(decay=0))
    weighting.after_step(losses(4.0, 4.0), losses_again=lambda: losses(2.0, 3.9))
    np.testing.assert_allclose(weighting.learned, [-0.025, 0.025], rtol=1e-4)


@pytest.mark.slow
def test_famo_looks_again_at_the_same_batch_with_the_same_dropout_and_leaves_no_trace():
    extras = ("batch_normalisation", "dropout")
    seen = []

    class Spy(FAMO):
        def after_step(self, losses, tape=None, losses_again=None):
            seen.append((losses, losses_again()))

    # A rate of zero: the network after the update is the network before it, so both looks must agree.
    still = small_model(weighting=Spy(), extras=extras, optimizer=keras.optimizers.SGD(0.0))
    still.train_on_batch(*small_data())
    first, second = seen.pop()
    for task in TASKS:
        assert float(first[task]) == pytest.approx(float(second[task]), rel=1e-6)
    # And with a rate, batch statistics and the state of dropout are those of one look.
    famo, plain = (
        small_model(weighting=weighting, extras=extras, optimizer=keras.optimizers.SGD(0.1))
        for weighting in (Spy(), None)
    )
    for model in (famo, plain):
        model.train_on_batch(*small_data())
    first, second = seen.pop()
    assert float(first["mass"]) != pytest.approx(float(second["mass"]), rel=1e-3)
    kinds = [
        [np.array(v) for v in model.non_trainable_variables if "moving" in v.path or "seed" in v.path]
        for model in (famo, plain)
    ]
    assert len(kinds[0]) == 3
    for ours, theirs in zip(*kinds, strict=True):
        np.testing.assert_array_equal(ours, theirs)
