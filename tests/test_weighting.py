"""Static: a weighted sum, whose weights can be read, saved and are checked."""

from mtl_helpers.weighting import Static

import keras
import numpy as np
import pytest
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
