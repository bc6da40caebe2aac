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
from lstm_ir.runtime.host_memory import Span, aligned_empty, import_array, spans_of

__all__ = ["ArgumentFrame", "FrameCache", "Signature"]

Signature = tuple[Any, ...]
"""The shapes of a call's arrays, and a token of the module and entry point that they passed the checks of."""

_MASK_ELEMENT = iree.HalElementType.SINT_8
_SEED_ELEMENT = iree.HalElementType.INT_32
_KEPT_FRAMES = 8  # as many as calls usually overlap


class ArgumentFrame:
    """An argument list over memory of its own, and the list that takes the results. Serves one call at a time.

    Attributes:
      device: Where the calls run.
      arguments: IREE's list, complete: inputs, mask and seed if there are, states, storage for states.
      results: IREE's list, which keeps the results until the next call empties it.
      inputs: The inputs' memory.
      mask: The mask's memory as bools, or None. Assigning any numeric array to it makes 0 false and the rest true.
      seed: The memory of the seed's two words, or None.
      shapes: The outputs' shapes, which are those of its first call, if all are small; else None.
    """

    __slots__ = ("_spans", "arguments", "device", "inputs", "mask", "results", "seed", "shapes")

    def __init__(
        self,
        device: Device,
        inputs: Sequence[tuple[tuple[int, ...], np.dtype[Any], Any]],
        mask_shape: tuple[int, ...] | None,
        states: Sequence[Any],
        results: int,
        *,
        takes_seed: bool = False,
    ) -> None:
        """Makes the lists and the memory.

        Args:
          device: Where the calls run.
          inputs: Shape, dtype and IREE's element type of each input.
          mask_shape: The mask's shape, or None.
          states: References to the states' buffers, and then to those that they are written to.
          results: How many results there are.
          takes_seed: Whether the module takes a seed.
        """
        self.device = device
        self.shapes: list[tuple[int, ...]] | None = None
        self.arguments = iree.VmVariantList(len(inputs) + 2 + len(states))
        self.renew_results(results)
        self.inputs = [aligned_empty(shape, dtype) for shape, dtype, _ in inputs]
        for memory, (_, _, element) in zip(self.inputs, inputs, strict=True):
            self.arguments.push_ref(import_array(device, memory, element).ref)
        self.mask = None
        if mask_shape is not None:
            self.mask = aligned_empty(mask_shape, np.dtype(np.bool_))
            self.arguments.push_ref(import_array(device, self.mask, _MASK_ELEMENT).ref)
        self.seed = None
        if takes_seed:
            self.seed = aligned_empty((2,), np.dtype(np.int32))
            self.arguments.push_ref(import_array(device, self.seed, _SEED_ELEMENT).ref)
        for ref in states:
            self.arguments.push_ref(ref)
        self._spans: list[Span] | None = None

    def __del__(self) -> None:
        self.arguments = self.results = None  # before the device, whose memory the results may be

    def renew_results(self, results: int) -> None:
        """Lets go of the last call's results."""
        self.results = iree.VmVariantList(results)

    def spans(self) -> list[Span]:
        """Where the arguments lie; on local devices only. Looked up once: they do not move."""
        if self._spans is None:
            self._spans = spans_of(self.arguments)
        return self._spans


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
        self.spare: dict[Signature, list[ArgumentFrame]] = {}

    def remember(self, signature: Signature) -> None:
        """Notes that a call of this signature passed every check; forgets the oldest if there are too many."""
        with self._lock:
            if signature not in self.spare:
                while len(self.spare) >= self._limit:
                    del self.spare[next(iter(self.spare))]
                self.spare[signature] = []

    def drop_frames(self) -> None:
        """Forgets all frames, whose memory is out of date, but not the signatures."""
        with self._lock:
            self.last = None
            for frames in self.spare.values():
                frames.clear()

    @staticmethod
    def give_back(frames: list[ArgumentFrame], frame: ArgumentFrame) -> None:
        """Lets a later call use the frame."""
        if len(frames) < _KEPT_FRAMES:
            frames.append(frame)
