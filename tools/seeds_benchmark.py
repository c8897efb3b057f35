"""How much faster `train_seeds` trains twenty seeds than twenty runs of `fit`: python -m tools.seeds_benchmark.

Both sides do the same work on the penguins: they build a network with two heads, train it in batches of 32
of the 200 training birds, measure the validation losses after every epoch and keep the best epoch. `fit` also
counts accuracy and mean absolute error, as in the lessons. Building and tracing count on both sides.
Twenty runs of `fit` would take minutes, so three are timed, around the one run of `train_seeds`:

    ratio = 20 × median seconds of a fit / seconds of train_seeds
"""

import argparse
import statistics
import time
from collections.abc import Callable

from mtl_helpers.data import Penguins, load_penguins
from mtl_helpers.seeds import train_seeds

import keras

SEEDS, BATCH_SIZE = 20, 32
LOSSES = {"species": "sparse_categorical_crossentropy", "body_mass": "mse"}


def build_model() -> keras.Model:
    """A shared trunk of two layers and two heads."""
    inputs = {
        "measurements": keras.Input((3,), name="measurements"),
        "island_and_sex": keras.Input((4,), name="island_and_sex"),
    }
    features = keras.layers.Concatenate()(list(inputs.values()))
    features = keras.layers.Dense(32, activation="relu")(features)
    features = keras.layers.Dense(32, activation="relu")(features)
    species = keras.layers.Dense(3, activation="softmax")(features)
    body_mass = keras.layers.Dense(1)(features)
    return keras.Model(inputs, {"species": species, "body_mass": body_mass})


def fit_one_seed(penguins: Penguins, epochs: int) -> None:
    """The usual way: one seed by `fit`."""
    keras.utils.set_random_seed(0)
    model = build_model()
    model.compile("adam", LOSSES, metrics={"species": ["accuracy"], "body_mass": ["mae"]})
    model.fit(
        penguins.train.inputs,
        penguins.train.targets,
        validation_data=(penguins.validation.inputs, penguins.validation.targets),
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=epochs, restore_best_weights=True)],
        epochs=epochs,
        batch_size=BATCH_SIZE,
        verbose=0,
    )


def train_all_seeds(penguins: Penguins, epochs: int) -> None:
    """All seeds at once."""
    train_seeds(
        build_model,
        penguins.train,
        losses=LOSSES,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        seeds=SEEDS,
        validation=penguins.validation,
    )


def seconds(train: Callable[[Penguins, int], None], penguins: Penguins, epochs: int) -> float:
    """How long one training takes."""
    started = time.perf_counter()
    train(penguins, epochs)
    return time.perf_counter() - started


def measure(epochs: int) -> tuple[list[float], float, float]:
    """The seconds of three runs of `fit` and of one of `train_seeds`, and the ratio."""
    penguins = load_penguins()
    for train in (fit_one_seed, train_all_seeds):  # what TensorFlow does once in a process counts for neither
        train(penguins, 1)
    fits = [seconds(fit_one_seed, penguins, epochs)]
    together = seconds(train_all_seeds, penguins, epochs)
    fits += [seconds(fit_one_seed, penguins, epochs) for _ in range(2)]
    return fits, together, SEEDS * statistics.median(fits) / together


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--epochs", type=int, default=100)
    epochs = parser.parse_args().epochs
    fits, together, ratio = measure(epochs)
    print(f"{epochs} epochs of {BATCH_SIZE} birds a batch, validation after each, best epoch kept")
    print(f"fit, one seed:          {', '.join(f'{value:.2f}' for value in fits)} s")
    print(f"train_seeds, {SEEDS} seeds: {together:.2f} s")
    print(f"ratio: {SEEDS} × {statistics.median(fits):.2f} s / {together:.2f} s = {ratio:.0f}")


if __name__ == "__main__":
    main()
