"""Checkpoints: save a training after each epoch, and go on from there when it was cut short."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path
from typing import Any

from mtl_helpers.validation import describe

import keras
import tensorflow as tf


class Checkpoints:
    """The newest states of a training, in a folder of their own.

        checkpoints = Checkpoints("run_1", model)         # a compiled model
        for epoch in range(checkpoints.restore(), 20):    # 0 at first; later the epochs that are done
            ...                                           # train one epoch
            checkpoints.save(epoch + 1)

    A state holds the weights (those of the weighting and the statistics of batch normalisation too), the
    optimizer's variables (its learning rate too: set another one after `restore()`), the random state of
    dropout, and the number of epochs done. With it a training
    ends as if it had never stopped, if your own loop makes the batches of an epoch from the number of that
    epoch: `np.random.default_rng([seed, epoch])`.

    A write that is cut short leaves the state before it untouched. `keep` states stay in the folder.
    Nothing in the folder is overwritten unless it was restored or saved by this object before.

    folder: made at the first save.
    model:  built and compiled; its optimizer is built here if it was not.
    keep:   how many states stay, 1 or more.
    Raises ValueError for a model that is not compiled or not built, or a keep below 1.
    """

    def __init__(self, folder: str | Path, model: keras.Model, keep: int = 2) -> None:
        if not isinstance(model, keras.Model) or not model.built:
            raise ValueError(
                f"A built keras.Model is expected, but {describe(model)} was given that has no weights yet. "
                "Make it from its inputs and outputs, or call it on one batch first."
            )
        if getattr(model, "optimizer", None) is None:
            raise ValueError(
                "A compiled model is expected, for the optimizer's state belongs to a checkpoint, but this model "
                "has no optimizer. Call model.compile(...) first."
            )
        if keep < 1:
            raise ValueError(f"keep must be 1 or more, but {keep} was given. Use 2, or more.")
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self.folder, self.keep = Path(folder), keep
        self.variables = [*model.variables, *model.optimizer.variables]
        self._epoch = tf.Variable(0, dtype="int64")
        self._state = tf.train.Checkpoint(
            epoch=self._epoch,
            names=tf.Variable([variable.path for variable in self.variables]),
            variables=[variable.value for variable in self.variables],
        )
        # The newest state that this object has saved or restored, and its number of epochs.
        self._known: Path | None = None
        self._done = 0

    def save(self, epoch: int) -> None:
        """Saves the state after `epoch` epochs.

        Raises ValueError if the folder holds a state that was not restored, and if that many epochs are
        saved already.
        """
        stored = self._stored()
        if stored and stored[-1] != self._known:
            raise ValueError(
                f"Nothing was saved: an empty folder is expected, or one whose checkpoint was restored, but "
                f"'{self.folder}' holds '{stored[-1].name}', which was not restored. Call restore() first to go on "
                "from it, or use another folder."
            )
        if not epoch > self._done:
            raise ValueError(
                f"Nothing was saved: a number of epochs above {self._done}, which are saved, is expected, "
                f"but {epoch} was given. After the epoch with the index `epoch` call save(epoch + 1)."
            )
        self._epoch.assign(epoch)
        # It writes the files elsewhere, moves them here, and puts them on its list last of all.
        manager = tf.train.CheckpointManager(
            self._state, str(self.folder), self.keep, checkpoint_name="epoch"
        )
        self._known = Path(manager.save(checkpoint_number=epoch))
        self._done = epoch
        for leftover in self.folder.glob("epoch-*_temp"):  # of a write that was cut short
            shutil.rmtree(leftover)

    def restore(self) -> int:
        """Puts the newest state into the model and its optimizer; returns how many epochs are done, or 0.

        Raises ValueError, and changes nothing, if the newest checkpoint is damaged, or was written for
        another network or another optimizer.
        """
        stored = self._stored()
        if not stored:
            return 0
        newest = stored[-1]
        try:
            epoch, names, values = _read(newest)
        except (tf.errors.OpError, LookupError, RuntimeError, ValueError) as error:  # what TensorFlow raises
            older = f"; '{stored[-2].name}' before it is still there" if stored[1:] else ""
            raise ValueError(
                f"The model was not changed: a whole checkpoint is expected, but '{newest.name}' in "
                f"'{self.folder}' is damaged{older}. Delete the files {newest.name}.* in that folder, and call "
                f"restore() again. (What was found: {(str(error) or repr(error)).splitlines()[0]})"
            ) from error
        self._check_same_network(newest, names, values)
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
        self._known, self._done = newest, epoch
        return epoch

    def _stored(self) -> list[Path]:
        """The states in the folder that were written to their end, the newest last, each without its ending."""
        record = self.folder / "checkpoint"
        if not record.exists():
            return []
        try:
            state = tf.train.get_checkpoint_state(str(self.folder))
        except ValueError:  # what TensorFlow says of an empty file; of others it returns None
            state = None
        if state is None:
            raise ValueError(
                f"The list of checkpoints that TensorFlow wrote is expected in '{record}', but it cannot be read. "
                "Use another folder, or delete that file to start anew."
            )
        names = [Path(path).name for path in state.all_model_checkpoint_paths]
        return [self.folder / name for name in names if any(self.folder.glob(f"{name}.*"))]

    def _check_same_network(self, newest: Path, names: list[str], values: list[Any]) -> None:
        """The same variables with the same shapes, in the same order."""
        ours = [_text(variable.path, variable.shape) for variable in self.variables]
        theirs = [_text(name, value.shape) for name, value in zip(names, values, strict=True)]
        for number, (our, their) in enumerate(itertools.zip_longest(ours, theirs, fillvalue="nothing"), 1):
            if _without_numbers(our) != _without_numbers(their):
                raise ValueError(
                    f"The model was not changed: '{newest.name}' in '{self.folder}' is of another network or another "
                    f"optimizer. As variable {number} of the model and its optimizer {our} is expected, but the "
                    f"checkpoint holds {their}. Build and compile the model as it was, or use another folder."
                )


def _read(path: Path) -> tuple[int, list[str], list[Any]]:
    """The epoch, and the names and values of all variables. Reading compares each value with its checksum."""
    reader = tf.train.load_checkpoint(str(path))
    ending = ".ATTRIBUTES/VARIABLE_VALUE"
    names = [name.decode() for name in reader.get_tensor(f"names/{ending}")]
    values = [reader.get_tensor(f"variables/{number}/{ending}") for number in range(len(names))]
    return int(reader.get_tensor(f"epoch/{ending}")), names, values


def _text(name: str, shape: Any) -> str:
    return f"'{name}' of shape {tuple(shape)}"


def _without_numbers(text: str) -> str:
    """Keras numbers layers without a name through a whole session: dense, dense_1; build twice, and they differ."""
    return re.sub(r"_\d+", "", text)
