"""The checks of lesson 12. They judge what a learner made, by what any right way leads to."""

from collections.abc import Mapping, Set, Sized
from types import EllipsisType
from typing import Any

from mtl_helpers.comparisons import (
    BETTER,
    EQUAL,
    NOT_WORSE,
    NOTHING,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    WORSE,
    gain_interval,
    verdict,
)
from mtl_helpers.diamonds import is_sold, stone_numbers
from mtl_helpers.seed_checks import as_seeds

import keras
import numpy as np
import pandas as pd

Answer = str | EllipsisType | None

PARTS = {"train": 0.4, "validation": 0.08, "test": 0.08}  # the least share of the rows
TASKS = ("price", "cut")
NETWORKS = ("price alone", "cut alone", "shared")
HIGHER = {"price": False, "cut": True}
RAW = ("carat", "cut", "color", "clarity", "depth", "table", "price", "x", "y", "z")
INPUTS = ("carat", "color", "clarity", "depth", "table")
SIZES = ["x", "y", "z"]
FEW = 500  # values that a column of names or codes may have
COUNTED_ONCE = 67.58  # the error of the median of the training prices, if validation prices are not weighted
TOO_GOOD = {"price": 8.8, "cut": 0.77}  # what no honest way was seen to reach; see tests/test_lesson_12.py


def check_1(table: pd.DataFrame) -> Answer:
    """Rows to trust, in three parts, no stone in two of them."""
    if not isinstance(table, pd.DataFrame):
        return "A DataFrame is expected: the rows of `raw` that you trust, with a column `part`."
    if lost := [name for name in (*RAW, "part") if name not in table.columns]:
        return f"The columns {', '.join(lost)} are missing. Keep those of `raw`, and add `part`."
    if set(table["part"].unique()) != set(PARTS):
        return f"`part` must name the three parts {', '.join(PARTS)}, and no other, in every row."
    if (table[SIZES] <= 0).to_numpy().any():
        return "A stone of 0 mm: somebody wrote 0 where a size was not known. Leave these rows out."
    if table[SIZES].to_numpy().max() > 12:
        return (
            "A stone of more than 12 mm is left, and its weight says otherwise. `depth` is 200 z / (x + y): compare the "
            "two in every row."
        )
    if len(table) < 35_000 or table["carat"].max() < 4:
        return (
            f"{len(table)} rows are left, the heaviest of {table['carat'].max():.1f} carat. Rare is not wrong: leave out "
            "what cannot be true, not what is unusual. Later stones will be unusual too."
        )
    share = table["part"].value_counts(normalize=True)
    if small := [part for part, least in PARTS.items() if share[part] < least]:
        return (
            f"Too small: {', '.join(small)}. Give at least half to training, and a tenth to each other part."
        )
    carat = table.groupby("part")["carat"].mean()
    if carat.max() - carat.min() > 0.05:
        return (
            "The parts hold stones of different weight, " + ", ".join(f"{n} {c:.2f} carat" for n, c in carat.items())
            + " on average. The file is in order of price in long stretches: draw the parts by chance."
        )  # fmt: skip
    as_written = pd.util.hash_pandas_object(table[["carat", "depth", "table", *SIZES]], index=False)
    for numbers, said in (
        (as_written.to_numpy(), ""),
        (stone_numbers(table), ", some with x and y exchanged"),
    ):
        double = table["part"].groupby(numbers).nunique().gt(1)
        if double.any():
            return (
                f"{double.sum()} stones stand in two parts{said}: their weight, depth, table and sizes are the same. "
                "A network may know them by heart. Draw stones for the parts, not rows; a stone can lie either way."
            )
    return None


