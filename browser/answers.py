"""For each lesson a wrong answer to one of its exercises, and what the check has to say to it.

The right answer is the solution in the lesson itself.
"""

from typing import NamedTuple


class Wrong(NamedTuple):
    """A wrong answer: the exercise, what is typed in place of the stub's answer, words of the check's message."""

    exercise: str
    answer: str
    words: str


WRONG_ANSWERS = [
    Wrong("00.1", 'heavy_birds = (penguins.table["body_mass_g"] > 5).sum()', "so 5 kg are 5000, not 5"),
    Wrong(
        "01.1",
        'grams = penguins.table.loc[penguins.table["part"] == "test", "body_mass_g"]\n'
        "baseline_error = (grams - grams.mean()).abs().mean()",
        "A model never sees their masses",
    ),
    Wrong("02.1", "parameters = 7 * 32 + 32 * 3 + 32 * 1", "The biases are missing"),
    Wrong("03.4", "loss_weight = 20", "This is the factor that the sum has put on the mass"),
    Wrong("04.1", "half_a_box_off = 1 / 2", "The union is larger: one and a half boxes"),
    Wrong(
        "05.2",
        'traces = {"tensors 0.1, 0.2, 0.3": 3, "Python numbers 0.1, 0.1, 0.1": 1, "two epochs of 7 batches": 2,\n'
        '          "Python numbers 0.1, 0.2, 0.3": 3}',
        "'tensors 0.1, 0.2, 0.3': not 3.",
    ),
    Wrong("06.1", 'changes = {"weight of body_mass": 1000, "step of SGD": 10, "step of Adam": 1}', "squared"),
    Wrong("07.1", "units = 16", "each head now reads all sixteen units"),
    Wrong(
        "08.1",
        'two_of_eight = {"divided by the batch": 2, "masked mean": 0.5, "gradient smaller by": 4}',
        "the wrong way round",
    ),
    Wrong(
        "09.3",
        'verdicts = {"A": "conflict", "B": "conflict", "C": "scale", "D": "capacity"}',
        "one task against itself has 41 %",
    ),
    Wrong(
        "10.2",
        "p_values = np.full(14, 0.5)\n"
        'many = {"chance of a false alarm": 14 * 0.05, "Bonferroni\'s limit": 0.05 / 14, "below that limit": 1,\n'
        '        "false discovery rate": 3}',
        "it would be above 1",
    ),
    Wrong(
        "11.2",
        'megabytes = {"plain sum": 4.32, "balanced on parameters": 32.32, "balanced on features": 4.320256}',
        "factor 2(n − 1)/n is missing",
    ),
    Wrong(
        "12.1",
        'table = raw[(raw[["x", "y", "z"]] > 0).all(axis=1) & (raw["y"] < 11) & (raw["z"] < 8)]\n'
        "generator = np.random.default_rng(0)\n"
        'part = generator.choice(["train", "validation", "test"], len(table), p=[0.6, 0.2, 0.2])\n'
        "table = table.assign(part=part)",
        "stones stand in two parts",
    ),
]


def wrong_answer(lesson: str) -> Wrong:
    """Return the wrong answer of a lesson, such as "02".

    Raises:
        LookupError: if there is none.
    """
    for wrong in WRONG_ANSWERS:
        if wrong.exercise.startswith(f"{lesson}."):
            return wrong
    raise LookupError(f"no wrong answer is known for lesson {lesson}: add one in browser/answers.py")
