"""A mask that a graph hands to a layer from an input of its own; Keras has no layer for it."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.graph import shape_list
from lstm_ir.layers.shapes import Shape


class AttachMask(Layer):
    """The first of its two inputs, (batch, time, ...), with the second, (batch, time), as its mask: true where not 0.

    Args:
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "AttachMask"
    auto_name_prefix: ClassVar[str] = "attach_mask"
    input_count: ClassVar[int | None] = 2

    @property
    def mask_rule(self) -> MaskRule:
        """The mask is made from the second input's values."""
        return "values"

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The second input as booleans."""
        return np.asarray(inputs[1]) != 0

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The first input's shape.

        Raises:
            ArgumentError: shapes that do not go together.
        """
        shape, mask = shape_list(input_shape)
        together = zip(shape, mask, strict=False)
        if len(mask) != 2 or len(shape) < 2 or any(a != b for a, b in together if a is not None and b is not None):
            raise ArgumentError(f"mask: got shape {mask} for an input of shape {shape}, expected (batch, time)")
        return shape
