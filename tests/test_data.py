"""The data sets: what they hold, that nothing leaks from one part to another, and their known truth."""

import subprocess
import sys

from mtl_helpers.data import (
    ISLANDS,
    MEASUREMENTS,
    SPECIES,
    Split,
    load_penguins,
    related_tasks,
    tutorial_data,
)

import numpy as np
import pytest

PENGUINS = load_penguins()
PARTS = {"train": 200, "validation": 50, "test": 83}


def same(split, other):
    return all(
        (values == getattr(other, kind)[name]).all()
        for kind in ("inputs", "targets")
        for name, values in getattr(split, kind).items()
    )


def part_of(table, part):
    return table[table["part"] == part]


def test_a_split_takes_rows_of_inputs_and_targets_together():
    split = Split({"x": np.arange(8).reshape(4, 2)}, {"y": np.arange(4) * 10})
    taken = split.take(np.array([3, 0, 0]))
    assert len(split) == 4 and len(taken) == 3
    np.testing.assert_array_equal(taken.inputs["x"], [[6, 7], [0, 1], [0, 1]])
    np.testing.assert_array_equal(taken.targets["y"], [30, 0, 0])


@pytest.mark.parametrize("part", PARTS)
def test_penguins_have_the_documented_shapes_and_types_without_gaps(part):
    split, birds = getattr(PENGUINS, part), PARTS[part]
    arrays = {**split.inputs, **split.targets}
    assert len(split) == birds
    assert {name: (values.shape, values.dtype.name) for name, values in arrays.items()} == {
        "measurements": ((birds, 3), "float32"),
        "island_and_sex": ((birds, 4), "float32"),
        "species": ((birds,), "int32"),
        "body_mass": ((birds, 1), "float32"),
    }
    assert all(np.isfinite(values).all() for values in arrays.values())


@pytest.mark.parametrize("part", PARTS)
def test_penguins_hold_what_the_table_of_the_package_says(part):
    split, rows = getattr(PENGUINS, part), part_of(PENGUINS.table, part)
    training = part_of(PENGUINS.table, "train")
    for column, name in enumerate(MEASUREMENTS):  # standardised on the training part alone
        mean, std = training[name].mean(), training[name].std(ddof=0)
        expected = (rows[name] - mean) / std
        np.testing.assert_allclose(split.inputs["measurements"][:, column], expected, atol=1e-5)
    island_and_sex = split.inputs["island_and_sex"]
    assert [ISLANDS[row.argmax()] for row in island_and_sex[:, :3]] == rows["island"].tolist()
    assert (island_and_sex[:, :3].sum(axis=1) == 1).all()
    assert np.where(island_and_sex[:, 3] == 1, "male", "female").tolist() == rows["sex"].tolist()
    assert [SPECIES[label] for label in split.targets["species"]] == rows["species"].tolist()
    grams = PENGUINS.grams(split.targets["body_mass"])
    np.testing.assert_allclose(grams[:, 0], rows["body_mass_g"], atol=0.01)


def test_the_body_mass_is_standardised_on_the_training_part_alone():
    mass = {part: getattr(PENGUINS, part).targets["body_mass"] for part in PARTS}
    assert mass["train"].mean() == pytest.approx(0, abs=1e-5)
    assert mass["train"].std() == pytest.approx(1, abs=1e-5)
    assert abs(mass["validation"].mean()) > 1e-3 and abs(mass["test"].mean()) > 1e-3
    training = part_of(PENGUINS.table, "train")["body_mass_g"]
    assert PENGUINS.body_mass_mean == pytest.approx(training.mean())
    assert PENGUINS.body_mass_std == pytest.approx(training.std(ddof=0))


def test_the_parts_share_no_bird_and_hold_the_same_share_of_each_species():
    table = PENGUINS.table
    assert len(table) == 333 and not table.isna().any(axis=None)
    assert table["part"].value_counts().to_dict() == PARTS
    overall = table["species"].value_counts(normalize=True)
    for part, birds in PARTS.items():
        share = part_of(table, part)["species"].value_counts(normalize=True)
        assert (abs(share - overall) <= 1 / birds).all()


def test_the_seed_decides_the_parts():
    assert same(load_penguins(seed=0).test, PENGUINS.test)
    other = load_penguins(seed=1)
    assert (other.table["part"] != PENGUINS.table["part"]).any()
    assert other.body_mass_mean != PENGUINS.body_mass_mean


@pytest.mark.parametrize("part", PARTS)
def test_as_a_target_the_sex_is_no_longer_an_input(part):
    split, as_input = getattr(load_penguins(sex="target"), part), getattr(PENGUINS, part)
    assert set(split.inputs) == {"measurements", "island"}
    assert set(split.targets) == {"species", "body_mass", "sex"}
    np.testing.assert_array_equal(split.inputs["island"], as_input.inputs["island_and_sex"][:, :3])
    np.testing.assert_array_equal(split.targets["sex"], as_input.inputs["island_and_sex"][:, 3:])
    assert split.targets["sex"].shape == (PARTS[part], 1) and split.targets["sex"].dtype == "float32"
    # No column of the inputs is the sex under another name.
    sex = split.targets["sex"][:, 0]
    for values in split.inputs.values():
        assert all(abs(np.corrcoef(column, sex)[0, 1]) < 0.9 for column in values.T)


