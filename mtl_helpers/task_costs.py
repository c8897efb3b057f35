"""What a training step costs with many heads: how its time grows, and its memory in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from mtl_helpers.balancing import aligned_mtl
from mtl_helpers.evaluation import mean_interval
from mtl_helpers.plots import GREY, ORANGE, PINK
from mtl_helpers.training import MultiTaskModel

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
import tensorflow as tf
from keras import layers
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

EXAMPLES, INPUTS, HIDDEN, SHARED = 256, 256, 512, 64
METHODS: dict[str, dict[str, Any]] = {
    "plain sum": {},
    "balanced on features": {"balancer": aligned_mtl, "balance_on": "features"},
    "balanced on parameters": {"balancer": aligned_mtl},
}


def many_heads(tasks: int, method: str) -> MultiTaskModel:
    """Build a dense trunk, 256 → 512 → 64, with a regression head for each task.

    method: one of METHODS. The two that balance use Aligned-MTL.
    """
    keras.utils.set_random_seed(0)
    numbers = keras.Input((INPUTS,), name="numbers")
    shared = layers.Dense(HIDDEN, activation="relu")(numbers)
    shared = layers.Dense(SHARED, activation="relu")(shared)
    heads = {f"task_{number}": layers.Dense(1)(shared) for number in range(1, tasks + 1)}
    model = MultiTaskModel({"numbers": numbers}, heads, **METHODS[method])
    model.compile(keras.optimizers.SGD(1e-3), loss=dict.fromkeys(heads, "mse"))
    model.optimizer.build(model.trainable_variables)
    return model


def one_batch(tasks: int) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """Return random inputs and targets: a step's time does not depend on what they say."""
    generator = np.random.default_rng(0)
    inputs = tf.constant(generator.normal(size=(EXAMPLES, INPUTS)), tf.float32)
    targets = tf.constant(generator.normal(size=(tasks, EXAMPLES, 1)), tf.float32)
    return {"numbers": inputs}, {f"task_{number}": row for number, row in enumerate(targets, 1)}


def traced_step(model: MultiTaskModel, batch: tuple[dict, dict]) -> Callable[[], object]:
    """Build the graph of a training step, and return a function that takes one on this batch and waits for its end."""
    step = tf.function(model.train_step).get_concrete_function(batch)
    return lambda: step(batch)["loss"].numpy()


def memory_of_first_step(tasks: int, method: str) -> float:
    """Return the memory, in MB, by which a fresh process grows in its first step.

    Of a fresh one, because TensorFlow keeps what it once had for the next step.
    """
    done = subprocess.run(
        [sys.executable, "-m", "mtl_helpers.task_costs", str(tasks), method],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def draw_costs(times: pd.DataFrame, memory: pd.DataFrame, live: pd.DataFrame) -> Figure:
    """Draw time and memory of a step over the number of tasks, a line for each method; live times as open markers.

    times, live: columns "name", "tasks" and "seconds", a row for each round
    memory:      columns "name", "tasks" and "megabytes"
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2))
    looks = zip(METHODS, ("o", "s", "^"), (GREY, ORANGE, PINK), strict=True)
    for method, marker, colour in looks:
        for axes, table, column, factor in ((left, times, "seconds", 1000), (right, memory, "megabytes", 1)):
            medians = factor * table[table["name"] == method].groupby("tasks")[column].median()
            axes.plot(medians.index, medians, marker + "-", color=colour, label=method)
        medians = 1000 * live[live["name"] == method].groupby("tasks")["seconds"].median()
        left.plot(medians.index, medians, marker, color=colour, markerfacecolor="white", markersize=8)
    for axes, label in ((left, "milliseconds a step"), (right, "MB more in the first step")):
        axes.set(xscale="log", yscale="log", xlabel="tasks", ylabel=label)
        axes.set_xticks(counts := sorted(times["tasks"].unique()), [f"{count:.0f}" for count in counts])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    left.legend(fontsize=8)
    return figure


def growth_with_tasks(times: pd.DataFrame, start: int = 8) -> pd.Series:
    """Return for each method the power of the number of tasks with which its time grows, as "1.00 [0.97, 1.03]".

    It is the slope of a straight line on logarithmic axes, fitted in each round; then their mean with its 95 %
    interval. 1 means: in proportion to the number of tasks.

    times: columns "name", "tasks", "round" and "seconds"
    start: the smallest number of tasks that counts
    Raises ValueError if `times` holds fewer than two numbers of tasks from `start` on.
    """
    counted = times[times["tasks"] >= start]
    if counted["tasks"].nunique() < 2:
        raise ValueError(
            f"A slope needs two numbers of tasks from {start} on, but the table holds "
            f"{sorted(times['tasks'].unique())}. Time more of them, or begin with a smaller start."
        )
    powers = {}
    for method in METHODS:
        own = counted[counted["name"] == method]
        logarithms = np.log(own.pivot(index="tasks", columns="round", values="seconds"))
        slopes, _ = np.polyfit(np.log(logarithms.index), logarithms, 1)
        powers[method] = f"{mean_interval(slopes):.2f}"
    return pd.Series(powers, name="time grows with tasks to the power of")


def main(tasks: int, method: str) -> float:
    """Measure it in this process."""
    batch = one_batch(tasks)
    step = traced_step(many_heads(tasks, method), batch)
    before = psutil.Process().memory_info().rss
    step()
    return (psutil.Process().memory_info().rss - before) / 1e6


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
