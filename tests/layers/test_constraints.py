import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.constraints import (
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
    resolve_constraint,
    serialize_constraint,
)

W = np.array([[3.0, 0.3], [4.0, -0.4]])


def test_values():
    np.testing.assert_allclose(MaxNorm()(W), [[1.2, 0.3], [1.6, -0.4]], rtol=1e-6)
    np.testing.assert_allclose(UnitNorm()(W), [[0.6, 0.6], [0.8, -0.8]], rtol=1e-6)
    np.testing.assert_array_equal(NonNeg()(W), [[3.0, 0.3], [4.0, 0.0]])
    np.testing.assert_allclose(MinMaxNorm(1.0, 2.0)(W), [[1.2, 0.6], [1.6, -0.8]], rtol=1e-6)
    np.testing.assert_allclose(MinMaxNorm(1.0, 2.0, rate=0.5)(W), [[2.1, 0.45], [2.8, -0.6]], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(UnitNorm(axis=[0, 1])(W)), 1.0, rtol=1e-6)
    assert MaxNorm()(W.astype("float16")).dtype == np.float16


@pytest.mark.parametrize("name", ["max_norm", "MaxNorm", "maxnorm", "non_neg", "unitnorm", "min_max_norm"])
def test_names(name):
    constraint = resolve_constraint(name)
    written = serialize_constraint(constraint)
    assert type(resolve_constraint(written)) is type(constraint)


@pytest.mark.parametrize(
    ("identifier", "error"),
    [
        ("nope", ArgumentError),
        (3, ArgumentError),
        ("radial_constraint", UnsupportedError),
        ({"class_name": "MaxNorm", "config": {"foo": 1}}, ArgumentTypeError),
    ],
)
def test_refused(identifier, error):
    with pytest.raises(error):
        resolve_constraint(identifier)


@pytest.mark.tensorflow
def test_values_and_configs_are_keras_own(keras2):
    w = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    for theirs in (
        keras2.constraints.MaxNorm(1.5),
        keras2.constraints.NonNeg(),
        keras2.constraints.UnitNorm(axis=1),
        keras2.constraints.MinMaxNorm(0.5, 1.5, rate=0.25),
    ):
        config = keras2.constraints.serialize(theirs)
        ours = resolve_constraint(config)
        assert serialize_constraint(ours) == config
        np.testing.assert_allclose(ours(w), theirs(keras2.backend.constant(w)), rtol=1e-6)