def test_an_unknown_role_of_the_sex_is_refused():
    with pytest.raises(ValueError, match="'input' or 'target', but 'both' was given"):
        load_penguins(sex="both")


@pytest.mark.parametrize("relatedness", [0.0, 0.3, 1.0])
def test_the_dial_is_the_share_of_each_weight_vector_in_the_common_subspace(relatedness):
    common = related_tasks(1.0, tasks=8, rank=3, dimensions=12).weights  # spans the subspace
    weights = related_tasks(relatedness, tasks=8, rank=3, dimensions=12).weights
    basis = np.linalg.svd(common)[2][:3]
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1)
    np.testing.assert_allclose(np.square(weights @ basis.T).sum(axis=1), relatedness, atol=1e-12)
    expected_rank = {1.0: 3, 0.0: 8}.get(relatedness, 8)  # eight tasks, nine dimensions outside the subspace
    assert np.linalg.matrix_rank(weights) == expected_rank


def test_targets_are_the_true_line_and_noise_of_the_given_size():
    problem = related_tasks(0.5, tasks=3, train_examples=20_000, noise=0.3, seed=4)
    for k, weights in enumerate(problem.weights, start=1):
        x, y = problem.train.inputs[f"x_{k}"], problem.train.targets[f"task_{k}"]
        signal = x @ weights
        assert signal.var() == pytest.approx(1, abs=0.05)
        residual = y[:, 0] - signal
        assert residual.std() == pytest.approx(0.3, abs=0.01)
        assert abs(np.corrcoef(residual, signal)[0, 1]) < 0.05
    exact = related_tasks(0.5, noise=0)
    np.testing.assert_allclose(
        exact.test.inputs["x_1"] @ exact.weights[0], exact.test.targets["task_1"][:, 0], atol=1e-5
    )


def test_every_task_and_part_has_examples_of_its_own():
    problem = related_tasks(1.0)
    sizes = {"train": 40, "validation": 40, "test": 500}
    rows = []
    for part, size in sizes.items():
        split = getattr(problem, part)
        assert list(split.inputs) == [f"x_{k}" for k in range(1, 7)] and len(split) == size
        assert list(split.targets) == [f"task_{k}" for k in range(1, 7)]
        assert all(v.shape == (size, 30) and v.dtype == "float32" for v in split.inputs.values())
        assert all(v.shape == (size, 1) and v.dtype == "float32" for v in split.targets.values())
        rows += list(split.inputs.values())
    assert len(np.unique(np.concatenate(rows), axis=0)) == 6 * sum(sizes.values())


def test_related_tasks_come_again_with_their_seed():
    first, again, other = (related_tasks(0.5, seed=seed) for seed in (3, 3, 4))
    assert same(first.test, again.test) and (first.weights == again.weights).all()
    assert not same(first.test, other.test)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relatedness": 1.5}, "between 0 and 1, but 1.5"),
        ({"relatedness": -0.1}, "between 0 and 1"),
        ({"relatedness": float("nan")}, "between 0 and 1, but nan"),
        ({"rank": 0}, "at least 1 and below the 30 dimensions, but 0"),
        ({"rank": 30}, "below the 30 dimensions, but 30"),
        ({"tasks": 0}, "At least one task"),
        ({"train_examples": 0}, "one example in each part"),
        ({"noise": -1.0}, "noise of zero or more"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        related_tasks(**{"relatedness": 0.5, **settings})


@pytest.mark.slow
def test_data_intervals_and_exercises_need_no_tensorflow():
    modules = "mtl_helpers.data, mtl_helpers.evaluation, mtl_helpers.exercises"
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_split_shows_names_and_shapes():
    shown = repr(load_penguins(sex="target").validation)
    assert shown == (
        "50 examples; inputs: measurements (50, 3), island (50, 3); "
        "targets: species (50,), body_mass (50, 1), sex (50, 1)"
    )


def test_in_the_tutorial_data_both_inputs_matter_to_both_tasks():
    train, test = tutorial_data(2000, seed=1), tutorial_data(2000, seed=2)
    assert {name: v.shape for name, v in train.inputs.items()} == {"first": (2000, 50), "second": (2000, 100)}
    assert {name: v.shape for name, v in train.targets.items()} == {"kind": (2000, 10), "amount": (2000, 1)}
    assert all(v.dtype == "float32" for v in [*train.inputs.values(), *train.targets.values()])
    np.testing.assert_array_equal(train.targets["kind"].sum(axis=1), 1)

    def explained(
        names,
    ):  # by least squares, on the other seed's examples: the relation is the same for all seeds
        x, x_test = (
            np.concatenate([split.inputs[name] for name in names], axis=1) for split in (train, test)
        )
        weights = np.linalg.lstsq(x, train.targets["amount"], rcond=None)[0]
        residual = test.targets["amount"] - x_test @ weights
        return 1 - residual.var() / test.targets["amount"].var()

    assert explained(["first", "second"]) > 0.95
    assert explained(["first"]) < 0.8 and explained(["second"]) < 0.8
