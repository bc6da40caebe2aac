"""BatchNormalization and LayerNormalization."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.arguments import number
from lstm_ir.layers.base import Layer
from lstm_ir.layers.initializers import Ones, Zeros
from lstm_ir.layers.shapes import InputSpec, Shape
from lstm_ir.layers.weights import WeightSpec


class _Normalization(Layer):
    """Scale and centre; the axes whose lengths the weights have."""

    def __init__(
        self, axis: Any = -1, epsilon: Any = 1e-3, center: bool = True, scale: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        if not axes or not all(isinstance(a, int) for a in axes):
            raise ArgumentError(f"axis: got {axis!r}, expected an integer or several")
        self.axis: tuple[int, ...] = tuple(axes)
        self.epsilon = number(epsilon, "epsilon")
        self.center, self.scale = bool(center), bool(scale)

    def axes_of(self, rank: int) -> tuple[int, ...]:
        """The axes, counted from 0, of an input of this rank.

        Raises:
            ArgumentError: there is no such axis, or it is the batch.
        """
        axes = tuple(sorted(a + rank if a < 0 else a for a in self.axis))
        if any(not 0 < a < rank for a in axes) or len(set(axes)) != len(axes):
            raise ArgumentError(f"axis: layer {self.name!r} has {self.axis}, its input has {rank} axes")
        return axes

    def _sizes(self, input_shape: Shape) -> tuple[int, ...]:
        axes = self.axes_of(len(input_shape))
        sizes = [input_shape[a] for a in axes]
        known = tuple(size for size in sizes if size is not None)
        if len(known) != len(sizes):
            raise ArgumentError(f"input_shape: axis {self.axis} of {input_shape} must be known to build {self.name!r}")
        self.input_spec = InputSpec(
            shape=tuple(size if a in axes else None for a, size in enumerate(input_shape)),
        )
        return known

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        axis: Any = list(self.axis) if len(self.axis) > 1 or self.flavour != "keras3" else self.axis[0]
        config = {"axis": axis, "epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        return super().get_config() | config


class BatchNormalization(_Normalization):
    """Outside training ``gamma (x - moving_mean) / sqrt(moving_variance + epsilon) + beta`` along one axis.

    Source: Ioffe and Szegedy 2015.

    Args:
        axis: the axis of the features.
        momentum: of the moving averages, in training.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "BatchNormalization"
    auto_name_prefix: ClassVar[str] = "batch_normalization"

    def __init__(
        self,
        axis: Any = -1,
        momentum: Any = 0.99,
        epsilon: Any = 1e-3,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **kwargs)
        if len(self.axis) != 1:
            raise UnsupportedError(f"axis: got {axis!r}, a BatchNormalization of several axes is not supported")
        self.momentum = number(momentum, "momentum")

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        sizes = self._sizes(input_shape)
        names = ["gamma"] * self.scale + ["beta"] * self.center + ["moving_mean", "moving_variance"]
        ones = ("gamma", "moving_variance")
        return tuple(
            WeightSpec(name, sizes, self.variable_dtype, Ones() if name in ones else Zeros()) for name in names
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"momentum": self.momentum}


class LayerNormalization(_Normalization):
    """``gamma (x - mean) / sqrt(variance + epsilon) + beta`` with mean and variance along the axes, for each sample.

    Source: Ba, Kiros and Hinton 2016.

    Args:
        axis: the axes to average over.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        **kwargs: those of `Layer`; ``rms_scaling`` of Keras 3 is refused.
    """

    keras_class_name: ClassVar[str] = "LayerNormalization"
    auto_name_prefix: ClassVar[str] = "layer_normalization"

    def __init__(
        self, axis: Any = -1, epsilon: Any = 1e-3, center: bool = True, scale: bool = True, **kwargs: Any
    ) -> None:
        if kwargs.pop("rms_scaling", False):
            raise UnsupportedError("rms_scaling: a LayerNormalization with it is not supported")
        super().__init__(axis, epsilon, center, scale, **kwargs)

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        sizes = self._sizes(input_shape)
        specs = [WeightSpec("gamma", sizes, self.variable_dtype, Ones())] if self.scale else []
        return (*specs, WeightSpec("beta", sizes, self.variable_dtype, Zeros())) if self.center else tuple(specs)
