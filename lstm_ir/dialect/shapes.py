"""Shapes in verifiers: reading them, and saying clearly how they disagree."""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyFloat,
    BFloat16Type,
    Float16Type,
    Float32Type,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

DYNAMIC = DYNAMIC_INDEX
"""The size of a dimension that is known only at run time."""


def shape_of(type_: Attribute) -> tuple[int, ...]:
    """Return the shape of a tensor or vector type; dynamic sizes are ``DYNAMIC``.

    Raises:
        VerifyException: If the type has no shape.
    """
    if isinstance(type_, TensorType | VectorType):
        return tuple(type_.get_shape())
    raise VerifyException(f"expected a tensor or vector, got {type_}")


def element_type(type_: Attribute) -> Attribute:
    """Return the element type of a tensor or vector, or the type itself."""
    if isinstance(type_, TensorType | VectorType):
        element: Attribute = type_.get_element_type()
        return element
    return type_


def as_float(type_: Attribute) -> AnyFloat:
    """Return a type known to be a float.

    Raises:
        VerifyException: If it is not.
    """
    if isinstance(type_, AnyFloat):
        return type_
    raise VerifyException(f"expected a float type, got {type_}")


def accumulator_type(storage: Attribute) -> Attribute:
    """Return the type that products of a storage type are summed in: f32 for the half types, else itself."""
    return Float32Type() if isinstance(storage, Float16Type | BFloat16Type) else storage


def size_text(size: int | None) -> str:
    """Return a size as MLIR writes it."""
    return "?" if size is None or size == DYNAMIC else str(size)


def shape_text(sizes: Sequence[int | None]) -> str:
    """Return a shape as MLIR writes it."""
    return "x".join(size_text(size) for size in sizes) or "scalar"


def check_shape(who: str, what: str, type_: Attribute, expected: Sequence[int | None]) -> tuple[int, ...]:
    """Check a type's shape and return it.

    Args:
        who: The op that asks, for the message.
        what: The operand or result, for the message.
        type_: A tensor or vector type.
        expected: A size per dimension; None accepts any, and a dynamic size agrees with every size.

    Raises:
        VerifyException: With who, what, the shape got and the shape expected.
    """
    shape = shape_of(type_)
    fits = len(shape) == len(expected) and all(
        want is None or DYNAMIC in (want, got) or want == got for want, got in zip(expected, shape, strict=True)
    )
    if not fits:
        raise VerifyException(f"{who}: {what} has shape {shape_text(shape)}, expected {shape_text(expected)}")
    return shape


def check_element(who: str, what: str, type_: Attribute, expected: Attribute) -> None:
    """Check a type's element type.

    Raises:
        VerifyException: With who, what, the element type got and the one expected.
    """
    element = element_type(type_)
    if element != expected:
        raise VerifyException(f"{who}: {what} has element type {element}, expected {expected}")
