"""Loss weightings that do not learn: against numbers worked by hand; and what all of them refuse."""

from mtl_helpers.weighting import DWA, FAMO, GLS, RLW, GradNorm, Static, Uncertainty

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from small_models import LOSSES as LOSS_NAMES
from small_models import small_data, small_model

LOSSES = {"species": 2.0, "mass": 10.0}


def built(weights=None, tasks=("species", "mass")):
    weighting = Static(weights)
    weighting.build_for(tasks)
    return weighting


def test_the_default_is_a_plain_sum_and_no_mean():
    assert built().call(LOSSES) == 12.0
    assert built().weights_by_task() == {"species": 1.0, "mass": 1.0}


def test_weights_belong_to_names_in_the_models_order():
    weighting = built({"mass": np.float32(0.5), "species": 3})
    assert weighting.call({"mass": 10.0, "species": 2.0}) == 11.0
    assert list(weighting.weights_by_task().items()) == [("species", 3.0), ("mass", 0.5)]


def test_a_weight_of_zero_leaves_a_task_out_of_training():
    model = small_model(weighting=Static({"species": 1.0, "mass": 0.0}))
    before = model.get_layer("z_head").get_weights()
    model.fit(*small_data(), verbose=0)
    np.testing.assert_array_equal(before[0], model.get_layer("z_head").get_weights()[0])


def test_it_has_no_variables_and_comes_back_from_its_configuration():
    weighting = built({"species": 3.0, "mass": 0.5})
    assert weighting.variables == []
    config = keras.saving.serialize_keras_object(weighting)
    assert config["registered_name"] == "mtl_helpers>Static"
    again = keras.saving.deserialize_keras_object(config)
    again.build_for(("species", "mass"))
    assert again.weights_by_task() == weighting.weights_by_task()
    equal = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(built()))
    equal.build_for(("a",))
    assert equal.weights_by_task() == {"a": 1.0}


@pytest.mark.parametrize(
    "weights, error, message",
    [
        ([1.0, 2.0], TypeError, r"must be a dictionary \{task: weight\}, but list was given.*Static\("),
        (
            {"species": -1, "mass": 1},
            ValueError,
            r"'species' must be a finite number .* -1 was given.*positive",
        ),
        ({"species": np.nan, "mass": 1}, ValueError, r"'species' must be a finite number .* nan was given"),
        ({"species": np.inf, "mass": 1}, ValueError, r"'species' must be a finite number .* inf was given"),
        ({"species": "1", "mass": 1}, ValueError, r"'species' must be a finite number .* '1' was given"),
        ({"species": None, "mass": 1}, ValueError, r"'species' must be a finite number .* None was given"),
        (
            {"species": 0, "mass": 0.0},
            ValueError,
            r"At least one .*nothing would be trained.*positive weight",
        ),
        ({}, ValueError, r"At least one loss weight must be above zero"),
    ],
)
def test_bad_weights_are_refused_when_they_are_given(weights, error, message):
    with pytest.raises(error, match=message):
        Static(weights)


def test_names_are_checked_once_the_tasks_are_known():
    with pytest.raises(
        ValueError, match="loss weight is for 'mas', .* 'species', 'mass'. Did you mean 'mass'"
    ):
        built({"species": 1.0, "mas": 1.0})
    with pytest.raises(ValueError, match="loss weight is missing for 'mass'"):
        built({"species": 1.0})


def ready(weighting, tasks=("species", "mass"), model=None):
    weighting.build_for(tasks, model)
    return weighting


def weights_of(weighting):
    return list(weighting.weights_by_task().values())


def derivatives(weighting, **losses):
    """The derivative of the total in each loss, from a tape."""
    losses = {task: tf.constant(value) for task, value in losses.items()}
    with tf.GradientTape() as tape:
        tape.watch(losses)
        total = weighting.call(losses)
    return [float(one) for one in tape.gradient(total, list(losses.values()))]


def test_dwa_follows_the_ratio_of_epoch_means():
    dwa = ready(DWA(temperature=2.0))
    # Epoch means 4 and 2, then 2 and 2: ratios ½ and 1; 2·softmax(¼, ½).
    for batches, expected in [
        ([(3.0, 1.0), (5.0, 3.0)], [1, 1]),
        ([(2.0, 2.0)], [1, 1]),
        ([(2.0, 2.0)], [0.875647, 1.124353]),  # ratios 1 and 1 make the next ones equal again
        ([(1.0, 1.0)], [1, 1]),
    ]:
        for species, mass in batches:
            losses = {"species": species, "mass": mass}
            assert float(dwa.call(losses)) == pytest.approx(
                expected[0] * species + expected[1] * mass, rel=1e-5
            )
            dwa.after_step(losses)
            np.testing.assert_allclose(weights_of(dwa), expected, rtol=1e-5)
        dwa.end_epoch()


def test_dwa_keeps_its_weights_through_an_epoch_without_steps():
    dwa = ready(DWA())
    for losses in ({"species": 4.0, "mass": 2.0}, {"species": 2.0, "mass": 2.0}):
        dwa.after_step(losses)
        dwa.end_epoch()
    dwa.end_epoch()
    dwa.call({"species": 1.0, "mass": 1.0})
    np.testing.assert_allclose(weights_of(dwa), [0.875647, 1.124353], rtol=1e-5)


