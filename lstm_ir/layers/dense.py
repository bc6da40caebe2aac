"""The Dense layer: an affine map of the last axis and an activation."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentTypeError, UnsupportedError
from lstm_ir.layers.activations import resolve_activation, serialize_activation
from lstm_ir.layers.arguments import positive_integer
from lstm_ir.layers.base import Layer
from lstm_ir.layers.constraints import resolve_constraint, serialize_constraint
from lstm_ir.layers.initializer_lookup import resolve_initializer, serialize_initializer
from lstm_ir.layers.regularizers import resolve_regularizer, serialize_regularizer
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.weights import WeightSpec


class Dense(Layer):
    """``activation(x kernel + bias)`` over the last axis of inputs of two or more axes.

    Args:
        units: length of the last axis of the output, a positive integer.
        activation: None is linear.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel, (features, units).
        bias_initializer: of the bias, (units,).
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: of the kernel.
        bias_constraint: of the bias.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Dense"
    auto_name_prefix: ClassVar[str] = "dense"

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer(units, "units")
        self.activation = resolve_activation(activation, self.flavour)
        self.use_bias = use_bias
        self.kernel_initializer = resolve_initializer(kernel_initializer, "kernel_initializer")
        self.bias_initializer = resolve_initializer(bias_initializer, "bias_initializer")
        self.kernel_regularizer = resolve_regularizer(kernel_regularizer, self.flavour, "kernel_regularizer")
        self.bias_regularizer = resolve_regularizer(bias_regularizer, self.flavour, "bias_regularizer")
        self.kernel_constraint = resolve_constraint(kernel_constraint, "kernel_constraint")
        self.bias_constraint = resolve_constraint(bias_constraint, "bias_constraint")
        self.input_spec = InputSpec(min_ndim=2)

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        self.check_input_shape(input_shape)
        features = input_shape[-1]
        if features is None:
            raise ArgumentTypeError(
                f"input_shape: the last axis of {input_shape} must be known to build layer {self.name!r}"
            )
        self.input_spec = InputSpec(min_ndim=2, last_axis=features)
        kernel = WeightSpec(
            "kernel",
            (features, self.units),
            self.variable_dtype,
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        bias = WeightSpec(
            "bias",
            (self.units,),
            self.variable_dtype,
            self.bias_initializer,
            self.bias_regularizer,
            self.bias_constraint,
        )
        return (kernel, bias) if self.use_bias else (kernel,)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The input's shape with ``units`` as the last axis."""
        shape = as_shape(input_shape)
        InputSpec(min_ndim=2).check(shape, self.name)
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config() | {
            "units": self.units,
            "activation": serialize_activation(self.activation, self.flavour),
            "use_bias": self.use_bias,
            "kernel_initializer": serialize_initializer(self.kernel_initializer, self.flavour),
            "bias_initializer": serialize_initializer(self.bias_initializer, self.flavour),
            "kernel_regularizer": serialize_regularizer(self.kernel_regularizer),
            "bias_regularizer": serialize_regularizer(self.bias_regularizer),
        }
        if self.flavour != "keras3":  # Keras 3 writes it with the base's keys, and only where there is one
            config["activity_regularizer"] = serialize_regularizer(self.activity_regularizer)
        config |= {
            "kernel_constraint": serialize_constraint(self.kernel_constraint),
            "bias_constraint": serialize_constraint(self.bias_constraint),
        }
        return config | {"quantization_config": None} if self.flavour == "keras3" else config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config; a quantised or LoRA layer of Keras 3 is refused.

        Raises:
            UnsupportedError: ``quantization_config`` or ``lora_rank`` is set.
        """
        arguments = dict(config)
        for key in ("quantization_config", "lora_rank", "lora_alpha"):
            if (flavour or cls.default_flavour) == "keras3" and arguments.pop(key, None) is not None:
                raise UnsupportedError(f"{key}: a Dense layer with it is not supported")
        return super().from_config(arguments, flavour=flavour)
