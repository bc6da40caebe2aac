"""Hands out a call's results: as arrays that nothing else writes to and that stay valid whatever is dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import DeviceArray, download, element_type, upload
from lstm_ir.runtime.host_memory import Span, share_result
from lstm_ir.runtime.spec import TensorSpec

__all__ = ["Result", "collect", "collect_small", "empty_results", "small_shapes"]

Result = np.ndarray[Any, Any] | DeviceArray
HalBufferView = iree.HalBufferView
_ndarray = np.ndarray

_SHARED_FROM = 1 << 17  # bytes; copying less costs no more than finding out whether it may be shared
_COPIED_TO = 1 << 18  # bytes; where calls write to the same memory again, copying so much costs less than new memory


def collect(
    device: Device,
    results: Any,
    dtypes: Sequence[np.dtype[Any]],
    spans: Callable[[], Sequence[Span]],
    device_outputs: bool,
) -> Result | list[Result]:
    """The outputs of a call; the states that follow them in ``results`` are left.

    A large result is handed out where it lies, unless its memory is also an argument's (an input given back, a
    state that the next call updates in place) or another output's.

    Args:
      device: Where the call ran.
      results: IREE's list of them.
      dtypes: The outputs' dtypes.
      spans: Gives the memory of the call's arguments; asked on a local device only.
      device_outputs: Hand out device arrays.
    """
    collected: list[Result] = []
    taken: list[Span] = []
    is_local = device.is_local
    for index, dtype in enumerate(dtypes):
        view = results.get_as_object(index, HalBufferView)
        if device_outputs:
            collected.append(DeviceArray(device, view, dtype))
            continue
        if is_local and view.byte_length >= _SHARED_FROM:
            taken = taken or list(spans())
            array = share_result(device, view, dtype, taken)
            if array is not None:
                collected.append(array)
                continue
        collected.append(download(device, view, dtype))
    return collected[0] if len(collected) == 1 else collected


def small_shapes(outputs: Result | list[Result]) -> list[tuple[int, ...]] | None:
    """The shapes of a call's outputs, for ``collect_small``; None if it is not for them: one is large, or empty."""
    listed = outputs if isinstance(outputs, list) else [outputs]
    if all(isinstance(each, _ndarray) and 0 < each.nbytes <= _COPIED_TO for each in listed):
        return [each.shape for each in listed]
    return None


def collect_small(
    results: Any, shapes: Sequence[tuple[int, ...]], dtypes: Sequence[np.dtype[Any]]
) -> Result | list[Result]:
    """What ``collect`` returns, by the shortest way: copies. On a local device, of the shapes of an earlier call."""
    get = results.get_as_object
    if len(shapes) == 1:
        return _ndarray(shapes[0], dtypes[0], get(0, HalBufferView).map()).copy()
    return [
        _ndarray(shape, dtypes[index], get(index, HalBufferView).map()).copy() for index, shape in enumerate(shapes)
    ]


def empty_results(
    device: Device,
    specs: Sequence[TensorSpec],
    dtypes: Sequence[np.dtype[Any]],
    times: Mapping[int | None, int],
    device_outputs: bool,
) -> Result | list[Result]:
    """The answer to a batch of 0, which compiled code is not asked for."""
    collected: list[Result] = []
    for spec, dtype in zip(specs, dtypes, strict=True):
        shape = [0 if size is None else size for size in spec.shape]
        if spec.time_axis is not None and spec.shape[spec.time_axis] is None:
            shape[spec.time_axis] = times.get(spec.length, 1)
        empty = np.empty(shape, dtype)
        if device_outputs:
            collected.append(DeviceArray(device, upload(device, empty, element_type(spec.dtype)), dtype))
        else:
            collected.append(empty)
    return collected[0] if len(collected) == 1 else collected
