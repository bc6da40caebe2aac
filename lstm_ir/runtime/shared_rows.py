"""Calls whose rows the caller's thread shares with worker threads: it computes some while they compute the rest.

On local-task workers compute all of a call, and the caller sleeps until they are done: it wakes a worker, which wakes
the next one, and the last one wakes the caller. For calls below a millisecond that takes as long as their arithmetic.
Here one thread less is woken, the caller computes meanwhile, and where it is done first it looks on instead of
sleeping.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.argument_frame import NOBODY, ArgumentFrame, Frame
from lstm_ir.runtime.device import reason_of
from lstm_ir.runtime.device_array import element_type
from lstm_ir.runtime.errors import ExecutionError
from lstm_ir.runtime.mask_arguments import Given, mask_shape
from lstm_ir.runtime.runners import Runner, Runners
from lstm_ir.runtime.spec import TensorSpec, numpy_dtype
from lstm_ir.runtime.waiting import giving_way

__all__ = ["RowSharing", "SharedRows"]

_LOOKS_ON = 300e-6
"""Seconds for which a caller that is done looks on before it sleeps, as long as being woken may take. It holds Python's
lock meanwhile."""
_MAY_RUN_NS = 100_000_000
"""Nanoseconds that workers may run of whom an error or an interrupt has hidden whether they have begun: shared calls
take a few milliseconds."""

Index = tuple[slice, ...]


@dataclass(frozen=True)
class _Part:
    """The rows of a call that one device computes: its code, a frame for so many rows, and which they are of what."""

    runner: Runner
    frame: ArgumentFrame
    inputs: list[Index]
    masks: list[Index]
    outputs: list[Index]

    def run(self, values: Sequence[Any], masks: Given) -> None:
        """Copies its rows of the arguments to the frame, and runs the entry point."""
        frame = self.frame
        frame.fill(
            [x[rows] for x, rows in zip(values, self.inputs, strict=True)],
            [None if mask is None else mask[rows] for mask, rows in zip(masks, self.masks, strict=True)],
        )
        self.runner.code.invoke(frame.function, frame.arguments, frame.results)

    def collect(self, outputs: Sequence[np.ndarray[Any, Any]]) -> None:
        """Copies its rows of the outputs from the frame."""
        assert self.frame.outputs is not None
        for memory, output, rows in zip(self.frame.outputs, outputs, self.outputs, strict=True):
            output[rows] = memory


class SharedRows(Frame):
    """The frames of a call in two parts.

    Attributes:
      own: The caller's rows, on local-sync.
      others: The workers' rows.
    """

    __slots__ = ("_computed", "_count", "_outputs", "_pid", "_signal", "_workers", "others", "own")

    def __init__(
        self,
        own: _Part,
        others: _Part,
        outputs: Sequence[tuple[tuple[int, ...], np.dtype[Any]]],
        signal: Any,
    ) -> None:
        """Takes the two parts.

        Args:
          own: The caller's rows.
          others: The workers' rows.
          outputs: Shape and dtype of each output.
          signal: The fence, empty as yet, that ``others`` signals.
        """
        self.own, self.others = own, others
        self._outputs = outputs
        device = others.runner.device
        self._workers = device.worker_threads
        self._signal = signal
        self._computed = device.hal.create_semaphore(0)
        self._count = 0
        self._pid = os.getpid()

    @property
    def is_lost(self) -> bool:
        """Whether this process was forked from the one that has the workers."""
        return os.getpid() != self._pid

    def run(self, values: Sequence[Any], masks: Given) -> Any:
        """Runs the call.

        Args:
          values: The inputs.
          masks: The masks.

        Returns:
          The outputs.

        Raises:
          ExecutionError: IREE failed.
        """
        self._count += 1
        self._signal.insert(self._computed, self._count)  # of one semaphore a fence keeps the highest value only
        self._workers.make_room()
        have_begun = False
        try:
            self.others.run(values, masks)
            have_begun = True
            self.own.run(values, masks)
            outputs = [np.empty(shape, dtype) for shape, dtype in self._outputs]
            self.own.collect(outputs)
            self._look_on()
        finally:
            # Whatever has happened: the workers write to memory of ours.
            self._wait(None if have_begun else _MAY_RUN_NS)
        self.others.collect(outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _look_on(self) -> None:
        computed, count = self._computed, self._count
        end = perf_counter() + _LOOKS_ON
        while computed.query() < count and perf_counter() < end:
            pass

    def _wait(self, limit: int | None) -> None:
        """Waits for the workers, for so many nanoseconds at most, or for ever."""
        try:
            if self._computed.query() < self._count:
                with giving_way():
                    self._computed.wait(self._count, timeout=limit)
        except (RuntimeError, ValueError) as error:
            raise ExecutionError(f"the call failed in IREE: {reason_of(error)}") from error


class RowSharing:
    """Makes the frames of calls that are to be shared.

    Args:
      runners: The module's runners.
      inputs: The specs of its inputs.
      masks: Of its masks.
      outputs: Of its outputs.
      states: Of its states.
      row_tile: What the artifact says as ``row_tile``; nothing is shared unless it is a number of rows.
    """

    def __init__(
        self,
        runners: Runners,
        inputs: Sequence[TensorSpec],
        masks: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        states: Sequence[TensorSpec],
        row_tile: Any,
    ) -> None:
        self._runners = runners
        self._inputs, self._masks, self._outputs = inputs, masks, outputs
        self._elements = [(numpy_dtype(spec.dtype), element_type(spec.dtype)) for spec in inputs]
        self._dtypes = [numpy_dtype(spec.dtype) for spec in outputs]
        is_open = all(
            spec.batch_axis is not None and spec.shape[spec.batch_axis] is None
            for spec in (*inputs, *masks, *outputs, *states)
        )
        self._row_tile: int | None = row_tile if is_open and type(row_tile) is int and row_tile > 0 else None

    def frame(
        self,
        values: Sequence[Any],
        masks: Given,
        shapes: Sequence[tuple[int, ...]],
        batch: int,
        times: Mapping[Any, int],
    ) -> SharedRows | None:
        """The frame of a call without state and seed, or None if it is not to be shared.

        Args:
          values: The inputs.
          masks: The masks.
          shapes: The shapes of the outputs, all small.
          batch: The number of rows.
          times: The number of steps by length.
        """
        runners = self._runners
        code = runners.home.code
        function = code.call_masked_in_place if masks else code.call_in_place
        if self._row_tile is None or function is None:
            return None
        own_rows = runners.own_rows(batch, max(times.values(), default=1), self._row_tile)
        if own_rows is None:
            return None
        signal = iree.HalFence(1)
        own = self._part(runners.home, function, values, masks, shapes, slice(0, own_rows), times, NOBODY)
        rest = slice(own_rows, batch)
        others = self._part(runners.helpers(), function, values, masks, shapes, rest, times, signal)
        return SharedRows(own, others, list(zip(shapes, self._dtypes, strict=True)), signal)

    def _part(
        self,
        runner: Runner,
        function: Any,
        values: Sequence[Any],
        masks: Given,
        shapes: Sequence[tuple[int, ...]],
        rows: slice,
        times: Mapping[Any, int],
        fence: Any,
    ) -> _Part:
        count = rows.stop - rows.start

        def cut(shape: tuple[int, ...], spec: TensorSpec) -> tuple[int, ...]:
            assert spec.batch_axis is not None
            return (*shape[: spec.batch_axis], count, *shape[spec.batch_axis + 1 :])

        def index(spec: TensorSpec) -> Index:
            assert spec.batch_axis is not None
            return (*[slice(None)] * spec.batch_axis, rows)

        inputs = [
            (cut(x.shape, spec), *element)
            for x, spec, element in zip(values, self._inputs, self._elements, strict=True)
        ]
        given = [spec for spec in self._masks if masks]
        outputs = [
            (cut(shape, spec), dtype) for shape, spec, dtype in zip(shapes, self._outputs, self._dtypes, strict=True)
        ]
        assert runner.code.open_sizes is not None
        frame = ArgumentFrame.in_place(
            runner.device,
            function,
            inputs,
            [mask_shape(spec, count, times.get(spec.length, 1)) for spec in given],
            runner.stateless.zeros(count) + runner.stateless.take_scratch(count),
            outputs,
            runner.code.open_sizes.values(count, times),
            takes_seed=False,
            fence=fence,
        )
        places = ([index(spec) for spec in specs] for specs in (self._inputs, given, self._outputs))
        return _Part(runner, frame, *places)
