"""The Masking layer: marks the steps that hold nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import ArgumentTypeError
from lstm_ir.layers.base import Layer, MaskRule


class Masking(Layer):
    """A step is masked where all its features equal ``mask_value``; masked steps come out as zeros.

    The mask that it makes replaces any incoming one.

    Args:
        mask_value: the value that marks a step as absent.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Masking"
    auto_name_prefix: ClassVar[str] = "masking"

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        inner = mask_value.get("config") if isinstance(mask_value, Mapping) else None
        if isinstance(inner, Mapping):  # Keras 3 writes NumPy scalars as {"class_name": "__numpy__", ...}
            mask_value = inner.get("value", mask_value)
        if isinstance(mask_value, bool) or not isinstance(mask_value, (int, float, np.integer, np.floating)):
            raise ArgumentTypeError(f"mask_value: got {mask_value!r}, expected a number")
        self.mask_value = mask_value

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask (batch, time): true where any feature differs from ``mask_value`` in its dtype."""
        inputs = np.asarray(inputs)
        return np.any(inputs != inputs.dtype.type(self.mask_value), axis=-1)

    @property
    def mask_rule(self) -> MaskRule:
        """The mask is made from the values."""
        return "values"

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"mask_value": self.mask_value}
