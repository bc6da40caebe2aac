"""Results of devices whose memory this process cannot read: copied to it by the device."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.errors import ExecutionError

__all__ = ["read_back"]

_PAGE = mmap.PAGESIZE
_HOST = int(iree.MemoryType.HOST_LOCAL) | int(iree.MemoryType.DEVICE_VISIBLE)
_IMPORTED = int(iree.BufferUsage.TRANSFER_TARGET) | int(iree.BufferUsage.MAPPING_PERSISTENT)
_STAGED = int(iree.BufferUsage.TRANSFER_TARGET) | int(iree.BufferUsage.MAPPING_SCOPED)
_IMPORTABLE = int(iree.BufferCompatibility.IMPORTABLE)


def read_back(device: Device, view: Any) -> np.ndarray[Any, Any]:
    """The bytes of a device's buffer view, in memory that belongs to the array alone.

    Where the device can write to memory of ours, that is whole pages, which is all that Vulkan takes
    (``minImportedHostPointerAlignment``); elsewhere it goes through memory of IREE's and is copied once more.

    Raises:
      ExecutionError: IREE failed.
    """
    size = view.byte_length
    source = view.get_buffer()
    whole = -(-size // _PAGE) * _PAGE
    try:
        if _can_import(device, whole):
            memory = np.empty(whole + _PAGE, np.uint8)
            start = -memory.ctypes.data % _PAGE
            pages = memory[start : start + whole]
            _copy(device, source, device.allocator.import_host_allocation(pages, _HOST, _IMPORTED))
            return pages[:size]
        staged = device.allocator.allocate_buffer(_HOST, _STAGED, size)
        _copy(device, source, staged)
        mapped = staged.map()  # held until the copy below is made
        return np.frombuffer(mapped, np.uint8, size).copy()
    except (RuntimeError, ValueError) as error:
        raise ExecutionError(f"reading {size} bytes from device {device.name!r} failed in IREE: {error}") from error


def _can_import(device: Device, size: int) -> bool:
    found: int = device.allocator.query_buffer_compatibility(
        memory_type=_HOST, allowed_usage=_IMPORTED, intended_usage=_IMPORTED, allocation_size=size
    )
    return found & _IMPORTABLE != 0


def _copy(device: Device, source: Any, target: Any) -> None:
    semaphore = device.hal.create_semaphore(0)
    done = iree.HalFence.create_at(semaphore, 1)
    device.hal.queue_copy(source, target, iree.HalFence.create_at(semaphore, 0), done)
    done.wait()
