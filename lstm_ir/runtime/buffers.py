"""State buffers of calls that carry no state: shared zeros to read and scratch memory to write, per batch size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import allocate, element_type, upload
from lstm_ir.runtime.errors import ArgumentError
from lstm_ir.runtime.spec import TensorSpec, numpy_dtype

__all__ = ["StatelessBuffers", "state_shape", "zero_views"]

_KEPT_BATCHES = 16
_KEPT_SCRATCH = 8  # a batch size's spare sets: as many as calls usually overlap


def state_shape(spec: TensorSpec, batch: int) -> tuple[int, ...]:
    """The shape of a state at a batch size.

    Raises:
      ArgumentError: The module was compiled for another, fixed batch size.
    """
    axis = spec.batch_axis or 0
    fixed = spec.shape[axis]
    if fixed is not None and fixed != batch:
        raise ArgumentError(f"batch: the module's state {spec.name!r} has the fixed batch size {fixed}; got {batch}")
    return tuple(batch if size is None else size for size in spec.shape)


def zero_views(device: Device, specs: Sequence[TensorSpec], batch: int) -> list[Any]:
    """One fresh zero-filled buffer view for each state."""
    return [
        upload(device, np.zeros(state_shape(spec, batch), numpy_dtype(spec.dtype)), element_type(spec.dtype))
        for spec in specs
    ]


class _Batch:
    """The zeros and the spare scratch sets of one batch size."""

    __slots__ = ("scratch", "zeros")

    def __init__(self, zeros: tuple[Any, ...]) -> None:
        self.zeros = zeros
        self.scratch: list[tuple[Any, ...]] = []


class StatelessBuffers:
    """A bounded cache, safe from several threads.

    The zeros are shared: a module never writes its ``states_in``. The final states of a call without a state are
    thrown away, so the memory for them is used again, but never by two calls at once.
    """

    def __init__(self, device: Device, specs: Sequence[TensorSpec]) -> None:
        self._device = device
        self._specs = tuple(specs)
        self._batches: OrderedDict[int, _Batch] = OrderedDict()
        self._lock = threading.Lock()

    def __del__(self) -> None:
        self._batches.clear()  # before the device, whose memory it is

    def zeros(self, batch: int) -> tuple[Any, ...]:
        """References to zero-filled state buffers; only for reading."""
        return self._entry(batch).zeros

    def take_scratch(self, batch: int) -> tuple[Any, ...]:
        """References to buffers for the final states, whose contents are not defined."""
        try:
            return self._entry(batch).scratch.pop()
        except IndexError:
            return tuple(
                allocate(self._device, state_shape(spec, batch), numpy_dtype(spec.dtype), element_type(spec.dtype)).ref
                for spec in self._specs
            )

    def give_back(self, batch: int, scratch: tuple[Any, ...]) -> None:
        """Lets a later call write the same buffers; the caller must have copied what it wants of the results."""
        spare = self._entry(batch).scratch
        if len(spare) < _KEPT_SCRATCH:
            spare.append(scratch)

    def _entry(self, batch: int) -> _Batch:
        entry = self._batches.get(batch)
        if entry is not None:
            return entry
        with self._lock:
            entry = self._batches.get(batch)
            if entry is None:
                entry = _Batch(tuple(view.ref for view in zero_views(self._device, self._specs, batch)))
                self._batches[batch] = entry
                if len(self._batches) > _KEPT_BATCHES:
                    self._batches.popitem(last=False)
            return entry
