"""What one training step costs with each weighting and balancer, against the plain sum and against torchjd.

    python -m benchmarks.step_cost [--rounds N] [--tasks K ...] [--peer PYTHON] [--table FILE] [--figure FILE]

Every step is taken in each round, one after the other, so that what slows the machine for a while slows all. A ratio is
that of two steps of one round; the table gives its median and its quartiles over the rounds. A step is taken twice and
the second one timed, so that none pays for what ran before it. TensorFlow and PyTorch run in two processes, one of them
waiting, on the same network, batch and number of threads. PYTHON is one that has torch and torchjd; without it, their
columns stay empty.

Writes the table, which lessons read, and a figure.
"""

import argparse
import datetime
import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.networks import BATCH_SIZE, CHANNELS, CLASSES, HIDDEN, KERNEL, SIZE, TASKS, THREADS
from mtl_helpers import balancing, plots
from mtl_helpers.data import digit_scenes
from mtl_helpers.scene_network import scene_network, scene_tasks
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import DWA, FAMO, GLS, RLW, GradNorm, Uncertainty, Weighting

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers

BALANCERS = ("pcgrad", "mgda", "cagrad", "imtl_g", "nash_mtl", "aligned_mtl", "upgrad")
WEIGHTINGS: tuple[type[Weighting], ...] = (Uncertainty, DWA, RLW, GLS, GradNorm, FAMO)
PLAIN = "plain sum"
ROOT = Path(__file__).resolve().parent.parent

Step = Callable[[], object]
Name = tuple[str, str]  # method, and where it works: "losses", "parameters, together", "features", ...


