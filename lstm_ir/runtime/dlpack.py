"""Arrays of other libraries by DLPack, in and out, without a copy where IREE's drivers have a way for it.

Of IREE 3.13, the CPU's drivers and CUDA's have one; Vulkan's has not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.errors import ArgumentError

__all__ = ["dlpack_capsule", "dlpack_device", "import_from_device"]

CPU = 1
_KINDS = {"cuda": 2, "hip": 10, "vulkan": 7}
"""DLPack's numbers of devices, by IREE's driver."""


def dlpack_device(device: Device) -> tuple[int, int]:
    """DLPack's kind and number of a device."""
    if device.is_local:
        return CPU, 0
    return _KINDS[device.driver], int(device.name.partition(":")[2] or 0)


def dlpack_capsule(device: Device, view: Any) -> Any:
    """A capsule over a device's buffer view, which keeps the buffer.

    Raises:
      BufferError: IREE's driver has no way out for its memory (as DLPack wants it raised).
    """
    try:
        return device.hal.create_dlpack_capsule(view, *dlpack_device(device))
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise BufferError(
            f"device {device.name!r} cannot hand out its memory by DLPack in this version of IREE; use .numpy()"
        ) from error


def import_from_device(value: Any, label: str, device: Device) -> Any | None:
    """IREE's view of another library's array that lies on a device, over the same memory; None if it lies on the CPU.

    Raises:
      ArgumentError: It lies on another device than the module's, or IREE's driver does not take it.
    """
    # NumPy's own arrays are asked no further: they are what most calls bring.
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack_device__"):
        return None
    kind, number = value.__dlpack_device__()
    if int(kind) == CPU:
        return None
    if (int(kind), int(number)) != dlpack_device(device):
        raise ArgumentError(
            f"{label}: the {type(value).__name__} is on another device (DLPack's {int(kind)}, {int(number)}) than the "
            f"module, which is on {device.name!r}: move it, or give a copy on the CPU"
        )
    try:
        return device.hal.from_dlpack_capsule(value.__dlpack__())
    except (RuntimeError, ValueError, NotImplementedError, BufferError, IndexError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ArgumentError(f"{label}: device {device.name!r} does not take it by DLPack: {reason}") from error
