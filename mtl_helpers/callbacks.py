"""What `fit` calls while it trains a `MultiTaskModel`."""

from __future__ import annotations

from typing import Any

import keras
import pandas as pd


class EndOfEpoch(keras.callbacks.Callback):
    """Tells the weighting that an epoch has ended. `MultiTaskModel.fit` adds it by itself."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """See `Weighting.end_epoch`."""
        self.model.weighting.end_epoch()


def with_end_of_epoch(callbacks: Any, model: keras.Model) -> Any:
    """What `fit` was given as callbacks, with `EndOfEpoch` before them: they may save the state of the weighting."""
    end_of_epoch = EndOfEpoch()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        end_of_epoch.set_model(model)
        callbacks.callbacks.insert(0, end_of_epoch)
        return callbacks
    given = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
    return [end_of_epoch, *given]


class WeightRecorder(keras.callbacks.Callback):
    """Notes the loss weights of each step.

        recorder = WeightRecorder()
        model.fit(..., callbacks=[recorder])
        recorder.table.plot()            # steps × tasks

    With `steps_per_execution` above 1, it sees the last step of each execution only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Reads the weights that this step was trained with."""
        self.weights.append(self.model.weighting.weights_by_task())

    @property
    def table(self) -> pd.DataFrame:
        """A row for each step, a column for each task."""
        return pd.DataFrame(self.weights).rename_axis("step")
