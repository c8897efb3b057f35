"""The sharing layers: equal to the papers' formulas in NumPy, counted, saved, trained, and clear about mistakes."""

from mtl_helpers.balancing import pcgrad
from mtl_helpers.seeds import train_seeds
from mtl_helpers.sharing import PLE, CrossStitch, MMoE
from mtl_helpers.split import Split
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import softmax

TASKS = ("zebra", "ant")  # not in alphabetical order, on purpose
INPUTS = 5


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(7, INPUTS)).astype("float32")


def random_weights(layer):
    """Nothing at zero, so that a bias that is left out or misplaced shows."""
    generator = np.random.default_rng(1)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def built(layer, x):
    layer(x)
    return random_weights(layer)


def expert(dense, h):
    return np.maximum(h @ np.array(dense.kernel) + np.array(dense.bias), 0)


def mixed(gate, experts):
    return sum(gate[:, [i]] * each for i, each in enumerate(experts))


def ple_in_numpy(layer, x):
    """After the paper's equations."""
    h = dict.fromkeys((*TASKS, "shared"), x)
    for level, units in enumerate(layer.units):
        part = layer.levels[level]
        own = {task: [expert(dense, h[task]) for dense in part[f"experts {task}"]] for task in TASKS}
        common = [expert(dense, h["shared"]) for dense in part["shared experts"]]
        new = {}
        for task in TASKS:
            gate = softmax(h[task] @ np.array(part[f"gate {task}"][0].kernel), axis=1)
            new[task] = mixed(gate, own[task] + common)
        if level + 1 < len(layer.units):
            gate = softmax(h["shared"] @ np.array(part["shared gate"][0].kernel), axis=1)
            new["shared"] = mixed(gate, own["zebra"] + own["ant"] + common)
        h = new
        assert all(each.shape[1] == units for each in h.values())
    return {task: h[task] for task in TASKS}


def test_mmoe_is_the_papers_formula(x):
    layer = built(MMoE(TASKS, experts=3, units=4), x)
    experts = [expert(dense, x) for dense in layer.expert_layers]
    for task, dense in zip(TASKS, layer.gate_layers, strict=True):
        wanted = mixed(softmax(x @ np.array(dense.kernel), axis=1), experts)
        np.testing.assert_allclose(layer(x)[task], wanted, atol=1e-5)


@pytest.mark.parametrize("units", [[4], [6, 3], [4, 4, 2]])
def test_ple_is_the_papers_formula(x, units):
    layer = built(PLE(TASKS, units=units, task_experts=2, shared_experts=3), x)
    found, wanted = layer(x), ple_in_numpy(layer, x)
    for task in TASKS:
        np.testing.assert_allclose(found[task], wanted[task], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("per_feature", [True, False])
def test_cross_stitch_is_the_papers_formula(x, per_feature):
    features = {"zebra": x, "ant": x**2, "cow": x - 1}
    layer = built(CrossStitch(per_feature=per_feature), features)
    alpha = np.array(layer.alpha)
    assert alpha.shape == ((INPUTS if per_feature else 1), 3, 3)
    order = sorted(features)
    for i, task in enumerate(order):
        wanted = sum(alpha[:, i, j] * features[other] for j, other in enumerate(order))
        np.testing.assert_allclose(layer(features)[task], wanted, atol=1e-5)


def test_cross_stitch_mixes_the_channels_of_images():
    images = {task: np.random.default_rng(k).normal(size=(2, 3, 3, 4)) for k, task in enumerate(TASKS)}
    layer = CrossStitch()
    mixed_images = layer(images)
    assert layer.alpha.shape == (4, 2, 2)
    np.testing.assert_allclose(mixed_images["ant"], 0.9 * images["ant"] + 0.1 * images["zebra"], atol=1e-5)


def test_cross_stitch_starts_near_identity(x):
    for tasks, same in ((2, 0.9), (3, 0.7), (4, 0.9)):
        layer = CrossStitch(same)
        layer({f"task {k}": x for k in range(tasks)})
        alpha = np.array(layer.alpha)
        np.testing.assert_allclose(alpha.sum(axis=-1), 1, atol=1e-6)
        np.testing.assert_allclose(np.diagonal(alpha, axis1=1, axis2=2), same, atol=1e-6)
        assert alpha.min() == pytest.approx((1 - same) / (tasks - 1), abs=1e-6)


def test_cross_stitch_at_one_is_the_identity(x):
    features = {"zebra": x, "ant": x**2}
    found = CrossStitch(same=1.0)(features)
    for task, wanted in features.items():
        np.testing.assert_array_equal(found[task], wanted)


def test_gates_sum_to_one_and_tell_which_expert_is_whose(x):
    mmoe, ple = built(MMoE(TASKS, 3, 4), x), built(PLE(TASKS, [4, 4], 2, 3), x)
    levels = [mmoe.gates(x), *ple.gates(x)]
    assert [set(gates) for gates in levels] == [set(TASKS), {*TASKS, ""}, set(TASKS)]
    assert [gates["ant"].shape[1] for gates in levels] == [3, 5, 5]
    assert levels[1][""].shape[1] == 2 * 2 + 3
    for gates in levels:
        for weights in gates.values():
            np.testing.assert_allclose(np.sum(weights, axis=1), 1, atol=1e-5)


def test_parameters_are_counted_by_the_formulas_of_the_docstrings(x):
    n, experts, units = INPUTS, 3, 4
    mmoe = built(MMoE(TASKS, experts, units), x)
    assert mmoe.count_params() == experts * (n + 1) * units + 2 * n * experts
    m, s, wide, narrow = 2, 3, 6, 4
    ple = built(PLE(TASKS, [wide, narrow], m, s), x)
    first = (2 * m + s) * (n + 1) * wide + 2 * n * (m + s) + n * (2 * m + s)
    last = (2 * m + s) * (wide + 1) * narrow + 2 * wide * (m + s)
    assert ple.count_params() == first + last
    assert built(PLE(TASKS, [wide], m, s), x).count_params() == first - n * (2 * m + s)
    stitch = CrossStitch()
    stitch(dict.fromkeys(("a", "b", "c"), x))
    assert stitch.count_params() == 9 * n


@pytest.mark.parametrize("layer", [MMoE(TASKS, 3, 8), PLE(TASKS, [8, 8], 2, 2)], ids=["MMoE", "PLE"])
def test_a_gradient_reaches_every_weight(layer, x):
    with tf.GradientTape() as tape:
        total = sum(tf.reduce_sum(features**2) for features in layer(x).values())
    gradients = tape.gradient(total, [weight.value for weight in layer.trainable_variables])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_no_two_weights_of_ple_have_one_name(x):
    paths = [weight.path for weight in built(PLE(["a", "shared"], [4, 4], 2, 2), x).weights]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("units", [[4], [4, 4]])
def test_ple_keeps_the_own_experts_of_one_task_from_the_other_on_the_last_level(units, x):
    layer = built(PLE(TASKS, units), x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x)["ant"] ** 2)
    kernel = layer.levels[-1]["experts zebra"][0].kernel.value
    assert tape.gradient(total, kernel) is None


