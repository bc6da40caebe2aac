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

__all__ = ["Result", "collect", "collect_small", "empty_results"]

Result = np.ndarray[Any, Any] | DeviceArray
HalBufferView = iree.HalBufferView
_ndarray = np.ndarray

_SHARED_FROM = 1 << 17  # bytes; copying less costs no more than finding out whether it may be shared


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
    for index, dtype in enumerate(dtypes):
        view = results.get_as_object(index, HalBufferView)
        if device_outputs:
            collected.append(DeviceArray(device, view, dtype))
            continue
        if device.is_local and view.byte_length >= _SHARED_FROM:
            taken = taken or list(spans())
            array = share_result(device, view, dtype, taken)
            if array is not None:
                collected.append(array)
                continue
        collected.append(download(device, view, dtype))
    return collected[0] if len(collected) == 1 else collected


def collect_small(results: Any, dtypes: Sequence[np.dtype[Any]]) -> Result | list[Result] | None:
    """What ``collect`` returns, by the shortest way: copies. On a local device, and no result is empty.

    Returns:
      The outputs, or None: one of them is large.
    """
    if len(dtypes) == 1:
        view = results.get_as_object(0, HalBufferView)
        if view.byte_length >= _SHARED_FROM:
            return None
        return _ndarray(view.shape, dtypes[0], view.map()).copy()
    collected: list[Result] = []
    for index, dtype in enumerate(dtypes):
        view = results.get_as_object(index, HalBufferView)
        if view.byte_length >= _SHARED_FROM:
            return None
        collected.append(_ndarray(view.shape, dtype, view.map()).copy())
    return collected


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
