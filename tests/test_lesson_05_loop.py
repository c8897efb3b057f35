"""Lesson 05: its own cells, run here, train as `fit` does; and a wrong step is seen to be different."""

from typing import Any

from tools import lessons

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROUNDING = 1e-5


def lesson_code() -> str:
    """The cells that the lesson marks as its loop, without IPython's magics."""
    cells = lessons.read(lessons.find(["05"])[0]).cells
    marked = [cell.source for cell in cells if cell.metadata.get("part") == "loop"]
    lines = "\n\n".join(marked).splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))


def defined(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "lesson 05", "exec"), names)
    names["EPOCHS"] = 6
    return names


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    return defined(lesson_code())


@pytest.fixture(scope="module")
def line_by_line(lesson: dict[str, Any]) -> list[np.ndarray]:
    return lesson["by_hand"](lambda step: step)


def test_the_last_batch_is_smaller(lesson):
    sizes = [len(targets["species"]) for _, targets in lesson["batches"](lesson["penguins"].train, 0)]
    assert sizes == [32] * 6 + [8]


def test_every_epoch_has_its_own_order_and_every_run_the_same(lesson):
    def first(epoch):
        return next(lesson["batches"](lesson["penguins"].train, epoch))[0]["measurements"]

    assert np.array_equal(first(3), first(3))
    assert not np.array_equal(first(3), first(4))


@pytest.mark.slow
def test_training_moves_the_weights_far_beyond_rounding(lesson, line_by_line):
    untrained = lesson["penguin_network"]().get_weights()
    assert lesson["difference"](untrained, line_by_line) > 1000 * ROUNDING


@pytest.mark.slow
def test_step_in_a_graph_is_the_same(lesson, line_by_line):
    assert lesson["difference"](lesson["by_hand"](lesson["tf"].function), line_by_line) < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["HandMadeModel", "MultiTaskModel", "keras.Model"])
def test_fit_is_the_same(lesson, line_by_line, kind):
    trained = lesson["by_fit"](keras.Model if kind == "keras.Model" else lesson[kind])
    assert lesson["difference"](trained, line_by_line) < ROUNDING


@pytest.mark.slow
def test_logs_of_the_hand_made_model_are_those_of_keras(lesson):
    def losses(kind):
        network = lesson["penguin_network"](kind)
        network.compile(keras.optimizers.Adam(0.01), loss=lesson["LOSSES"])
        return network.fit(
            lesson["every_batch"](), steps_per_epoch=7, epochs=2, shuffle=False, verbose=0
        ).history

    ours, keras_own = losses(lesson["HandMadeModel"]), losses(keras.Model)
    assert ours.keys() == keras_own.keys()
    for name, values in keras_own.items():
        assert ours[name] == pytest.approx(values, abs=1e-4), name


def test_the_network_writes_a_curve_for_each_task_that_tensorboard_reads(lesson, tmp_path):
    model = lesson["penguin_network"](lesson["MultiTaskModel"])
    model.compile("adam", loss=lesson["LOSSES"])
    birds, validation = lesson["penguins"].train, lesson["penguins"].validation
    model.fit(
        birds.inputs, birds.targets, epochs=2, verbose=0,
        validation_data=(validation.inputs, validation.targets),
        callbacks=[keras.callbacks.TensorBoard(tmp_path, write_graph=False)],
    )  # fmt: skip
    for part in ("train", "validation"):
        events = EventAccumulator(str(tmp_path / part)).Reload()
        for task in lesson["LOSSES"]:
            assert len(events.Tensors(f"epoch_{task}_loss")) == 2


@pytest.mark.slow
def test_train_epoch_gives_the_mean_over_all_birds_of_this_epoch_alone(lesson):
    birds, losses, network = lesson["penguins"].train, lesson["LOSSES"], lesson["penguin_network"]()
    means = {task: keras.metrics.Mean() for task in losses}
    step = lesson["make_step"](network, losses, keras.optimizers.SGD(0.0), training=False)
    network_says = network(birds.inputs, training=False)
    for epoch in range(2):  # nothing is learned at rate 0: the second epoch must say the same
        found = lesson["train_epoch"](step, epoch, means)
        assert set(found) == set(losses)
        for task, loss in losses.items():
            expected = float(loss(birds.targets[task], network_says[task]))
            assert found[task] == pytest.approx(expected, rel=1e-4)


# A way to break each form of the step. Were the comparison blind, these would pass too.
BROKEN = {
    "dropout silent": ("model(inputs, training=training)", "model(inputs, training=False)"),
    "one loss left out": ("total = sum(task_losses.values())", "total = task_losses['species']"),
    "mean of the losses": ("total = sum(task_losses.values())", "total = sum(task_losses.values()) / 3"),
    "two updates": (
        "        optimizer.apply(gradients, model.trainable_variables)\n        return",
        "        optimizer.apply(gradients, model.trainable_variables)\n" * 2 + "        return",
    ),
    "same order in every epoch": ("default_rng([seed, epoch])", "default_rng([seed, 0])"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_step_is_seen(fault, line_by_line):
    right, wrong = BROKEN[fault]
    code = lesson_code()
    assert code.count(right) == 1
    broken = defined(code.replace(right, wrong))
    trained = broken["by_hand"](broken["tf"].function)
    # Adam hides most of a factor on the loss.
    assert broken["difference"](trained, line_by_line) > 10 * ROUNDING


@pytest.mark.slow
def test_a_broken_train_step_is_seen(line_by_line):
    code = lesson_code()
    right, wrong = "predictions = self(inputs, training=True)", "predictions = self(inputs, training=False)"
    assert code.count(right) == 1
    broken = defined(code.replace(right, wrong))
    assert broken["difference"](broken["by_fit"](broken["HandMadeModel"]), line_by_line) > 100 * ROUNDING
