"""The two problems of the contest: the same for every method, trivial answers from training, no test when choosing."""

from mtl_helpers import contest
from mtl_helpers.seeds import draw_subsets
from mtl_helpers.weighting import RLW

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error


@pytest.fixture(scope="module")
def birds():
    return contest.penguins(epochs=2)


def test_trivial_answers_are_those_of_scikit_learn(birds):
    features = np.zeros((200, 1))
    for part in ("validation", "test"):
        truth = getattr(birds, part).targets
        for task in ("species", "sex"):
            dummy = DummyClassifier().fit(features, birds.train.targets[task].ravel())
            predicted = dummy.predict(np.zeros((len(truth[task]), 1)))
            assert birds.trivial[part][task] == pytest.approx(accuracy_score(truth[task].ravel(), predicted))
        dummy = DummyRegressor(strategy="median").fit(features, birds.train.targets["body_mass"].ravel())
        error = mean_absolute_error(truth["body_mass"], dummy.predict(np.zeros((len(truth["body_mass"]), 1))))
        grams = contest.load_penguins(sex="target").body_mass_std
        assert birds.trivial[part]["body_mass"] == pytest.approx(error * grams, rel=1e-5)


def test_each_seed_draws_its_own_birds_and_its_own_start(birds, monkeypatch):
    given = {}

    def noted(build, train, **options):
        given.update(options, train=train)
        raise InterruptedError

    monkeypatch.setattr(contest, "train_in_turn", noted)
    with pytest.raises(InterruptedError):
        birds.fit(0.01, (3, 7))
    rows = draw_subsets(200, 40, (3, 7))
    assert given["seeds"] == (3, 7) and given["validation"] is birds.validation
    for split, chosen in zip(given["train"], rows, strict=True):
        np.testing.assert_array_equal(split.targets["species"], birds.train.targets["species"][chosen])


@pytest.mark.slow
def test_scores_and_progress_are_worked_out_from_predictions(birds):
    runs = birds.fit(0.02, range(2), options=lambda: {"weighting": RLW()})
    scores = birds.scores(runs, "test")
    predicted = runs.predict(birds.test.inputs)
    truth = birds.test.targets
    grams = contest.load_penguins(sex="target").body_mass_std
    for seed in range(2):
        assert scores["species"][seed] == accuracy_score(
            truth["species"], predicted["species"][seed].argmax(1)
        )
        assert scores["sex"][seed] == pytest.approx(
            accuracy_score(truth["sex"], predicted["sex"][seed] > 0.5)
        )
        error = mean_absolute_error(truth["body_mass"], predicted["body_mass"][seed]) * grams
        assert scores["body_mass"][seed] == pytest.approx(error, rel=1e-5)
    held_out, trivial = birds.scores(runs, "validation"), birds.trivial["validation"]
    shares = [(held_out[t] - trivial[t]) / (1 - trivial[t]) for t in ("species", "sex")]
    shares.append(1 - held_out["body_mass"] / trivial["body_mass"])
    np.testing.assert_allclose(birds.progress(runs), np.mean(shares, axis=0))
    alone = birds.fit(0.02, range(2), ["sex"])
    assert list(birds.scores(alone, "test")) == ["sex"]
    with pytest.raises(ValueError, match="'validation' or 'test', but 'train'"):
        birds.scores(runs, "train")


def test_a_network_for_one_task_is_as_large_as_for_all_but_for_heads():
    for problem in (contest.penguins(), contest.digits(100)):
        every = tuple(problem.losses)
        together, alone = problem.network(every), problem.network(every[:1])
        assert tuple(together.output) == every and tuple(alone.output) == every[:1]
        heads = [layer for layer in together.layers if any(layer.name.startswith(task) for task in every[1:])]
        assert together.count_params() - alone.count_params() == sum(layer.count_params() for layer in heads)
        assert set(problem.higher_is_better) == set(problem.measures) == set(problem.losses)


def test_digits_have_chance_as_their_trivial_answer():
    problem = contest.digits(100)
    assert len(problem.train.targets["top_left"]) == 100 and problem.labels is None
    for part in ("validation", "test"):
        for task, value in problem.trivial[part].items():
            truth = getattr(problem, part).targets[task]
            guess = np.bincount(problem.train.targets[task]).argmax()
            assert value == pytest.approx(np.mean(truth == guess))


def test_the_size_of_the_test_set_and_what_a_seed_keeps_can_be_chosen(monkeypatch):
    given = {}
    monkeypatch.setattr(contest, "train_in_turn", lambda build, train, **options: given.update(options))
    ours, usual = contest.digits(100, test=50, keep_best=False), contest.digits(100)
    assert (len(ours.test), len(usual.test)) == (50, 3000)
    np.testing.assert_array_equal(ours.validation.inputs["image"], usual.validation.inputs["image"])
    ours.fit(0.01, (0,))
    assert given["validation"] is None
    usual.fit(0.01, (0,))
    assert given["validation"] is usual.validation
