"""Checkpoints: all of a state comes back, damaged and foreign ones change nothing, and a real kill loses little."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from mtl_helpers.checkpoints import Checkpoints
from mtl_helpers.weighting import Static

import endless_saves
import keras
import numpy as np
import penguin_training
import pytest
from small_models import small_data, small_model

EXTRAS = ("batch_normalisation", "dropout")


def train(model):
    inputs, targets = small_data()
    model.fit(inputs, targets, batch_size=24, shuffle=False, verbose=0)


def state(model):
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def equal(ours, theirs):
    return len(ours) == len(theirs) and all(
        (one == other).all() for one, other in zip(ours, theirs, strict=True)
    )


def differ_in(model, saved):
    """The kinds of variables in which a model's state is another than the saved one."""
    kinds = {"kernel": "weights", "moving": "statistics", "seed": "random state", "momentum": "optimizer"}
    paths = [variable.path for variable in [*model.variables, *model.optimizer.variables]]
    return {
        kind
        for path, ours, theirs in zip(paths, state(model), saved, strict=True)
        for part, kind in kinds.items()
        if part in path and not (ours == theirs).all()
    }


@pytest.mark.slow
def test_everything_comes_back(tmp_path):
    model = small_model(extras=EXTRAS)
    train(model)
    Checkpoints(tmp_path / "new" / "folder", model).save(1)
    saved = state(model)
    train(model)
    other = small_model(extras=EXTRAS)  # its optimizer is not built yet
    all_kinds = {"weights", "statistics", "random state", "optimizer"}
    assert differ_in(model, saved) == all_kinds
    for one in (model, other):
        assert Checkpoints(tmp_path / "new" / "folder", one).restore() == 1
        assert equal(state(one), saved)
    train(model)
    train(other)
    assert equal(state(model), state(other))  # what is restored is what training goes on from


class Counting(Static):
    """A weighting with a state of its own."""

    def build_for(self, task_names, model=None):
        super().build_for(task_names, model)
        self.counter = self.add_weight(name="counter", shape=(), initializer="zeros", trainable=False)


def test_the_state_of_the_weighting_comes_back(tmp_path):
    model, other = small_model(weighting=Counting()), small_model(weighting=Counting())
    model.weighting.counter.assign(7)
    Checkpoints(tmp_path, model).save(1)
    Checkpoints(tmp_path, other).restore()
    assert other.weighting.counter.numpy() == 7
    with pytest.raises(ValueError, match="checkpoint holds 'counting/counter'"):
        Checkpoints(tmp_path, small_model()).restore()


def test_without_a_checkpoint_training_begins_at_zero(tmp_path):
    model = small_model(extras=EXTRAS)
    nowhere, empty = Checkpoints(tmp_path / "none", model), Checkpoints(tmp_path, model)
    before = state(model)
    assert nowhere.restore() == empty.restore() == 0
    assert equal(state(model), before)
    assert not any(tmp_path.iterdir())


def test_the_newest_states_are_kept(tmp_path):
    model = small_model(extras=EXTRAS)
    checkpoints = Checkpoints(tmp_path, model, keep=2)
    for epoch in (1, 2, 5):
        checkpoints.save(epoch)
    assert sorted(path.name for path in tmp_path.glob("*.index")) == ["epoch-2.index", "epoch-5.index"]
    again = Checkpoints(tmp_path, model, keep=3)
    assert again.restore() == 5
    again.save(6)
    assert len(list(tmp_path.glob("*.index"))) == 3


def test_a_folder_may_be_moved(tmp_path):
    model = small_model(extras=EXTRAS)
    checkpoints = Checkpoints(tmp_path / "here", model)
    checkpoints.save(1)
    checkpoints.save(2)
    (tmp_path / "here").rename(tmp_path / "there")
    assert Checkpoints(tmp_path / "there", model).restore() == 2


