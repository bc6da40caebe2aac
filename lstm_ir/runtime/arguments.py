"""Checks and conversions of the tensors that callers give. Everything is refused before any call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import DeviceArray, element_type
from lstm_ir.runtime.dlpack import import_from_device
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError
from lstm_ir.runtime.spec import TensorSpec, format_shape, is_floating, numpy_dtype

__all__ = [
    "as_array",
    "as_tensor",
    "batch_and_times",
    "bind_inputs",
    "check_shape",
    "check_tensor",
    "check_values",
    "dtype_text",
    "limits_of",
]

Array = np.ndarray[Any, Any]


def bind_inputs(specs: Sequence[TensorSpec], inputs: tuple[Any, ...]) -> Sequence[Any]:
    """Puts a call's positional arguments, or its one dict, into the order of the specs.

    Raises:
      ArgumentError: Wrong count, or names that are missing or unknown.
    """
    # The exact type first: asking an array whether it is a Mapping costs as much as copying a small one.
    if len(inputs) == 1 and type(inputs[0]) is not np.ndarray and isinstance(inputs[0], Mapping):
        given = inputs[0]
        names = [spec.name for spec in specs]
        unknown = [str(name) for name in given if name not in names]
        missing = [name for name in names if name not in given]
        if unknown or missing:
            problems = [f"unknown {', '.join(map(repr, unknown))}"] if unknown else []
            problems += [f"missing {', '.join(map(repr, missing))}"] if missing else []
            raise ArgumentError(f"inputs: {'; '.join(problems)}; the module's inputs are {', '.join(map(repr, names))}")
        return [given[name] for name in names]
    if len(inputs) != len(specs):
        listing = ", ".join(str(spec) for spec in specs)
        raise ArgumentError(f"inputs: the module takes {len(specs)} ({listing}); got {len(inputs)}")
    return inputs


def check_tensor(
    value: Any, spec: TensorSpec, label: str, device: Device, takes: Callable[[Device], bool]
) -> Array | DeviceArray:
    """Checks one argument; an array of another layout or float width is still to be converted.

    Floating arrays of another width are accepted, as Keras's autocast casts them; a value too large becomes infinite.
    Nested lists count as what ``numpy.asarray`` makes of them. A device array passes as it is when its dtype is the
    spec's and ``takes`` says that arrays of its device are taken (``device`` is for the error's text).

    Raises:
      ArgumentTypeError: Not an array, or one of integers, bools, complex numbers, strings or objects where floats
        are due (Keras does not cast these either), or a masked array.
      ArgumentError: Wrong rank or size, ragged lists, or an array of another device.
    """
    dtype = numpy_dtype(spec.dtype)
    if type(value) is np.ndarray and value.dtype == dtype:  # what nearly every call brings
        array: Array = value
        check_shape(array.shape, spec, label)
        return array
    if isinstance(value, DeviceArray):
        if not takes(value.device):
            raise ArgumentError(
                f"{label}: the array is on device {value.device.name!r}, the module on {device.name!r}: pass .numpy()"
            )
        if value.dtype == dtype:
            check_shape(value.shape, spec, label)
            return value
    imported = import_from_device(value, label, device)
    if imported is not None:
        if imported.element_type != int(element_type(spec.dtype)):
            raise ArgumentTypeError(f"{label}: an array on a device must be {spec.dtype}; it is not cast there")
        check_shape(tuple(imported.shape), spec, label)
        return DeviceArray(device, imported, dtype)
    array = as_array(value, label, f"an array of {spec.dtype}{format_shape(spec.shape)}")
    _check_dtype(array.dtype, dtype, spec, label)
    check_shape(array.shape, spec, label)
    return array


def check_values(array: Array | DeviceArray, spec: TensorSpec, label: str) -> None:
    """Refuses integers that are out of the spec's range or do not fit its dtype, and floats that are not whole.

    Raises:
      ArgumentError: One of them is.
    """
    dtype = numpy_dtype(spec.dtype)
    if is_floating(dtype):
        return
    values = array.numpy() if isinstance(array, DeviceArray) else array
    if values.size == 0 or values.dtype.kind == "b":
        return
    if values.dtype.kind == "f" and not (values == np.trunc(values)).all():  # not a number is none of either
        raise ArgumentError(f"{label}: every value must be a whole number; got some that are not")
    least_value, most_value = values.min(), values.max()
    if not np.isfinite(most_value) or not np.isfinite(least_value):
        raise ArgumentError(f"{label}: every value must be a whole number; got infinity")
    low, high = int(least_value), int(most_value)
    least, most = limits_of(spec)
    if low < least or high > most:
        wrong = low if low < least else high
        raise ArgumentError(f"{label}: every value must be at least {least} and at most {most}; got {wrong}")


def limits_of(spec: TensorSpec) -> tuple[int, int]:
    """The least and the most that a spec of integers accepts."""
    information = np.iinfo(numpy_dtype(spec.dtype))
    return (int(information.min), int(information.max)) if spec.limit is None else (0, spec.limit - 1)


def as_tensor(
    value: Any, spec: TensorSpec, label: str, device: Device, takes: Callable[[Device], bool]
) -> Array | DeviceArray:
    """Checks one argument and converts it to a C-contiguous native array of the spec's dtype.

    Raises:
      ArgumentTypeError: As ``check_tensor``.
      ArgumentError: As ``check_tensor``.
    """
    array = check_tensor(value, spec, label, device, takes)
    if isinstance(array, DeviceArray):
        return array
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(array, numpy_dtype(spec.dtype), "C")


def as_array(value: Any, label: str, wanted: str) -> Array:
    """``numpy.asarray`` with our errors; masked arrays, whose masks it would drop, are refused."""
    if isinstance(value, np.ma.MaskedArray):
        raise ArgumentTypeError(
            f"{label}: a masked array's mask would be lost; give its .data, and mask= if you mean one"
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ArgumentError(f"{label}: must be {wanted}; got a {type(value).__name__} of uneven lengths") from error
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise ArgumentTypeError(f"{label}: must be {wanted}; got {type(value).__name__}: {error}") from error


def _check_dtype(given: np.dtype[Any], wanted: np.dtype[Any], spec: TensorSpec, label: str) -> None:
    if is_floating(wanted):
        if is_floating(given):
            return
        raise ArgumentTypeError(
            f"{label}: must be floating ({spec.dtype}; other float widths are cast to it); got {dtype_text(given)}"
        )
    if given.kind not in "biuf":
        raise ArgumentTypeError(f"{label}: must be integers ({spec.dtype}); got {dtype_text(given)}")


def dtype_text(dtype: np.dtype[Any]) -> str:
    """Returns a dtype as messages name it."""
    return {"O": "an object array", "U": "strings", "S": "bytes"}.get(dtype.kind, dtype.name)


def check_shape(shape: tuple[int, ...], spec: TensorSpec, label: str) -> None:
    """Refuses a shape whose rank or fixed sizes are not the spec's."""
    if len(shape) != len(spec.shape):
        raise ArgumentError(
            f"{label}: must have {len(spec.shape)} axes {format_shape(spec.shape)}; got {len(shape)} axes {shape}"
        )
    for axis, size in spec.fixed_sizes:
        if shape[axis] != size:
            raise ArgumentError(f"{label}: axis {axis} must have size {size}; got {shape[axis]} in {shape}")


