"""Saves states of 16 MB one after another, and is ended by force in the middle of a write: several times.

python tests/endless_saves.py FOLDER TIMES prints for each time the number of the last state that was saved whole,
and "cut short" if files of the next one are there. Each time begins with a restore; it fails if that does.
"""

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

from mtl_helpers.checkpoints import Checkpoints

import keras
import numpy as np

UNITS = 2000


def restored(folder):
    """A model of one matrix, all of whose numbers are the epoch; its checkpoints, and the epoch."""
    inputs = keras.Input((UNITS,))
    model = keras.Model(inputs, keras.layers.Dense(UNITS, use_bias=False, name="matrix")(inputs))
    model.compile("sgd")
    checkpoints = Checkpoints(folder, model)
    epoch = checkpoints.restore()
    matrix = model.get_layer("matrix").kernel
    assert epoch == 0 or (matrix.numpy() == epoch).all(), "a state is a mixture of two"
    return matrix, checkpoints, epoch


def save_for_ever(folder, saved, report):
    matrix, checkpoints, epoch = restored(folder)
    assert epoch >= saved, f"state {saved} was saved, but state {epoch} restored"
    while True:
        epoch += 1
        matrix.assign(np.full((UNITS, UNITS), epoch, "float32"))
        checkpoints.save(epoch)
        os.write(report, f"{epoch}\n".encode())


def main():
    folder, times = Path(sys.argv[1]), int(sys.argv[2])
    saved = 0
    for _ in range(times):
        listen, report = os.pipe()
        process = os.fork()  # importing TensorFlow again would take seconds
        if not process:
            try:
                save_for_ever(folder, saved, report)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(report)
        with os.fdopen(listen) as lines:
            for _ in range(random.randint(2, 3)):
                start = time.perf_counter()
                if not (line := lines.readline()):
                    sys.exit("the process that saves has failed")
                saved, seconds = int(line), time.perf_counter() - start
            time.sleep(random.random() * seconds)  # any moment of the next save
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            saved = max([saved, *map(int, lines.read().split())])
        print(saved, "cut short" if list(folder.glob(f"epoch-{saved + 1}*")) else "between two", flush=True)


if __name__ == "__main__":
    main()
