"""What the profiler saw."""

import time

from mtl_helpers import step_profile

import keras
import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events():
    images, names = keras.Input((8, 8, 1)), tf.data.Dataset.range(640)
    model = keras.Sequential([images, keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(),
                              keras.layers.Dense(1)])  # fmt: skip
    model.compile(keras.optimizers.Adam(), "mse")
    data = names.map(lambda n: (tf.fill((8, 8, 1), tf.cast(n, tf.float32)), [1.0])).batch(16).repeat()
    batches, step = iter(data), tf.function(model.train_step)

    def one_step():
        with tf.profiler.experimental.Trace("wait"):
            batch = next(batches)
            time.sleep(0.02)
        with tf.profiler.experimental.Trace("train"):
            step(batch)

    one_step()
    return step_profile.profile_steps(one_step, steps=2)


def test_what_python_marked_is_there_with_its_time(events):
    counts = events["event"].value_counts()
    assert counts["step"] == counts["wait"] == counts["train"] == 2
    assert (events.loc[events["event"] == "wait", "milliseconds"] > 19).all()
    first = events[events["event"] == "step"].iloc[0]
    assert first["start"] == 0
    inside = events[events["event"] == "wait"].iloc[0]
    assert 0 <= inside["start"] < first["milliseconds"]


def test_steps_before_are_not_recorded():
    calls = []
    events = step_profile.profile_steps(lambda: calls.append(1), steps=2, warm_up=3)
    assert len(calls) == 5 and (events["event"] == "step").sum() == 2


def test_operations_are_told_apart(events):
    kinds = events.groupby("kind")["event"].agg("; ".join)
    assert "Conv2D" in kinds["forward"] and "gradient_tape" not in kinds["forward"]
    assert "gradient_tape/" in kinds["backward"]
    assert "adam" in kinds["optimizer"] and "input pipeline" in kinds.index
    assert set(kinds.index) <= {"Python", *step_profile.COLOURS}


def test_no_time_of_a_thread_is_counted_twice(events):
    for _, own in events[events["kind"] != "Python"].groupby(["thread", "kind"]):
        ends = (own["start"] + own["milliseconds"]).to_numpy()
        assert (own["start"].to_numpy()[1:] >= ends[:-1] - 1e-6).all()


@pytest.mark.parametrize("name", ["adam/truediv:RealDiv", "adam_1/Sub:Sub", "sgd_2/mul:Mul"])
def test_a_second_optimizer_is_one_too(name):
    assert step_profile._kind(name, "tf_Compute/1") == "optimizer"


def test_the_picture_has_a_row_for_each(events):
    (axes,) = step_profile.draw_profile(events, names=("wait", "train")).axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    threads = events.loc[events["kind"] != "Python", "thread"].nunique()
    assert rows == ["wait", "train", *(f"thread {number}" for number in range(1, threads + 1))]
    widest = max(np.ptp(path.vertices[:, 0]) for bars in axes.collections for path in bars.get_paths())
    assert widest == pytest.approx(
        events.loc[events["event"].isin(["wait", "train"]), "milliseconds"].max(), rel=0.01
    )
