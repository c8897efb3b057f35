"""The diamonds that come inside the package `plotnine`: two tasks, and a price that few stones have."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtl_helpers.split import Split

import numpy as np
import pandas as pd

COLOURS = ("D", "E", "F", "G", "H", "I", "J")  # from colourless to yellowish
CLARITIES = ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF")  # from worst to best
CUTS = ("Fair", "Good", "Very Good", "Premium", "Ideal")  # from worst to best
MEASURED = ("carat", "longer", "shorter", "z", "depth", "table")
LIGHT_ONE_IN, HEAVY_ONE_IN = 20, 80  # so many stones for one that is sold, up to one carat and above
UNITS = {"price": 1, "cut": len(CUTS)}  # of the outputs
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}  # of the stones


@dataclass(frozen=True)
class Diamonds:
    """Some 53,700 rows, ready for a model with two inputs.

    train, validation, test: no stone is in two of them
    table: every row in its own units, in the order of the file; x and y as they were written, and the columns `longer`
        and `shorter` (mm), `stone` (its number), `part`, and `stands_for`: of how many stones the known price is a
        sample (1 in the test part), 0 where it is not known. There `price` is NaN.
    log_price_mean, log_price_std: of the known prices of the training part; they standardise the target `price`
    """

    train: Split
    validation: Split
    test: Split
    table: pd.DataFrame
    log_price_mean: float
    log_price_std: float

    def dollars(self, standardised: np.ndarray) -> np.ndarray:
        """Prices in dollars from standardised logarithms, of any shape."""
        return np.exp(np.asarray(standardised, dtype="float64") * self.log_price_std + self.log_price_mean)

    def scores(self, predicted: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
        """The measure of each task on "validation" or "test", one number a seed.

        predicted: task -> (seeds, rows, units), as `SeedRuns.predict` gives it: standardised prices, shares of the cuts

        price: mean absolute error in per cent of the true price, each known price counted for all that it stands for
        cut:   accuracy
        Raises ValueError for another part, an unknown task, or another number of rows or units.
        """
        if part not in ("validation", "test"):
            raise ValueError(
                f"part must be 'validation' or 'test', but {part!r} was given. Choose on validation, report on test."
            )
        rows, split = self.table[self.table["part"] == part], getattr(self, part)
        found: dict[str, np.ndarray] = {}
        for task, values in predicted.items():
            values = np.asarray(values)
            if task not in UNITS or values.ndim != 3 or values.shape[1:] != (len(rows), UNITS[task]):
                raise ValueError(
                    f"Predictions in shape (seeds, {len(rows)}, units) are expected, with 1 unit for 'price' and 5 for "
                    f"'cut' (shares, not class numbers), but '{task}' in shape {values.shape} was given. Predict the "
                    f"part '{part}', and keep the axis of seeds."
                )
            if task == "cut":
                found[task] = (values.argmax(axis=-1) == split.targets["cut"]).mean(axis=1)
            else:
                known = (rows["stands_for"] > 0).to_numpy()
                true, weights = rows["price"].to_numpy()[known], rows["stands_for"].to_numpy()[known]
                error = np.abs(self.dollars(values[:, known, 0]) - true) / true
                found[task] = 100 * np.average(error, axis=1, weights=weights)
        return found


def diamond_table() -> pd.DataFrame:
    """Read the diamonds as they are, with all their faults: 53,940 rows, ten columns.

    Columns: carat (weight; 1 carat is 0.2 g), cut, color, clarity, depth and table (in per cent of the width), price
    (in dollars), x, y and z (two sides and the height, in mm).
    Source: Wickham, ggplot2 (2016), as stored in the package plotnine.
    Raises FileNotFoundError if the package is missing.
    """
    package = importlib.util.find_spec("plotnine")  # found, not imported: that would take seconds
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "The diamonds come inside the package plotnine, but it is not installed. Install the course's packages: "
            "README, section Start."
        )
    return pd.read_csv(Path(package.origin).parent / "data" / "diamonds.csv")


def stone_numbers(table: pd.DataFrame) -> np.ndarray:
    """A number for each row: equal for rows with the same weight, depth, table and sizes, x and y in either order.

    It depends on these values alone, so a stone keeps its number whatever other rows there are.
    """
    values = table[["carat", "depth", "table", "z"]].assign(
        longer=table[["x", "y"]].max(axis=1), shorter=table[["x", "y"]].min(axis=1)
    )
    return pd.util.hash_pandas_object(values, index=False).to_numpy()


def is_sold(table: pd.DataFrame) -> np.ndarray:
    """True for each row whose stone is sold, so that its price is known.

    Of the stones up to one carat one in 20 is sold, of the heavier ones one in 80; which ones is a matter of chance.
    """
    one_in = np.where(table["carat"] <= 1, LIGHT_ONE_IN, HEAVY_ONE_IN)
    return stone_numbers(table) % one_in.astype("uint64") == 0


def load_diamonds(seed: int = 0) -> Diamonds:
    """Clean the diamonds, and make two inputs and two targets of them.

    seed: decides which stones go to training, validation and test

    Cleaning: rows that repeat another one exactly are left out; so are those with a size of zero, and those whose
    depth differs by a point or more from what their sizes give, 200 z / (x + y).
    A stone is what has the same weight, depth, table and sizes. All of its rows go to the same part.

    Inputs (float32):
      measured  (rows, 6)   log of the carat, of the longer and shorter side and of z; depth; table: standardised on
                            the training part
      graded    (rows, 15)  colour D to J, then clarity I1 to IF: each 0 or 1
    Targets:
      cut       (rows,)     int32    0 Fair, 1 Good, 2 Very Good, 3 Premium, 4 Ideal
      price     (rows, 1)   float32  log of the dollars, standardised; in training and validation NaN if not sold
    """
    raw = diamond_table().drop_duplicates()
    sound = (raw[["x", "y", "z"]] > 0).all(axis=1)
    sound &= (200 * raw["z"] / (raw["x"] + raw["y"]) - raw["depth"]).abs() < 1
    table = raw[sound].reset_index(drop=True)
    # Which side was written first goes with the cut, as a habit of whoever wrote it. Only the sizes stay.
    table["longer"], table["shorter"] = table[["x", "y"]].max(axis=1), table[["x", "y"]].min(axis=1)

    table["stone"], stones = pd.factorize(stone_numbers(table))
    rank = np.random.default_rng(seed).permutation(len(stones))[table["stone"]] / len(stones)
    ends = np.cumsum(list(SHARES.values()))[:-1]
    table["part"] = np.array(list(SHARES))[np.searchsorted(ends, rank, side="right")]
    one_in = np.where(table["carat"] <= 1, LIGHT_ONE_IN, HEAVY_ONE_IN)
    table["stands_for"] = np.where(table["part"] == "test", 1, np.where(is_sold(table), one_in, 0))
    table["price"] = table["price"].where(table["stands_for"] > 0).astype("float64")
    return _as_splits(table)


def _as_splits(table: pd.DataFrame) -> Diamonds:
    training = (table["part"] == "train").to_numpy()
    measured = table[list(MEASURED)].to_numpy(dtype="float64")
    measured[:, :4] = np.log(measured[:, :4])
    measured = (measured - measured[training].mean(axis=0)) / measured[training].std(axis=0)
    grades = [
        table[name].to_numpy()[:, None] == np.array(levels)
        for name, levels in (("color", COLOURS), ("clarity", CLARITIES))
    ]
    log_price = np.log(table["price"].to_numpy())
    mean, std = float(np.nanmean(log_price[training])), float(np.nanstd(log_price[training]))
    rows = Split(
        {
            "measured": measured.astype("float32"),
            "graded": np.concatenate(grades, axis=1).astype("float32"),
        },
        {
            "cut": table["cut"].map(CUTS.index).to_numpy(dtype="int32"),
            "price": ((log_price - mean) / std).astype("float32")[:, None],
        },
    )
    parts = {part: rows.take(np.flatnonzero(table["part"] == part)) for part in SHARES}
    return Diamonds(**parts, table=table, log_price_mean=mean, log_price_std=std)
