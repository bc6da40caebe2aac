"""Layers that move or repeat elements: Reshape, Flatten, Permute, RepeatVector, and what cuts and pads along time."""

import math
from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.arguments import channels_last, pair, positive_integer
from lstm_ir.layers.base import Layer
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape


class Reshape(Layer):
    """The elements of each sample in another shape.

    Args:
        target_shape: the shape without the batch; one size may be -1.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Reshape"
    auto_name_prefix: ClassVar[str] = "reshape"
    supports_masking: ClassVar[bool] = False

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = tuple(target_shape) if isinstance(target_shape, (list, tuple)) else (target_shape,)
        if not all(isinstance(n, int) and (n > 0 or n == -1) for n in sizes) or sizes.count(-1) > 1:
            raise ArgumentError(f"target_shape: got {target_shape!r}, expected sizes, one of which may be -1")
        self.target_shape: tuple[int, ...] = sizes

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the batch.

        Raises:
            ArgumentError: another number of elements.
        """
        batch, *sizes = as_shape(input_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        given = [n for n in sizes if n is not None]
        if len(given) != len(sizes):
            return (batch, *(None if n == -1 else n for n in self.target_shape))
        elements = math.prod(given)
        free = -1 in self.target_shape
        if elements % known if free else elements != known:
            raise ArgumentError(
                f"layer {self.name!r}: cannot make {self.target_shape} of a shape of {tuple(sizes)} elements"
            )
        return (batch, *(elements // known if n == -1 else n for n in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"target_shape": list(self.target_shape)}


class Flatten(Layer):
    """All axes but the batch as one.

    Args:
        data_format: ``channels_last``; None is that.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Flatten"
    auto_name_prefix: ClassVar[str] = "flatten"
    supports_masking: ClassVar[bool] = False

    def __init__(self, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = channels_last(data_format)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, elements)."""
        batch, *sizes = as_shape(input_shape)
        given = [n for n in sizes if n is not None]
        return (batch, math.prod(given) if len(given) == len(sizes) else None)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"data_format": self.data_format}


class Permute(Layer):
    """The axes in another order.

    Args:
        dims: which axis of the input, from 1, each axis behind the batch is.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Permute"
    auto_name_prefix: ClassVar[str] = "permute"
    supports_masking: ClassVar[bool] = False

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims: tuple[int, ...] = tuple(dims)
        if not all(isinstance(axis, int) for axis in self.dims) or sorted(self.dims) != list(
            range(1, len(self.dims) + 1)
        ):
            raise ArgumentError(f"dims: got {dims!r}, expected the axes from 1 in some order")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The sizes in the new order."""
        shape = as_shape(input_shape)
        return (shape[0], *(shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"dims": list(self.dims)}


class RepeatVector(Layer):
    """(batch, features) as a sequence of that many equal steps.

    Args:
        n: the number of steps.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "RepeatVector"
    auto_name_prefix: ClassVar[str] = "repeat_vector"
    supports_masking: ClassVar[bool] = False

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive_integer(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, n, features)."""
        batch, features = as_shape(input_shape)
        return (batch, self.n, features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"n": self.n}


class ZeroPadding1D(Layer):
    """Zeros before and behind a sequence.

    Args:
        padding: how many steps on both sides, or before and behind.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ZeroPadding1D"
    auto_name_prefix: ClassVar[str] = "zero_padding1d"
    supports_masking: ClassVar[bool] = False

    def __init__(self, padding: Any = 1, **kwargs: Any) -> None:
        channels_last(kwargs.pop("data_format", None))
        super().__init__(**kwargs)
        self.padding = pair(padding, "padding")
        self.input_spec = InputSpec(ndim=3)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the steps added."""
        batch, steps, features = as_shape(input_shape)
        return (batch, None if steps is None else steps + sum(self.padding), features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"padding": list(self.padding)}


class Cropping1D(Layer):
    """A sequence without its first and last steps.

    Args:
        cropping: how many steps on both sides, or before and behind.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Cropping1D"
    auto_name_prefix: ClassVar[str] = "cropping1d"
    supports_masking: ClassVar[bool] = False

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = pair(cropping, "cropping")
        self.input_spec = InputSpec(ndim=3)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the steps taken off.

        Raises:
            ArgumentError: no step would be left.
        """
        batch, steps, features = as_shape(input_shape)
        left = None if steps is None else steps - sum(self.cropping)
        if left is not None and left < 1:
            raise ArgumentError(f"input of layer {self.name!r}: got {steps} steps, {sum(self.cropping)} are taken off")
        return (batch, left, features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"cropping": list(self.cropping)}


class UpSampling1D(Layer):
    """Each step several times.

    Args:
        size: how many times.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "UpSampling1D"
    auto_name_prefix: ClassVar[str] = "up_sampling1d"
    supports_masking: ClassVar[bool] = False

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = positive_integer(size, "size")
        self.input_spec = InputSpec(ndim=3)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the steps multiplied."""
        batch, steps, features = as_shape(input_shape)
        return (batch, None if steps is None else steps * self.size, features)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"size": self.size}
