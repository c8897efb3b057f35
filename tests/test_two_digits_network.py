"""The network of the lessons on two digits: it builds for each choice of tasks and width, trains, and is saved."""

from mtl_helpers.data import two_digits
from mtl_helpers.turns import train_in_turn
from mtl_helpers.two_digits_network import two_digits_network, two_digits_tasks
from mtl_helpers.weighting import Static

import keras
import numpy as np
import pytest

NAMES = ("top_left", "bottom_right")


def chosen(*names):
    return [task for task in two_digits_tasks() if task.name in names]


def compiled(tasks, **options):
    network = two_digits_network(tasks, **options)
    network.compile(
        keras.optimizers.Adam(2e-3),
        loss={task.name: task.loss for task in tasks},
        metrics={task.name: list(task.metrics) for task in tasks},
    )
    return network


@pytest.mark.parametrize("names", [NAMES[:1], NAMES[1:], NAMES])
def test_every_choice_of_tasks_builds(names):
    network = compiled(chosen(*names))
    assert network.task_names == names
    assert {name: head.shape for name, head in network.output.items()} == {n: (None, 10) for n in names}
    assert {name: image.shape for name, image in network.input.items()} == {"image": (None, 18, 18, 1)}


def test_all_tasks_are_the_default_and_are_complete():
    assert two_digits_network().task_names == NAMES == tuple(task.name for task in two_digits_tasks())
    assert all(task.metrics == ("accuracy",) and task.higher_is_better for task in two_digits_tasks())


def test_heads_share_the_encoder_and_nothing_else():
    weights = {
        names: {v.path for v in two_digits_network(chosen(*names)).variables}
        for names in (NAMES[:1], NAMES[1:], NAMES)
    }
    shared = {path for path in weights[NAMES] if path.startswith("encoder")}
    assert len(shared) == 3 * 2  # each a kernel and a bias
    for name in NAMES:
        head = weights[name,] - shared
        assert shared < weights[name,] and len(head) == 4
        assert all(path.startswith((f"{name}/", f"{name}_")) for path in head)
    assert weights[NAMES] == weights[NAMES[:1]] | weights[NAMES[1:]]


def test_the_shared_features_are_one_vector():
    network = two_digits_network(width=4)
    readers = [network.get_layer(f"{name}_hidden") for name in NAMES]
    assert readers[0].input is readers[1].input is network.get_layer("encoder_features").output
    assert readers[0].input.shape == (None, 32)


@pytest.mark.parametrize(
    "width, names, parameters",
    [(16, NAMES, 79_636), (16, NAMES[:1], 75_178), (2, NAMES, 2_916), (24, NAMES, 171_700)],
)
def test_the_width_decides_the_number_of_parameters(width, names, parameters):
    assert two_digits_network(chosen(*names), width=width).count_params() == parameters


def test_options_reach_the_model():
    weighting = Static({"top_left": 0.5, "bottom_right": 1.0})
    network = two_digits_network(weighting=weighting, name="my_network")
    assert network.weighting is weighting and network.name == "my_network"

    def sum_of_both(gradients):
        return gradients[0] + gradients[1]

    assert two_digits_network(balancer=sum_of_both).balancer is sum_of_both


@pytest.mark.parametrize("width", [0, -1, 1.5, "wide"])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(ValueError, match=f"width must be a whole number of at least 1, but {width!r}"):
        two_digits_network(width=width)


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Skipping")
def test_both_digits_are_learned_and_a_loaded_network_predicts_the_same(tmp_path):
    digits = two_digits(3000, 1, 500)
    runs = train_in_turn(lambda: compiled(two_digits_tasks()), digits.train, epochs=5, batch_size=64, seeds=1)
    predictions = runs.predict(digits.test.inputs)
    for name in NAMES:
        assert (predictions[name][0].argmax(axis=1) == digits.test.targets[name]).mean() > 0.7  # by chance .1
        assert runs.history[f"{name}_accuracy"][0, -1] > 0.75

    runs.model(0).save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    for name, values in loaded(digits.test.inputs).items():
        np.testing.assert_allclose(values, predictions[name][0], atol=1e-6)
