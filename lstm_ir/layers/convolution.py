"""The Conv1D layer: a convolution along time."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.activations import resolve_activation, serialize_activation
from lstm_ir.layers.arguments import channels_last, positive_integer, single
from lstm_ir.layers.base import Layer
from lstm_ir.layers.initializers import Zeros
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.weights import WeightSpec

PADDINGS = ("valid", "same", "causal")


def window_length(
    steps: int | None, size: int, stride: int, padding: str, dilation: int = 1, *, layer: str
) -> int | None:
    """The number of places of a window along ``steps``.

    Raises:
        ArgumentError: the window does not fit once.
    """
    if steps is None:
        return None
    reach = (size - 1) * dilation
    length = (steps - reach - 1) // stride + 1 if padding == "valid" else -(-steps // stride)
    if length < 1:
        raise ArgumentError(f"input of layer {layer!r}: got {steps} steps, its window needs {reach + 1} or more")
    return length


class Conv1D(Layer):
    """``activation(sum over k of x[t stride + k dilation - left] kernel[k] + bias)``.

    Args:
        filters: length of the last axis of the output.
        kernel_size: how many steps the kernel has.
        strides: steps between two outputs.
        padding: ``valid`` (none), ``same`` (zeros on both sides, one more behind), ``causal`` (zeros before).
        data_format: ``channels_last``; None is that.
        dilation_rate: steps between two of the kernel.
        groups: into how many parts the features fall, each with filters of its own.
        activation: None is linear.
        use_bias: whether there is a bias.
        **kwargs: those of `Layer`.

    Raises:
        ArgumentError: a value that Keras refuses too.
    """

    keras_class_name: ClassVar[str] = "Conv1D"
    auto_name_prefix: ClassVar[str] = "conv1d"
    supports_masking: ClassVar[bool] = False

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_integer(filters, "filters")
        self.kernel_size = single(kernel_size, "kernel_size")
        self.strides = single(strides, "strides")
        self.dilation_rate = single(dilation_rate, "dilation_rate")
        self.groups = positive_integer(groups, "groups")
        self.padding = str(padding).lower()
        if self.padding not in PADDINGS:
            raise ArgumentError(f"padding: got {padding!r}, expected one of {', '.join(PADDINGS)}")
        if self.filters % self.groups:
            raise ArgumentError(f"groups: got {groups}, which does not divide the {filters} filters")
        if self.strides > 1 and self.dilation_rate > 1:
            raise ArgumentError(f"strides: got {strides} with dilation_rate {dilation_rate}, one of them must be 1")
        self.data_format = channels_last(data_format)
        self.activation = resolve_activation(activation, self.flavour)
        self.use_bias = bool(use_bias)
        self.input_spec = InputSpec(ndim=3)

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        self.check_input_shape(input_shape)
        features = input_shape[-1]
        if features is None or features % self.groups:
            raise ArgumentError(
                f"input_shape: the last axis of {input_shape} must be known and a multiple of {self.groups} groups to "
                f"build layer {self.name!r}"
            )
        self.input_spec = InputSpec(shape=(None, None, features))
        shape = (self.kernel_size, features // self.groups, self.filters)
        kernel = WeightSpec("kernel", shape, self.variable_dtype)
        return (kernel, WeightSpec("bias", (self.filters,), self.variable_dtype, Zeros()))[: 1 + self.use_bias]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the convolution's length and ``filters``."""
        batch, steps, _ = as_shape(input_shape)
        length = window_length(steps, self.kernel_size, self.strides, self.padding, self.dilation_rate, layer=self.name)
        return (batch, length, self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": [self.kernel_size],
            "strides": [self.strides],
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": [self.dilation_rate],
            "groups": self.groups,
            "activation": serialize_activation(self.activation, self.flavour),
            "use_bias": self.use_bias,
        }
