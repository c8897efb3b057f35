"""Values out of range end the program with a sentence that says what to do; the others arrive."""

from mtl_helpers.weighting import FAMO, RLW, Static, Uncertainty
from pets import arguments

import pytest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--size 100", "--size must be a multiple of 32, from 64, but 100 was given"),
        ("--size 32", "from 64, but 32 was given"),
        ("--batch 0", "--batch must be 1 or more, but 0"),
        ("--epochs -1", "--epochs must be 1 or more, but -1"),
        ("--seed -1", "--seed must be 0 or more"),
        ("--rate 0", "--rate must be above 0"),
        ("--rate nan", "--rate must be above 0"),
        ("--weights no_such.h5", "no file 'no_such.h5'"),
        ("--tasks race", "invalid choice: 'race'"),
        ("--weighting best", "invalid choice: 'best'"),
        ("--loss-weights mask", "given as task=weight"),
        ("--loss-weights mask=-1", "a weight above 0, but mask=-1"),
        ("--loss-weights race=2", "breed, head_box, mask"),
        ("--loss-weights mask=2 --weighting gls", "needs the weighting static"),
        ("--tasks breed --loss-weights breed=2", "more than one task"),
        ("--tasks breed --weighting gls", "nothing to weigh"),
    ],
)
def test_what_is_refused(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments.parse(["--out", "run", *words.split()])
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_help_tells_every_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "(default: 224)" in text and "python -m pets.train --data pets_data --out runs/shared_0" in text


@pytest.mark.parametrize("name", arguments.WEIGHTINGS)
def test_every_weighting_can_be_asked_for(name: str) -> None:
    options = arguments.parse(["--out", "run", "--weighting", name])
    assert type(arguments.weighting_of(options)) is arguments.WEIGHTINGS[name]


def test_weights_and_seeds_arrive() -> None:
    options = arguments.parse(["--out", "run", "--loss-weights", "head_box=5"])
    weighting = arguments.weighting_of(options)
    assert isinstance(weighting, Static)
    assert weighting.weights_given == {"breed": 1, "head_box": 5, "mask": 1}
    options = arguments.parse(["--out", "run", "--weighting", "rlw", "--seed", "7"])
    assert isinstance(found := arguments.weighting_of(options), RLW) and found.seed == 7
    assert arguments.WEIGHTINGS["uncertainty"] is Uncertainty and arguments.WEIGHTINGS["famo"] is FAMO


def test_tasks_are_in_one_order_each_once() -> None:
    assert arguments.parse(["--out", "run", "--tasks", "mask", "breed", "mask"]).tasks == ["breed", "mask"]


def test_settings_can_be_written() -> None:
    import json

    settings = arguments.settings_of(arguments.parse(["--out", "run"]))
    assert json.loads(json.dumps(settings)) == settings
    assert not {"out", "data", "download", "test"} & set(settings)
