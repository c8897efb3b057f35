"""What lesson 07 writes out is what the helpers do; and what it says of parameters and of the dial is so."""

import ast
from typing import Any

from mtl_helpers import widths
from mtl_helpers.sharing import PLE, CrossStitch, MMoE
from tools import lessons

import keras
import numpy as np
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager

KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef)


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    """The imports, functions and constants of the lesson; where stub and solution differ, the solution's."""
    names: dict[str, Any] = {"stored": None}
    for cell in lessons.read(lessons.find(["07"])[0]).cells:
        if cell.cell_type != "code" or "exercise" in lessons.tags(cell):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        kept = [node for node in tree.body if isinstance(node, KINDS) or _is_constant(node)]
        exec(compile(ast.Module(kept, []), "lesson 07", "exec"), names)
    return names


def _is_constant(node: ast.AST) -> bool:
    """An assignment to names in capitals, also one that adds to them."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    named = [
        each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)
    ]
    return bool(named) and all(name.isupper() for name in named)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def randomly_built(layer, inputs):
    layer(inputs)
    generator = np.random.default_rng(1)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def test_cross_stitch_by_hand_is_the_layer(lesson, x):
    layer = randomly_built(CrossStitch(), {"a": x, "b": x**2})
    found = lesson["cross_stitch"](np.stack([x, x**2]), np.array(layer.alpha))
    for by_hand, task in zip(found, "ab", strict=True):
        np.testing.assert_allclose(by_hand, layer({"a": x, "b": x**2})[task], atol=1e-5)


def test_mixture_by_hand_is_mmoe(lesson, x):
    layer = randomly_built(MMoE(["a", "b"], 3, 4), x)
    experts = np.stack([expert(x) for expert in layer.expert_layers])
    for gate, task in zip(layer.gate_layers, "ab", strict=True):
        by_hand = lesson["mixture"](x, experts, np.array(gate.kernel))
        np.testing.assert_allclose(by_hand, layer(x)[task], atol=1e-5)


def test_the_solution_of_07_2_is_a_level_of_ple(lesson, x):
    layer = randomly_built(PLE(["a", "b"], [4], task_experts=2, shared_experts=3), x)
    level = layer.levels[0]
    shared = np.stack([expert(x) for expert in level["shared experts"]])
    for task in "ab":
        own = np.stack([expert(x) for expert in level[f"experts {task}"]])
        by_hand = lesson["ple_features"](x, own, shared, np.array(level[f"gate {task}"][0].kernel))
        np.testing.assert_allclose(by_hand, layer(x)[task], atol=1e-5)


@pytest.mark.slow
def test_thirteen_shared_units_come_nearest_to_eight_networks_of_two(lesson):
    apart = 8 * lesson["single_network"](2).count_params()
    distance = {width: abs(lesson["shared_network"](width).count_params() - apart) for width in range(1, 40)}
    assert min(distance, key=lambda width: distance[width]) == 13


def test_an_mmoe_of_four_experts_has_the_parameters_of_07_3(x):
    layer = randomly_built(MMoE(["a", "b"], 4, 7), np.ones((2, 100), "float32"))
    assert sum(expert.count_params() for expert in layer.expert_layers) == 2828
    assert sum(gate.count_params() for gate in layer.gate_layers) == 800


@pytest.mark.slow
def test_the_networks_compared_differ_by_less_than_five_per_cent_in_size(lesson):
    sizes = {}
    for kind in lesson["SHARING"]:
        counts = [lesson["dial_network"](kind, width).count_params() for width in range(1, 40)]
        sizes[kind] = min(counts, key=lambda count: abs(count - 3900))
    assert set(sizes) == {"shared", "separate", "cross-stitch", "MMoE", "PLE"}
    assert max(sizes.values()) < 1.05 * min(sizes.values())


def test_the_single_network_of_the_dial_has_the_width_of_the_shared_one(lesson):
    shared, single = lesson["dial_network"]("shared", 4), lesson["dial_network"]("shared", 4, ("y",))
    assert list(single.output) == ["y"]
    head = 4 * 8 + 8 + 8 + 1
    assert shared.count_params() - single.count_params() == head


def test_the_stored_table_has_twenty_draws_of_everything_and_rates_of_the_grid(lesson):
    path = lessons.find(["07"])[0]
    stored = pd.read_csv(path.parent / "results" / f"{path.stem}.csv", comment="#")
    row = widths.error_rows({("ridge", 0): [0.1]}, part="two", relatedness=0.0, labels=1000, rate=0.03)[0]
    assert list(stored.columns) == list(row)
    sizes = stored.groupby(["part", "relatedness", "labels", "model", "width"])["seed"].nunique()
    assert (sizes == 20).all()
    assert len(sizes.loc["eight"]) == 4 * 3 * (5 + 4 + 1)
    assert len(sizes.loc["two"]) == 3 * (4 + 4 + 1)
    assert len(sizes.loc["kinds"]) == 3 * 5
    assert set(stored.query("part == 'kinds'")["rate"]) <= set(lesson["RATES"])


@pytest.mark.slow
def test_the_stored_errors_come_again(lesson):
    """One setting of the table, with the first draws only."""
    path = lessons.find(["07"])[0]
    stored = pd.read_csv(path.parent / "results" / f"{path.stem}.csv", comment="#")
    keras.utils.set_random_seed(0)
    live = pd.DataFrame(lesson["eight_compared"](1.0, 40, draws=2, pairs=[(2, 2)]))
    keys = list(stored.columns)[:-1]
    both = live.merge(stored, on=keys, suffixes=("", "_stored"))
    assert len(both) == len(live) == 6
    # The single networks are seeded by their place among all draws and tasks, so these come again as well.
    np.testing.assert_allclose(both["error"], both["error_stored"], atol=2e-3)
