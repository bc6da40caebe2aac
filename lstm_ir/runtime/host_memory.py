"""Memory that NumPy and a local device share, in both directions, without a copy.

IREE's own ways leave lifetimes to the caller: an imported array is kept alive by a Python object that calls do not
hold, and a mapped result by one that its slices do not hold. Here each side of the sharing is held explicitly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device

__all__ = [
    "ALIGNMENT",
    "Span",
    "aligned_empty",
    "can_import",
    "import_array",
    "import_memory",
    "share_result",
    "spans_of",
]

Array = np.ndarray[Any, Any]

Span = tuple[int, int]
"""Where memory lies: its first address and the one behind its last."""

ALIGNMENT = 64
"""IREE's code assumes that buffers start at a multiple of this many bytes; its import does not check that."""

_DEVICE_LOCAL = iree.MemoryType.DEVICE_LOCAL
_DEFAULT_USAGE = iree.BufferUsage.DEFAULT


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A C-contiguous array of undefined contents that starts where IREE's code wants it."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -_address(memory) % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def can_import(array: Array) -> bool:
    """Whether a local device can read a C-contiguous array where it is. IREE imports no read-only memory."""
    return array.flags.writeable and _address(array) % ALIGNMENT == 0


def import_array(device: Device, array: Array, element: Any) -> Any:
    """A buffer view over the array's own memory; the caller keeps ``array`` alive as long as a call may read it."""
    return iree.HalBufferView(import_memory(device, array), array.shape, element)


def import_memory(device: Device, array: Array) -> Any:
    """A plain buffer over the array's own memory; the caller keeps ``array`` alive as long as a call may use it."""
    return device.allocator.import_host_allocation(array.reshape(-1).view(np.uint8), _DEVICE_LOCAL, _DEFAULT_USAGE)


class _ResultMemory:
    """What an array over a result's memory, and so every view of that array, holds.

    IREE's mapping keeps the buffer, but the buffer does not keep the device, whose memory it may be.
    """

    __slots__ = ("__array_interface__", "_device", "_mapped")

    def __init__(self, device: Device, mapped: Any, interface: dict[str, Any]) -> None:
        self._device = device
        self._mapped = mapped
        self.__array_interface__ = interface

    def __del__(self) -> None:
        self._mapped = None  # before the device


def share_result(device: Device, view: Any, dtype: np.dtype[Any], taken: list[Span]) -> Array | None:
    """An ordinary, writable array over a result's memory, which lives as long as the array or any view of it.

    Not ``MappedMemory.asarray``, whose arrays a view does not keep alive, nor ``numpy.frombuffer``, whose arrays are
    read-only, as IREE maps for reading: nobody else knows this memory any more.

    Args:
      device: A local device.
      view: IREE's buffer view of the result, which is not empty.
      dtype: The array's dtype.
      taken: The memory of everything else that is in use; the result's is added.

    Returns:
      The array, or None: the memory is something else's too.
    """
    mapped = view.map()
    interface = np.ndarray(view.shape, dtype, mapped).__array_interface__
    start = interface["data"][0]
    end = start + view.byte_length
    for first, last in taken:
        if start < last and first < end:
            return None
    taken.append((start, end))
    interface["data"] = (start, False)
    array = np.asarray(_ResultMemory(device, mapped, interface))
    return array if array.dtype == dtype else array.view(dtype)  # bfloat16 has no name there


def spans_of(arguments: Any) -> list[Span]:
    """Where the buffers of a list of IREE's buffer views lie, on a local device."""
    views = [arguments.get_as_object(place, iree.HalBufferView) for place in range(len(arguments))]
    starts = [(_address(np.frombuffer(view.map(), np.uint8)), view.byte_length) for view in views if view.byte_length]
    return [(start, start + size) for start, size in starts]


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
