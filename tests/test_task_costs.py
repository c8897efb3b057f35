"""Networks with many heads, and what their steps cost."""

from mtl_helpers import task_costs

import numpy as np
import pandas as pd
import pytest


@pytest.mark.parametrize("method", task_costs.METHODS)
def test_a_step_trains_all_heads(method):
    model, batch = task_costs.many_heads(3, method), task_costs.one_batch(3)
    before = model.get_weights()
    step = task_costs.traced_step(model, batch)
    losses = [float(step()) for _ in range(2)]
    assert losses[1] < losses[0]
    for old, new in zip(before, model.get_weights(), strict=True):
        assert not np.array_equal(old, new)


def test_one_more_task_adds_one_small_head():
    few, more = (task_costs.many_heads(tasks, "plain sum") for tasks in (2, 3))
    assert more.count_params() - few.count_params() == task_costs.SHARED + 1


def test_the_methods_are_what_they_are_called():
    features, parameters = (
        task_costs.many_heads(2, f"balanced on {what}") for what in ("features", "parameters")
    )
    assert features.balanced_step.on == "features" and parameters.balanced_step.on == "parameters"
    assert task_costs.many_heads(2, "plain sum").balanced_step is None


def test_the_figure_has_a_line_for_each_method_and_live_points():
    rows = [(name, tasks, tasks / 1000) for name in task_costs.METHODS for tasks in (2.0, 8.0)]
    times = pd.DataFrame(rows, columns=["name", "tasks", "seconds"])
    memory = times.rename(columns={"seconds": "megabytes"})
    left, right = task_costs.draw_costs(times, memory, times[times["tasks"] == 8]).axes
    assert len(left.lines) == 6 and len(right.lines) == 3
    assert left.lines[0].get_ydata().tolist() == [2, 8] and left.lines[1].get_ydata().tolist() == [8]
    assert [label.get_text() for label in left.get_xticklabels()] == ["2", "8"]


def grown(powers, counts=(2, 8, 16, 64)):
    """Times that grow with these powers in two rounds, but are flat below 8 tasks."""
    rows = [
        (name, tasks, number, (number + 1) * max(tasks, 8) ** power)
        for name in task_costs.METHODS
        for number, power in enumerate(powers)
        for tasks in counts
    ]
    return pd.DataFrame(rows, columns=["name", "tasks", "round", "seconds"])


def test_growth_is_a_slope_on_logarithmic_axes():
    powers = task_costs.growth_with_tasks(grown([0.9, 1.1]))
    assert powers.index.tolist() == list(task_costs.METHODS)
    half = 12.7062 * np.std([0.9, 1.1], ddof=1) / np.sqrt(2)  # t with one degree of freedom
    assert set(powers) == {f"1.00 [{1 - half:.2f}, {1 + half:.2f}]"}
    assert not set(task_costs.growth_with_tasks(grown([0.9, 1.1]), start=2)) & set(powers)


def test_growth_needs_two_numbers_of_tasks():
    with pytest.raises(ValueError, match="two numbers of tasks from 8 on"):
        task_costs.growth_with_tasks(grown([1, 1], counts=(2, 8)))


@pytest.mark.slow
def test_gradients_of_all_tasks_take_memory():
    plain, balanced = (
        task_costs.memory_of_first_step(32, method) for method in ("plain sum", "balanced on parameters")
    )
    matrix = 32 * 164_000 * 4 / 1e6  # MB
    assert 0 < plain < 200 and balanced > plain + matrix
