"""The sizes of a module's tensors that differ from call to call, which the entry points in place are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lstm_ir.runtime.errors import ArtifactError
from lstm_ir.runtime.spec import TensorSpec

__all__ = ["OpenSizes"]


class OpenSizes:
    """First the batch, if it is open, then each open length, in the order of the inputs."""

    __slots__ = ("_has_batch", "_lengths")

    def __init__(self, specs: Iterable[TensorSpec]) -> None:
        """Reads them off the specs of the inputs and states.

        Raises:
          ArtifactError: One has an open size that is neither its batch nor its steps.
        """
        self._has_batch = False
        lengths: dict[int | None, None] = {}
        for spec in specs:
            for axis, size in enumerate(spec.shape):
                if size is not None:
                    continue
                if axis == spec.batch_axis:
                    self._has_batch = True
                elif axis == spec.time_axis:
                    lengths[spec.length] = None
                else:
                    raise ArtifactError(
                        f"artifact: axis {axis} of {spec.name!r} is open, and is not its batch or its steps"
                    )
        self._lengths = tuple(lengths)

    def __len__(self) -> int:
        return self._has_batch + len(self._lengths)

    def values(self, batch: int, times: Mapping[int | None, int]) -> list[int]:
        """The sizes of a call, in order.

        Args:
          batch: Its number of rows.
          times: The number of steps by length.
        """
        return [*([batch] if self._has_batch else []), *(times[length] for length in self._lengths)]
