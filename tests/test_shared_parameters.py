"""Which variables are shared, and where a model is cut: on networks with and without skip connections."""

from mtl_helpers.balancing import pcgrad
from mtl_helpers.scene_network import scene_network
from mtl_helpers.shared_parameters import halves, shared_table, shared_variables
from mtl_helpers.sharing import MMoE
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import small_data, small_model


def test_the_trunk_is_shared_and_the_heads_are_not():
    table = small_model(compiled=False).shared_table().set_index(["layer", "variable"])
    assert table["shared"].to_dict() == {
        ("trunk", "kernel"): True,
        ("trunk", "bias"): True,
        ("a_head", "kernel"): False,
        ("a_head", "bias"): False,
        ("z_head", "kernel"): False,
        ("z_head", "bias"): False,
    }
    assert table["tasks"].to_dict()["trunk", "bias"] == "species, mass"
    assert table["tasks"].to_dict()["z_head", "bias"] == "mass"
    assert table["numbers"].to_dict()["trunk", "kernel"] == 40
    assert table["shape"].to_dict()["trunk", "kernel"] == (5, 8)


def test_the_encoder_of_the_scenes_is_shared():
    table = scene_network().shared_table()
    assert set(table[table["shared"]]["layer"].str.removesuffix("_norm")) == {
        f"encoder_{n}" for n in (1, 2, 3, 4)
    }


def test_shared_layers_can_be_named():
    model = scene_network()
    assert [v.path for v in shared_variables(model, ["encoder_4"])] == ["encoder_4/kernel"]
    named = MultiTaskModel(model.input, model.output, balancer=lambda matrix: matrix[0], shared=["encoder_4"])
    table = named.shared_table()
    assert table[table["shared"]]["layer"].tolist() == ["encoder_4"]


def test_frozen_variables_are_not_shared():
    model = small_model(compiled=False)
    model.get_layer("trunk").trainable = False
    with pytest.raises(
        ValueError, match="several of the tasks 'species', 'mass' use is expected, but they share none"
    ):
        shared_variables(model)


@pytest.mark.parametrize(
    "layers, error, message",
    [
        ("trunk", TypeError, r"shared must be a list of names of layers, but 'trunk' was given.*\['trunk'\]"),
        ([], TypeError, "must be a list of names"),
        (["trnk"], ValueError, "shared must name a layer .*'trunk'.*'trnk' was given. Did you mean 'trunk'"),
        (["concatenate"], ValueError, "shared must name a layer of the model with trainable variables"),
    ],
)
def test_names_that_do_not_serve(layers, error, message):
    with pytest.raises(error, match=message):
        shared_table(small_model(compiled=False), layers)


def both_ways(model, inputs):
    """Predictions in one piece, and through the two halves."""
    encoder, heads, direct, ready = halves(model)
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    features = list(encoder({name: tensors[name] for name in encoder.input}, training=False).values())
    in_halves = heads([*features, *(tensors[name] for name in direct)], training=False)
    return model(tensors, training=False), in_halves | {task: features[n] for task, n in ready.items()}


def test_the_halves_of_a_network_with_skip_connections():
    model = scene_network()
    encoder, heads, direct, ready = halves(model)
    assert not ready
    assert sorted(tuple(tensor.shape[1:]) for tensor in encoder.outputs) == [(7, 7, 48), (14, 14, 24)]
    assert direct == ("image",)
    names = {v.path for half in (encoder, heads) for v in half.trainable_variables}
    assert names == {v.path for v in model.trainable_variables}
    assert len(encoder.trainable_variables) + len(heads.trainable_variables) == len(names)
    image = np.random.default_rng(0).random((2, 28, 28, 1), dtype="float32")
    whole, in_halves = both_ways(model, {"image": image})
    for task in whole:
        np.testing.assert_allclose(whole[task], in_halves[task], atol=1e-6)


def test_an_input_of_one_head_alone_and_an_output_that_another_head_reads():
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((2,), name="b")}
    first = keras.layers.Dense(2, name="first")(keras.layers.Dense(4, name="trunk")(inputs["a"]))
    second = keras.layers.Dense(1, name="second")(keras.layers.Concatenate()([first, inputs["b"]]))
    model = MultiTaskModel(inputs, {"first": first, "second": second})
    encoder, _, direct, ready = halves(model)
    assert ready == {"first": 0} and list(encoder.input) == ["a"] and direct == ("b",)
    assert {v.path for v in shared_variables(model)} == {
        f"{n}/{k}" for n in ("trunk", "first") for k in ("kernel", "bias")
    }
    rng = np.random.default_rng(1)
    data = {"a": rng.random((4, 3), dtype="float32"), "b": rng.random((4, 2), dtype="float32")}
    whole, in_halves = both_ways(model, data)
    for task in whole:
        np.testing.assert_allclose(whole[task], in_halves[task], atol=1e-6)


def mixture(below=()):
    """Two tasks that read a mixture of experts, on the input itself or on further layers."""
    x = features = keras.Input((3,), name="x")
    for layer in below:
        features = layer(features)
    of_tasks = MMoE(tasks=["a", "b"], experts=2, units=4, name="mixture")(features)
    return {"x": x}, {task: keras.layers.Dense(1, name=task)(of_tasks[task]) for task in ("a", "b")}


def test_a_mixture_of_experts_lies_behind_the_cut():
    model = MultiTaskModel(*mixture([keras.layers.Dense(5, name="trunk")]))
    encoder, heads, *_ = halves(model)
    assert {v.path.split("/")[0] for v in encoder.trainable_variables} == {"trunk"}
    assert len(heads.trainable_variables) == len(model.trainable_variables) - 2


@pytest.mark.parametrize("options", [{"balance_on": "features"}, {"passes": "together"}])
def test_without_shared_features_there_is_nothing_to_cut(options):
    message = "Features that several of the tasks 'a', 'b' read are expected.*passes='separate'"
    with pytest.raises(ValueError, match=message):
        MultiTaskModel(*mixture(), balancer=pcgrad, **options)


def test_a_layer_on_both_sides_of_the_cut_is_refused():
    x, layer = keras.Input((3,), name="x"), keras.layers.Dense(3, name="layer")
    shared = layer(x)
    outputs = {"a": keras.layers.Dense(1)(shared), "b": keras.layers.Dense(1)(layer(shared))}
    with pytest.raises(ValueError, match="the model calls 'layer' in both"):
        halves(MultiTaskModel({"x": x}, outputs))


def test_cutting_a_model_leaves_it_as_it_was(tmp_path):
    model = small_model()
    halves(model)
    model.fit(*small_data(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(small_data()[0], verbose=0)["mass"],
        model.predict(small_data()[0], verbose=0)["mass"],
        atol=1e-6,
    )
