"""What Keras graphs hold between layers: `2 * x + 1` and `x[:, -1]`; Keras has no layers for them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.shapes import Shape, as_shape


class Affine(Layer):
    """``factor x + offset``, both numbers; the result has no mask.

    Args:
        factor: what x is multiplied by.
        offset: what is added.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Affine"
    auto_name_prefix: ClassVar[str] = "affine"
    supports_masking: ClassVar[bool] = False

    def __init__(self, factor: float = 1.0, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor, self.offset = float(factor), float(offset)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"factor": self.factor, "offset": self.offset}


class GetItem(Layer):
    """``x[:, ...]``: of each axis behind the batch all, one place, or a range; the result has no mask.

    Args:
        places: for each axis, the batch left out: None for all of it, an integer for the place (the axis goes away;
            negative ones count from the end), or a pair for a range, whose ends are integers or None. Axes that are
            not listed are taken whole.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "GetItem"
    auto_name_prefix: ClassVar[str] = "get_item"
    supports_masking: ClassVar[bool] = False

    def __init__(self, places: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.places = [list(place) if isinstance(place, (list, tuple)) else place for place in places]

    def place_of(self, axis: int) -> Any:
        """What is taken of an axis, counted from 1."""
        return self.places[axis - 1] if axis <= len(self.places) else None

    def range_of(self, axis: int, length: int | None) -> tuple[int, int]:
        """First place and number of places of a range.

        Raises:
            ArgumentError: the axis has no known length, or the range is empty.
        """
        if length is None:
            raise ArgumentError(f"layer {self.name!r}: takes a range of axis {axis}, whose length is not fixed")
        start, stop, _ = slice(*self.place_of(axis)).indices(length)
        if stop <= start:
            raise ArgumentError(f"layer {self.name!r}: takes an empty range of axis {axis} of length {length}")
        return start, stop - start

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The axes that are left.

        Raises:
            ArgumentError: a place that there is not.
        """
        batch, *lengths = as_shape(input_shape)
        if len(self.places) > len(lengths):
            raise ArgumentError(f"layer {self.name!r}: called on {len(lengths) + 1} axes, it names more")
        left: list[int | None] = [batch]
        for axis, length in enumerate(lengths, start=1):
            place = self.place_of(axis)
            if isinstance(place, list):
                left.append(self.range_of(axis, length)[1])
            elif place is None:
                left.append(length)
            elif length is not None and not -length <= place < length:
                raise ArgumentError(f"layer {self.name!r}: takes place {place} of axis {axis}, which has {length}")
        return tuple(left)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"places": self.places}
