"""Shapes whose axes may be unknown, and what a layer demands of its input's shape."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import ArgumentError, ArgumentTypeError

Shape = tuple[int | None, ...]
"""One entry an axis; None where the length is not known."""


def as_shape(value: Any, argument: str = "input_shape") -> Shape:
    """Return a shape given as a tuple, a list, a TensorShape, or a list of shapes, whose first one counts.

    Raises:
        ArgumentError: an axis is negative.
        ArgumentTypeError: not a sequence of integers and None.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ArgumentTypeError(f"{argument}: got {value!r}, expected a tuple of integers and None")
    axes = list(value)
    if axes and isinstance(axes[0], Iterable) and not isinstance(axes[0], (str, bytes)):
        return as_shape(axes[0], argument)
    shape: list[int | None] = []
    for axis in axes:
        try:
            length = None if axis is None else operator.index(axis)
        except TypeError:
            raise ArgumentTypeError(
                f"{argument}: got {tuple(axes)!r}, expected integers and None, not {axis!r}"
            ) from None
        if length is not None and length < 0:
            raise ArgumentError(f"{argument}: got {tuple(axes)!r}, expected no negative length")
        shape.append(length)
    return tuple(shape)


@dataclass(frozen=True)
class InputSpec:
    """What a layer accepts: a rank, and the lengths of the axes that are fixed (None: any length).

    Attributes:
        ndim: the exact rank, or None for any.
        shape: lengths by axis, or None.
        min_ndim: the least rank, or None.
        last_axis: the length of the last axis where the rank is free, or None.
    """

    ndim: int | None = None
    shape: Shape | None = None
    min_ndim: int | None = None
    last_axis: int | None = None

    def check(self, shape: Shape, layer_name: str) -> None:
        """Refuse a shape that does not fit.

        Raises:
            ArgumentError: as Keras's ValueError "Input 0 of layer ... is incompatible with the layer".
        """
        start = f"input of layer {layer_name!r} is incompatible with the layer"
        ndim = len(self.shape) if self.shape is not None else self.ndim
        if ndim is not None and len(shape) != ndim:
            raise ArgumentError(f"{start}: expected ndim={ndim}, found ndim={len(shape)}, full shape received: {shape}")
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            raise ArgumentError(f"{start}: expected min_ndim={self.min_ndim}, found shape={shape}")
        wanted = self.shape or ()
        if any(want is not None and got is not None and want != got for want, got in zip(wanted, shape, strict=False)):
            raise ArgumentError(f"{start}: expected shape={wanted}, found shape={shape}")
        if self.last_axis is not None and shape[-1] not in (None, self.last_axis):
            raise ArgumentError(f"{start}: expected a last axis of {self.last_axis}, found shape={shape}")
