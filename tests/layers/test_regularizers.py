import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.regularizers import (
    L1,
    L1L2,
    L2,
    OrthogonalRegularizer,
    resolve_regularizer,
    serialize_regularizer,
)

W = np.array([[1.0, -2.0], [3.0, 4.0]])
ROUNDED = float(np.float32(0.01))


def test_values():
    assert L1(0.5)(W) == 5.0
    assert L2(0.5)(W) == 15.0
    assert L1L2(0.5, 0.25)(W) == 12.5
    cosine = 5.0 / (np.sqrt(5) * 5)
    assert OrthogonalRegularizer(0.5).value(W) == pytest.approx(0.5 * cosine)
    columns = OrthogonalRegularizer(0.5, "columns").value(W)
    assert columns == pytest.approx(0.5 * 10 / (np.sqrt(10) * np.sqrt(20)))


def test_the_value_has_the_dtype_of_the_weight():
    assert L2(0.1)(W.astype("float16")).dtype == np.float16
    assert L2(0.1)(W).dtype == np.float64


def test_factors_are_float32_numbers_except_in_keras3():
    assert L2(0.01).l2 == ROUNDED
    assert L2(0.01, flavour="keras3").l2 == 0.01
    assert L1(0.01, flavour="keras3").l1 == ROUNDED


def test_names():
    assert resolve_regularizer("l1").l1 == ROUNDED
    both = resolve_regularizer("l1_l2")
    assert (both.l1, both.l2) == (ROUNDED, ROUNDED)
    assert resolve_regularizer("L1L2").l1 == 0.0
    assert resolve_regularizer(None) is None
    custom = lambda w: 1.0  # noqa: E731  (a callable without a name of its own)
    assert resolve_regularizer(custom) is custom
    with pytest.raises(UnsupportedError):
        serialize_regularizer(custom)


@pytest.mark.parametrize(
    ("identifier", "error"),
    [
        (0.1, ArgumentError),
        ("nope", ArgumentError),
        (L1, ArgumentError),
        ({"class_name": "L1", "config": {"foo": 1}}, ArgumentTypeError),
        ({"class_name": "L1", "config": {"l1": float("nan")}}, ArgumentError),
    ],
)
def test_refused(identifier, error):
    with pytest.raises(error):
        resolve_regularizer(identifier)


def test_orthogonal_refuses():
    with pytest.raises(ArgumentError, match="rows"):
        OrthogonalRegularizer(mode="both")
    with pytest.raises(ArgumentError, match="matrix"):
        OrthogonalRegularizer().value(np.ones(3))


@pytest.mark.tensorflow
def test_values_and_configs_are_keras_own(keras2):
    w = np.random.default_rng(0).normal(size=(5, 7))
    for theirs in (
        keras2.regularizers.L1(0.1),
        keras2.regularizers.L2(0.1),
        keras2.regularizers.L1L2(0.1, 0.2),
        keras2.regularizers.OrthogonalRegularizer(0.1),
        keras2.regularizers.OrthogonalRegularizer(0.1, "columns"),
    ):
        config = keras2.regularizers.serialize(theirs)
        ours = resolve_regularizer(config)
        assert serialize_regularizer(ours) == config
        assert ours.value(w) == pytest.approx(float(theirs(keras2.backend.constant(w, dtype="float64"))), rel=1e-12)
