"""Task: used as a lesson uses it, frozen, and clear about its mistakes."""

import dataclasses
import subprocess
import sys

from mtl_helpers.tasks import Task

import pytest
from small_models import small_data, small_graph


def test_tasks_make_outputs_and_what_compile_takes():
    from mtl_helpers.training import MultiTaskModel

    import keras

    tasks = [
        Task("species", keras.layers.Dense(3, "softmax"), "sparse_categorical_crossentropy", ["accuracy"]),
        Task("mass", lambda x: keras.layers.Dense(1)(x), "mse", ["mae"], higher_is_better=False, unit="g"),
    ]
    inputs, _ = small_graph()
    features = keras.layers.Concatenate()(list(inputs.values()))
    model = MultiTaskModel(inputs=inputs, outputs={task.name: task.head(features) for task in tasks})
    model.compile(
        loss={task.name: task.loss for task in tasks},
        metrics={task.name: task.metrics for task in tasks},
        run_eagerly=True,
    )
    results = model.evaluate(*small_data(), verbose=0, return_dict=True)
    assert set(results) == {"loss", "species_loss", "mass_loss", "species_accuracy", "mass_mae"}
    assert tasks[1].metrics == ("mae",) and tasks[1].unit == "g" and not tasks[1].higher_is_better


def test_a_task_cannot_be_changed():
    task = Task("mass", lambda x: x, "mse")
    assert task.metrics == () and task.higher_is_better and task.unit == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.loss = "mae"


GOOD = {"name": "mass", "head": lambda x: x, "loss": "mse"}


@pytest.mark.parametrize(
    "part, error, message",
    [
        ({"name": ""}, ValueError, r"must be a string that is not empty, but '' .* such as 'species'"),
        ({"name": 3}, ValueError, r"must be a string that is not empty, but 3 "),
        (
            {"head": "dense"},
            TypeError,
            r"head of task 'mass' must be .*but 'dense' was given.*Make the layer",
        ),
        (
            {"head": dict},
            TypeError,
            r"head of task 'mass' must be .*but the class dict was given.*Make the layer",
        ),
        (
            {"loss": ["mse", "mae"]},
            TypeError,
            r"loss of task 'mass' must be one .*\['mse', 'mae'\].*loss='mse'",
        ),
        ({"loss": None}, TypeError, r"loss of task 'mass' must be one .*None was given"),
        ({"metrics": "mae"}, TypeError, r"metrics of task 'mass' must be a list, but 'mae' .*metrics=\["),
        ({"metrics": None}, TypeError, r"metrics of task 'mass' must be a list, but None "),
        ({"higher_is_better": "no"}, TypeError, r"must be True or False, but 'no' was given"),
    ],
)
def test_a_mistake_is_named(part, error, message):
    with pytest.raises(error, match=message):
        Task(**{**GOOD, **part})


def test_tasks_do_not_need_tensorflow():
    code = "import sys, mtl_helpers.tasks; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
