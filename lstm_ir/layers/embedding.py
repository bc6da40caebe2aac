"""The Embedding layer: numbers become rows of a table."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.layers.arguments import positive_integer
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.initializers import RandomUniform
from lstm_ir.layers.shapes import Shape, as_shape
from lstm_ir.layers.weights import WeightSpec


class Embedding(Layer):
    """``embeddings[x]``: (batch, ...) of integers to (batch, ..., output_dim).

    Args:
        input_dim: how many numbers there are: 0 <= x < input_dim.
        output_dim: length of a row.
        mask_zero: whether 0 stands for an absent step; the mask is made anew from the input.
        input_length: the length of the sequences, or None (not in Keras 3).
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Embedding"
    auto_name_prefix: ClassVar[str] = "embedding"
    takes_integers: ClassVar[bool] = True

    def __init__(
        self, input_dim: int, output_dim: int, mask_zero: bool = False, input_length: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = positive_integer(input_dim, "input_dim")
        self.output_dim = positive_integer(output_dim, "output_dim")
        self.mask_zero = bool(mask_zero)
        self.input_length = input_length

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        shape = (self.input_dim, self.output_dim)
        return (WeightSpec("embeddings", shape, self.variable_dtype, RandomUniform()),)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The input's shape and a last axis of ``output_dim``."""
        return (*as_shape(input_shape), self.output_dim)

    @property
    def mask_rule(self) -> MaskRule:
        """The mask is made of the numbers, or there is none."""
        return "values" if self.mask_zero else "drop"

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """With ``mask_zero`` true where the number is not 0."""
        return np.asarray(inputs) != 0 if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = {"input_dim": self.input_dim, "output_dim": self.output_dim, "mask_zero": self.mask_zero}
        if self.flavour != "keras3":
            config["input_length"] = self.input_length
        return super().get_config() | config
