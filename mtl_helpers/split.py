"""One part of a data set, as Keras models take it: inputs and targets by name."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """One part of a data set: dictionaries of inputs and of targets, as Keras models take them.

    inputs:  name -> array of shape (examples, ...)
    targets: task name -> array of shape (examples, ...)
    """

    inputs: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]

    def __len__(self) -> int:
        """The number of examples."""
        return len(next(iter(self.targets.values())))

    def __repr__(self) -> str:
        """Names and shapes: hundreds of rows would fill a learner's screen."""
        shapes = [
            ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
            for arrays in (self.inputs, self.targets)
        ]
        return f"{len(self)} examples; inputs: {shapes[0]}; targets: {shapes[1]}"

    def take(self, rows: np.ndarray) -> "Split":
        """The examples with these row numbers, in this order."""
        return Split(
            {name: values[rows] for name, values in self.inputs.items()},
            {name: values[rows] for name, values in self.targets.items()},
        )
