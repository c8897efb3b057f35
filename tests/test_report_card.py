"""The report card: its numbers, every sentence it can say, and its picture."""

from mtl_helpers.comparisons import NOTHING, WORSE
from mtl_helpers.evaluation import paired_interval
from mtl_helpers.report_card import report_card

import numpy as np
import pytest

GENERATOR = np.random.default_rng(0)
ALONE = {
    "species": 0.9 + 0.01 * GENERATOR.normal(size=10),
    "body_mass": 300 + 10 * GENERATOR.normal(size=10),
}
LUCK = GENERATOR.normal(size=10)
HIGHER = {"species": True, "body_mass": False}
TRIVIAL = {"species": 0.44, "body_mass": 690.0}


def card(accuracy=0.0, grams=0.0, spread=1.0, **options):
    """A card on which the shared network differs by so much, in accuracy and in grams of error."""
    shared = {
        "species": ALONE["species"] + accuracy + 0.002 * spread * LUCK,
        "body_mass": ALONE["body_mass"] + grams + 2 * spread * LUCK,
    }
    return report_card(shared, ALONE, HIGHER, **{"trivial": TRIVIAL, "units": {"body_mass": "g"}, **options})


MARGIN = {"species": 0.01, "body_mass": 10.0}


def test_numbers_are_those_of_the_paired_interval_for_two_tasks():
    found = card(grams=-20).table.loc["body_mass"]
    shared = ALONE["body_mass"] - 20 + 2 * LUCK
    gain = paired_interval(ALONE["body_mass"], shared, confidence=1 - 0.05 / 2)
    assert tuple(found[["gain", "low", "high"]]) == pytest.approx(tuple(gain))
    assert found["alone"] == pytest.approx(ALONE["body_mass"].mean())
    assert found["shared"] == pytest.approx(shared.mean()) and found["trivial"] == 690
    wider = card(grams=-20, comparisons=25).table.loc["body_mass"]
    gain = paired_interval(ALONE["body_mass"], shared, confidence=1 - 0.05 / 25)
    assert tuple(wider[["gain", "low", "high"]]) == pytest.approx(tuple(gain))


@pytest.mark.parametrize(
    ("options", "decision"),
    [
        ({"grams": 20}, "a task pays for the others: body_mass. Ship only if"),
        ({"grams": 20, "accuracy": -0.05}, "a task pays for the others: species, body_mass"),
        ({}, "open. A loss that matters is not excluded for species, body_mass: state"),
        ({"margin": {"species": 0.01}}, "open. A loss that matters is not excluded for body_mass"),
        ({"margin": MARGIN}, "no task loses more than its margin, and no gain is shown; the costs decide"),
        ({"margin": MARGIN, "grams": -20}, "its margin, and a gain is shown for body_mass; the costs"),
        (
            {"margin": MARGIN, "grams": 4, "spread": 0.1},
            "its margin, and no gain is shown",
        ),  # worse, but little
        ({"margin": MARGIN, "grams": 4, "accuracy": 0.005, "spread": 0.1}, "a gain is shown for species"),
        ({"margin": {"species": 0.0001, "body_mass": 0.01}}, "open."),
        ({"grams": 400}, "do not ship; not learned: body_mass."),
        ({"grams": 500, "accuracy": -0.5}, "do not ship; not learned: species, body_mass."),
    ],
)
def test_decision(options, decision):
    found = card(**options)
    assert decision in found.sentences[-1] and found.sentences[-1].startswith("Decision: ")
    assert str(found).splitlines() == list(found.sentences)


def test_it_never_says_equal_without_a_margin():
    same = card(spread=0.0)
    assert list(same.table["verdict"]) == [NOTHING, NOTHING] and "equal" not in str(same)
    assert "equal within the margin" in str(card(spread=0.0, margin=MARGIN))


def test_sentences_of_tasks_and_costs():
    found = card(grams=-20, costs={"parameters": (160, 320), "training time": (3.0, 4.0)})
    species, mass, parameters, seconds, _ = found.sentences
    assert species.startswith("species: no difference shown; gain ") and "0.440 trivial)." in species
    assert mass.startswith("body_mass: better; gain +") and "] g (" in mass and "690 trivial)." in mass
    assert parameters == "parameters: 0.50 times that of the networks alone."
    assert seconds == "training time: 0.75 times that of the networks alone."
    assert found.costs.loc["parameters"].tolist() == [320, 160, 0.5]


def test_a_task_that_is_not_learned_says_so():
    found = card(grams=400)
    assert "Not learned: not shown to be better than the trivial answer." in found.sentences[1]
    assert (
        found.table["learned"].tolist() == [True, False] and found.table.loc["body_mass", "verdict"] == WORSE
    )


def test_picture_has_a_panel_for_each_task():
    found = card(grams=-20, margin=MARGIN)
    panels = found.draw().axes
    assert [axes.get_title() for axes in panels] == [
        "species\nequal within the margin",
        "body_mass\nbetter",
    ]
    points, mean = panels[1].lines[1], panels[1].lines[2]
    assert len(points.get_ydata()) == 10
    assert np.mean(points.get_ydata()) == pytest.approx(found.table.loc["body_mass", "gain"])
    assert mean.get_ydata()[0] == pytest.approx(found.table.loc["body_mass", "gain"])
    assert "gain, g (up is better)" in panels[1].get_ylabel()
    assert len(card().draw().axes[0].patches) == 0 < len(panels[0].patches)  # the band of the margin


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trivial": {"species": 0.4}}, r"shared and trivial must name the same tasks"),
        ({"margin": {"mass": 10}}, r"margin and units may name the tasks .* but \['mass'\]"),
        ({"units": {"mass": "g"}}, r"but \['mass'\] were given"),
        ({"margin": {"species": -0.1}}, "margin must be above zero"),
        ({"comparisons": 1}, "At least 2 comparisons are expected, one for each task, but 1"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        card(**options)
    with pytest.raises(ValueError, match="shared and alone must name the same tasks"):
        report_card({}, ALONE, HIGHER, trivial=TRIVIAL)
