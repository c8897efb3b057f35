"""One run out of a stored table: the right rows, in the order of seeds, and an error for anything else."""

from mtl_helpers.stored_runs import exchange_errors, seed_values, values_by
from tools import lessons

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table():
    rows = [("0.9", 12.0, 1, 0.5), ("0.9", 12.0, 0, 0.4), ("all", 12.0, 0, 0.3), ("0.9", 24.0, 0, 0.2)]
    return pd.DataFrame(rows, columns=["setting", "costly", "seed", "value"])


def test_values_come_in_the_order_of_the_seeds(table):
    assert list(seed_values(table, setting=0.9, costly=12)) == [0.4, 0.5]
    assert list(seed_values(table, setting="all")) == [0.3]
    assert list(seed_values(table, "costly", setting="all")) == [12]


@pytest.mark.parametrize("chosen", [{"setting": "none"}, {"costly": 12}, {"setting": 0.9}, {"costly": 13}])
def test_a_choice_must_leave_one_row_a_seed(table, chosen):
    with pytest.raises(ValueError, match="one row for each seed"):
        seed_values(table, **chosen)


def test_values_by_a_column(table):
    found = values_by(table, "costly", setting=0.9)
    assert {entry: list(values) for entry, values in found.items()} == {12: [0.4, 0.5], 24: [0.2]}


@pytest.mark.parametrize("relatedness", [0.9, 0.0])
def test_exchange_errors_are_those_of_the_table(relatedness):
    stored = pd.read_csv(lessons.NOTEBOOKS / "results" / "08_missing_labels.csv", comment="#")
    errors = exchange_errors(stored, relatedness)
    assert list(errors["own"]) == [12, 14, 16, 20, 24, 32, 48]
    assert list(errors["cheap"]) == list(errors["ridge"]) == [6, 12, 24, 48, 96, 192, 384]
    assert {len(values) for of_kind in errors.values() for values in of_kind.values()} == {40}
    for name, experiment, costly, cheap, labels in (
        ("own", "network", 24, 0, 24),
        ("cheap", "network", 12, 96, 96),
        ("ridge", "ridge", 12, 96, 96),
    ):
        rows = stored.query(f"experiment == '{experiment}' and costly == {costly} and cheap == {cheap}")
        rows = rows[rows["setting"].astype(float) == relatedness].sort_values("seed")
        np.testing.assert_array_equal(errors[name][labels], rows["value"])
