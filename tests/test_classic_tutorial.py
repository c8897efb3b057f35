"""The two-headed model of a widely copied tutorial, at its own sizes: repaired, it learns both tasks.

Two inputs of 50 and 100 features, one shared layer of 64 ReLU units, a 10-class softmax head and a
one-unit regression head, Adam, categorical cross-entropy and mean squared error, 10 epochs, batches
of 32. As published it has three faults; each is shown to fail as described.
"""

from mtl_helpers.data import tutorial_data
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest

CLASSES = 10


TRAIN, TEST = (
    (part.inputs, part.targets) for part in (tutorial_data(1500, seed=1), tutorial_data(1000, seed=2))
)


def tutorial_graph(both_inputs=True):
    keras.utils.set_random_seed(0)
    inputs = {"first": keras.Input((50,), name="first"), "second": keras.Input((100,), name="second")}
    features = keras.layers.Concatenate()(list(inputs.values())) if both_inputs else inputs["first"]
    shared = keras.layers.Dense(64, activation="relu")(features)
    outputs = {
        "kind": keras.layers.Dense(CLASSES, activation="softmax")(shared),
        "amount": keras.layers.Dense(1)(shared),
    }
    return inputs, outputs


def trained_and_evaluated(model):
    model.compile(
        "adam",
        loss={"kind": "categorical_crossentropy", "amount": "mse"},
        metrics={"kind": ["accuracy"], "amount": ["mae"]},
    )
    model.fit(*TRAIN, epochs=10, batch_size=32, verbose=0)
    return model.evaluate(*TEST, verbose=0, return_dict=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind_of_model", [keras.Model, MultiTaskModel])
def test_repaired_it_learns_both_tasks_far_beyond_the_trivial_baselines(kind_of_model):
    inputs, outputs = tutorial_graph()
    results = trained_and_evaluated(kind_of_model(inputs=inputs, outputs=outputs))
    majority_accuracy = TEST[1]["kind"][:, TRAIN[1]["kind"].sum(axis=0).argmax()].mean()
    mae_of_the_mean = np.abs(TEST[1]["amount"] - TRAIN[1]["amount"].mean()).mean()
    assert majority_accuracy < 0.3
    assert results["kind_accuracy"] > majority_accuracy + 0.4
    assert results["amount_mae"] < 0.3 * mae_of_the_mean


def test_fault_1_losses_keyed_by_names_that_no_layer_bears():
    inputs, outputs = tutorial_graph()
    model = keras.Model(inputs=list(inputs.values()), outputs=list(outputs.values()))
    model.compile("adam", loss={"kind": "categorical_crossentropy", "amount": "mse"})
    with pytest.raises(ValueError, match=r"Expected keys \['dense.*'\] in loss dict"):
        model.fit(list(TRAIN[0].values()), list(TRAIN[1].values()), verbose=0)


def test_fault_2_an_input_that_nothing_uses_is_taken_in_silence_by_keras_alone():
    inputs, outputs = tutorial_graph(both_inputs=False)
    model = keras.Model(inputs=inputs, outputs=outputs)
    changed = {**TEST[0], "second": np.zeros_like(TEST[0]["second"])}
    before, after = (model.predict(data, verbose=0)["amount"] for data in (TEST[0], changed))
    np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match="input 'second' is connected to no output"):
        MultiTaskModel(inputs=inputs, outputs=outputs)


@pytest.mark.slow
def test_fault_2_costs_both_tasks_what_only_the_second_input_shows():
    inputs, outputs = tutorial_graph(both_inputs=False)
    results = trained_and_evaluated(keras.Model(inputs=inputs, outputs=outputs))
    mae_of_the_mean = np.abs(TEST[1]["amount"] - TRAIN[1]["amount"].mean()).mean()
    assert results["amount_mae"] > 0.5 * mae_of_the_mean
    assert results["kind_accuracy"] < 0.6


def test_fault_3_evaluate_returns_five_values_not_three():
    inputs, outputs = tutorial_graph()
    model = keras.Model(inputs=inputs, outputs=outputs)
    some = tuple({name: values[:32] for name, values in part.items()} for part in TEST)
    losses = {"kind": "categorical_crossentropy", "amount": "mse"}
    metrics = {"kind": ["accuracy"], "amount": ["mae"]}
    model.compile("adam", loss=losses, metrics=metrics, run_eagerly=True)
    with pytest.raises(ValueError, match="too many values to unpack"):
        loss, kind_accuracy, amount_mae = model.evaluate(*some, verbose=0)
    assert len(model.evaluate(*some, verbose=0)) == 5
