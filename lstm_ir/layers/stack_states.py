"""Final states one above the other, as PyTorch returns h_n and c_n; Keras has no such layer."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.graph import shape_list
from lstm_ir.layers.shapes import Shape


class StackStates(Layer):
    """Matrices (batch, units) as one tensor (count, batch, units).

    Args:
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "StackStates"
    auto_name_prefix: ClassVar[str] = "stack_states"
    input_count: ClassVar[int | None] = None
    supports_masking: ClassVar[bool] = False
    output_batch_axis: ClassVar[int] = 1

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(count, batch, units).

        Raises:
            ArgumentError: not matrices of one shape.
        """
        shapes = shape_list(input_shape)
        first = shapes[0]
        if any(len(shape) != 2 or shape[1] != first[1] for shape in shapes):
            raise ArgumentError(f"layer {self.name!r}: inputs have shapes {shapes}, expected one shape (batch, units)")
        return (len(shapes), *first)