def check_2(columns: list[str], known_price: Any, table: pd.DataFrame) -> Answer:
    """Columns that give nothing away; the price of sold stones alone."""
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        return "`columns` must be a list of names."
    columns, given = list(columns), np.asarray(known_price, dtype=float).ravel()
    if unknown := [name for name in columns if name not in table.columns]:
        return f"`table` has no column {', '.join(unknown)}. Make it first."
    for name, why in {
        "price": "is what the network is to tell",
        "cut": "is what the network is to tell",
        "part": "names the parts, and a new stone is in none",
    }.items():
        if name in columns:
            return f"`{name}` {why}, so it is no input. What else is not known on the day?"
    made = [name for name in columns if name not in RAW]
    for name in made:
        if table[name].isna().any():
            return f"`{name}` is not known on the day: it holds NaN. An input is known for every stone."
        for target in ("price", "cut", "part"):
            if _is_another_name(table[name], table[target]):
                return f"`{name}` is `{target}` under another name, so it is no input. A new stone comes without it."
    if lost := [name for name in INPUTS if name not in columns and not _is_told(name, columns, made, table)]:
        return f"{', '.join(lost)} will be known on the day, and gives no target away. Use it."
    first_longer = table["x"] > table["y"]
    tells = [name for name in made if _tells_the_order(table[name], first_longer, table)]
    if {"x", "y"} & set(columns) or tells:
        share = first_longer.groupby(table["cut"]).mean()
        return (
            f"{', '.join(sorted({'x', 'y'} & set(columns)) or tells)} gives the cut away. x is the longer side in "
            f"{share['Premium']:.0%} of the Premium stones, and in {share['Very Good']:.0%} of the Very Good ones: a "
            "habit of whoever wrote it down. The jeweller's machine has no such habit. Keep the sizes, not their order: "
            "the longer and the shorter side."
        )
    if given.shape != (len(table),):
        return f"`known_price` must have one number for each of the {len(table)} rows, but shape {given.shape} was given."
    price, known = table["price"].to_numpy(dtype=float), ~np.isnan(given)
    test, sold = (table["part"] == "test").to_numpy(), is_sold(table)
    if (given[known] <= 0).any():
        return "A price of 0 or less: a network would learn it as if it were true. Write NaN for *not known*."
    if (~known & test).any():
        return "Test stones lack their price. The rule is for training and validation; the test asks about all stones."
    if (known & ~test & ~sold).any():
        return (
            f"{(known & ~test & ~sold).sum()} stones of training or validation are not sold, and have a price all the "
            "same. Validation too must look as it will on the day: `is_sold(table)` tells who is sold."
        )
    if (~known & sold).any():
        return f"{(~known & sold).sum()} sold stones have lost their price. Only those that are not sold go."
    if not np.allclose(given[known], price[known]):
        return "The prices that are left are not those of `table`. Keep dollars here; take logarithms later."
    return None


def _same_order(first: pd.Series, second: pd.Series, least: float) -> bool:
    """Whether both are numbers whose ranks are nearly those of each other, upwards or downwards."""
    if not all(pd.api.types.is_numeric_dtype(each) for each in (first, second)):
        return False
    return abs(first.rank().corr(second.rank())) > least


def _is_another_name(made: pd.Series, target: pd.Series) -> bool:
    """Whether a column is the target in other words: nothing honest comes nearer to a price than .97."""
    if _same_order(made, target, 0.99):
        return True
    if not 1 < made.nunique() <= FEW or target.nunique() > FEW:
        return False
    values, targets = made.groupby(target.to_numpy()).nunique(), target.groupby(made.to_numpy()).nunique()
    return bool(values.max() == 1 or targets.max() == 1)


def _is_told(name: str, columns: list[str], made: list[str], table: pd.DataFrame) -> bool:
    """Whether a column that was left out can be had from those that were made."""
    if any(_same_order(table[each], table[name], 0.9999) for each in made):
        return True
    if name == "depth":  # 200 z / (x + y)
        return "z" in columns and sum(pd.api.types.is_numeric_dtype(table[each]) for each in made) >= 2
    codes = [each for each in made if table[each].nunique() <= 10]  # a number for each grade, or a 0 or 1
    return bool(codes) and table.groupby(codes)[name].nunique().max() == 1


def _tells_the_order(made: pd.Series, first_longer: pd.Series, table: pd.DataFrame) -> bool:
    """Whether a column tells which of x and y is the longer. The longer side itself goes with x by .9995 at most."""
    if any(_same_order(made, table[side], 0.9999) for side in ("x", "y")):
        return True
    if made.nunique() <= FEW:
        share = first_longer.groupby(made.to_numpy()).transform("mean")
        if np.maximum(share, 1 - share).mean() > 0.9:
            return True
    return pd.api.types.is_numeric_dtype(made) and abs(made.rank().corr(first_longer.astype(float))) > 0.6


