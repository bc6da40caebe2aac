"""Activations that Keras has as layers of their own."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.arguments import number
from lstm_ir.layers.base import Layer
from lstm_ir.layers.initializers import Zeros
from lstm_ir.layers.shapes import InputSpec, Shape
from lstm_ir.layers.weights import WeightSpec


class ReLU(Layer):
    """``min(max_value, x)`` from ``threshold`` on, ``negative_slope (x - threshold)`` below it.

    Args:
        max_value: the largest value, or None.
        negative_slope: slope below the threshold.
        threshold: where the slope changes.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ReLU"
    auto_name_prefix: ClassVar[str] = "re_lu"

    def __init__(self, max_value: Any = None, negative_slope: Any = 0.0, threshold: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else number(max_value, "max_value")
        self.negative_slope = 0.0 if negative_slope is None else number(negative_slope, "negative_slope")
        self.threshold = 0.0 if threshold is None else number(threshold, "threshold")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return super().get_config() | config


class LeakyReLU(Layer):
    """x where x > 0, else ``negative_slope x``.

    Args:
        negative_slope: the slope; Keras 2 calls it ``alpha``.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "LeakyReLU"
    auto_name_prefix: ClassVar[str] = "leaky_re_lu"

    def __init__(self, negative_slope: Any = 0.3, **kwargs: Any) -> None:
        slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = number(slope, "negative_slope")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        key = "negative_slope" if self.flavour == "keras3" else "alpha"
        return super().get_config() | {key: self.negative_slope}


class ELU(Layer):
    """x where x > 0, else ``alpha (exp(x) - 1)``.

    Args:
        alpha: the scale.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ELU"
    auto_name_prefix: ClassVar[str] = "elu"

    def __init__(self, alpha: Any = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"alpha": self.alpha}


class ThresholdedReLU(Layer):
    """x where x > theta, else 0 (Keras 2).

    Args:
        theta: the threshold.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ThresholdedReLU"
    auto_name_prefix: ClassVar[str] = "thresholded_re_lu"

    def __init__(self, theta: Any = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = number(theta, "theta")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"theta": self.theta}


class PReLU(Layer):
    """x where x > 0, else ``alpha x`` with a slope learnt for each place.

    Args:
        shared_axes: the axes along which the slope is the same, from 1; None: none.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "PReLU"
    auto_name_prefix: ClassVar[str] = "p_re_lu"

    def __init__(self, shared_axes: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        axes = [] if shared_axes is None else shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = tuple(int(axis) for axis in axes)

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        sizes: list[int] = []
        for axis, size in enumerate(input_shape[1:], start=1):
            size = 1 if axis in self.shared_axes else size
            if size is None:
                raise ArgumentError(
                    f"input_shape: layer {self.name!r} has a slope for each place of axis {axis}, whose length in "
                    f"{input_shape} must then be known; or share it with shared_axes"
                )
            sizes.append(size)
        fixed = [None, *(None if axis in self.shared_axes else size for axis, size in enumerate(sizes, start=1))]
        self.input_spec = InputSpec(shape=tuple(fixed))
        return (WeightSpec("alpha", tuple(sizes), self.variable_dtype, Zeros()),)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"shared_axes": list(self.shared_axes) or None}


class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` along an axis.

    Args:
        axis: the axis; only the last one is supported.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Softmax"
    auto_name_prefix: ClassVar[str] = "softmax"
    refuses_mask: bool = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if not isinstance(axis, int):
            raise UnsupportedError(f"axis: got {axis!r}, only the last axis is supported")
        self.axis = axis

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        shape = super().compute_output_shape(input_shape)
        if self.axis not in (-1, len(shape) - 1):
            raise UnsupportedError(f"axis: layer {self.name!r} has {self.axis}, only the last axis is supported")
        return shape

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"axis": self.axis}
