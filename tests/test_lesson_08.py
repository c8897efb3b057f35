"""What lesson 08 writes out is what the helper does; and the stored table shows what the lesson says."""

import ast
from typing import Any

from mtl_helpers.evaluation import mean_interval, paired_interval
from mtl_helpers.losses import as_loss
from mtl_helpers.missing import LabelledLoss
from tools import lessons

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from IPython.core.inputtransformer2 import TransformerManager

KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef)


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """The imports, constants and functions of the lesson, those of its solutions included."""
    names: dict[str, Any] = {}
    for cell in lessons.read(lessons.find(["08"])[0]).cells:
        if cell.cell_type != "code" or "exercise" in lessons.tags(cell):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        kept = [node for node in tree.body if isinstance(node, KINDS) or _is_constant(node)]
        exec(compile(ast.Module(kept, []), "lesson 08", "exec"), names)
    return names


def _is_constant(node: ast.AST) -> bool:
    """An assignment to one name in capitals, of numbers and names alone."""
    named = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    return isinstance(node, ast.Assign) and all(name.isupper() for name in named)


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(lessons.NOTEBOOKS / "results" / "08_missing_labels.csv", comment="#")


def loss_and_gradient(loss, target, prediction):
    prediction = tf.constant(prediction, "float32")
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = loss(tf.constant(target), prediction)
    return float(value), tape.gradient(value, prediction).numpy()


@pytest.mark.parametrize("labels", [0, 1, 3, 8])
def test_masked_mse_is_the_helpers(lesson, labels):
    generator = np.random.default_rng(0)
    target, prediction = generator.normal(size=(2, 8, 1)).astype("float32")
    target[labels:] = np.nan
    ours, gradient = loss_and_gradient(lesson["masked_mse"], target, prediction)
    helper = LabelledLoss(as_loss("mse"), float("nan"))
    theirs, their_gradient = loss_and_gradient(helper, target, prediction)
    assert ours == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(gradient, their_gradient, rtol=1e-6)
    assert not gradient[labels:].any()
    assert gradient[:labels].all()


@pytest.mark.parametrize("labels", [0, 2, 6])
def test_masked_cross_entropy_of_the_solution_is_the_helpers(lesson, labels):
    generator = np.random.default_rng(1)
    prediction = generator.dirichlet(np.ones(3), size=6).astype("float32")
    target = generator.integers(0, 3, 6).astype("int32")
    target[labels:] = -1
    ours, gradient = loss_and_gradient(lesson["masked_cross_entropy"], target, prediction)
    helper = LabelledLoss(as_loss("sparse_categorical_crossentropy"), -1)
    theirs, their_gradient = loss_and_gradient(helper, target, prediction)
    assert ours == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(gradient, their_gradient, rtol=1e-6)


def test_rows_are_drawn_in_the_shares_of_the_solution(lesson):
    sizes = list(lesson["SIZES"].values())
    for temperature in (1, 3, np.inf):
        (rows,) = lesson["sampled_rows"]([0], temperature)
        share = (rows < sizes[0]).mean()
        assert share == pytest.approx(lesson["shares"](sizes, temperature)[0], abs=0.02)
        assert rows.min() >= 0 and rows.max() < sum(sizes)
    assert set(rows) >= set(range(sizes[0]))


def values(stored, **chosen):
    for name, value in chosen.items():
        stored = stored[stored[name].astype(str) == str(value)]
    return stored.sort_values("seed")["value"].to_numpy()


def test_stored_table_has_every_seed_once(stored):
    by_run = stored.groupby(["experiment", "setting", "costly", "cheap", "task"], dropna=False)
    for (experiment, setting, *_), rows in by_run:
        many = {"sampling": 20, "network": 40, "ridge": 40, "penalty": 20}.get(
            experiment, 20 if "tenth" in setting else 10
        )
        first = 100 if experiment == "penalty" else 0
        assert sorted(rows["seed"]) == list(range(first, first + many))
    assert by_run.ngroups == 24 + 2 * 28 + 9 + 7


def test_stored_sampling_shows_what_the_lesson_says(stored):
    def difference(one, other, penalty, task="costly"):
        one, other = (values(stored, setting=f"{name}, {penalty}", task=task) for name in (one, other))
        return paired_interval(one, other)

    for name in ("T = 3", "uniform"):
        found = difference(f"labels, {name}", "labels, by size", 0.03)
        assert found.low < 0 < found.high and abs(found.mean) < 0.02
        assert difference("labels, " + name, "labels, by size", 0.003).low > 0
        assert difference("batch, by size", f"batch, {name}", 0.03).low > 0.2
    assert difference("batch, uniform", "batch, by size", 0.003).low > 0
    cheap = stored.query("experiment == 'sampling' and task == 'cheap'").groupby("setting")["value"].mean()
    assert np.ptp(cheap) < 0.01
    starved = mean_interval(values(stored, setting="batch, by size, 0.03", task="costly")).mean
    assert 2.5 < starved / values(stored, setting="labels, by size, 0.03", task="costly").mean() < 3


def test_stored_exchange_shows_what_the_lesson_says(stored):
    def errors(kind, dial, costly, cheap):
        return values(stored, experiment=kind, setting=dial, costly=float(costly), cheap=float(cheap))

    own = [errors("network", 0.9, n, 0).mean() for n in (12, 14, 16, 20, 24, 32, 48)]
    assert np.all(np.diff(own) < 0)  # each error belongs to one number of labels
    twelve_more = paired_interval(errors("network", 0.9, 12, 48), errors("network", 0.9, 24, 0))
    assert twelve_more.low < 0 < twelve_more.high
    assert abs(errors("network", 0.9, 12, 384).mean() - errors("network", 0.9, 12, 96).mean()) < 0.01
    for cheap in (6, 12, 24, 48, 96, 192, 384):
        corrected = paired_interval(
            errors("network", 0.0, 12, cheap), errors("network", 0.0, 12, 0), 1 - 0.05 / 7
        )
        assert corrected.low < 0 < corrected.high and abs(corrected.mean) < 0.03
        assert paired_interval(errors("ridge", 0.0, 12, cheap), errors("network", 0.0, 12, cheap)).low > 0
        rival = paired_interval(errors("network", 0.9, 12, cheap), errors("ridge", 0.9, 12, cheap))
        assert (rival.low > 0) == (cheap >= 48) and (rival.high < 0) == (cheap <= 12)
    for dial in (0.9, 0.0):  # on the twelve alone ridge errs more, too
        assert paired_interval(errors("ridge", dial, 12, 0), errors("network", dial, 12, 0)).low > 0
    for costly, cheap in ((24, 0), (12, 96)):
        by_penalty = {
            penalty: values(
                stored, experiment="penalty", setting=penalty, costly=float(costly), cheap=float(cheap)
            ).mean()
            for penalty in (0.01, 0.03, 0.1)
        }
        assert min(by_penalty, key=by_penalty.get) == 0.03 and np.ptp(list(by_penalty.values())) < 0.03
