"""Puts a call's inputs where its device reads them: where they lie if it can, else copied, into memory kept for it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import upload
from lstm_ir.runtime.host_memory import aligned_empty, can_import, import_array

__all__ = ["InputMemory"]

Array = np.ndarray[Any, Any]

_LARGE = 1 << 15  # bytes; IREE's own allocation and copy of less is as fast as any other way
_KEPT = 2  # spare buffers: as many large calls as usually overlap
_LARGEST_KEPT = 1 << 26  # bytes
_BYTE = np.dtype(np.uint8)


class InputMemory:
    """The way of inputs to a device, and spare memory for large ones; safe from several threads.

    Memory fresh from the system costs a page fault every 4 KiB, several times what the copy itself costs, so what a
    large input was copied into serves again.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._spare: list[Array] = []
        self._lock = threading.Lock()

    def place(self, array: Array, dtype: np.dtype[Any], element: Any, used: list[Array] | None) -> Any:
        """IREE's buffer view of an input.

        Args:
          array: The input, checked: an array of any layout whose dtype is, or is cast to, ``dtype``.
          dtype: The dtype that the module takes.
          element: IREE's name of it.
          used: Takes the memory that the call must hold while it runs, and then ``give_back``. None for a call whose
            results stay on the device, perhaps in the memory of an input: its inputs are copied into IREE's memory.
        """
        ready = array.dtype == dtype and array.flags.c_contiguous
        if used is None or not self._device.is_local or array.size * dtype.itemsize < _LARGE:
            return upload(self._device, array if ready else _converted(array, dtype), element)
        if ready and can_import(array):
            return import_array(self._device, array, element)  # the caller holds it
        memory = self._take(array.size * dtype.itemsize)
        used.append(memory)
        copy = memory[: array.size * dtype.itemsize].view(dtype).reshape(array.shape)
        if array.dtype == dtype:
            copy[...] = array
        else:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                copy[...] = array
        return import_array(self._device, copy, element)

    def give_back(self, used: list[Array]) -> None:
        """Lets later calls use the memory; the results must have been copied, or lie elsewhere."""
        with self._lock:
            for memory in used:
                if len(self._spare) < _KEPT and memory.nbytes <= _LARGEST_KEPT:
                    self._spare.append(memory)

    def _take(self, size: int) -> Array:
        with self._lock:
            memory = self._spare.pop() if self._spare else None
        if memory is None or memory.nbytes < size:
            memory = aligned_empty((1 << (size - 1).bit_length(),), _BYTE)  # room for a somewhat larger one as well
        return memory


def _converted(array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(array, dtype, "C")
