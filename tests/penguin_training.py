"""A training with a loop of its own that saves after each epoch, to be ended by force and started again."""

import sys

from mtl_helpers.checkpoints import Checkpoints
from mtl_helpers.data import load_penguins
from mtl_helpers.training import MultiTaskModel

import keras
import numpy as np
import tensorflow as tf

EPOCHS, BATCH_SIZE, BATCHES_SEED = 6, 32, 5
LOSSES = {"species": "sparse_categorical_crossentropy", "body_mass": "mse", "sex": "binary_crossentropy"}


def build_model(seed):
    """Three tasks on a shared trunk with batch normalisation and dropout."""
    keras.utils.set_random_seed(seed)
    inputs = {
        "measurements": keras.Input((3,), name="measurements"),
        "island": keras.Input((3,), name="island"),
    }
    features = keras.layers.Concatenate()(list(inputs.values()))
    features = keras.layers.Dense(16, activation="relu")(features)
    features = keras.layers.BatchNormalization()(features)
    features = keras.layers.Dropout(0.3)(features)
    features = keras.layers.Dense(16, activation="relu")(features)
    features = keras.layers.Dropout(0.3)(features)
    outputs = {
        "species": keras.layers.Dense(3, activation="softmax")(features),
        "body_mass": keras.layers.Dense(1)(features),
        "sex": keras.layers.Dense(1, activation="sigmoid")(features),
    }
    model = MultiTaskModel(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), LOSSES)
    return model


def train(folder, seed, on_batch=lambda epoch, batch: None):
    """Goes on from what the folder holds up to the last epoch; returns all variables, and the epoch it began at.

    seed: of the first weights and of dropout; what is restored must not depend on it.
    """
    model = build_model(seed)
    checkpoints = Checkpoints(folder, model)
    birds = load_penguins(sex="target").train

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            losses = model.task_losses(targets, model(inputs, training=True))
            total = model.weighting.call(losses)
        model.optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)

    first = checkpoints.restore()
    for epoch in range(first, EPOCHS):
        order = np.random.default_rng([BATCHES_SEED, epoch]).permutation(len(birds))
        for number, start in enumerate(range(0, len(birds) - BATCH_SIZE + 1, BATCH_SIZE)):
            batch = birds.take(order[start : start + BATCH_SIZE])
            step(batch.inputs, batch.targets)
            on_batch(epoch, number)
        checkpoints.save(epoch + 1)
    return [variable.numpy() for variable in checkpoints.variables], first


if __name__ == "__main__":
    # FOLDER EPOCH BATCH: reports once it has trained this batch, and waits to be ended there.
    folder, *end = sys.argv[1:]

    def wait_there(epoch, batch):
        if [str(epoch), str(batch)] == end:
            print("in the middle", flush=True)
            sys.stdin.read()

    train(folder, seed=1, on_batch=wait_there)
