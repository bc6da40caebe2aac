"""Conversions that a call of the small modules cannot show: time-major masks, integer inputs, dtypes without NumPy."""

import sys

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, ArgumentTypeError, ArtifactError, TargetError, TensorSpec
from lstm_ir.runtime.arguments import as_tensor, batch_and_times, check_values
from lstm_ir.runtime.mask_arguments import as_mask
from lstm_ir.runtime.spec import format_shape, numpy_dtype

TIME_MAJOR = TensorSpec("mask", (None, None), "int8", batch_axis=1, time_axis=0)


def test_time_major_masks_are_time_by_batch():
    mask = np.array([[1, 0], [1, 1], [0, 2]])
    converted = as_mask(mask, TIME_MAJOR, batch=2, time=3)
    assert converted.dtype == np.int8
    np.testing.assert_array_equal(converted, [[1, 0], [1, 1], [0, 1]])
    one = as_mask(mask[:, :1], TIME_MAJOR, batch=2, time=3)
    np.testing.assert_array_equal(one, [[1, 1], [1, 1], [0, 0]])
    with pytest.raises(ArgumentError, match=r"must be \(time, batch\) = \(3, 2\); got \(2, 3\)"):
        as_mask(mask.T, TIME_MAJOR, batch=2, time=3)


def test_integer_inputs_take_numbers_and_nothing_else():
    spec = TensorSpec("ids", (None,), "int32", batch_axis=0)
    converted = as_tensor(np.array([1, 2], np.int16), spec, "ids", None, None)
    assert converted.dtype == np.int32
    assert as_tensor(np.array([1], np.int64), spec, "ids", None, None).dtype == np.int32
    with pytest.raises(ArgumentTypeError, match="ids: must be integers"):
        as_tensor(np.array(["1"]), spec, "ids", None, None)


def test_values_of_integers_are_looked_at():
    spec = TensorSpec("ids", (None,), "int32", batch_axis=0)
    with pytest.raises(ArgumentError, match="at most 2147483647; got 4294967296"):
        check_values(np.array([1, 2**32]), spec, "ids")
    spec = TensorSpec("ids", (None,), "int32", batch_axis=0, limit=5)
    check_values(np.array([0, 4]), spec, "ids")
    check_values(np.array([], np.int64), spec, "ids")
    check_values(np.array([0.0, 4.0]), spec, "ids")
    for wrong in (0.5, np.nan, np.inf):
        with pytest.raises(ArgumentError, match="whole number"):
            check_values(np.array([wrong]), spec, "ids")
    with pytest.raises(ArgumentError, match="at least 0 and at most 4; got -1"):
        check_values(np.array([-1, 4]), spec, "ids")


def test_inputs_must_agree_in_time():
    specs = [TensorSpec(name, (None, None), "float32", 0, 1) for name in "ab"]
    assert batch_and_times([np.zeros((2, 5)), np.zeros((2, 5))], specs) == (2, {None: 5})
    with pytest.raises(ArgumentError, match="time sizes must agree; 'a' has 5 and 'b' has 4"):
        batch_and_times([np.zeros((2, 5)), np.zeros((2, 4))], specs)
    assert batch_and_times([np.zeros(3)], [TensorSpec("c", (3,), "float32")]) == (1, {})


def test_an_array_whose_conversion_fails_is_a_wrong_type():
    class Symbolic:
        def __array__(self, dtype=None, copy=None):
            raise NotImplementedError("a symbolic tensor has no values")

    with pytest.raises(ArgumentTypeError, match="got Symbolic: a symbolic tensor has no values"):
        as_tensor(Symbolic(), TensorSpec("x", (None,), "float32"), "x", None, None)


def test_bfloat16_without_ml_dtypes_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TargetError, match="only with the package ml_dtypes: install ml_dtypes"):
        numpy_dtype.__wrapped__("bfloat16")
    with pytest.raises(ArtifactError, match="unknown dtype 'complex64'"):
        numpy_dtype("complex64")


def test_specs_for_people():
    assert str(TensorSpec("x", (None, 3), "float32")) == "x: float32(?, 3)"
    assert format_shape((4,)) == "(4,)"
    assert format_shape(()) == "()"