# For each task and baseline: the least and most that a right way gives, and what lies beyond.
_BASELINES = {
    ("price", "trivial"): (45, 200, "", "A constant price, such as the median of the known ones: no need for the dearest."),
    ("price", "linear"): (9.5, 13, "", "Ridge on the logarithms of weight and sizes, and on a 0 or 1 for each grade, "
                                       "gives about 11 %. In dollars, in place of log dollars, it cannot."),
    ("price", "boosting"): (8.8, 15, "", "Learn the logarithm of the price, from the sold training stones alone."),
    ("cut", "trivial"): (0.38, 0.42, "The most frequent cut of the training stones is right more often.", ""),
    ("cut", "linear"): (0.56, 0.66, "Give it more steps, or another solver. Are both inputs there?", ""),
    ("cut", "boosting"): (0.68, 0.765, "Boosting should be well above the linear baseline. Are the inputs all there?",
                          ""),
}  # fmt: skip


def check_3(baselines: dict[str, dict[str, float]]) -> Answer:
    """Six numbers on the validation stones."""
    for (task, kind), (low, high, below, above) in _BASELINES.items():
        if task not in baselines or kind not in baselines[task]:
            return f"The {kind} baseline of '{task}' is missing. Keep the keys of the stub."
        value = float(baselines[task][kind])
        what = f"'{task}', {kind}: {value:.3g}."
        if (task, kind) == ("price", "trivial") and abs(value - COUNTED_ONCE) < 0.05:
            return f"{what} So it is with each price counted once. Count it for all that it stands for: `diamonds.scores`."
        if low <= value <= high:
            continue
        if task == "price" and value < 1.5:
            return f"{what} In per cent, please: `diamonds.scores` gives it so."
        if task == "cut" and value > 1:
            return f"{what} An accuracy from 0 to 1 is expected."
        if (task, kind) == ("cut", "trivial") and abs(value - 0.6) < 0.02:
            return f"{what} That is the share of errors. Give the share that is right."
        if task == "price" and value < low or task == "cut" and value > high:
            return f"{what} Too good. {_leak(task)}"
        return f"{what} Not what it can be. {below or above}"
    return None


def _leak(task: str) -> str:
    if task == "price":
        return "Were prices of stones that are not sold used, or validation stones for training?"
    return "Do the inputs tell which of x and y was the longer, or were validation stones used for training?"


def check_4(network: keras.Model, alone: dict[str, Any], shared: dict[str, Any]) -> Answer:
    """One network with two heads on one trunk; both sides learned, from ten seeds or more."""
    outputs = getattr(network, "output", None)
    if not isinstance(network, keras.Model) or not isinstance(outputs, dict) or set(outputs) != set(TASKS):
        return "`network` must be a Keras model with a dictionary of outputs, 'price' and 'cut'."
    if outputs["price"].shape[-1] != 1 or outputs["cut"].shape[-1] != 5:
        return "A price is one number, and there are five cuts: heads of 1 and 5 units are expected."
    weights = [
        {id(weight) for weight in keras.Model(network.inputs, outputs[task]).trainable_variables}
        for task in TASKS
    ]
    if not weights[0] & weights[1]:
        return "The two heads share no weight: these are two networks side by side. Put both on one trunk."
    for side, scores in (("alone", alone), ("shared", shared)):
        for task in TASKS:
            if fault := _faulty(side, task, np.asarray(scores[task], dtype=float)):
                return fault
    for task in TASKS:
        if np.size(alone[task]) != np.size(shared[task]):
            return f"'{task}': both sides need the same seeds, or nothing can be paired."
        if np.array_equal(alone[task], shared[task]):
            return f"'{task}': the scores of both sides are the same numbers. Is one network trained twice?"
    return None


def _faulty(side: str, task: str, values: np.ndarray) -> str | None:
    """What is wrong with the scores of one network, one number a seed."""
    what = f"{side}, '{task}':"
    if values.ndim != 1 or len(values) < 10:
        return f"{what} ten seeds or more, one number each, are expected, but shape {values.shape} was given."
    if not np.isfinite(values).all():
        return f"{what} not finite. A NaN in the prices spreads through the trunk: leave out what is missing (lesson 08)."
    if len(np.unique(values)) == 1:
        return f"{what} all seeds gave the same number. Is the network made anew for each seed?"
    mean = values.mean()
    learned = mean < 13.5 if task == "price" else mean > 0.62
    if task == "price" and mean < 1.5 or task == "cut" and mean > 1:
        return f"{what} {mean:.3g} on average. Price in per cent and cut from 0 to 1, as `diamonds.scores` gives them."
    if not learned:
        return (
            f"{what} {mean:.3g} on average, "
            + ("clearly worse" if task == "price" else "no better, or hardly,")
            + " than a linear baseline. More steps, another rate? In a sum, is the weight of this task too small?"
        )
    if mean < TOO_GOOD["price"] if task == "price" else mean > TOO_GOOD["cut"]:
        return f"{what} {mean:.3g} on average. Too good. {_leak(task)}"
    return None


