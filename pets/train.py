"""Train on Oxford-IIIT Pet from the command line: `python -m pets.train --help`."""

from __future__ import annotations

import argparse
import math
import sys
import time
from typing import Any

from mtl_helpers.checkpoints import Checkpoints
from mtl_helpers.tasks import Task
from mtl_helpers.training import MultiTaskModel
from pets.arguments import parse, settings_of, weighting_of
from pets.baselines import count_labels, trivial_score
from pets.data import Pets, load_pets
from pets.network import pet_network, pet_tasks
from pets.run_folder import RunFolder

import absl.logging
import keras
import tensorflow as tf

# What each task is tested on: see `pets.data.PARTS`.
TEST_PARTS = {"breed": "test", "head_box": "box_test", "mask": "test"}


def main(arguments: list[str] | None = None) -> None:
    """Train, or go on, then score. Ends with a message if something is missing or does not fit."""
    options = parse(arguments)
    absl.logging.set_verbosity(absl.logging.ERROR)  # TensorFlow Datasets tells of all it does
    keras.utils.set_random_seed(options.seed)
    if options.mixed_precision:
        keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        pets = load_pets(
            options.data,
            size=options.size,
            batch=options.batch,
            tasks=options.tasks,
            seed=options.seed,
            download=options.download,
        )
        run = RunFolder(options.out, settings_of(options))
        tasks = pet_tasks(options.tasks)
        model = build(options, tasks, steps_an_epoch=-(-pets.sizes["train"] // options.batch))
        history = train(model, tasks, pets, run, options)
        run.write("results.json", results(model, tasks, pets, run, history, options))
    except (ValueError, OSError) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on after the last epoch that was saved.")
    print(f"written: {options.out / 'results.json'}")


def build(options: argparse.Namespace, tasks: list[Task], steps_an_epoch: int) -> MultiTaskModel:
    """The compiled network. Its learning rate rises in the first tenth of the steps, then falls along a cosine."""
    try:
        model = pet_network(
            tasks,
            size=options.size,
            backbone=options.backbone,
            weights=None if options.weights == "none" else options.weights,
            weighting=weighting_of(options),
        )
    except Exception as error:  # Keras raises a plain one
        if "URL fetch failure" in str(error):
            raise OSError(
                "The weights of ImageNet are expected from the network, once, but they could not be fetched. Go online, "
                "name a file with --weights, or begin from nothing with --weights none."
            ) from error
        raise
    steps = options.epochs * steps_an_epoch
    warmup = max(steps // 10, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=options.rate / 10,
        warmup_target=options.rate,
        warmup_steps=warmup,
        decay_steps=max(steps - warmup, 1),
        alpha=0.01,
    )
    model.compile(
        keras.optimizers.Adam(rate),
        loss={task.name: task.loss for task in tasks},
        metrics={task.name: list(task.metrics) for task in tasks},
    )
    return model


def train(
    model: MultiTaskModel, tasks: list[Task], pets: Pets, run: RunFolder, options: argparse.Namespace
) -> list[dict[str, float]]:
    """All epochs that are not done yet; a state is saved after each. Returns one dictionary an epoch."""
    checkpoints = Checkpoints(run.folder / "checkpoints", model)
    done = checkpoints.restore()
    history = run.history(done)
    if done:
        print(f"goes on after epoch {done} of {options.epochs}", flush=True)
    logs = tf.summary.create_file_writer(str(run.folder / "logs"))
    for epoch in range(done, options.epochs):
        start = time.perf_counter()
        fitted = model.fit(
            pets.train_batches(epoch),
            validation_data=pets.batches("validation"),
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=int(sys.stdout.isatty()),
        )
        row = {name: float(values[-1]) for name, values in fitted.history.items()}
        if not math.isfinite(row["loss"]):
            raise ValueError(
                f"A finite loss is expected, but in epoch {epoch + 1} it is {row['loss']}: the training diverged. "
                "Use a lower --rate and another --out."
            )
        weights = {
            f"weight_{task}": float(weight) for task, weight in model.weighting.weights_by_task().items()
        }
        history.append({"seconds": time.perf_counter() - start, **row, **weights})
        run.write("history.json", history)
        checkpoints.save(epoch + 1)
        with logs.as_default(step=epoch + 1):
            for name, value in history[-1].items():
                tf.summary.scalar(name, value)
        logs.flush()
        scores = "  ".join(f"{task.name} {row[f'val_{_metric(task)}']:.3f}" for task in tasks)
        print(
            f"epoch {epoch + 1} of {options.epochs}: {history[-1]['seconds']:.0f} s, loss {row['loss']:.3f}, "
            f"validation: {scores}",
            flush=True,
        )
    return history


def results(
    model: MultiTaskModel,
    tasks: list[Task],
    pets: Pets,
    run: RunFolder,
    history: list[dict[str, float]],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """What the run came to: each task's score beside that of its trivial answer, and what it cost."""
    train_labels = count_labels(pets.batches("train"))
    validation = dict.fromkeys(options.tasks, "validation")
    old = run.read("results.json") or {}
    found = {
        "settings": settings_of(options),
        "validation": score(model, tasks, pets, train_labels, validation),
        "test": score(model, tasks, pets, train_labels, TEST_PARTS) if options.test else old.get("test"),
        "photographs": pets.sizes,
        "parameters": model.count_params() - model.weighting.count_params(),  # of the network alone
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "devices": [device.name for device in tf.config.list_logical_devices()],
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }
    for part in ("validation", "test"):
        for task, row in (found[part] or {}).items():
            print(f"{part:10} {task:8} {row['metric']} {row['score']:.3f}, trivial {row['trivial']:.3f}")
    return found


def score(
    model: MultiTaskModel, tasks: list[Task], pets: Pets, train_labels: Any, parts: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Each task on its part: `{task: {"part", "metric", "score", "trivial"}}`."""
    needed = {parts[task.name] for task in tasks}
    scores = {part: model.evaluate(pets.batches(part), verbose=0, return_dict=True) for part in needed}
    counted = {part: count_labels(pets.batches(part)) for part in needed}
    rows = {}
    for task in tasks:
        part = parts[task.name]
        rows[task.name] = {
            "part": part,
            "metric": _metric(task).removeprefix(f"{task.name}_"),
            "score": float(scores[part][_metric(task)]),
            "trivial": trivial_score(task.name, train_labels, counted[part]),
        }
    return rows


def _metric(task: Task) -> str:
    """The name of the reported metric in the logs."""
    metric = task.metrics[0]
    return f"{task.name}_{metric if isinstance(metric, str) else metric.name}"


if __name__ == "__main__":
    main()
