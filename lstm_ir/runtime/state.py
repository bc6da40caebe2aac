"""A model's recurrent state, living on the device and updated in place by calls."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.runtime.argument_frame import FrameCache
from lstm_ir.runtime.buffers import state_shape, zero_views
from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import DeviceArray, download, element_type, upload
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError
from lstm_ir.runtime.not_copied import NotCopied
from lstm_ir.runtime.spec import TensorSpec, numpy_dtype
from lstm_ir.runtime.state_arguments import bind_states
from lstm_ir.runtime.state_file import read_states, write_states

__all__ = ["State"]

_KEPT_SIGNATURES = 4  # there may be very many states


class State(NotCopied):
    """The states of a batch of sequences: ``module(x, state=s)`` continues from them and leaves them advanced.

    Made by ``Module.make_state``, filled with zeros. Safe from several threads: calls that use the same state run
    one after another, calls with different states run side by side.

    Attributes:
      lock: Held by a call from before it reads the state until after it has written it.
      frames: Argument lists over the state's buffers, of calls that come again and again; to be used under ``lock``.
    """

    instead = "use numpy() and set(), or save() and restore()"

    def __init__(self, device: Device, specs: Sequence[TensorSpec], batch: int) -> None:
        self._device = device
        self._specs = tuple(specs)
        self._batch = batch
        self._shapes = [state_shape(spec, batch) for spec in self._specs]
        self.lock = threading.Lock()
        self.frames = FrameCache(_KEPT_SIGNATURES)
        self._views: list[Any] = []
        self._refs: tuple[Any, ...] = ()
        self._replace(zero_views(device, self._specs, batch))

    @property
    def batch(self) -> int:
        """Number of sequences."""
        return self._batch

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """Names, shapes and dtypes, in the module's order."""
        return self._specs

    @property
    def device(self) -> Device:
        """The device that the state lives on."""
        return self._device

    @property
    def refs(self) -> tuple[Any, ...]:
        """The buffers as IREE passes them; to be read and used under ``lock`` only."""
        return self._refs

    def __del__(self) -> None:
        # Before the device, whose memory the buffers are.
        self.__dict__.pop("frames", None)
        self._views, self._refs = [], ()

    def reset(self, rows: int | Iterable[int] | None = None) -> None:
        """Sets every sequence, or the given ones, to zero.

        Args:
          rows: None for all; else a row, several rows (0 to batch-1), or a bool array of shape (batch,).

        Raises:
          ArgumentError: A row out of range, or a bool array of another length.
          ArgumentTypeError: Rows that are not integers.
        """
        if rows is None:
            views = zero_views(self._device, self._specs, self._batch)
            with self.lock:
                self._replace(views)
            return
        chosen = self._check_rows(rows)
        with self.lock:
            arrays = self._download()
            for array, spec in zip(arrays, self._specs, strict=True):
                np.moveaxis(array, spec.batch_axis or 0, 0)[chosen] = 0
            self._replace([self._upload(array, spec) for array, spec in zip(arrays, self._specs, strict=True)])

    def numpy(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of the states by name, each of shape (batch, units)."""
        with self.lock:
            arrays = self._download()
        return {spec.name: array for spec, array in zip(self._specs, arrays, strict=True)}

    def set(self, values: Mapping[str, Any] | Sequence[Any]) -> None:
        """Replaces states; all are checked before any is written.

        Args:
          values: Arrays in the order of ``specs``, or by name; names left out keep their values. Copied.

        Raises:
          ArgumentError: Wrong count, unknown names, wrong shapes.
          ArgumentTypeError: Wrong types or dtypes.
        """
        bound = bind_states(self._specs, values, self._batch, self._device, self._takes, "state")
        # A device array is copied too: its buffer would otherwise be overwritten by the next call.
        fresh = [
            None if value is None else self._upload(value.numpy() if isinstance(value, DeviceArray) else value, spec)
            for value, spec in zip(bound, self._specs, strict=True)
        ]
        with self.lock:
            self._replace([old if new is None else new for old, new in zip(self._views, fresh, strict=True)])

    def save(self, path: str | Path) -> None:
        """Writes the states to an ``.npz`` file, to a temporary one first that then takes the name ``path``.

        Raises:
          ArgumentError: The file cannot be written.
        """
        write_states(Path(path), self._specs, self.numpy())

    def restore(self, path: str | Path) -> None:
        """Reads states that ``save`` wrote. On any error the state stays as it was.

        Raises:
          ArtifactError: The file is missing, unreadable, or not a saved state.
          ArgumentError: Its names, shapes or dtypes are not this state's.
        """
        self.set(read_states(Path(path), self._specs, self._shapes))

    def __repr__(self) -> str:
        names = ", ".join(spec.name for spec in self._specs)
        return f"State(batch={self._batch}, names=[{names}], device={self._device.name!r})"

    def _takes(self, device: Device) -> bool:
        return device is self._device or device.beside is self._device

    def _check_rows(self, rows: int | Iterable[int]) -> np.ndarray[Any, Any]:
        try:
            chosen = np.atleast_1d(np.asarray(rows if isinstance(rows, int | np.generic | np.ndarray) else list(rows)))
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"rows: must be integers or None; got {type(rows).__name__}") from error
        if chosen.size == 0:
            return np.zeros(0, np.intp)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iub" or isinstance(rows, bool):
            raise ArgumentTypeError(f"rows: must be integers or a bool array of shape ({self._batch},); got {rows!r}")
        if chosen.dtype.kind == "b":
            if len(chosen) != self._batch:
                raise ArgumentError(f"rows: a bool array must have shape ({self._batch},); got ({len(chosen)},)")
            return chosen
        bad = [int(row) for row in chosen if not 0 <= row < self._batch]
        if bad:
            raise ArgumentError(f"rows: must be from 0 to {self._batch - 1}; got {', '.join(map(str, bad))}")
        return chosen.astype(np.intp)

    def _download(self) -> list[np.ndarray[Any, Any]]:
        return [
            download(self._device, view, numpy_dtype(spec.dtype))
            for view, spec in zip(self._views, self._specs, strict=True)
        ]

    def _upload(self, array: np.ndarray[Any, Any], spec: TensorSpec) -> Any:
        return upload(self._device, np.ascontiguousarray(array), element_type(spec.dtype))

    def _replace(self, views: list[Any]) -> None:
        self.frames.drop_frames()  # they hold the buffers that were
        self._views = views
        self._refs = tuple(view.ref for view in views)