def batch_and_times(
    arrays: Sequence[Array | DeviceArray], specs: Sequence[TensorSpec]
) -> tuple[int, dict[int | None, int]]:
    """The batch size that all inputs have, and the number of time steps by ``length`` of the specs.

    The batch is 1 where no input has an axis of it; a length that no input has is missing.

    Raises:
      ArgumentError: Two inputs disagree, or there are too few steps.
    """
    batch = None
    times: dict[int | None, int] = {}
    for array, spec in zip(arrays, specs):  # noqa: B905  # equally long; strict= costs on every call
        shape = array.shape
        if spec.batch_axis is not None:
            size = shape[spec.batch_axis]
            if batch is None:
                batch = size
            elif size != batch:
                raise _disagreement("batch", arrays, specs, [spec.batch_axis for spec in specs])
        if spec.time_axis is not None:
            size = shape[spec.time_axis]
            if size < spec.least_time:
                steps = "step" if spec.least_time == 1 else "steps"
                raise ArgumentError(f"inputs: the time axis must have at least {spec.least_time} {steps}; got {size}")
            if times.setdefault(spec.length, size) != size:
                axes = [each.time_axis if each.length == spec.length else None for each in specs]
                raise _disagreement("time", arrays, specs, axes)
    return 1 if batch is None else batch, times


def _disagreement(
    axis_name: str, arrays: Sequence[Array | DeviceArray], specs: Sequence[TensorSpec], axes: Sequence[int | None]
) -> ArgumentError:
    sizes = [
        f"{spec.name!r} has {array.shape[axis]}"
        for array, spec, axis in zip(arrays, specs, axes, strict=True)
        if axis is not None
    ]
    return ArgumentError(f"inputs: {axis_name} sizes must agree; {' and '.join(sizes)}")
