"""What TensorFlow's profiler saw of a few steps: a table of what ran where and when, and its picture."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from mtl_helpers.plots import GREEN, GREY, ORANGE, SKY, VERMILION

import matplotlib.pyplot as plt
import pandas as pd
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from tensorflow.tsl.profiler.protobuf import xplane_pb2

COLOURS = {"forward": SKY, "backward": VERMILION, "optimizer": ORANGE, "input pipeline": GREEN}
PYTHON = "Python"
OPTIMIZER = re.compile(r"(adam|adamw|sgd|rmsprop)(_\d+)?/")  # Keras numbers them: the second one is adam_1


def profile_steps(step: Callable[[], object], steps: int = 3, *, warm_up: int = 0) -> pd.DataFrame:
    """Take a few steps under TensorFlow's profiler, and return a row for each event.

    step: takes one step. What it does inside `with tf.profiler.experimental.Trace(name)` becomes an event of Python;
          operations and the input pipeline are recorded by themselves
    steps, warm_up: how many are recorded, and how many are taken before them; at least one, as the first call builds
          a graph, unless the step was called before
    Columns: "thread" ("Python" or TensorFlow's name of it), "event", "kind" ("Python", "forward", "backward",
    "optimizer", "input pipeline"), "start" and "milliseconds", counted from the start of the first step.
    """
    for _ in range(warm_up):
        step()
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder, options):
            for number in range(steps):
                with tf.profiler.experimental.Trace("step", step_num=number):
                    step()
        written = next(Path(folder).rglob("*.xplane.pb"))
        space = xplane_pb2.XSpace.FromString(written.read_bytes())
    rows = [row for plane in space.planes for line in plane.lines for row in _events(plane, line)]
    events = pd.DataFrame(rows, columns=["thread", "event", "kind", "start", "milliseconds"])
    events["start"] -= events.loc[events["event"] == "step", "start"].min()
    return events.sort_values("start", ignore_index=True)


def draw_profile(events: pd.DataFrame, *, names: tuple[str, ...]) -> Figure:
    """Draw events over time: above what Python does, below it a row for each thread of TensorFlow.

    names: the events of Python to draw, each in a row of its own
    """
    shown = events[(events["kind"] != PYTHON) | events["event"].isin(names)]
    threads = shown.loc[shown["kind"] != PYTHON].groupby("thread")["milliseconds"].sum()
    rows = [*names, *threads.sort_values(ascending=False).index]
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.32 * len(rows)))
    for row, name in enumerate(rows):
        own = shown[(shown["event"] if name in names else shown["thread"]) == name]
        for kind, bars in own.groupby("kind"):
            spans = bars[["start", "milliseconds"]].to_numpy()
            axes.broken_barh(spans, (row - 0.4, 0.8), facecolors=COLOURS.get(str(kind), GREY), linewidth=0)
    labels = [name if name in names else f"thread {row - len(names) + 1}" for row, name in enumerate(rows)]
    axes.set_yticks(range(len(rows)), labels)
    axes.set(xlabel="milliseconds", ylim=(len(rows) - 0.5, -0.5), xlim=(0, None))
    axes.grid(visible=False, axis="y")
    patches = [Patch(color=colour, label=kind) for kind, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="outside upper center", ncols=len(patches), fontsize=9)
    return figure


def _events(plane: xplane_pb2.XPlane, line: xplane_pb2.XLine) -> list[tuple[str, str, str, float, float]]:
    """The events of one thread that are worth a bar: none that lies inside another one of its kind."""
    python = line.name == "python"
    found: list[tuple[str, str, str, float, float]] = []
    ends: dict[str, float] = {}
    for event in sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps)):
        name = plane.event_metadata[event.metadata_id].name
        kind = _kind(name, line.name)
        start = line.timestamp_ns / 1e6 + event.offset_ps / 1e9
        if kind is None or (not python and start < ends.get(kind, 0)):
            continue
        ends[kind] = start + event.duration_ps / 1e9
        found.append((PYTHON if python else line.name, name, kind, start, event.duration_ps / 1e9))
    return found


def _kind(name: str, thread: str) -> str | None:
    """What an event belongs to; None for the executor's own book-keeping."""
    if thread == "python":
        return PYTHON
    if name.startswith("Iterator::") or thread.startswith("tf_data"):
        return "input pipeline"
    operation, _, kernel = name.partition(":")
    if not kernel or kernel.startswith(":"):
        return None
    if operation.startswith("gradient_tape/"):
        return "backward"
    return "optimizer" if OPTIMIZER.match(operation) else "forward"
