"""The seed of a call of a module that was compiled with dropout active."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from lstm_ir.runtime.arguments import Array
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError

__all__ = ["as_seed"]


def as_seed(seed: Any, takes_seed: bool) -> Array | None:
    """Converts a seed to its two words, low word first, as int32; draws one if there is none.

    Raises:
      ArgumentTypeError: Not an integer.
      ArgumentError: The module takes no seed, or it does not fit 64 bits.
    """
    if not takes_seed:
        if seed is not None:
            raise ArgumentError("seed: this module draws nothing: it was not compiled with training=True")
        return None
    if seed is None:
        seed = secrets.randbits(64)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ArgumentTypeError(f"seed: must be an integer or None; got {type(seed).__name__}")
    if not 0 <= seed < 2**64:
        raise ArgumentError(f"seed: must be at least 0 and less than 2**64; got {seed}")
    return np.array([seed & 0xFFFFFFFF, int(seed) >> 32], np.uint32).view(np.int32)