class Peer:
    """The process with PyTorch. `time` gives the milliseconds of one step there, or NaN if there is none."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.torch_steps"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "passive"},
        )  # fmt: skip
        self.ready = self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def time(self, tasks: int, method: str) -> float:
        """Take one step there."""
        if not self.ready:
            return float("nan")
        assert self.process.stdin is not None
        print(tasks, method, file=self.process.stdin, flush=True)
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def lenet(tasks: int) -> tuple[dict, dict, dict]:
    """Inputs, outputs and losses of a small LeNet with a head for each task."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 1), name="image")
    x = image
    for channels in CHANNELS:
        x = layers.MaxPooling2D()(layers.Conv2D(channels, KERNEL, activation="relu")(x))
    x = layers.Dense(HIDDEN, activation="relu")(layers.Flatten()(x))
    names = [f"task_{number}" for number in range(1, tasks + 1)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {"image": image}, {name: layers.Dense(CLASSES)(x) for name in names}, dict.fromkeys(names, loss)


def lenet_batch(tasks: int) -> tuple[dict, dict]:
    """Random images and labels."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.random((BATCH_SIZE, SIZE, SIZE, 1), dtype="float32"))
    labels = rng.integers(CLASSES, size=(tasks, BATCH_SIZE))
    return {"image": images}, {f"task_{number}": tf.constant(row) for number, row in enumerate(labels, 1)}


def scenes(tasks: int) -> tuple[dict, dict, dict]:
    """The network of lesson 04, with skip connections and batch normalisation."""
    keras.utils.set_random_seed(0)
    network = scene_network()
    return network.input, network.output, {task.name: task.loss for task in scene_tasks()}


def scenes_batch(tasks: int) -> tuple[dict, dict]:
    """Scenes as lesson 04 trains on them."""
    part = digit_scenes(train=BATCH_SIZE, validation=1, test=1).train
    inputs, targets = (
        {k: tf.constant(v) for k, v in arrays.items()} for arrays in (part.inputs, part.targets)
    )
    return inputs, targets


def our_steps(build: Callable, batch: tuple[dict, dict], tasks: int) -> dict[Name, Step]:
    """A traced step for each method, each on a network of its own."""

    def step(**options: Any) -> Step:
        inputs, outputs, losses = build(tasks)
        model = MultiTaskModel(inputs, outputs, **options)
        model.compile(keras.optimizers.SGD(1e-3), loss=losses)
        model.optimizer.build(model.trainable_variables)
        traced = tf.function(model.train_step).get_concrete_function(batch)
        return lambda: traced(batch)["loss"].numpy()

    found: dict[Name, Step] = {(PLAIN, "losses"): step()}
    for weighting in WEIGHTINGS:
        found[weighting.__name__, "losses"] = step(weighting=weighting())
    for name in BALANCERS:
        balancer = getattr(balancing, name)
        for passes in ("together", "separate"):
            found[name, f"parameters, {passes}"] = step(balancer=balancer, passes=passes)
        found[name, "features"] = step(balancer=balancer, balance_on="features")
    return found


def measure(network: str, tasks: int, rounds: int, peer: Peer | None) -> pd.DataFrame:
    """Milliseconds: a row for each round, a column for each step."""
    build, batch = (lenet, lenet_batch(tasks)) if network == "LeNet" else (scenes, scenes_batch(tasks))
    ours = our_steps(build, batch, tasks)
    theirs = [PLAIN, *BALANCERS] if peer is not None else []

    if network == "LeNet":  # a balancer alone, on a matrix of the size that it has on features
        matrix = tf.random.normal((tasks, BATCH_SIZE * HIDDEN), seed=0)
        for name in BALANCERS:
            traced = tf.function(getattr(balancing, name)).get_concrete_function(matrix)
            ours[name, "alone"] = functools.partial(lambda traced: traced(matrix).numpy(), traced)

    def once() -> dict[tuple[str, str], float]:
        times: dict[tuple[str, str], float] = {}
        for name, step in ours.items():
            step()
            started = time.perf_counter()
            step()
            times[name] = 1000 * (time.perf_counter() - started)
            if name[0] in theirs and name[1] in ("losses", "parameters, together"):
                times[name[0], "torchjd"] = peer.time(tasks, name[0]) if peer else float("nan")
        return times

    for _ in range(3):
        once()
    return pd.DataFrame([once() for _ in range(rounds)])


def summary(network: str, tasks: int, times: pd.DataFrame) -> pd.DataFrame:
    """A row for each step: its ratio to the plain sum of its own side, and to torchjd's step of the same method."""
    rows = []
    for method, place in times.columns:
        own_plain = times[PLAIN, "torchjd" if place == "torchjd" else "losses"]
        ratio = times[method, place] / own_plain
        row = {"network": network, "tasks": tasks, "method": method, "place": place}
        row |= {"milliseconds": times[method, place].median(), "ratio": ratio.median()}
        row |= {"ratio_low": ratio.quantile(0.25), "ratio_high": ratio.quantile(0.75)}
        if (method, "torchjd") in times and place not in ("torchjd", "alone"):
            against = times[method, place] / times[method, "torchjd"]
            row |= {"of_torchjd": against.median()}
            row |= {"of_torchjd_low": against.quantile(0.25), "of_torchjd_high": against.quantile(0.75)}
        rows.append(row)
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, path: Path) -> None:
    """The ratio to the plain sum against the number of tasks: median over the methods, band from least to most."""
    plots.use_course_style()
    figure, axes = plt.subplots(figsize=(6.0, 3.4))
    styles = {
        "parameters, separate": ("o", ":", plots.GREY),
        "torchjd": ("^", "--", plots.ORANGE),
        "parameters, together": ("s", "-", plots.BLUE),
        "features": ("D", "-", plots.GREEN),
    }
    lenet_rows = table[(table["network"] == "LeNet") & table["method"].isin(BALANCERS)]
    for place, (marker, line, colour) in styles.items():
        groups = lenet_rows[lenet_rows["place"] == place].groupby("tasks")["ratio"]
        if not groups.ngroups or groups.median().isna().all():
            continue
        middle = groups.median()
        axes.plot(middle.index, middle, marker=marker, linestyle=line, color=colour)
        axes.fill_between(middle.index, groups.min(), groups.max(), color=colour, alpha=0.15, linewidth=0)
        axes.annotate(
            place, (middle.index[-1], middle.iloc[-1]), (6, 3), textcoords="offset points", color=colour
        )
    axes.set(
        xticks=TASKS, xlim=(1.7, 11.5), ylim=(0, None), xlabel="tasks", ylabel="time of a step / plain sum"
    )
    plots.baseline(axes, 1.0, "plain sum")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def comments(peer_python: str | None) -> str:
    """Where the numbers come from."""
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {importlib.metadata.version(name)}" for name in ("keras", "numpy")]
    versions.append(f"tensorflow {tf.__version__}")
    if peer_python:
        asked = "import importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in ('torch', 'torchjd')), sep=', ')"
        versions.append(subprocess.check_output([peer_python, "-c", asked], text=True).strip())
    return (
        "# command: make bench\n"
        f"# versions: {', '.join(versions)}\n"
        f"# date: {datetime.date.today()}\n"
        f"# cores: {os.cpu_count()}, threads: {THREADS}, batch: {BATCH_SIZE}\n"
    )


def main() -> int:
    """Measure all, and write the table and the figure."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--peer", default=sys.executable, help="a Python that has torch and torchjd")
    parser.add_argument("--table", type=Path, default=ROOT / "notebooks" / "results" / "step_cost.csv")
    parser.add_argument("--figure", type=Path, default=ROOT / "benchmarks" / "step_cost.png")
    parser.add_argument("--tasks", type=int, nargs="*", default=TASKS)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    peer = Peer(arguments.peer)
    if not peer.ready:
        print("torchjd is not installed in the Python of --peer: its columns stay empty.")
    plan = [("LeNet", tasks) for tasks in arguments.tasks] + [("scenes", 3)]
    parts = []
    for network, tasks in plan:
        with_peer = peer if peer.ready and network == "LeNet" else None
        times = measure(network, tasks, arguments.rounds, with_peer)
        parts.append(summary(network, tasks, times))
        print(parts[-1].round(2).to_string(index=False), flush=True)
        tf.keras.backend.clear_session()
    peer.close()
    table = pd.concat(parts).round(3)
    rows = comments(arguments.peer if peer.ready else None) + table.to_csv(index=False)
    arguments.table.write_text(rows, encoding="utf-8", newline="\n")
    draw(table, arguments.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