def test_a_high_temperature_makes_dwa_equal():
    dwa = ready(DWA(temperature=1e6))
    for losses in ({"species": 4.0, "mass": 2.0}, {"species": 1.0, "mass": 2.0}):
        dwa.after_step(losses)
        dwa.end_epoch()
    dwa.call({"species": 1.0, "mass": 1.0})
    np.testing.assert_allclose(weights_of(dwa), [1, 1], rtol=1e-5)


def drawn(rlw, steps):
    step = tf.function(lambda: rlw.call({"species": tf.constant(2.0), "mass": tf.constant(10.0)}))
    totals, weights = [], []
    for _ in range(steps):
        totals.append(float(step()))
        weights.append(weights_of(rlw))
    return np.array(totals), np.array(weights)


@pytest.mark.slow
def test_rlw_draws_the_softmax_of_normal_numbers_at_each_step_also_in_a_graph():
    totals, weights = drawn(ready(RLW(seed=1)), 2000)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(totals, weights @ [2.0, 10.0], rtol=1e-5)
    logits = np.log(weights[:, 0] / weights[:, 1])  # a difference of two standard normal numbers
    assert stats.kstest(logits / np.sqrt(2), "norm").pvalue > 0.01
    assert abs(np.corrcoef(logits[1:], logits[:-1])[0, 1]) < 0.1


def test_rlw_can_be_seeded():
    first, again, other = (drawn(ready(RLW(seed=seed)), 3)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    by_global_seed = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        by_global_seed.append(drawn(ready(RLW()), 3)[1])
    np.testing.assert_array_equal(*by_global_seed)


def test_gls_is_the_geometric_mean_and_its_unit_does_not_matter():
    gls = ready(GLS())
    assert derivatives(gls, species=2.0, mass=8.0) == pytest.approx([1.0, 0.25])
    assert weights_of(gls) == pytest.approx([1.0, 0.25])
    assert float(gls.call({"species": 2.0, "mass": 8.0})) == pytest.approx(4.0)
    assert float(gls.call({"species": 2.0, "mass": 8e6})) == pytest.approx(4e3)
    assert weights_of(gls) == pytest.approx([1e3, 2.5e-4])


@pytest.mark.parametrize("weighting", [GLS, FAMO], ids=["GLS", "FAMO"])
@pytest.mark.parametrize("loss", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_a_logarithm_needs_losses_above_zero(weighting, loss, wrap):
    weighting = ready(weighting())
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="above 0, but the losses of .*species.*mass.* were"
    ):
        wrap(weighting.call)({"species": tf.constant(2.0), "mass": tf.constant(loss)})


@pytest.mark.parametrize(
    "weighting", [DWA(), RLW(), GLS(), FAMO(), Uncertainty()], ids=lambda w: type(w).__name__
)
def test_the_weights_that_are_read_are_the_derivatives_of_the_total(weighting):
    ready(weighting)
    weighting.take_losses(LOSS_NAMES)
    if hasattr(weighting, "learned"):
        weighting.learned.assign([0.3, -0.5])
    found = derivatives(weighting, species=2.0, mass=10.0)
    assert found == pytest.approx(weights_of(weighting), rel=1e-5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: DWA(temperature=0), r"temperature must be a finite number above zero, but 0 was given"),
        (
            lambda: DWA(temperature="2"),  # type: ignore[arg-type]
            "temperature must be .* '2' was given",
        ),
        (lambda: FAMO(decay=-1), "decay must be a finite number of zero or more, but -1"),
        (lambda: GradNorm(alpha=np.nan), "alpha must be .* nan was given"),
        (lambda: Uncertainty(learning_rate=0), "learning_rate must be .* above zero, but 0"),
        (lambda: Uncertainty({"mass": "gaussian"}), "kind of 'mass' must be one of 'squared error'"),
        (lambda: ready(Uncertainty({"mas": "squared error"})), "kind is for 'mas'.*Did you mean 'mass'"),
        (lambda: ready(FAMO({"mas": 0.0})), "lower bound is for 'mas'.*Did you mean 'mass'"),
        (lambda: ready(GradNorm()), "GradNorm needs the model.*build_for"),
        (lambda: ready(Uncertainty()).call(LOSSES), "must know what kind of loss.*Uncertainty"),
        (lambda: ready(FAMO()).after_step(LOSSES), "FAMO needs the losses of the same batch after"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("weighting", [Static(), DWA(), RLW(), GLS(), FAMO()], ids=lambda w: type(w).__name__)
def test_a_loop_by_hand_is_told_what_it_forgot(weighting):
    with pytest.raises(
        ValueError, match=r"must know the tasks .* build_for was not called.*\['species', 'mass'\]"
    ):
        weighting.call(LOSSES)
    ready(weighting)
    with pytest.raises(ValueError, match="The loss is for 'mas', .* Did you mean 'mass'"):
        weighting.call({"species": 1.0, "mas": 2.0})
    with pytest.raises(ValueError, match="The loss is missing for 'mass'"):
        weighting.call({"species": 1.0})