class TestDamage:
    """Two good states; the newest is damaged."""

    @pytest.fixture(scope="class")
    def model(self):
        return small_model(extras=EXTRAS)

    @pytest.fixture(scope="class")
    def two_states(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("states")
        checkpoints = Checkpoints(folder, small_model(extras=EXTRAS))
        checkpoints.save(1)
        checkpoints.save(2)
        return folder

    @pytest.fixture
    def folder(self, two_states, tmp_path):
        return shutil.copytree(two_states, tmp_path / "copy")

    @pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
    @pytest.mark.parametrize("kept", ["half", "nothing", "no file", "a changed byte"])
    def test_a_damaged_checkpoint_is_refused_and_changes_nothing(self, folder, model, ending, kept):
        file = folder / f"epoch-2.{ending}"
        whole = file.read_bytes()
        changed = {
            "half": whole[: len(whole) // 3],
            "nothing": b"",
            "a changed byte": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        }
        if kept == "no file":
            file.unlink()
        else:
            file.write_bytes(changed[kept])
        checkpoints = Checkpoints(folder, model)
        before = [number + 1 for number in state(model)]  # of no state that is stored
        for variable, value in zip(checkpoints.variables, before, strict=True):
            variable.assign(value)
        said = "'epoch-2'.*is damaged; 'epoch-1' before it is still there.*Delete the files epoch-2"
        with pytest.raises(ValueError, match=said):
            checkpoints.restore()
        assert equal(state(model), before)
        with pytest.raises(ValueError, match="Nothing was saved"):
            checkpoints.save(3)
        for path in folder.glob("epoch-2.*"):  # as the message says
            path.unlink()
        assert checkpoints.restore() == 1
        checkpoints.save(2)
        assert Checkpoints(folder, model).restore() == 2

    def test_the_only_one_is_damaged(self, folder, model):
        for path in folder.glob("epoch-1.*"):
            path.unlink()
        (folder / "epoch-2.index").write_bytes(b"")
        with pytest.raises(ValueError, match=r"is damaged\. Delete"):
            Checkpoints(folder, model).restore()

    @pytest.mark.parametrize("text", ["", "nonsense"])
    def test_the_list_of_states_is_damaged(self, folder, model, text):
        (folder / "checkpoint").write_text(text)
        checkpoints = Checkpoints(folder, model)
        for call in (checkpoints.restore, lambda: checkpoints.save(1)):
            with pytest.raises(ValueError, match="cannot be read"):
                call()


FOREIGN = [
    ({"extras": ("dropout",)}, r"variable 3 .* 'seed_generator\S*' of shape \(2,\).* 'batch_norm\S*gamma'"),
    ({"tasks": ("mass",), "extras": EXTRAS}, r"expected, but the checkpoint holds 'a_head/kernel'"),
    ({"extras": EXTRAS, "optimizer": "sgd"}, r"variable 12 .*'sgd\S*/iteration' .*'adam\S*/iteration'"),
    ({"extras": EXTRAS, "optimizer": "adamw"}, r"'adam_w\S*/iteration' .*'adam\S*/iteration'"),
]


@pytest.mark.parametrize(("options", "message"), FOREIGN)
def test_a_foreign_checkpoint_is_refused_and_stays(tmp_path, options, message):
    model = small_model(extras=EXTRAS)
    Checkpoints(tmp_path, model).save(1)
    other = small_model(**options)
    foreign = Checkpoints(tmp_path, other)
    before = state(other)
    with pytest.raises(ValueError, match=message):
        foreign.restore()
    assert equal(state(other), before)
    with pytest.raises(ValueError, match="holds 'epoch-1', which was not restored.*restore"):
        foreign.save(2)
    assert Checkpoints(tmp_path, model).restore() == 1


def test_another_shape_is_named(tmp_path):
    def network(units):
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.layers.Dense(units, name="head")(inputs))
        model.compile("sgd")
        return model

    Checkpoints(tmp_path, network(4)).save(1)
    message = r"variable 1 .*'head/kernel' of shape \(2, 3\) .* 'head/kernel' of shape \(2, 4\)"
    with pytest.raises(ValueError, match=message):
        Checkpoints(tmp_path, network(3)).restore()


def test_a_training_that_begins_anew_does_not_overwrite(tmp_path):
    model = small_model(extras=EXTRAS)
    Checkpoints(tmp_path, model).save(7)
    anew = Checkpoints(tmp_path, model)
    with pytest.raises(ValueError, match="'epoch-7', which was not restored"):
        anew.save(1)
    assert anew.restore() == 7
    for epoch in (7, 3):
        with pytest.raises(ValueError, match=f"above 7, which are saved, is expected, but {epoch}"):
            anew.save(epoch)
    anew.save(8)
    with pytest.raises(ValueError, match="above 0"):
        Checkpoints(tmp_path / "other", model).save(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: Checkpoints(folder, small_model(compiled=False)), "A compiled model is expected"),
        (lambda folder: Checkpoints(folder, keras.Sequential([keras.layers.Dense(1)])), "no weights yet"),
        (lambda folder: Checkpoints(folder, small_model(), keep=0), "1 or more, but 0"),
    ],
)
def test_what_cannot_be_saved_is_refused(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path)


@pytest.mark.slow
def test_a_training_that_is_killed_ends_as_if_it_never_stopped(tmp_path):
    unbroken, first = penguin_training.train(tmp_path / "unbroken", seed=1)
    assert first == 0
    epoch, batch = 3, 4  # of 6 epochs of 6 batches
    command = [sys.executable, penguin_training.__file__, str(tmp_path / "broken"), str(epoch), str(batch)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout.readline() == "in the middle\n"
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    seen = []
    resumed, first = penguin_training.train(
        tmp_path / "broken", seed=2, on_batch=lambda epoch, batch: seen.append((epoch, batch))
    )
    assert first == epoch and seen[0] == (epoch, 0)  # three epochs were done; the one begun is done again
    for ours, theirs in zip(resumed, unbroken, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which Windows does not have")
def test_a_write_that_is_killed_leaves_the_state_before(tmp_path):
    times = 15
    done = subprocess.run(
        [sys.executable, endless_saves.__file__, str(tmp_path), str(times)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == times
    assert sum("cut short" in line for line in lines) >= times // 3  # or it was not ended where it hurts
    _, checkpoints, epoch = endless_saves.restored(tmp_path)
    assert epoch >= int(lines[-1].split()[0])
    checkpoints.save(epoch + 1)
    files = [".index", ".data-00000-of-00001"]
    kept = [f"epoch-{number}{ending}" for number in (epoch, epoch + 1) for ending in files]
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint",
        *kept,
    }  # nothing is left of the others
