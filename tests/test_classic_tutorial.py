"""The two-headed model of a widely copied tutorial, at its own sizes: repaired, it learns both tasks.

Two inputs of 50 and 100 features, one shared layer of 64 ReLU units, a 10-class softmax head and a
one-unit regression head, Adam, categorical cross-entropy and mean squared error, 10 epochs, batches
of 32. As published it has three faults; each is shown to fail as described.
"""

from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import pytest

CLASSES = 10


def generated_data(examples, seed=0):
    """Inputs "a" (n, 50) and "b" (n, 100); one-hot classes (n, 10) and a number (n, 1) that need both.

    A few hidden numbers make the features of both inputs; either input shows only half of them. The
    class is the largest of ten scores, the number a sum, over all hidden numbers.
    """
    fixed = np.random.default_rng(123)  # the same relation in training and test data
    show_a, show_b = fixed.normal(size=(3, 50)), fixed.normal(size=(3, 100))
    scores, effect = fixed.normal(size=(6, CLASSES)), np.array([1.0, -1.0, 0.5, 1.0, -0.5, 1.0])
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(examples, 6))
    inputs = {"a": hidden[:, :3] @ show_a, "b": hidden[:, 3:] @ show_b}
    inputs = {name: array + 0.5 * rng.normal(size=array.shape) for name, array in inputs.items()}
    number = hidden @ effect + 0.1 * rng.normal(size=examples)
    targets = {"kind": np.eye(CLASSES)[(hidden @ scores).argmax(axis=1)], "amount": number[:, None]}
    as_float32 = (
        {name: array.astype("float32") for name, array in part.items()} for part in (inputs, targets)
    )
    return tuple(as_float32)


TRAIN, TEST = generated_data(1500, seed=1), generated_data(1000, seed=2)


def tutorial_graph(both_inputs=True):
    keras.utils.set_random_seed(0)
    inputs = {"a": keras.Input((50,), name="a"), "b": keras.Input((100,), name="b")}
    features = keras.layers.Concatenate()(list(inputs.values())) if both_inputs else inputs["a"]
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
    changed = {**TEST[0], "b": np.zeros_like(TEST[0]["b"])}
    before, after = (model.predict(data, verbose=0)["amount"] for data in (TEST[0], changed))
    np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match="input 'b' is connected to no output"):
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
    some = generated_data(32)
    losses = {"kind": "categorical_crossentropy", "amount": "mse"}
    metrics = {"kind": ["accuracy"], "amount": ["mae"]}
    model.compile("adam", loss=losses, metrics=metrics, run_eagerly=True)
    with pytest.raises(ValueError, match="too many values to unpack"):
        loss, kind_accuracy, amount_mae = model.evaluate(*some, verbose=0)
    assert len(model.evaluate(*some, verbose=0)) == 5
