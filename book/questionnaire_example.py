"""The worked example of the questionnaire's page: a class of fourteen whose answers are simulated, not real.

    python -m book.questionnaire_example

prints the lines that stand on the page; a test holds both equal. Run it with the course's own environment, .venv.
"""

from mtl_helpers.evaluation import Interval, paired_interval

import numpy as np

LEARNERS, TAUGHT, NOT_TAUGHT = 14, 8, 2
# The share of right answers: before and after where the route has the lesson, and at both times where it has not.
BEFORE, AFTER, UNTOUCHED = 0.4, 0.65, 0.3


def right_answers() -> dict[str, np.ndarray]:
    """Return how many answers of each learner are right, before and after, to questions taught and not taught."""
    generator = np.random.default_rng(2026)
    chances = {
        "before": (TAUGHT, BEFORE),
        "after": (TAUGHT, AFTER),
        "before, not taught": (NOT_TAUGHT, UNTOUCHED),
        "after, not taught": (NOT_TAUGHT, UNTOUCHED),
    }
    return {
        when: generator.binomial(questions, chance, LEARNERS) for when, (questions, chance) in chances.items()
    }


def intervals() -> dict[str, Interval]:
    """Return the gain in right answers, learner by learner, with its 95 % interval."""
    found = right_answers()
    return {
        "taught": paired_interval(found["after"], found["before"]),
        "not taught": paired_interval(found["after, not taught"], found["before, not taught"]),
    }


def lines() -> list[str]:
    """Return the lines of the example."""
    found = right_answers()
    rows = [f"{when:<20}" + " ".join(map(str, values)) for when, values in found.items()]
    gains = [
        f"{what + ',':<12}of {questions}: {intervals()[what]:+.2f}"
        for what, questions in (("taught", TAUGHT), ("not taught", NOT_TAUGHT))
    ]
    return [*rows, *gains]


if __name__ == "__main__":
    print(*lines(), sep="\n")
