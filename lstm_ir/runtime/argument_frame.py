"""Argument lists that are made once and used by call after call: only the numbers in their memory change.

Making IREE's lists and buffers takes longer than a small model's step. A call whose types and shapes are those of an
earlier one, which passed every check, needs neither the checks nor new lists.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device
from lstm_ir.runtime.host_memory import Span, aligned_empty, import_array, import_memory, spans_of

__all__ = ["NOBODY", "ArgumentFrame", "Frame", "FrameCache", "Signature", "SpareFrames"]

Signature = tuple[Any, ...]
"""The shapes of a call's arrays, and a token of the module and entry point that they passed the checks of."""

_MASK_ELEMENT = iree.HalElementType.SINT_8
_SEED_ELEMENT = iree.HalElementType.INT_32
NOBODY = iree.HalFence(0)
"""The fence of calls whose end nobody must be told, as that of a call on local-sync."""
_KEPT_FRAMES = 8  # as many as calls usually overlap


class Frame:
    """What runs the calls of one signature, one at a time."""

    __slots__ = ()


class ArgumentFrame(Frame):
    """An argument list over memory of its own, and the list that takes the results.

    Attributes:
      device: Where the calls run.
      function: The entry point.
      arguments: IREE's list, complete.
      results: IREE's list, which keeps the results until the next call empties it.
      inputs: The inputs' memory.
      masks: The masks' memory as bools. Assigning any numeric array to it makes 0 false and the rest true.
      seed: The memory of the seed's two words, or None.
      shapes: The outputs' shapes if all are small, else None.
      outputs: The outputs' memory, if ``function`` is one in place; else None.
    """

    __slots__ = ("_spans", "arguments", "device", "function", "inputs", "masks", "outputs", "results", "seed", "shapes")

    def __init__(
        self,
        device: Device,
        function: Any,
        inputs: Sequence[tuple[tuple[int, ...], np.dtype[Any], Any]],
        mask_shapes: Sequence[tuple[int, ...]],
        states: Sequence[Any],
        results: int,
        *,
        takes_seed: bool = False,
        shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Makes the lists and the memory for ``call`` or ``call_masked``.

        Args:
          device: Where the calls run.
          function: The entry point.
          inputs: Shape, dtype and IREE's element type of each input.
          mask_shapes: The shape of each mask that the entry point takes.
          states: References to the states' buffer views, and then to those that they are written to.
          results: How many results there are.
          takes_seed: Whether the module takes a seed.
          shapes: The outputs' shapes if all are small, else None.
        """
        self.device = device
        self.function = function
        self.shapes = shapes
        self.outputs: list[np.ndarray[Any, Any]] | None = None
        self.arguments = iree.VmVariantList(len(inputs) + len(mask_shapes) + 1 + len(states))
        self.renew_results(results)
        self.inputs = [aligned_empty(shape, dtype) for shape, dtype, _ in inputs]
        for memory, (_, _, element) in zip(self.inputs, inputs, strict=True):
            self.arguments.push_ref(import_array(device, memory, element).ref)
        self.masks = [aligned_empty(shape, np.dtype(np.bool_)) for shape in mask_shapes]
        for memory in self.masks:
            self.arguments.push_ref(import_array(device, memory, _MASK_ELEMENT).ref)
        self.seed = None
        if takes_seed:
            self.seed = aligned_empty((2,), np.dtype(np.int32))
            self.arguments.push_ref(import_array(device, self.seed, _SEED_ELEMENT).ref)
        for ref in states:
            self.arguments.push_ref(ref)
        self._spans: list[Span] | None = None

    @classmethod
    def in_place(
        cls,
        device: Device,
        function: Any,
        inputs: Sequence[tuple[tuple[int, ...], np.dtype[Any], Any]],
        mask_shapes: Sequence[tuple[int, ...]],
        states: Sequence[Any],
        outputs: Sequence[tuple[tuple[int, ...], np.dtype[Any]]],
        sizes: Sequence[int],
        *,
        takes_seed: bool,
        fence: Any = NOBODY,
    ) -> ArgumentFrame:
        """Makes the lists and the memory for an entry point in place, which is given plain buffers.

        Args:
          device: Where the calls run, a local one.
          function: The entry point.
          inputs: As for ``call``.
          mask_shapes: As for ``call_masked``.
          states: As for ``call``.
          outputs: Shape and dtype of each output, none of them empty.
          sizes: The sizes that are open.
          takes_seed: Whether the module takes a seed.
          fence: IREE's fence, which is signalled when the call is done; by default an empty one. On local-sync it is
            done when the entry point returns.
        """
        shapes = [shape for shape, _ in outputs]
        frame = cls(device, function, inputs, mask_shapes, states, 0, takes_seed=takes_seed, shapes=shapes)
        views = frame.arguments
        frame.outputs = [aligned_empty(shape, dtype) for shape, dtype in outputs]
        frame.arguments = arguments = iree.VmVariantList(len(views) + len(outputs) + len(sizes) + 1)
        for place in range(len(views)):
            arguments.push_ref(views.get_as_object(place, iree.HalBufferView).get_buffer().ref)
        for memory in frame.outputs:
            arguments.push_ref(import_memory(device, memory).ref)
        for size in sizes:
            arguments.push_int(size)
        arguments.push_ref(fence.ref)
        return frame

    def __del__(self) -> None:
        self.arguments = self.results = None  # before the device, whose memory the results may be

    def fill(self, values: Sequence[Any], masks: Sequence[Any]) -> None:
        """Copies a call's arguments to the frame's memory.

        Args:
          values: The inputs, of any dtype that is accepted.
          masks: The masks, None for one whose steps are all valid.
        """
        for memory, x in zip(self.inputs, values, strict=True):
            if x.dtype == memory.dtype or memory.dtype.kind == "i":
                memory[...] = x
            else:
                with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                    memory[...] = x
        for memory, mask in zip(self.masks, masks, strict=True):
            memory[...] = True if mask is None else mask

    def renew_results(self, results: int) -> None:
        """Lets go of the last call's results."""
        self.results = iree.VmVariantList(results)

    def spans(self) -> list[Span]:
        """Where the arguments lie; on local devices only. Looked up once: they do not move."""
        if self._spans is None:
            self._spans = spans_of(self.arguments)
        return self._spans


class SpareFrames(list[Frame]):
    """The frames of one signature that no call is using.

    Attributes:
      shapes: The outputs' shapes if all are small, else None.
    """

    __slots__ = ("shapes",)

    def __init__(self, shapes: Sequence[tuple[int, ...]] | None) -> None:
        super().__init__()
        self.shapes = shapes


class FrameCache:
    """The signatures that calls came with lately, and for each the frames that no call is using.

    The second call of a signature makes its frame: lengths that come once leave nothing behind. Safe from several
    threads: a frame is in one place at a time.

    Attributes:
      spare: Frames that no call is using, by signature.
      last: Of a state's cache: the last call's signature and its frame, which is spare too. To be used under the
        state's lock.
    """

    __slots__ = ("_limit", "_lock", "last", "spare")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.last: tuple[Signature, ArgumentFrame] | None = None
        self.spare: dict[Signature, SpareFrames] = {}

    def remember(self, signature: Signature, shapes: Sequence[tuple[int, ...]] | None) -> None:
        """Notes that a call of this signature passed every check; forgets the oldest if there are too many.

        Args:
          signature: The signature.
          shapes: Of what the call returned, if all are small; else None.
        """
        with self._lock:
            if signature not in self.spare:
                while len(self.spare) >= self._limit:
                    del self.spare[next(iter(self.spare))]
                self.spare[signature] = SpareFrames(shapes)

    def drop_frames(self) -> None:
        """Forgets all frames, whose memory is out of date, but not the signatures."""
        with self._lock:
            self.last = None
            for frames in self.spare.values():
                frames.clear()

    @staticmethod
    def give_back(frames: list[Frame], frame: Frame) -> None:
        """Lets a later call use the frame."""
        if len(frames) < _KEPT_FRAMES:
            frames.append(frame)
