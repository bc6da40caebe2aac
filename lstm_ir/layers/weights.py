"""Weights of a layer: what they are, and their values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers.constraints import ConstraintFn
from lstm_ir.layers.initializers import GlorotUniform, InitializerFn
from lstm_ir.layers.regularizers import RegularizerFn

Array = NDArray[Any]


@dataclass(frozen=True)
class WeightSpec:
    """One weight of a built layer.

    Attributes:
        name: its name in the layer, such as ``recurrent_kernel``; of a wrapper ``forward/recurrent_kernel``.
        shape: its shape.
        dtype: the name of its dtype, the layer's variable dtype.
        initializer: None is the framework's default, Glorot uniform.
        regularizer: penalty on it, or None.
        constraint: what an optimiser applies to it after an update, or None.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    initializer: InitializerFn | None = None
    regularizer: RegularizerFn | None = None
    constraint: ConstraintFn | None = None


class Weight:
    """A weight's value under its Keras name, such as ``lstm/lstm_cell/kernel:0``."""

    def __init__(self, name: str, spec: WeightSpec) -> None:
        self.name = name
        self.spec = spec
        self.version = 0
        """Counts the assignments, so that code compiled for a value knows when it is out of date."""
        self._assigned: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.spec.shape

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return self.spec.dtype

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return math.prod(self.shape) * (2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize)

    @property
    def _value(self) -> Array:
        # Initialised when first read: a model from a file overwrites every weight, and an orthogonal matrix of 1024
        # units takes seconds to draw.
        if self._assigned is None:
            initial = (self.spec.initializer or GlorotUniform())(self.spec.shape, self.spec.dtype)
            self._assigned = convert_value(initial, self.spec, self.name)
        return self._assigned

    def numpy(self) -> Array:
        """Return a copy of the value."""
        return self._value.copy()

    def assign(self, value: Any) -> None:
        """Set the value, converted to the weight's dtype.

        Raises:
            ArgumentError: the shape differs.
            ArgumentTypeError: not real numbers.
        """
        self._assigned = convert_value(value, self.spec, self.name)
        self.version += 1

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._value, dtype=dtype)

    def __repr__(self) -> str:
        return f"<Weight {self.name!r} shape={self.shape} dtype={self.dtype}>"


def convert_value(value: Any, spec: WeightSpec, owner: str) -> Array:
    """Return a value as a new array of the weight's dtype and shape.

    Raises:
        ArgumentError: the shape differs.
        ArgumentTypeError: not real numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentTypeError(f"weight {owner}: got a ragged nested list, expected an array") from None
    if array.dtype.kind not in "fiub":
        raise ArgumentTypeError(f"weight {owner}: got an array of dtype {array.dtype}, expected real numbers")
    if array.shape != spec.shape:
        raise ArgumentError(
            f"weight {owner}: weight shape {spec.shape} is not compatible with provided weight shape {array.shape}"
        )
    return array.astype(spec.dtype, order="C")


def assign_all(weights: Sequence[Weight], values: Any, layer_name: str) -> None:
    """Set all weights or, where one does not fit, none.

    Raises:
        ArgumentError: the count or a shape differs.
        ArgumentTypeError: not a sequence of arrays of real numbers.
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise ArgumentTypeError(f"weights of layer {layer_name!r}: got {type(values).__name__}, expected a list")
    if len(values) != len(weights):
        raise ArgumentError(
            f"weights of layer {layer_name!r}: got a weight list of length {len(values)}, but the layer was "
            f"expecting {len(weights)} weights"
        )
    arrays = [convert_value(value, weight.spec, weight.name) for weight, value in zip(weights, values, strict=True)]
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)
