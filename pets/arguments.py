"""What the training is asked for on the command line, and what is said to values out of range."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from mtl_helpers.weighting import DWA, FAMO, GLS, RLW, GradNorm, Static, Uncertainty, Weighting
from pets.data import TASKS
from pets.network import BACKBONES, SMALLEST, STEPS

WEIGHTINGS = {
    "static": Static,
    "uncertainty": Uncertainty,
    "dwa": DWA,
    "gradnorm": GradNorm,
    "rlw": RLW,
    "gls": GLS,
    "famo": FAMO,
}
# What may differ when a run goes on: where things are, and what is measured at its end.
NOT_SETTINGS = ("data", "download", "out", "test")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options, checked. Ends the program with a message if one is out of range."""
    parser = argparse.ArgumentParser(
        prog="python -m pets.train",
        description="Train one network for breed, head box and mask of cats and dogs, or its single-task twins. "
        "The same command again goes on after the last epoch that was saved.",
        epilog="Example: python -m pets.train --data pets_data --out runs/shared_0",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, default=Path("pets_data"), help="folder of TensorFlow Datasets")
    add("--download", action="store_true", help="get the photographs first, if they are not there (0.8 GB)")
    add(
        "--out",
        type=Path,
        required=True,
        help="folder of this run: results, checkpoints, logs for TensorBoard",
    )
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="one alone: the single-task twin")
    add(
        "--seed",
        type=int,
        default=0,
        help="of first weights, order and mirroring; the photographs' parts stay",
    )
    add("--size", type=int, default=224, help=f"of photographs in pixels, a multiple of {max(STEPS)}")
    add("--batch", type=int, default=32, help="photographs in a batch")
    add("--epochs", type=int, default=20, help="the learning rate falls to nearly zero at the last")
    add("--rate", type=float, default=3e-4, help="the highest learning rate, of Adam")
    add("--backbone", choices=BACKBONES, default="EfficientNetV2B0", help="the encoder")
    add(
        "--weights",
        default="imagenet",
        help="of the encoder: imagenet (Keras downloads them), none, or a file",
    )
    add("--weighting", choices=WEIGHTINGS, default="static", help="who weighs the losses")
    add(
        "--loss-weights",
        nargs="+",
        default=[],
        metavar="TASK=WEIGHT",
        help="of the weighting static, such as head_box=5; 1 for tasks left out",
    )
    add("--mixed-precision", action="store_true", help="16 bits where they are enough; for a GPU")
    add("--test", action="store_true", help="also open the test photographs: once, when all is decided")
    options = parser.parse_args(arguments)
    try:
        _check(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def _check(options: argparse.Namespace) -> None:
    step = max(STEPS)
    if options.size % step or options.size < SMALLEST:
        raise ValueError(
            f"--size must be a multiple of {step}, from {SMALLEST}, but {options.size} was given. Use 224, or 160."
        )
    for name in ("batch", "epochs"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} must be 1 or more, but {getattr(options, name)} was given.")
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more, but {options.seed} was given.")
    if not 0 < options.rate <= 1:
        raise ValueError(
            f"--rate must be above 0 and at most 1, but {options.rate} was given. Begin with 3e-4."
        )
    if options.weights not in ("imagenet", "none") and not Path(options.weights).is_file():
        raise ValueError(
            f"--weights must be imagenet, none or a file, but there is no file '{options.weights}'. Check the path."
        )
    options.tasks = [task for task in TASKS if task in options.tasks]  # in the order of the data, each once
    options.loss_weights = _loss_weights(options)
    if len(options.tasks) == 1 and options.weighting != "static":
        raise ValueError(
            f"--weighting must be static for one task, as there is nothing to weigh, but {options.weighting} was "
            "given. Leave it out."
        )


def _loss_weights(options: argparse.Namespace) -> dict[str, float]:
    """A weight for each task, or none if the weighting finds its own."""
    weights: dict[str, float] = {}
    for text in options.loss_weights:
        task, _, number = text.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if task not in options.tasks or not (math.isfinite(weight) and weight > 0):
            raise ValueError(
                f"--loss-weights must be given as task=weight, with a task of this run ({', '.join(options.tasks)}) and "
                f"a weight above 0, but {text} was given. Write for example {options.tasks[-1]}=5."
            )
        weights[task] = weight
    if weights and (options.weighting != "static" or len(options.tasks) == 1):
        raise ValueError(
            "--loss-weights needs the weighting static and more than one task: others find their weights. Leave it out."
        )
    return {task: weights.get(task, 1.0) for task in options.tasks} if options.weighting == "static" else {}


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What decides the result of a run, as a file can hold it."""
    return {name: value for name, value in vars(options).items() if name not in NOT_SETTINGS}


def weighting_of(options: argparse.Namespace) -> Weighting:
    """The weighting that was asked for by name."""
    if options.weighting == "static":
        return Static(options.loss_weights)
    return WEIGHTINGS[options.weighting](**({"seed": options.seed} if options.weighting == "rlw" else {}))
