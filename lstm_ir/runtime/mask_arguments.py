"""The masks of a call: converted to int8 0/1, in the order of the module's specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ir.runtime.arguments import Array, as_array, dtype_text
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError
from lstm_ir.runtime.spec import TensorSpec

__all__ = ["Given", "as_mask", "bind_masks", "listed_masks", "mask_shape"]

Given = Sequence[Array | None]
"""The masks of a call in the order of the specs, None for one that is left out; none at all where there is no mask."""

_ndarray = np.ndarray


def as_mask(value: Any, spec: TensorSpec, batch: int, time: int) -> Array:
    """Converts a mask to int8 0/1 of shape (batch, time), or as the spec orders the two axes.

    Any bool, integer, floating or complex array, or nested lists of such, true where not 0 (so NaN is true). A last
    axis of size 1 is dropped and a batch of 1 stands for every sample, as in Keras.

    Raises:
      ArgumentTypeError: Strings or objects.
      ArgumentError: Another shape.
    """
    batch_axis = spec.batch_axis or 0
    time_axis = 1 - batch_axis if spec.time_axis is None else spec.time_axis
    wanted = mask_shape(spec, batch, time)
    axes = "(batch, time)" if batch_axis < time_axis else "(time, batch)"
    label = f"mask: must be {axes} = {wanted}"
    array = as_array(value, "mask", f"an array of shape {axes} = {wanted}")
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        raise ArgumentTypeError(f"mask: must be bool or numeric; got {dtype_text(array.dtype)}")
    given = array.shape
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.shape != wanted:
        if array.ndim != 2 or array.shape[batch_axis] != 1 or array.shape[time_axis] != time:
            raise ArgumentError(f"{label}; got {given}")
        array = np.broadcast_to(array, wanted)
    if array.dtype != np.bool_:
        array = np.not_equal(array, np.zeros((), array.dtype))
    return np.ascontiguousarray(array).view(np.int8)


def bind_masks(specs: Sequence[TensorSpec], given: Any, batch: int, times: Mapping[int | None, int]) -> list[Array]:
    """Puts the masks of a call into the order of the specs; one that is left out has every step.

    Raises:
      ArgumentTypeError: Of a module of several inputs, neither a list, a tuple nor a mapping.
      ArgumentError: Wrong count, unknown names, or a wrong shape.
    """
    if len(specs) == 1 and specs[0].of is None:
        return [as_mask(given, specs[0], batch, times.get(specs[0].length, 1))]
    names = [str(spec.of) for spec in specs]
    listing = ", ".join(map(repr, names))
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in names]
        if unknown:
            raise ArgumentError(f"mask: unknown {', '.join(map(repr, unknown))}; masks are taken for {listing}")
        values = [given.get(name) for name in names]
    elif isinstance(given, list | tuple):
        if len(given) != len(specs):
            raise ArgumentError(f"mask: must have {len(specs)} arrays (for {listing}); got {len(given)}")
        values = list(given)
    else:
        raise ArgumentTypeError(
            f"mask: must be a dict by the input's name, or a list for {listing}; got {type(given).__name__}"
        )
    bound = []
    for spec, value in zip(specs, values, strict=True):
        time = times.get(spec.length, 1)
        full = np.ones(mask_shape(spec, batch, time), np.int8) if value is None else as_mask(value, spec, batch, time)
        bound.append(full)
    return bound


def listed_masks(specs: Sequence[TensorSpec], given: Any) -> Given | None:
    """The masks of a call in the order of the specs; nothing is converted, and shapes are not looked at.

    None if ``bind_masks`` must see them: they are wrong, or not NumPy's arrays of bools or integers.
    """
    if len(specs) == 1 and type(given) is _ndarray and specs[0].of is None:
        return (given,) if given.dtype.kind in "biu" else None
    if not specs or specs[0].of is None:
        return None
    if type(given) is dict:
        values = [given.get(spec.of) for spec in specs]
        if len(given) != sum(spec.of in given for spec in specs):
            return None
    elif type(given) is list or type(given) is tuple:
        values = list(given)
    else:
        return None
    if len(values) == len(specs) and all(
        value is None or (type(value) is _ndarray and value.dtype.kind in "biu") for value in values
    ):
        return values
    return None


def mask_shape(spec: TensorSpec, batch: int, time: int) -> tuple[int, int]:
    """The shape of a whole mask."""
    batch_axis = spec.batch_axis or 0
    time_axis = 1 - batch_axis if spec.time_axis is None else spec.time_axis
    return (batch, time) if batch_axis < time_axis else (time, batch)
