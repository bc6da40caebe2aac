"""The code of an artifact, loaded into IREE's VM and found to be what its description says."""

from __future__ import annotations

import copy
import re
from typing import Any

from iree.runtime import _binding as iree

from lstm_ir.runtime.device import Device, vm_instance
from lstm_ir.runtime.errors import ArtifactError, ExecutionError
from lstm_ir.runtime.open_sizes import OpenSizes
from lstm_ir.runtime.spec import TensorSpec
from lstm_ir.runtime.waiting import giving_way
from lstm_ir.runtime.weights_file import Weights

__all__ = ["CompiledCode"]


class CompiledCode:
    """A VM context with the module in it, and the module's entry points.

    Attributes:
      context: IREE's VM context.
      call: The entry point without masks.
      call_masked: The entry point with them, or None.
      call_in_place: The entry point without masks that is given memory for all results, or None.
      call_masked_in_place: The entry point with masks that is given memory for all results, or None.
      open_sizes: The sizes that these two are given, or None.
    """

    def __init__(
        self, vmfb: bytes, description: dict[str, Any], device: Device, weights: Weights | None = None
    ) -> None:
        self._weights = weights
        try:
            # A copy of IREE's own, page-aligned as it needs. Not its mmap: that asks for write permission on the
            # file, and a file that changes after the check of its checksum would change under the running code.
            self._code = iree.VmModule.copy_buffer(vm_instance(), vmfb)
            self._enter(device)
        except (RuntimeError, ValueError) as error:
            producer = _get(description.get("producer"), "iree")
            raise ArtifactError(
                f"artifact: IREE refuses the module (made by iree {producer}): {_first_line(error)}"
            ) from error
        entries = description["entries"]
        arguments = len(description["inputs"]) + 2 * len(description["states"])
        arguments += description.get("seed") is not None
        self.call = self._entry(_get(entries, "call"), arguments)
        buffers = arguments + len(description["outputs"])
        self.open_sizes: OpenSizes | None = None
        self.call_in_place = self._entry_in_place(description, "call_in_place", buffers)
        self.call_masked = self.call_masked_in_place = None
        masks = len(description.get("masks") or ()) or (description.get("mask") is not None)
        if masks:
            self.call_masked = self._entry(_get(entries, "call_masked"), arguments + masks)
            self.call_masked_in_place = self._entry_in_place(description, "call_masked_in_place", buffers + masks)
        self._set_workers_entry = None
        if _get(entries, "set_workers") is not None:
            self._set_workers_entry = self._entry(_get(entries, "set_workers"), 1)
        self._set_workers(device.workers)

    def on(self, device: Device) -> CompiledCode:
        """The same code in a context of another device of the same kind.

        Code and weights are not there twice: local devices read the weights where they are. What a context
        has of its own are the module's variables.
        """
        other = copy.copy(self)
        other._enter(device)
        other._set_workers(device.workers)
        return other

    def _enter(self, device: Device) -> None:
        """Makes a VM context of the device, in which the module has read its weights."""
        self._has_workers = device.workers > 1
        given = [] if self._weights is None else [self._weights.module(vm_instance())]
        self.context = iree.VmContext(vm_instance(), [device.hal_module, *given, self._code])

    def invoke(self, function: Any, arguments: Any, results: Any) -> None:
        """Runs an entry point and waits for it; ``results`` are replaced.

        Raises:
          ExecutionError: IREE failed.
        """
        try:
            if self._has_workers:
                with giving_way():
                    self.context.invoke(function, arguments, results)
            else:
                self.context.invoke(function, arguments, results)
        except (RuntimeError, ValueError) as error:
            raise ExecutionError(f"the call failed in IREE: {_first_line(error)}") from error

    def _entry(self, name: Any, arguments: int, buffers: int = 0) -> Any:
        """Finds an entry point that takes so many arguments, of which so many are plain buffers."""
        function = self._code.lookup_function(name) if isinstance(name, str) else None
        if function is None:
            raise ArtifactError(f"artifact: the module has no entry function {name!r}")
        # IREE writes the signature beside the code: a description of other arguments is caught here, not in a call.
        declaration = function.reflection.get("iree.abi.declaration")
        given = [] if declaration is None else re.findall(r"%input\d+: (!hal\.buffer\b)?", declaration)
        if declaration is not None and (len(given) != arguments or sum(map(bool, given)) != buffers):
            raise ArtifactError(f"artifact: entry {name!r} does not take the {arguments} arguments of its description")
        return function

    def _entry_in_place(self, description: dict[str, Any], key: str, buffers: int) -> Any:
        """Finds an entry point of so many plain buffers, the open sizes and a fence, if the description has it."""
        name = _get(description["entries"], key)
        if name is None:
            return None
        if self.open_sizes is None:
            tensors = (*description["inputs"], *description["states"])
            self.open_sizes = OpenSizes(TensorSpec.from_json(entry) for entry in tensors)
        return self._entry(name, buffers + len(self.open_sizes) + 1, buffers)

    def _set_workers(self, workers: int) -> None:
        """Tells the module how many workers its scans may be split over. Each context has a number of its own."""
        if self._set_workers_entry is None:
            return
        arguments = iree.VmVariantList(1)
        arguments.push_int(workers)
        try:
            self.invoke(self._set_workers_entry, arguments, iree.VmVariantList(1))
        except ExecutionError as error:
            name = self._set_workers_entry.name
            raise ArtifactError(f"artifact: entry {name!r} does not take a number of workers") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _get(mapping: Any, key: str) -> Any:
    return mapping.get(key) if isinstance(mapping, dict) else None