def _count(candidates: Any) -> int:
    """How many candidates: a count, or the candidates themselves."""
    return (
        int(candidates) if np.ndim(candidates) == 0 and not isinstance(candidates, Sized) else len(candidates)
    )


def _seeds(given: Any) -> set[int]:
    """The seeds, understood as `train_seeds` understands them: 10 is 0 to 9."""
    return set(as_seeds(sorted(given) if isinstance(given, Set) else given))


def check_5(tuning: dict[str, Any]) -> Answer:
    """A record of the tuning: equal budgets, validation data, seeds of its own."""
    counts = {name: _count(tuning["candidates"][name]) for name in NETWORKS}
    chosen_on = str(tuning["chosen_on"])
    try:
        tuned, final = (_seeds(tuning[name]) for name in ("tuning_seeds", "final_seeds"))
    except ValueError as error:
        return str(error)
    if chosen_on == "test":
        return (
            "Then nothing is left to say how good the chosen one is: the best of many on test data is luck."
        )
    if chosen_on not in ("validation", "val"):
        return f"{chosen_on!r}: name the part. Training data reward what was learned by heart."
    if min(counts.values()) < 3:
        return "Fewer than three candidates is no tuning. Three rates are a beginning."
    if len(set(counts.values())) > 1:
        return (
            f"The budgets differ: {counts}. The shared network has a dial more, the weight, but more trials for it are "
            "more chances to be lucky. Same number for all."
        )
    if not isinstance(tuning.get("validation_scores"), Mapping):
        return "`validation_scores` is missing: for each network, one number for each candidate, by which you chose."
    for name, count in counts.items():
        if name not in tuning["validation_scores"]:
            return f"The validation scores of '{name}' are missing. Keep the keys of the stub."
        found = np.asarray(tuning["validation_scores"][name], dtype=float)
        if found.shape != (count,) or not np.isfinite(found).all():
            return (
                f"'{name}': {count} validation scores are expected, one number for each candidate, averaged over seeds "
                f"and tasks, but shape {found.shape} was given{'' if found.shape != (count,) else ' with NaN in it'}."
            )
        if len(np.unique(found)) == 1:
            return f"'{name}': all candidates have the same score. Was each of them trained?"
    if tuned & final:
        return (
            f"Seeds {sorted(tuned & final)} were used for both. They are a little too good: the settings were chosen for "
            "them. Take others for the report."
        )
    if len(final) < 10:
        return "Ten seeds or more are expected for the report."
    return None


def check_6(test_scores: dict[str, Any], margin: dict[str, float], verdicts: dict[str, str]) -> Answer:
    """The verdicts that the learner's own intervals allow."""
    known = (BETTER, SLIGHTLY_BETTER, EQUAL, NOT_WORSE, NOTHING, SLIGHTLY_WORSE, WORSE)
    for task in TASKS:
        ours, theirs = (np.asarray(test_scores[side][task], dtype=float) for side in ("shared", "alone"))
        if fault := _faulty("shared", task, ours) or _faulty("alone", task, theirs):
            return fault
        if not margin[task] > 0 or (task == "cut" and margin[task] >= 0.5):
            return f"'{task}': a margin above zero, in the unit of the score, is expected. One point of accuracy is 0.01."
        if verdicts[task] not in known:
            return f"'{task}': {verdicts[task]!r} is no verdict. Copy one of these: {', '.join(known)}."

        def says(confidence: float, higher: bool, within: float | None) -> str:
            return verdict(gain_interval(ours, theirs, higher, confidence), within)  # noqa: B023, called at once

        right = says(0.975, HIGHER[task], margin[task])
        if verdicts[task] == right:
            continue
        gain = gain_interval(ours, theirs, HIGHER[task], 0.975)
        shown = f"'{task}': not \"{verdicts[task]}\". The gain is {gain:+.3g}, the margin {margin[task]:g}."
        if verdicts[task] == says(0.975, not HIGHER[task], margin[task]):
            return f"{shown} The sign: of an error, less is better; of an accuracy, more."
        if verdicts[task] == says(0.95, HIGHER[task], margin[task]):
            return f"{shown} You look in two tasks, so each interval needs a confidence of 97.5 %."
        if verdicts[task] == says(0.975, HIGHER[task], None):
            return f"{shown} True, but you set a margin: say what it allows."
        return f"{shown} Does the interval hold zero? Which of its ends lies inside the margin?"
    return None
