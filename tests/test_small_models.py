"""Quantised copies of an exported network."""

from mtl_helpers import small_models
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest

KINDS = small_models.KINDS


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    features = keras.Input((20,), name="features")
    shared = keras.layers.Dense(512, activation="relu")(features)
    shared = keras.layers.Dense(128, activation="relu")(shared)
    heads = {
        "kind": keras.layers.Dense(3, activation="softmax")(shared),
        "amount": keras.layers.Dense(1)(shared),
    }
    return MultiTaskModel({"features": features}, heads)


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network") / "1"
    network.export(folder, verbose=False)
    return folder


@pytest.fixture(scope="module")
def inputs():
    return {"features": np.random.default_rng(0).normal(size=(50, 20)).astype("float32")}


@pytest.mark.slow
def test_fewer_bits_make_it_smaller_and_less_exact(network, exported, inputs, capfd):
    exact = network.predict(inputs, verbose=0)
    sizes, errors = [], []
    for kind in KINDS:
        small = small_models.quantise(exported, kind, examples=inputs)
        outputs = small_models.predict_small(small, inputs)
        assert {task: values.shape for task, values in outputs.items()} == {
            "kind": (50, 3),
            "amount": (50, 1),
        }
        sizes.append(len(small))
        errors.append(np.abs(outputs["amount"] - exact["amount"]).max())
    assert sizes[1] < 0.7 * sizes[0] and sizes[2] < 0.7 * sizes[1]
    assert errors[0] < 1e-5 < errors[1] < errors[2] < errors[3] < 0.2
    assert capfd.readouterr().err == ""  # TensorFlow Lite's own messages are held back


def test_what_does_not_fit_is_said(exported, tmp_path, inputs, capfd):
    with pytest.raises(ValueError, match="must be one of .* but '4-bit weights' was given"):
        small_models.quantise(exported, "4-bit weights")
    with pytest.raises(ValueError, match="needs examples.*none were given"):
        small_models.quantise(exported, KINDS[3])
    with pytest.raises(OSError, match="does not exist"):
        small_models.quantise(tmp_path / "nowhere", KINDS[0])
