"""Where a module's calls run: on one device, or small ones on the caller's thread and large ones on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from lstm_ir.runtime.buffers import StatelessBuffers
from lstm_ir.runtime.call_work import CallWork
from lstm_ir.runtime.compiled_code import CompiledCode
from lstm_ir.runtime.device import Device, open_all_cores, open_beside_caller
from lstm_ir.runtime.device_array import DeviceArray, element_type, upload
from lstm_ir.runtime.input_memory import InputMemory
from lstm_ir.runtime.spec import TensorSpec

__all__ = ["Runner", "Runners"]


class Runner:
    """A module's code on one device, with the memory that its calls use there.

    Attributes:
      device: The device.
      code: The code in a VM context of the device.
      input_memory: Where inputs are put.
      stateless: State buffers of calls that carry no state.
    """

    __slots__ = ("code", "device", "input_memory", "stateless")

    def __init__(self, code: CompiledCode, device: Device, states: Sequence[TensorSpec]) -> None:
        self.device = device
        self.code = code
        self.input_memory = InputMemory(device)
        self.stateless = StatelessBuffers(device, states)

    def view(self, array: DeviceArray) -> Any:
        """IREE's view of a device array for a call here: the array itself where the device can read it."""
        if array.device is self.device or array.device is self.device.beside:
            return array.view
        return upload(self.device, array.numpy(), element_type(array.dtype.name))


class Runners:
    """A module's runners. Safe from several threads.

    Attributes:
      home: The runner on the module's own device, where states live too.
    """

    def __init__(
        self,
        code: CompiledCode,
        device: Device,
        states: Sequence[TensorSpec],
        work: CallWork | None = None,
        workers: int = 1,
    ) -> None:
        """Makes the first runner.

        Args:
          code: The code in a context of ``device``.
          device: The module's own device.
          states: The specs of the module's states.
          work: The work of calls, if the large ones are to run on all cores and ``device`` is local-sync; else None.
          workers: How many workers all cores are.
        """
        self.home = Runner(code, device, states)
        self._states = states
        self._work = work
        self._workers = workers
        self._pid = os.getpid()
        self._all_cores: Runner | None = None
        self._helpers: Runner | None = None
        self._lock = threading.Lock()

    def choose(self, batch: int, time: int, arguments: Iterable[Any] = ()) -> Runner:
        """The runner of a call.

        Args:
          batch: Its number of rows.
          time: Its number of steps.
          arguments: What it was given: a call with device arrays of all cores' device stays there, whatever its size.
        """
        if self._work is None:
            return self.home
        home = self.home.device
        if self._work.pays(batch, time, self._workers) or any(
            isinstance(value, DeviceArray) and value.device is not home for value in arguments
        ):
            return self.all_cores() or self.home
        return self.home

    def all_cores(self) -> Runner | None:
        """The runner of large calls, made by the first one.

        None in a process that was forked after the module was loaded: it has none of the worker threads, and IREE's
        modules belong to the process that loaded them. Such a process goes on without.
        """
        if os.getpid() != self._pid:
            return None
        if self._all_cores is None:
            with self._lock:
                if self._all_cores is None:
                    device = open_all_cores()
                    self._all_cores = Runner(self.home.code.on(device), device, self._states)
        return self._all_cores

    def own_rows(self, batch: int, time: int, row_tile: int) -> int | None:
        """How many rows of a call the caller is to compute itself, ``helpers`` the rest; None: it is not to be shared.

        Args:
          batch: Its number of rows.
          time: Its number of steps.
          row_tile: Rows that a kernel computes together.
        """
        if self._work is None or os.getpid() != self._pid:
            return None
        return self._work.own_rows(batch, time, self._workers, row_tile)

    def helpers(self) -> Runner:
        """The runner of the rest of such calls, made by the first one: local-task with one worker less than cores."""
        if self._helpers is None:
            with self._lock:
                if self._helpers is None:
                    device = open_beside_caller(self._workers - 1)
                    self._helpers = Runner(self.home.code.on(device), device, self._states)
        return self._helpers

    def takes(self, device: Device) -> bool:
        """Whether calls may be given arrays of a device."""
        home = self.home.device
        return device is home or (self._work is not None and device.beside is home)
