"""Rounding to a layer's compute dtype, for what Keras casts before it computes: inputs, weights, initial states."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentTypeError

Float64 = NDArray[np.float64]


def round_to(value: Any, dtype: str) -> Float64:
    """Return a value rounded to ``dtype`` and held in float64.

    Raises:
        ArgumentTypeError: not real numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ArgumentTypeError(f"got an array of dtype {array.dtype}, expected real numbers")
    with np.errstate(over="ignore"):  # beyond the range of the dtype is infinity, as when Keras casts
        if dtype == "bfloat16":
            return _round_to_bfloat16(array.astype(np.float32)).astype(np.float64)
        return array.astype(dtype).astype(np.float64)


def _round_to_bfloat16(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to the upper half of a float32's bits, ties to even; NumPy has no such dtype."""
    bits = array.copy().view(np.uint32)
    bias = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    rounded = ((bits + bias) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(array), array, rounded).astype(np.float32)
