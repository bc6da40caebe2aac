"""Pooling along time: of windows, and of whole sequences."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.arguments import channels_last, single
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.convolution import window_length
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape


class _Pooling1D(Layer):
    """Pools the steps of each window.

    Args:
        pool_size: steps of a window.
        strides: steps between two windows; None is ``pool_size``.
        padding: ``valid`` or ``same``.
        data_format: ``channels_last``; None is that.
        **kwargs: those of `Layer`.
    """

    supports_masking: ClassVar[bool] = False

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = single(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else single(strides, "strides")
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ArgumentError(f"padding: got {padding!r}, expected valid or same")
        self.data_format = channels_last(data_format)
        self.input_spec = InputSpec(ndim=3)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with one step a window."""
        batch, steps, features = as_shape(input_shape)
        return (batch, window_length(steps, self.pool_size, self.strides, self.padding, layer=self.name), features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {
            "pool_size": [self.pool_size],
            "strides": [self.strides],
            "padding": self.padding,
            "data_format": self.data_format,
        }


class MaxPooling1D(_Pooling1D):
    """The largest of the steps of each window; see `Conv1D` for the windows."""

    keras_class_name: ClassVar[str] = "MaxPooling1D"
    auto_name_prefix: ClassVar[str] = "max_pooling1d"


class AveragePooling1D(_Pooling1D):
    """The mean of the steps of each window that are there: padding is not counted."""

    keras_class_name: ClassVar[str] = "AveragePooling1D"
    auto_name_prefix: ClassVar[str] = "average_pooling1d"


class _GlobalPooling1D(Layer):
    """Pools all steps.

    Args:
        data_format: ``channels_last``; None is that.
        keepdims: whether the axis of the steps stays, with length 1.
        **kwargs: those of `Layer`.
    """

    supports_masking: ClassVar[bool] = False

    def __init__(self, data_format: Any = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = channels_last(data_format)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=3)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape without the steps."""
        batch, _, features = as_shape(input_shape)
        return (batch, 1, features) if self.keepdims else (batch, features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"data_format": self.data_format, "keepdims": self.keepdims}


class GlobalMaxPooling1D(_GlobalPooling1D):
    """The largest of all steps; a mask has no part in it."""

    keras_class_name: ClassVar[str] = "GlobalMaxPooling1D"
    auto_name_prefix: ClassVar[str] = "global_max_pooling1d"


class GlobalAveragePooling1D(_GlobalPooling1D):
    """The mean of the steps that the mask leaves; without any of them not a number, as in Keras."""

    keras_class_name: ClassVar[str] = "GlobalAveragePooling1D"
    auto_name_prefix: ClassVar[str] = "global_average_pooling1d"
    uses_mask: ClassVar[bool] = True

    @property
    def mask_rule(self) -> MaskRule:
        """No step is left, and no mask."""
        return "drop"
