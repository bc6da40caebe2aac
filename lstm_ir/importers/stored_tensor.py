"""A tensor of a weights file: its size is known at once, its values are read when they are wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST, _MOST = 120, 6


@dataclass(frozen=True)
class StoredTensor:
    """A tensor.

    Attributes:
        shape: its sizes.
        dtype: NumPy's name of the element type, or ``bfloat16``.
        read: reads the values; those of bfloat16 as float32, which holds them exactly.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


def from_bfloat16(bits: NDArray[Any]) -> NDArray[Any]:
    """Return numbers whose bfloat16 bits are given as uint16, as float32: bfloat16 is its upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def shown(*names: str) -> str:
    """Return names out of a file for a message: quoted, and only the first of many or long ones."""
    texts = [repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...") for name in names[:_MOST]]
    return ", ".join(texts) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
