"""What a module says about each of its tensors, and the NumPy dtypes that stand for IREE's element types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from lstm_ir.runtime.errors import ArtifactError, TargetError

__all__ = ["TensorSpec", "is_floating", "numpy_dtype"]

_NUMPY_DTYPES = frozenset({"float16", "float32", "float64", "int8", "int16", "int32", "int64", "bool"})


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and dtype of one input, output or state.

    Attributes:
      name: The name by which callers give or find the tensor.
      shape: Sizes of the axes; None where any size is accepted.
      dtype: NumPy's name of the element type, or "bfloat16".
      batch_axis: Which axis counts samples, or None.
      time_axis: Which axis counts time steps, or None.
      length: Which of the module's lengths the steps are, where its inputs may differ in length; else None.
      least_time: The least number of time steps.
      limit: Of integers, how many there are: each is at least 0 and less; None for any.
      of: Of a mask, the input that it goes with, where there are several; else None.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    batch_axis: int | None = None
    time_axis: int | None = None
    length: int | None = None
    least_time: int = 1
    limit: int | None = None
    of: str | None = None

    @classmethod
    def from_json(cls, entry: Mapping[str, Any], dtype: str | None = None) -> TensorSpec:
        """Reads one entry of a description; ``dtype`` stands in for entries (masks) that name none."""
        try:
            return cls(
                name=str(entry["name"]),
                shape=tuple(None if size is None else int(size) for size in entry["shape"]),
                dtype=str(entry["dtype"] if dtype is None else dtype),
                batch_axis=entry.get("batch_axis"),
                time_axis=entry.get("time_axis"),
                length=entry.get("length"),
                least_time=int(entry.get("least_time", 1)),
                limit=entry.get("limit"),
                of=entry.get("of"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"artifact: the description of a tensor is malformed: {entry!r}") from error

    @cached_property
    def fixed_sizes(self) -> tuple[tuple[int, int], ...]:
        """(axis, size) of each axis that accepts one size only."""
        return tuple((axis, size) for axis, size in enumerate(self.shape) if size is not None)

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}{format_shape(self.shape)}"


def format_shape(shape: tuple[int | None, ...]) -> str:
    """Writes a shape for people: ``(?, ?, 12)``, ``?`` being any size."""
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The native NumPy dtype of a spec's dtype.

    Raises:
      TargetError: bfloat16, which NumPy has only with the package ml_dtypes, and that is not installed.
      ArtifactError: The name is of no dtype that modules have.
    """
    if name in _NUMPY_DTYPES:
        return np.dtype(name)
    if name == "bfloat16":
        try:
            import ml_dtypes  # type: ignore[import-not-found, unused-ignore]  # optional, untyped in some releases
        except ImportError as error:
            raise TargetError(
                "the module has bfloat16 tensors, which NumPy holds only with the package ml_dtypes: install ml_dtypes"
            ) from error
        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    raise ArtifactError(f"artifact: unknown dtype {name!r} in the description")


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is of real floating numbers; bfloat16 counts, although NumPy calls its kind void."""
    return dtype.kind == "f" or dtype.name == "bfloat16"
