"""Shapes in verifiers."""

import pytest
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, Float64Type, TensorType, VectorType, f32, i8
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.shapes import (
    DYNAMIC,
    accumulator_type,
    check_element,
    check_shape,
    element_type,
    shape_of,
    shape_text,
)

TENSOR = TensorType(f32, [DYNAMIC, 3])


def test_shape_of():
    assert shape_of(TENSOR) == (DYNAMIC, 3)
    assert shape_of(VectorType(f32, [4])) == (4,)
    with pytest.raises(VerifyException, match="expected a tensor or vector, got f32"):
        shape_of(f32)


def test_element_type():
    assert element_type(TENSOR) == f32
    assert element_type(i8) == i8


@pytest.mark.parametrize("expected", [(2, 3), (None, 3), (DYNAMIC, DYNAMIC), (None, None)])
def test_dynamic_sizes_agree_with_every_size(expected):
    assert check_shape("op", "x", TENSOR, expected) == (DYNAMIC, 3)


@pytest.mark.parametrize(
    ("expected", "text"), [((2, 4), "2x4"), ((3,), "3"), ((), "scalar"), ((None, 3, DYNAMIC), r"\?x3x\?")]
)
def test_disagreement_says_who_and_what(expected, text):
    with pytest.raises(VerifyException, match=rf"^op: x has shape \?x3, expected {text}$"):
        check_shape("op", "x", TENSOR, expected)


def test_element_disagreement():
    check_element("op", "x", TENSOR, f32)
    with pytest.raises(VerifyException, match=r"^op: x has element type f32, expected i8$"):
        check_element("op", "x", TENSOR, i8)


def test_shape_text():
    assert shape_text((2, None, DYNAMIC)) == "2x?x?"
    assert shape_text(()) == "scalar"


def test_half_types_are_summed_in_f32():
    assert accumulator_type(Float16Type()) == Float32Type()
    assert accumulator_type(BFloat16Type()) == Float32Type()
    assert accumulator_type(Float64Type()) == Float64Type()
