"""Keras's ``Masking`` on arrays, and arrays that carry the mask which it makes."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lstm_ir import layers
from lstm_ir.errors import ArgumentError


class MaskedArray(np.ndarray[Any, Any]):
    """An array with a mask attached, as Keras attaches one to a layer's output.

    Whatever is computed or cut from it has none.

    Attributes:
        keras_mask: The mask (batch, time), or (time, batch) of a time-major sequence; None if there is none.
    """

    keras_mask: NDArray[np.bool_] | None

    def __array_finalize__(self, source: Any) -> None:
        """Leave the mask behind."""
        self.keras_mask = None


def with_mask(array: NDArray[Any], mask: NDArray[Any]) -> MaskedArray:
    """Return an array, without a copy, with a mask attached."""
    result = cast(MaskedArray, array.view(MaskedArray))
    result.keras_mask = mask
    return result


def attached_mask(array: Any) -> NDArray[np.bool_] | None:
    """Return the mask attached to an array, or None."""
    return array.keras_mask if isinstance(array, MaskedArray) else None


class Masking(layers.Masking):
    """`lstm_ir.layers.Masking` that executes."""

    def __call__(self, inputs: Any) -> MaskedArray:
        """Mask the steps that hold nothing.

        Args:
            inputs: Floating array (batch, time, features); (time, batch, features) for layers with ``time_major``.

        Returns:
            The inputs with zeros in masked steps, and the mask attached; recurrent layers that are called on it use it.

        Raises:
            ArgumentError: If the inputs have no time axis.
        """
        x = np.asarray(inputs)
        if x.dtype.kind != "f":
            x = x.astype(np.float32)
        if x.ndim < 2:
            raise ArgumentError(f"inputs: got shape {x.shape}, expected (batch, time, features)")
        mask = np.asarray(self.compute_mask(x))
        return with_mask(np.where(mask[..., None], x, np.zeros((), x.dtype)), mask)
