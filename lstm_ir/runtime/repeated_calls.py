"""The short way of a call like an earlier one: types and shapes are compared, and the frame kept for it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ir.runtime.argument_frame import ArgumentFrame, Frame, FrameCache, Signature, SpareFrames
from lstm_ir.runtime.arguments import batch_and_times, limits_of
from lstm_ir.runtime.device_array import element_type
from lstm_ir.runtime.mask_arguments import Given, listed_masks, mask_shape
from lstm_ir.runtime.results import collect, collect_small, small_shapes
from lstm_ir.runtime.runners import Runners
from lstm_ir.runtime.seed_argument import as_seed
from lstm_ir.runtime.shared_rows import RowSharing, SharedRows
from lstm_ir.runtime.spec import TensorSpec, is_floating, numpy_dtype
from lstm_ir.runtime.state import State

__all__ = ["RepeatedCalls"]

_ndarray = np.ndarray
_KEPT_SIGNATURES = 16
# Bytes of input: larger calls take so long that their preparation does not show. There may be very many states.
_LARGEST_INPUT = 1 << 18
_LARGEST_INPUT_OF_STATE = 1 << 14
_FLOATS = frozenset(map(np.dtype, ("float16", "float32", "float64")))
_INTEGERS = frozenset(map(np.dtype, ("int32", "int64")))
_minimum, _maximum = np.minimum.reduce, np.maximum.reduce


class RepeatedCalls:
    """Calls with or without masks, a seed and a state, whose results are NumPy arrays.

    A signature is remembered only of a call that passed every check and ran. Nothing else of a call can be wrong: the
    checks that do not follow from types and shapes are of the state, and each state keeps its own frames; and of the
    values of integers, which are looked at here too.
    """

    def __init__(
        self,
        runners: Runners,
        sharing: RowSharing,
        specs: Sequence[TensorSpec],
        masks: Sequence[TensorSpec],
        output_dtypes: list[np.dtype[Any]],
        result_count: int,
        *,
        takes_seed: bool,
    ) -> None:
        self._runners = runners
        self._sharing = sharing
        self._takes_seed = takes_seed
        self._code = runners.home.code
        self._device = runners.home.device
        self._specs = specs
        self._masks = masks
        self._names = tuple(spec.name for spec in specs)
        self._dtypes = [numpy_dtype(spec.dtype) for spec in specs]
        self._only = self._dtypes[0] if len(specs) == 1 and all(spec.of is None for spec in masks) else None
        self._elements = [element_type(spec.dtype) for spec in specs]
        self._accepted = [(_FLOATS if is_floating(dtype) else _INTEGERS) | {dtype} for dtype in self._dtypes]
        self._limits = [
            (place, *limits_of(spec)) for place, spec in enumerate(specs) if self._dtypes[place].kind == "i"
        ]
        self._is_plain = self._only is not None and not self._limits and not takes_seed
        self._output_dtypes = output_dtypes
        self._result_count = result_count
        self._frames = FrameCache(_KEPT_SIGNATURES)
        # The last plain call, and the last one that had a mask beside: its signature and its frames.
        self._last: tuple[Signature, SpareFrames] | None = None
        self._last_masked: tuple[Signature, SpareFrames] | None = None
        self._token = object()  # stands for the module in signatures, and does not keep it alive

    def run(self, values: Sequence[Any], mask: Any, state: State | None, seed: int | None) -> Any:
        """Runs the call if one of its signature is remembered.

        Args:
          values: What the call was given: the inputs in order, or one dict of them.
          mask: A mask, or of several inputs masks, as the call was given them; or None.
          state: A state handle, or None.
          seed: A seed, or None.

        Returns:
          The outputs, or None: the call must go the long way, checks and all.

        Raises:
          ArgumentError: A seed that does not fit, or that the module does not take.
          ArgumentTypeError: A seed that is no integer.
          ExecutionError: IREE failed.
        """
        if len(values) == 1 and type(values[0]) is dict:
            if len(values[0]) != len(self._dtypes):
                return None
            values = [values[0].get(name) for name in self._names]
        if len(values) != len(self._dtypes):
            return None
        x = values[0]
        if type(x) is not _ndarray or (state is not None and type(state) is not State):
            return None
        masks: Given = ()
        if mask is not None:
            listed = listed_masks(self._masks, mask)
            if listed is None:
                return None
            masks = listed
        if self._only is not None:
            signature: Signature = (x.shape, mask.shape, self._token) if masks else (x.shape, self._token)
            if x.dtype is self._only and seed is None:
                if state is None:
                    outputs = self._run_again(signature, x, masks)
                else:
                    outputs = self._run_state_again(signature, x, masks, state)
                if outputs is not None:
                    return outputs
            elif x.dtype not in self._accepted[0]:
                return None
        elif self._accepts(values):
            signature = (*_shapes(values), *_shapes(masks), self._token)
        else:
            return None
        if state is None:
            return self._run(self._frames, signature, values, masks, None, seed)
        with state.lock:
            return self._run(state.frames, signature, values, masks, state, seed)

    def _accepts(self, values: Sequence[Any]) -> bool:
        return all(type(x) is _ndarray and x.dtype in self._accepted[place] for place, x in enumerate(values))

    def _run_again(self, signature: Signature, x: Any, masks: Given) -> Any:
        """Runs the call if the last one that carried no state, with a mask or without as it is, was like it.

        Returns:
          The outputs, or None: it was another, or other threads have all the frames.
        """
        last = self._last_masked if masks else self._last
        if last is None or last[0] != signature:
            return None
        frames = last[1]
        try:
            frame = frames.pop()
        except IndexError:
            return None
        assert type(frame) is ArgumentFrame
        frame.inputs[0][...] = x
        if masks:
            frame.masks[0][...] = masks[0]
        self._code.invoke(frame.function, frame.arguments, frame.results)
        outputs = self._collect(frame)
        frames.append(frame)  # where it was
        return outputs

    def _run_state_again(self, signature: Signature, x: Any, masks: Given, state: State) -> Any:
        """Runs the call if the state's last one was like it: streams of steps, where each microsecond counts.

        Returns:
          The outputs, or None: it was another.
        """
        with state.lock:
            last = state.frames.last
            if last is None or last[0] != signature:
                return None
            frame = last[1]
            try:
                frame.inputs[0][...] = x
                if masks:
                    frame.masks[0][...] = masks[0]
                self._code.invoke(frame.function, frame.arguments, frame.results)
                return self._collect(frame)
            except BaseException:
                state.frames.drop_frames()  # nobody knows what such a call has left
                raise

    def _collect(self, frame: ArgumentFrame) -> Any:
        """The outputs of a call that has run, all small."""
        if frame.outputs is None:
            assert frame.shapes is not None
            return collect_small(frame.results, frame.shapes, self._output_dtypes)
        if len(frame.outputs) == 1:
            return frame.outputs[0].copy()
        return [output.copy() for output in frame.outputs]

    def _run(
        self,
        cache: FrameCache,
        signature: Signature,
        values: Sequence[Any],
        masks: Given,
        state: State | None,
        seed: int | None,
    ) -> Any:
        frames = cache.spare.get(signature)
        if frames is None:
            return None
        cache.last = None
        if self._limits and not self._in_range(values):
            return None  # to be told so
        words = as_seed(seed, self._takes_seed) if self._takes_seed or seed is not None else None
        try:
            frame = frames.pop()
        except IndexError:
            frame = self._new_frame(values, masks, state, frames.shapes)
        if isinstance(frame, SharedRows) and frame.is_lost:
            frames.clear()
            frame = self._new_frame(values, masks, state, frames.shapes)
        if isinstance(frame, SharedRows):
            outputs = frame.run(values, masks)
            cache.give_back(frames, frame)
            return outputs
        assert type(frame) is ArgumentFrame
        code = self._code
        is_home = frame.device is self._device
        if not is_home:
            runner = self._runners.all_cores()
            if runner is not None:  # else in a forked process, where the frame serves at home
                code = runner.code
        frame.fill(values, masks)
        if frame.seed is not None:
            frame.seed[...] = words
        code.invoke(frame.function, frame.arguments, frame.results)
        if frame.shapes is None:
            outputs = collect(frame.device, frame.results, self._output_dtypes, frame.spans, False)
            frame.renew_results(self._result_count)
        else:
            outputs = self._collect(frame)
            if is_home and self._is_plain:
                if state is not None:
                    cache.last = (signature, frame)
                elif masks:
                    self._last_masked = (signature, frames)
                else:
                    self._last = (signature, frames)
        cache.give_back(frames, frame)  # not after an error: nobody knows what such a call has left
        return outputs

    def _in_range(self, values: Sequence[Any]) -> bool:
        """Whether all integers are accepted."""
        for place, least, most in self._limits:
            if _minimum(values[place], None) < least or _maximum(values[place], None) > most:
                return False
        return True

    def _new_frame(
        self, values: Sequence[Any], masks: Given, state: State | None, shapes: Sequence[tuple[int, ...]] | None
    ) -> Frame:
        batch, times = batch_and_times(values, self._specs)
        if state is None and shapes is not None and not self._takes_seed:
            shared = self._sharing.frame(values, masks, shapes, batch, times)
            if shared is not None:
                return shared
        runner = self._runners.choose(batch, max(times.values(), default=1))
        # What local-sync keeps is of sizes that other calls needed, and may leave no room for those of this one.
        runner.device.allocator.trim()
        if state is None:
            # Zeros to read and memory to write, as for any call without a state; the memory is the frame's from now on.
            refs = runner.stateless.zeros(batch) + runner.stateless.take_scratch(batch)
        else:
            refs = state.refs + state.refs
        inputs = [(x.shape, *each) for x, *each in zip(values, self._dtypes, self._elements, strict=True)]
        mask_shapes = [mask_shape(spec, batch, times.get(spec.length, 1)) for spec in self._masks if masks]
        code = self._code
        in_place = code.call_masked_in_place if masks else code.call_in_place
        if shapes is not None and in_place is not None and runner.device.driver == "local-sync":
            assert code.open_sizes is not None
            outputs = list(zip(shapes, self._output_dtypes, strict=True))
            sizes = code.open_sizes.values(batch, times)
            return ArgumentFrame.in_place(
                runner.device, in_place, inputs, mask_shapes, refs, outputs, sizes, takes_seed=self._takes_seed
            )
        return ArgumentFrame(
            runner.device,
            code.call_masked if masks else code.call,
            inputs,
            mask_shapes,
            refs,
            self._result_count,
            takes_seed=self._takes_seed,
            shapes=shapes,
        )

    def remember(
        self, values: Sequence[Any], mask: Any, full_masks: Sequence[Any], state: State | None, outputs: Any
    ) -> None:
        """Lets the next call like this one, which has succeeded, go the short way.

        Args:
          values: The inputs as they were given, in order.
          mask: The mask or masks as they were given, or None.
          full_masks: The masks as the module took them, whole; none where ``mask`` is None.
          state: The state handle, or None.
          outputs: What the call returns.
        """
        if not self._device.is_local or any(type(x) is not _ndarray or x.size == 0 for x in values):
            return
        if any(output.size == 0 for output in (outputs if isinstance(outputs, list) else [outputs])):
            return
        size = sum(x.size * dtype.itemsize for x, dtype in zip(values, self._dtypes, strict=True))
        if size > (_LARGEST_INPUT if state is None else _LARGEST_INPUT_OF_STATE):
            return
        masks = () if mask is None else listed_masks(self._masks, mask)
        if masks is None:
            return
        if any(given is not None and given.shape != full.shape for given, full in zip(masks, full_masks, strict=True)):
            return
        signature: Signature = (*_shapes(values), *_shapes(masks), self._token)
        (self._frames if state is None else state.frames).remember(signature, small_shapes(outputs))


def _shapes(arrays: Sequence[Any]) -> list[tuple[int, ...] | None]:
    return [None if array is None else array.shape for array in arrays]