def trunks(x):
    return {task: layers.Dense(4, activation="relu")(x) for task in TASKS}


SHARING = {
    "CrossStitch": lambda x: CrossStitch(0.8)(trunks(x)),
    "one alpha": lambda x: CrossStitch(per_feature=False)(trunks(x)),
    "MMoE": lambda x: MMoE(TASKS, 3, 4, activation="tanh")(x),
    "PLE": lambda x: PLE(TASKS, [6, 4], task_experts=2)(x),
}


def network(name, kind=keras.Model, **options):
    x = keras.Input((INPUTS,), name="x")
    features = SHARING[name](layers.Dense(6, activation="relu", name="below")(x))
    heads = {task: layers.Dense(1, name=task)(features[task]) for task in TASKS}
    return kind({"x": x}, heads, **options)


@pytest.fixture
def data(x):
    return Split({"x": x}, {"zebra": x[:, :1] * 2, "ant": x[:, 1:2] ** 2})


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARING)
def test_saved_and_loaded(name, data, tmp_path):
    model = network(name, MultiTaskModel)
    model.compile("adam", loss=dict.fromkeys(TASKS, "mse"))
    model.fit(data.inputs, data.targets, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for task, wanted in model(data.inputs).items():
        np.testing.assert_allclose(again(data.inputs)[task], wanted, atol=1e-6)
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = network(name, MultiTaskModel)
    fresh.load_weights(tmp_path / "model.weights.h5")
    for task, wanted in model(data.inputs).items():
        np.testing.assert_allclose(fresh(data.inputs)[task], wanted, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARING)
def test_many_seeds_at_once_end_where_fit_ends(name, data):
    losses, optimizer = dict.fromkeys(TASKS, "mse"), keras.optimizers.Adam(0.01)
    runs = train_seeds(
        lambda: network(name), data, losses=losses, epochs=3, batch_size=7, seeds=3, optimizer=optimizer
    )
    keras.utils.set_random_seed(2)
    model = network(name)
    model.compile(keras.optimizers.Adam(0.01), loss=losses)
    model.fit(data.inputs, data.targets, batch_size=7, epochs=3, shuffle=False, verbose=0)
    for task in TASKS:
        np.testing.assert_allclose(
            runs.predict(data.inputs)[task][2], model.predict(data.inputs, verbose=0)[task], atol=1e-4
        )


@pytest.mark.slow
@pytest.mark.parametrize("shared", [None, ["below"]])
@pytest.mark.parametrize("name", ["MMoE", "PLE", "CrossStitch"])
def test_a_balancer_takes_them(name, shared, data):
    model = network(name, MultiTaskModel, balancer=pcgrad, shared=shared)
    model.compile(keras.optimizers.Adam(0.01), loss=dict.fromkeys(TASKS, "mse"))
    history = model.fit(data.inputs, data.targets, epochs=20, batch_size=7, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MMoE("ab", 2, 4), "a list of two names"),
        (lambda: MMoE(["a"], 2, 4), "two names or more"),
        (lambda: MMoE(["a", "a"], 2, 4), "each once"),
        (lambda: MMoE(TASKS, 1, 4), "experts must be a whole number, 2 or more"),
        (lambda: MMoE(TASKS, 2, 0), "units must be"),
        (lambda: PLE(TASKS, 8), "one number a level"),  # type: ignore[arg-type]
        (lambda: PLE(TASKS, []), "one number a level"),
        (lambda: PLE(TASKS, [8], task_experts=0), "task_experts must be"),
        (lambda: PLE(TASKS, [8], shared_experts=2.5), "shared_experts must"),  # type: ignore[arg-type]
        (lambda: CrossStitch(1.5), "between 0 and 1"),
        (lambda: CrossStitch()(np.ones((2, 3))), "A dictionary"),
        (lambda: CrossStitch()({"a": np.ones((2, 3))}), "two tasks or more"),
        (lambda: CrossStitch()({"a": np.ones((2, 3)), "b": np.ones((2, 4))}), "one shape"),
        (lambda: MMoE(TASKS, 2, 4)(np.ones((2, 3, 3))), "Put a Flatten"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
