"""What lesson 06 writes out is what the helpers do; and what it says of units and optimizers is so."""

import ast
import re
from typing import Any

from mtl_helpers.evaluation import paired_interval
from mtl_helpers.gains import gains_over
from mtl_helpers.seeds import train_seeds
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.turns import train_in_turn
from mtl_helpers.weighting import DWA, FAMO, GLS, GradNorm, Static, Uncertainty
from tools import lessons

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from IPython.core.inputtransformer2 import TransformerManager

SOLUTION = "solution of "


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """The imports, constants and functions of the lesson; a solution's function under "solution of" its name."""
    names: dict[str, Any] = {}
    solutions: dict[str, Any] = {}
    for cell in lessons.read(lessons.find(["06"])[0]).cells:
        if cell.cell_type != "code" or "exercise" in lessons.tags(cell):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        kept = [node for node in tree.body if isinstance(node, KINDS) or _is_constant(node)]
        scope = dict(names) if "solution" in lessons.tags(cell) else names
        if cell.metadata.get("part") == "lines":
            kept = tree.body
        exec(compile(ast.Module(kept, []), "lesson 06", "exec"), scope)
        if scope is not names:
            solutions |= {SOLUTION + name: value for name, value in scope.items() if name not in names}
    return names | solutions


KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def _is_constant(node: ast.AST) -> bool:
    """An assignment to names in capitals, or the loading of the penguins."""
    if not isinstance(node, ast.Assign):
        return False
    named = {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return all(name.isupper() or name == "penguins" for name in named)


def built(weighting, losses):
    """The weighting, used once on these losses outside any model; and its total."""
    weighting.build_for(tuple(losses))
    total = weighting.call({task: tf.constant(loss, "float32") for task, loss in losses.items()})
    return weighting, float(total)


LOSS_VALUES = {"body_mass": 0.12, "sex": 0.4}
MASS_AND_SEX = {"body_mass": "squared error", "sex": "cross-entropy"}


def test_total_of_two_gaussian_tasks_is_the_helpers(lesson):
    weighting = Uncertainty(kinds=dict.fromkeys(LOSS_VALUES, "squared error"))
    weighting.build_for(tuple(LOSS_VALUES))
    weighting.learned.assign([-1.2, 0.7])
    s = {"body_mass": -1.2, "sex": 0.7}
    total = weighting.call({task: tf.constant(loss) for task, loss in LOSS_VALUES.items()})
    assert float(lesson["gaussian_total"](LOSS_VALUES, s)) == pytest.approx(float(total), rel=1e-5)


def test_total_of_the_solution_is_the_helpers(lesson):
    weighting = Uncertainty(kinds=MASS_AND_SEX)
    weighting.build_for(tuple(LOSS_VALUES))
    weighting.learned.assign([-1.2, 0.7])
    s = {"body_mass": -1.2, "sex": 0.7}
    total = weighting.call({task: tf.constant(loss) for task, loss in LOSS_VALUES.items()})
    ours = lesson[SOLUTION + "uncertainty_total"](LOSS_VALUES, s)
    assert float(ours) == pytest.approx(float(total), rel=1e-5)


@pytest.mark.slow
def test_loop_by_hand_is_the_helpers(lesson):
    by_hand = lesson["train_by_hand"](0.025, steps=50)
    build = lesson["line_network"]

    def with_the_helper():
        model = build(weighting=Uncertainty(learning_rate=0.025))
        model.compile(keras.optimizers.Adam(0.05), loss=dict.fromkeys(lesson["lines"].targets, "mse"))
        return model

    runs = train_in_turn(with_the_helper, lesson["lines"], epochs=50, batch_size=100, seeds=1)
    weights = 0.5 * np.exp(-by_hand[["s noisy", "s quiet"]].to_numpy())
    np.testing.assert_allclose(runs.step_weights[0], weights, atol=1e-5)
    assert np.ptp(weights, axis=0).min() > 0.01  # they moved: the comparison is not empty


def test_gls_is_the_helpers(lesson):
    weighting, _ = built(GLS(), LOSS_VALUES)
    ours = lesson["gls"](np.array(list(LOSS_VALUES.values())))
    np.testing.assert_allclose(ours, list(weighting.weights_by_task().values()), rtol=1e-5)


def test_famo_is_the_helpers(lesson):
    weighting = FAMO()
    weighting.build_for(tuple(LOSS_VALUES))
    weighting.learned.assign([0.3, -0.8])
    weighting.call({task: tf.constant(loss) for task, loss in LOSS_VALUES.items()})
    ours = lesson["famo"](np.array(list(LOSS_VALUES.values())), np.array([0.3, -0.8]))
    np.testing.assert_allclose(ours, list(weighting.weights_by_task().values()), rtol=1e-5)


def test_random_weights_sum_to_one(lesson):
    generator = np.random.default_rng(0)
    drawn = [lesson["rlw"](np.ones(2), generator) for _ in range(3)]
    np.testing.assert_allclose(np.sum(drawn, axis=1), 1.0)
    assert len({weights[0] for weights in drawn}) == 3


def test_dwa_of_the_solution_is_the_helpers(lesson):
    history = {
        "body_mass": np.array([[4.0, 3.0], [1.6, 1.2], [1.0, 0.5]]),
        "sex": np.array([[0.8, 0.6], [0.7, 0.5], [0.6, 0.6]]),
    }
    weighting = DWA(temperature=0.7)
    weighting.build_for(tuple(history))
    for epoch in range(3):
        seen = {task: losses[:epoch] for task, losses in history.items()}
        ours = lesson[SOLUTION + "dwa_weights"](seen, 0.7)
        for batch in range(2):
            losses = {task: tf.constant(values[epoch, batch], "float32") for task, values in history.items()}
            weighting.call(losses)
            weighting.after_step(losses)
        assert ours == pytest.approx(weighting.weights_by_task(), rel=1e-5)
        weighting.end_epoch()
    ours = lesson[SOLUTION + "dwa_weights"](history, 0.7)
    assert list(ours.values()) == pytest.approx(weighting.epoch_weights.numpy().tolist(), rel=1e-5)
    assert ours["sex"] > ours["body_mass"]  # it fell less


def test_gradnorm_moves_the_weights_as_the_helper_does(lesson):
    inputs = {"x": keras.Input((3,), name="x")}
    keras.utils.set_random_seed(0)
    trunk = keras.layers.Dense(4, name="trunk")(inputs["x"])
    outputs = {task: keras.layers.Dense(1, name=task)(trunk) for task in ("first", "second")}
    model = MultiTaskModel(inputs, outputs, weighting=GradNorm(layer="trunk", alpha=0.5))
    x = tf.constant(np.random.default_rng(0).normal(size=(8, 3)), "float32")
    shared = [variable.value for variable in model.get_layer("trunk").trainable_variables]
    weights, first = np.ones(2), None
    for scale in (1.0, 3.0):  # the second look at the batch finds one loss much larger
        with tf.GradientTape(persistent=True) as tape:
            predictions = model({"x": x})
            losses = {
                "first": tf.reduce_mean((predictions["first"] - 1.0) ** 2),
                "second": scale * tf.reduce_mean((predictions["second"] + 2.0) ** 2),
            }
            model.weighting.call(losses)
        sizes = [float(tf.linalg.global_norm(tape.gradient(loss, shared))) for loss in losses.values()]
        values = np.array([float(loss) for loss in losses.values()])
        first = values if first is None else first
        slope = lesson["gradnorm_slope"](weights, np.array(sizes), values, first, alpha=0.5)
        # Adam's mean, before and after, tells the gradient that the helper used.
        before = model.weighting.mean.numpy()
        model.weighting.after_step(losses, tape)
        np.testing.assert_allclose(10 * model.weighting.mean.numpy() - 9 * before, slope, rtol=1e-3)
        weights = model.weighting.learned.numpy()


@pytest.mark.slow
def test_a_unit_is_a_loss_weight(lesson):
    """In grams with the weight 1e-6, the network is the one trained in kilograms."""

    def errors(unit, weight):
        problem = lesson["PROBLEMS"][unit]
        runs = train_seeds(
            lambda: lesson["penguin_network"](unit), problem.train, losses=lesson["LOSSES"], epochs=10, batch_size=40,
            seeds=3, optimizer=keras.optimizers.Adam(0.02), task_weights={"body_mass": weight, "sex": 1.0},
        )  # fmt: skip
        return problem.scores(runs, "test")["body_mass"]

    np.testing.assert_allclose(errors("g", 1e-6), errors("kg", 1.0), rtol=1e-3)
    np.testing.assert_allclose(errors("kg", 1e6), errors("g", 1.0), rtol=1e-3)
    assert np.abs(errors("g", 1.0) - errors("kg", 1.0)).max() > 1.0


def test_both_ways_of_training_have_the_settings_of_the_problem(lesson, monkeypatch):
    """The grid is trained at once, the methods in turn: with the same epochs, batches and rate."""
    given = {}
    train = lesson["train_at_once"]
    monkeypatch.setitem(
        train.__globals__, "train_seeds", lambda build, part, **options: given.update(options, train=part)
    )
    train("g", seeds=3)
    problem = lesson["PROBLEMS"]["g"]
    assert (given["epochs"], given["batch_size"]) == (problem.epochs, problem.batch_size)
    assert given["train"] is problem.train and not problem.keep_best and problem.labels is None
    assert float(given["optimizer"].learning_rate) == pytest.approx(lesson["RATES"]["g"])
    assert lesson["RATES"]["g"] == lesson["RATES"]["kg"]


def test_a_method_has_five_candidates_or_nothing_to_tune_and_makes_its_weighting(lesson):
    none = {method for method, candidates in lesson["CANDIDATES"].items() if candidates == [None]}
    assert none == {"RLW", "GLS", "alone"}
    assert {len(lesson["CANDIDATES"][method]) for method in set(lesson["CANDIDATES"]) - none} == {5}
    assert set(lesson["WEIGHTINGS"]) == set(lesson["CANDIDATES"])
    static = lesson["WEIGHTINGS"]["static"](3.0, ("body_mass", "sex"))
    assert isinstance(static, Static) and static.weights_given == {"body_mass": 3.0, "sex": 1.0}


def test_stored_table_holds_every_method_with_the_same_seeds(lesson):
    stored = pd.read_csv(lessons.NOTEBOOKS / "results" / "06_loss_weighting.csv", comment="#")
    for name, seeds in (("kg", 20), ("g", 20), ("digits", 10)):
        part = stored[stored["data"] == name]
        assert set(part["method"]) == set(lesson["CANDIDATES"]) - ({"alone"} if name == "g" else set())
        for _, rows in part.groupby(["method", "task"]):
            assert rows["seed"].tolist() == list(range(seeds))
            method = rows["method"].iloc[0]
            assert rows["setting"].nunique(dropna=False) == 1
            setting = rows["setting"].iloc[0]
            assert (None if np.isnan(setting) else setting) in lesson["CANDIDATES"][method]


SIX = ("uncertainty", "DWA", "GLS", "FAMO", "GradNorm", "RLW")


def test_stored_table_shows_what_the_lesson_says():
    table = pd.read_csv(lessons.NOTEBOOKS / "results" / "06_loss_weighting.csv", comment="#")
    score = table.set_index(["data", "method", "task"])["score"]

    def sign(data, method, task):
        """1 or -1 for an interval above or below zero, against static in kilograms; 0 for one that holds it."""
        found = paired_interval(
            score[data, method, task], score[data if data == "digits" else "kg", "static", task]
        )
        return int(found.low > 0) - int(found.high < 0)

    assert not any(sign("kg", method, task) for method in SIX for task in MASS_AND_SEX)
    assert sign("kg", "alone", "body_mass") == -1
    assert not any(sign("g", method, task) for method in ("GLS", "FAMO") for task in MASS_AND_SEX)
    for method in ("static", "uncertainty", "DWA"):
        assert (sign("g", method, "body_mass"), sign("g", method, "sex")) == (-1, -1)
    assert (sign("g", "GradNorm", "body_mass"), sign("g", "GradNorm", "sex")) == (1, -1)
    assert sign("g", "RLW", "sex") == -1
    digits = ("top_left", "bottom_right")
    assert not any(sign("digits", method, task) for method in SIX for task in digits)
    assert [sign("digits", "alone", task) for task in digits] == [0, 1]


def test_many_chosen_settings_lie_at_an_edge_of_their_grid(lesson):
    stored = pd.read_csv(lessons.NOTEBOOKS / "results" / "06_loss_weighting.csv", comment="#")
    chosen = stored.dropna(subset=["setting"]).groupby(["data", "method"])["setting"].first()
    edges = [
        setting in (lesson["CANDIDATES"][method][0], lesson["CANDIDATES"][method][-1])
        for (_, method), setting in chosen.items()
    ]
    assert len(edges) == 15 and sum(edges) >= 8
    assert chosen["kg", "GradNorm"] == 0.0  # not an edge that was cut off: below 0 there is nothing


def test_uncertainty_in_grams_is_far_from_its_rest(lesson):
    """The cell prints, for each rate, s and where it would rest."""
    cell = next(each for each in lessons.read(lessons.find(["06"])[0]).cells if each.id == "l06-064")
    found = [
        [float(x) for x in re.findall(r"-?\d+\.\d+", line)] for line in cell.outputs[0].text.splitlines()
    ]
    assert [rate for rate, _, _ in found] == lesson["STEPS"]
    assert all(rest - s > 5 for _, s, rest in found)


def test_famo_takes_longest_in_the_stored_costs():
    cost = pd.read_csv(lessons.NOTEBOOKS / "results" / "step_cost.csv", comment="#")
    cost = cost.query("network == 'LeNet' and place == 'losses'").set_index("method")
    for _, ratio in cost.groupby("tasks")["ratio"]:
        assert ratio.idxmax() == "FAMO" and ratio.drop("FAMO").max() < 1.2


def test_only_gradnorms_loss_of_sex_in_grams_is_left_in_widened_intervals():
    stored = pd.read_csv(lessons.NOTEBOOKS / "results" / "06_loss_weighting.csv", comment="#")
    named = stored.assign(method=stored["method"] + np.where(stored["data"] == "g", ", g", ""))
    better = {"body_mass": False, "sex": True, "top_left": True, "bottom_right": True}
    gains = gains_over("static", named, better)
    for method in ("static", "uncertainty", "DWA", "RLW"):
        row = gains.loc[(f"{method}, g", "sex")]
        assert row["high"] < 0 and row["wide_low"] < 0 < row["wide_high"]
    assert gains.loc[("GradNorm, g", "sex"), "wide_high"] < 0
