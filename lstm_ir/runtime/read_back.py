"""Results of devices whose memory this process cannot read: copied to it by the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.errors import ExecutionError

__all__ = ["read_back"]

_HOST = int(iree.MemoryType.HOST_LOCAL) | int(iree.MemoryType.DEVICE_VISIBLE)
_CACHED = _HOST | int(iree.MemoryType.HOST_CACHED)
_USAGE = int(iree.BufferUsage.TRANSFER_TARGET) | int(iree.BufferUsage.MAPPING_SCOPED)
_ALLOCATABLE = int(iree.BufferCompatibility.ALLOCATABLE)
_LEAST = 1 << 16
_MOST = 1 << 26
"""Bytes of the smallest and the largest memory that stays with a device: a driver pins pages more slowly than it copies
a small result."""
_MOST_FREE = 4
"""How many of those stay, for as many threads that read at once."""


def read_back(device: Device, view: Any) -> np.ndarray[Any, Any]:
    """The bytes of a device's buffer view, in memory that belongs to the array alone.

    The device copies them to memory of IREE's, and this process from there. It cannot copy to an array's own memory:
    IREE's bindings tie that to a Python object, while a queue may hold the buffer a moment longer, beyond the fence.

    Raises:
      ExecutionError: IREE failed.
    """
    size = view.byte_length
    try:
        with _staging(device, size) as staged:
            semaphore = device.hal.create_semaphore(0)
            done = iree.HalFence.create_at(semaphore, 1)
            device.hal.queue_copy(view.get_buffer(), staged, iree.HalFence.create_at(semaphore, 0), done)
            done.wait()
            mapped = staged.map()  # held until the copy below is made
            return np.frombuffer(mapped, np.uint8, size).copy()
    except (RuntimeError, ValueError) as error:
        raise ExecutionError(f"reading {size} bytes from device {device.name!r} failed in IREE: {error}") from error


@contextmanager
def _staging(device: Device, size: int) -> Iterator[Any]:
    """Memory of IREE's that nobody else uses; after an error it is dropped, since the device may still write to it."""
    if size > _MOST:
        yield _allocate(device, size)
        return
    try:
        memory = device.staging.pop()
    except IndexError:
        memory = None
    if memory is None or memory.byte_length() < size:
        memory = _allocate(device, max(_LEAST, 1 << (size - 1).bit_length()))
    yield memory
    if len(device.staging) < _MOST_FREE:
        device.staging.append(memory)


def _allocate(device: Device, size: int) -> Any:
    # Not cached is what CUDA calls write-combined, which the CPU reads at a crawl; not every Vulkan driver has cached.
    found: int = device.allocator.query_buffer_compatibility(
        memory_type=_CACHED, allowed_usage=_USAGE, intended_usage=_USAGE, allocation_size=size
    )
    return device.allocator.allocate_buffer(_CACHED if found & _ALLOCATABLE else _HOST, _USAGE, size)
