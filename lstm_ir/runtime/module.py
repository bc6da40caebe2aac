"""A loaded module: checks a call's arguments, runs the compiled code and hands out its results."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from iree.runtime import _binding as iree

from lstm_ir.runtime.arguments import batch_and_times, bind_inputs, check_tensor, check_values
from lstm_ir.runtime.artifact import unpack_all
from lstm_ir.runtime.call_work import CallWork
from lstm_ir.runtime.compiled_code import CompiledCode
from lstm_ir.runtime.device import Device, free_workers, open_device
from lstm_ir.runtime.device_array import DeviceArray, element_type, upload
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError, ArtifactError
from lstm_ir.runtime.host_memory import spans_of
from lstm_ir.runtime.mask_arguments import bind_masks
from lstm_ir.runtime.not_copied import NotCopied
from lstm_ir.runtime.pending_calls import PendingCalls
from lstm_ir.runtime.repeated_calls import RepeatedCalls
from lstm_ir.runtime.results import collect, empty_results
from lstm_ir.runtime.runners import Runner, Runners
from lstm_ir.runtime.seed_argument import as_seed
from lstm_ir.runtime.shared_rows import RowSharing
from lstm_ir.runtime.spec import TensorSpec, is_floating, numpy_dtype
from lstm_ir.runtime.state import State
from lstm_ir.runtime.state_arguments import bind_states
from lstm_ir.runtime.target import check_target, choose_target
from lstm_ir.runtime.weights_file import Weights, find_weights

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Module", "load"]

VmVariantList = iree.VmVariantList
_MASK_ELEMENT = iree.HalElementType.SINT_8
_SEED_ELEMENT = iree.HalElementType.INT_32


def load(
    source: str | Path | bytes,
    device: str | None = None,
    threads: int | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
) -> Module:
    """Loads a compiled module. Nothing of it runs before the whole file and this machine have been checked.

    Args:
      source: An artifact's path, or its bytes.
      device: Where to run it: "local-sync", "local-task", "cuda", "vulkan", or one of several: "cuda:1" ...
      threads: CPU worker threads; 1 runs on the caller's thread.
      weights: Where the weights of an artifact are that has them in a file of their own; None: beside the artifact,
        under the name that it says.

    Of an artifact for several targets the first one that ``device`` runs is loaded; without ``device`` the first.

    With neither, CPU code runs small calls on the caller's thread and large ones on all cores, as their batch and time
    say; where there is one core only, all on the caller's thread. Of other modules the artifact says where to run it.

    Raises:
      ArtifactError: The file is missing, unreadable, cut, altered, not an artifact, or of a newer format; or its
        file of weights is missing, altered, or of another model.
      TargetError: It is made for another target, needs CPU features that are absent, or there is no such device.
      ArgumentError: ``threads`` is out of range or contradicts ``device``; or ``weights`` for an artifact that holds
        its own.
      ArgumentTypeError: An argument of the wrong type.
    """
    parts = unpack_all(_read(source))
    vmfb, description = parts[choose_target([described for _, described in parts], device, threads)]
    if not isinstance(description["target"], dict):
        raise ArtifactError("artifact: the description's target is malformed")
    backend = check_target(description["target"])
    workers = free_workers(backend, device, threads)
    work = CallWork.of(description) if workers > 1 else None
    advised = description.get("driver") if work is None else "local-sync"
    opened = open_device(backend, advised, device, threads)
    return Module(vmfb, description, opened, work, workers, find_weights(description, source, weights))


def _read(source: str | Path | bytes) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | Path):
        raise ArgumentTypeError(f"source: must be a path or an artifact's bytes; got {type(source).__name__}")
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(f"artifact {str(source)!r}: cannot be read: {reason}") from error


class Module(NotCopied):
    """A compiled model, ready to call. Serves any number of threads and states at once.

    Attributes:
      description: The artifact's self-description.
      inputs: Specs of the inputs, in order.
      mask: Spec of the mask of the only input, or None where the module accepts none or has several inputs.
      masks: Specs of all masks that the module accepts; of several inputs each names its own in ``of``.
      takes_seed: Whether it was compiled for training, with dropout active.
      outputs: Specs of the outputs, in order.
      states: Specs of the recurrent states, in order.
      device: Where its states live, and where its calls run: all, or the small ones (``device_for``).
    """

    instead = "load the artifact in each process; threads may share one Module"

    def __init__(
        self,
        vmfb: bytes,
        description: dict[str, Any],
        device: Device,
        work: CallWork | None = None,
        workers: int = 1,
        weights: Weights | None = None,
    ) -> None:
        self.description = description
        self.device = device
        self.inputs = tuple(TensorSpec.from_json(entry) for entry in description["inputs"])
        self.outputs = tuple(TensorSpec.from_json(entry) for entry in description["outputs"])
        self.states = tuple(TensorSpec.from_json(entry) for entry in description["states"])
        mask = description.get("mask")
        self.mask = None if mask is None else TensorSpec.from_json(mask, dtype="int8")
        several = description.get("masks", [] if mask is None else [mask])
        self.masks = tuple(TensorSpec.from_json(entry, dtype="int8") for entry in several)
        self.takes_seed = description.get("seed") is not None
        self._input_labels = [f"input {spec.name!r}" for spec in self.inputs]
        self._input_dtypes = [numpy_dtype(spec.dtype) for spec in self.inputs]
        self._input_elements = [element_type(spec.dtype) for spec in self.inputs]
        self._state_elements = [element_type(spec.dtype) for spec in self.states]
        self._output_dtypes = [numpy_dtype(spec.dtype) for spec in self.outputs]
        self._result_count = len(self.outputs) + len(self.states)
        self._runners = Runners(CompiledCode(vmfb, description, device, weights), device, self.states, work, workers)
        self._pending = PendingCalls()
        self._checked = [k for k, dtype in enumerate(self._input_dtypes) if not is_floating(dtype)]
        tensors = self.inputs, self.masks, self.outputs, self.states
        self._repeated = RepeatedCalls(
            self._runners,
            RowSharing(self._runners, *tensors, description.get("row_tile")),
            self.inputs,
            self.masks,
            self._output_dtypes,
            self._result_count,
            takes_seed=self.takes_seed,
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.description.get("name", ""))

    @property
    def forms(self) -> dict[str, str]:
        """The form that each scan was compiled to, by layer."""
        return {scan["name"]: scan["form"] for scan in self.description.get("scans", ())}

    def device_for(self, batch: int = 1, time: int = 1) -> Device:
        """Where a call of ``batch`` rows and ``time`` steps runs.

        ``device``, unless neither ``device=`` nor ``threads=`` was given to ``load``: then a call with enough work runs
        on local-task, that is on all cores.
        """
        return self._runners.choose(batch, time).device

    def make_state(self, batch: int) -> State:
        """A state handle of zeros for ``batch`` sequences, living on the module's device.

        Raises:
          ArgumentError: The module has no states, ``batch`` is negative, or not the module's fixed batch size.
          ArgumentTypeError: ``batch`` is not an integer.
          ExecutionError: The device has no memory for them.
        """
        if isinstance(batch, bool) or not isinstance(batch, int | np.integer):
            raise ArgumentTypeError(f"batch: must be an int; got {type(batch).__name__}")
        if batch < 0:
            raise ArgumentError(f"batch: must not be negative; got {batch}")
        if not self.states:
            raise ArgumentError("make_state: the module has no recurrent states")
        return State(self.device, self.states, int(batch))

    def __call__(
        self,
        *inputs: Any,
        mask: Any = None,
        initial_state: Any = None,
        state: State | None = None,
        seed: int | None = None,
        device_outputs: bool = False,
    ) -> Any:
        """Runs the model.

        Args:
          *inputs: The inputs in the order of ``inputs``, or one dict by name: arrays of the specs' shapes, or
            device arrays. Floating arrays of another width are cast; plain nested lists count as arrays. A large
            array is read during the call without a copy if it is writable, C-contiguous, of the spec's dtype, and
            starts at a multiple of 64 bytes.
          mask: (batch, time), or in the order of the mask's spec; a last axis of 1 or a batch of 1 is accepted. Any
            bool or numeric array; a step counts where it is not 0. Of a module of several inputs a dict by the
            input's name, or a list in the order of ``masks``; where one is left out or None every step counts.
          initial_state: Where to start from: arrays in the order of ``states``, or a dict by name (names left out are
            zeros). Default: zeros.
          state: A state handle to start from and to leave advanced, instead of ``initial_state``.
          seed: Of a module compiled for training: what dropout masks are drawn from, an integer; the same seed gives
            the same masks. None draws a fresh one.
          device_outputs: Return device arrays and copy nothing back.

        Returns:
          The output, or a list of the outputs if there are several. NumPy arrays are writable, share memory with
          nothing else, and stay valid whatever is dropped.

        Raises:
          ArgumentError: A wrong count, name, shape, batch, mask or state. Nothing has run.
          ArgumentTypeError: A wrong type or dtype. Nothing has run.
          ExecutionError: IREE failed.
        """
        is_repeatable = initial_state is None and not device_outputs
        if is_repeatable:
            outputs = self._repeated.run(inputs, mask, state, seed)
            if outputs is not None:
                return outputs
        values = bind_inputs(self.inputs, inputs)
        arrays = [
            check_tensor(value, spec, label, self.device, self._runners.takes)
            for value, spec, label in zip(values, self.inputs, self._input_labels)  # noqa: B905  # counted; strict= costs
        ]
        for place in self._checked:
            check_values(arrays[place], self.inputs[place], self._input_labels[place])
        batch, times = batch_and_times(arrays, self.inputs)
        mask_arrays = None if mask is None else self._check_mask(mask, batch, times)
        seed_words = as_seed(seed, self.takes_seed)
        given = None
        if state is not None or initial_state is not None:
            given = self._check_states(initial_state, state, batch)
        if batch == 0:
            return empty_results(self.device, self.outputs, self._output_dtypes, times, device_outputs)

        time = max(times.values(), default=1)
        runner = self._runners.choose(batch, time, (*arrays, *(given or ())))
        arguments = VmVariantList(2 * len(arrays) + 1 + 2 * len(self.states))
        push = arguments.push_ref
        used: list[Any] | None = None if device_outputs else []
        for array, dtype, element in zip(arrays, self._input_dtypes, self._input_elements):  # noqa: B905  # as above
            if isinstance(array, DeviceArray):
                push(runner.view(array).ref)
            else:
                push(runner.input_memory.place(array, dtype, element, used).ref)
        function = runner.code.call
        if mask_arrays is not None:
            function = runner.code.call_masked
            for mask_array in mask_arrays:
                push(upload(runner.device, mask_array, _MASK_ELEMENT).ref)
        if seed_words is not None:
            push(upload(runner.device, seed_words, _SEED_ELEMENT).ref)
        if state is not None:
            with state.lock:
                # The same buffers to read and to write: the module updates them in place.
                for ref in state.refs + state.refs:
                    push(ref)
                outputs = self._run(runner, function, arguments, device_outputs)
        else:
            for ref in self._initial_refs(runner, given, batch):
                push(ref)
            scratch = runner.stateless.take_scratch(batch)
            for ref in scratch:
                push(ref)
            outputs = self._run(runner, function, arguments, device_outputs)
            if not device_outputs:  # a device result may share memory with what the call wrote
                runner.stateless.give_back(batch, scratch)
        if used:
            runner.input_memory.give_back(used)
        if is_repeatable:
            self._repeated.remember(values, mask, mask_arrays or (), state, outputs)
        return outputs

    def call_async(self, *inputs: Any, **options: Any) -> Future[Any]:
        """Begins a call and does not wait for it: the same arguments as a call's, which must not change until it ends.

        Calls that are begun run one after another, in their order; so they may share a state.

        Returns:
          A future: ``result()`` waits, and returns or raises what the call does.
        """
        return self._pending.begin(lambda: self(*inputs, **options))

    def _check_mask(self, mask: Any, batch: int, times: Mapping[int | None, int]) -> list[np.ndarray[Any, Any]]:
        if not self.masks:
            reason = self.description.get("mask_reason", "the model has no layer that uses one")
            raise ArgumentError(f"mask: this module accepts no mask: {reason}")
        return bind_masks(self.masks, mask, batch, times)

    def _check_states(
        self, initial_state: Any, state: State | None, batch: int
    ) -> Sequence[np.ndarray[Any, Any] | DeviceArray | None] | None:
        if state is None:
            return bind_states(self.states, initial_state, batch, self.device, self._runners.takes)
        if initial_state is not None:
            raise ArgumentError("state and initial_state exclude each other: use state.set(...) to start a state")
        if not isinstance(state, State):
            raise ArgumentTypeError(f"state: must come from make_state; got {type(state).__name__}")
        if state.specs != self.states:
            raise ArgumentError(
                f"state: made by another module, for {', '.join(map(str, state.specs))}; "
                f"this one has {', '.join(map(str, self.states)) or 'none'}"
            )
        if state.device is not self.device:
            raise ArgumentError(
                f"state: lives on device {state.device.name!r}; the module runs on {self.device.name!r}"
            )
        if state.batch != batch:
            raise ArgumentError(f"state: has batch {state.batch}; the inputs have batch {batch}")
        return None

    def _initial_refs(self, runner: Runner, given: Sequence[Any] | None, batch: int) -> Sequence[Any]:
        zeros = runner.stateless.zeros(batch)
        if given is None:
            return zeros
        return [
            zero
            if value is None
            else (runner.view(value) if isinstance(value, DeviceArray) else upload(runner.device, value, element)).ref
            for value, zero, element in zip(given, zeros, self._state_elements, strict=True)
        ]

    def _run(self, runner: Runner, function: Any, arguments: Any, device_outputs: bool) -> Any:
        results = VmVariantList(self._result_count)
        runner.code.invoke(function, arguments, results)
        spans = partial(spans_of, arguments)
        return collect(runner.device, results, self._output_dtypes, spans, device_outputs)

    def __repr__(self) -> str:
        takes = ", ".join(map(str, self.inputs))
        gives = ", ".join(map(str, self.outputs))
        return f"Module({self.name!r}, ({takes}) -> ({gives}), {len(self.states)} states, device={self.device.name!r})"
