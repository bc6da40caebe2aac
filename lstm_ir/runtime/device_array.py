"""Arrays on a device, and the two ways across: NumPy to device and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device, reason_of
from lstm_ir.runtime.dlpack import dlpack_capsule, dlpack_device
from lstm_ir.runtime.errors import ExecutionError
from lstm_ir.runtime.read_back import read_back
from lstm_ir.runtime.spec import numpy_dtype

__all__ = ["DeviceArray", "download", "element_type", "upload"]

_ELEMENT_TYPES = {
    "float16": iree.HalElementType.FLOAT_16,
    "bfloat16": iree.HalElementType.BFLOAT_16,
    "float32": iree.HalElementType.FLOAT_32,
    "float64": iree.HalElementType.FLOAT_64,
    "int8": iree.HalElementType.SINT_8,
    "int16": iree.HalElementType.SINT_16,
    "int32": iree.HalElementType.SINT_32,
    "int64": iree.HalElementType.SINT_64,
    "bool": iree.HalElementType.BOOL_8,
}
_DEVICE_LOCAL = iree.MemoryType.DEVICE_LOCAL
_DEFAULT_USAGE = iree.BufferUsage.DEFAULT


def element_type(dtype: str) -> Any:
    """IREE's element type of a spec's dtype (raises as ``numpy_dtype`` where NumPy has none)."""
    numpy_dtype(dtype)
    return _ELEMENT_TYPES[dtype]


def upload(device: Device, array: np.ndarray[Any, Any], element: Any) -> Any:
    """Copies a C-contiguous native array to a device; returns IREE's buffer view.

    A copy, and not an import of the caller's memory: the caller's array may change or vanish at once.

    Raises:
      ExecutionError: The device has no memory for it, or the copy failed.
    """
    try:
        return device.allocator.allocate_buffer_copy(_DEVICE_LOCAL, _DEFAULT_USAGE, device.hal, array, element)
    except (RuntimeError, ValueError) as error:
        raise _no_memory(device, array.nbytes, error) from error


def allocate(device: Device, shape: tuple[int, ...], dtype: np.dtype[Any], element: Any) -> Any:
    """A buffer view of fresh memory whose contents are not defined.

    Raises:
      ExecutionError: The device has no memory for it.
    """
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    try:
        buffer = device.allocator.allocate_buffer(_DEVICE_LOCAL, _DEFAULT_USAGE, size)
    except (RuntimeError, ValueError) as error:
        raise _no_memory(device, size, error) from error
    return iree.HalBufferView(buffer, shape, element)


def _no_memory(device: Device, size: int, error: Exception) -> ExecutionError:
    return ExecutionError(f"device {device.name!r} gave no memory for {size} bytes: {reason_of(error)}")


def download(device: Device, view: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Copies a device buffer into a NumPy array that owns its memory.

    Mapped memory of IREE's is not kept alive by slices of the array over it, and a later in-place update may write
    to it; a copy is safe from both.
    """
    shape = view.shape
    if 0 in shape:
        return np.empty(shape, dtype)
    if device.is_local:
        mapped = view.map()  # held until the copy below is made
        return np.ndarray(shape, dtype, mapped).copy()
    return read_back(device, view).view(dtype).reshape(shape)


class DeviceArray:
    """A read-only array that stays on the device; a call with ``device_outputs=True`` returns these.

    Given as an input to a module on the same device it is used without a copy. It holds its buffer: it stays valid
    whatever else is dropped.
    """

    __slots__ = ("_device", "_view", "dtype", "shape")

    def __init__(self, device: Device, view: Any, dtype: np.dtype[Any]) -> None:
        self._device = device
        self._view = view
        self.shape: tuple[int, ...] = tuple(view.shape)
        self.dtype = dtype

    def __del__(self) -> None:
        self._view = None  # before the device, whose memory it may be

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def device(self) -> Device:
        """The device that the array lives on."""
        return self._device

    @property
    def view(self) -> Any:
        """IREE's ``HalBufferView``, for use with ``iree.runtime`` itself."""
        return self._view

    def numpy(self) -> np.ndarray[Any, Any]:
        """A copy of the contents as a NumPy array that owns its memory."""
        return download(self._device, self._view, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("a device array cannot become a NumPy array without a copy")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self, **_: Any) -> Any:
        """A capsule over the array's memory, for ``torch.from_dlpack``, ``numpy.from_dlpack`` ...

        Whatever stream the consumer names has nothing to wait for: the call that made the array is over.

        Raises:
          BufferError: The device's driver has no way out for its memory.
        """
        return dlpack_capsule(self._device, self._view)

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack_device(self._device)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a device array without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self._device.name!r})"
