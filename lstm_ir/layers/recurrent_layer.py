"""What LSTM, GRU and SimpleRNN have in common: constructor arguments, shapes and masks of one cell over the steps."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers.activations import resolve_activation, serialize_activation
from lstm_ir.layers.arguments import clamped_rate, positive_integer
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.constraints import resolve_constraint, serialize_constraint
from lstm_ir.layers.flavour import Flavour, check_flavour
from lstm_ir.layers.initializer_lookup import resolve_initializer, serialize_initializer
from lstm_ir.layers.initializers import InitializerFn
from lstm_ir.layers.regularizers import resolve_regularizer, serialize_regularizer
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.weights import Array, WeightSpec

_DEFAULT_IMPLEMENTATION: dict[Flavour, int] = {"compat.v1": 1, "keras2": 2, "keras3": 2}


class RecurrentLayer(Layer):
    """One cell over the steps of (batch, time, features), or (time, batch, features) if ``time_major``.

    Args:
        units: length of each state, a positive integer.
        activation: of the new value; None is linear.
        recurrent_activation: of the gates; None is linear.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel, (features, gates units).
        recurrent_initializer: of the recurrent kernel, (units, gates units).
        bias_initializer: of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on every returned tensor.
        kernel_constraint: of the kernel.
        recurrent_constraint: of the recurrent kernel.
        bias_constraint: of the bias.
        dropout: share of inputs dropped in training, clamped to [0, 1].
        recurrent_dropout: share of the recurrent state dropped in training, clamped to [0, 1].
        return_sequences: return the output of every step.
        return_state: return the final states as well.
        go_backwards: visit the steps from the last to the first.
        stateful: start each call from the final state of the one before.
        unroll: compile without a loop.
        **kwargs: ``time_major``, ``zero_output_for_mask``, ``implementation``, ``enable_caching_device``,
            ``input_length`` and those of `Layer`; in keras3 ``seed`` and ``use_cudnn``, and neither ``time_major``
            nor ``enable_caching_device``.

    Raises:
        ArgumentError: ``units`` not positive, an unknown activation, initialiser, regulariser or constraint.
        ArgumentTypeError: a value of a wrong type, or an unknown keyword (in Keras 3 an `ArgumentError`).
        UnsupportedError: an activation that the compiler does not have.
    """

    uses_mask: ClassVar[bool] = True
    gate_count: ClassVar[int]
    """How many gates lie side by side in the kernels."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The names of the states, each (batch, units); the first is the output of a step."""
    has_gates: ClassVar[bool] = True
    """Whether there is a ``recurrent_activation``."""

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        flavour = check_flavour(kwargs.get("flavour") or self.default_flavour)
        own = _take_own_keywords(kwargs, flavour)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer(units, "units")
        self.activation = resolve_activation(activation, flavour, "activation")
        if self.has_gates:
            self.recurrent_activation = resolve_activation(recurrent_activation, flavour, "recurrent_activation")
        self.use_bias = use_bias
        self.kernel_initializer = resolve_initializer(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = resolve_initializer(recurrent_initializer, "recurrent_initializer")
        self.bias_initializer = resolve_initializer(bias_initializer, "bias_initializer")
        self.kernel_regularizer = resolve_regularizer(kernel_regularizer, flavour, "kernel_regularizer")
        self.recurrent_regularizer = resolve_regularizer(recurrent_regularizer, flavour, "recurrent_regularizer")
        self.bias_regularizer = resolve_regularizer(bias_regularizer, flavour, "bias_regularizer")
        self.kernel_constraint = resolve_constraint(kernel_constraint, "kernel_constraint")
        self.recurrent_constraint = resolve_constraint(recurrent_constraint, "recurrent_constraint")
        self.bias_constraint = resolve_constraint(bias_constraint, "bias_constraint")
        self.dropout = clamped_rate(dropout, "dropout")
        self.recurrent_dropout = clamped_rate(recurrent_dropout, "recurrent_dropout")
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.time_major = own["time_major"]
        self.zero_output_for_mask = own["zero_output_for_mask"]
        # Keras computes recurrent dropout on the route with a product for each gate only.
        forced = self.recurrent_dropout != 0 and own["implementation"] != 1
        self.implementation = 1 if forced else own["implementation"]
        self.enable_caching_device = own["enable_caching_device"]
        self.seed = own["seed"]
        self.use_cudnn = own["use_cudnn"]
        self.input_spec = InputSpec(ndim=3)

    @property
    def output_size(self) -> int:
        """The length of the output of one step."""
        return self.units

    # weights

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        self.check_input_shape(input_shape)
        features = input_shape[2]
        if features is None:
            raise ArgumentTypeError(
                f"input_shape: the last axis of {input_shape} must be known to build layer {self.name!r}"
            )
        batch_axis = 1 if self.time_major else 0
        batch = input_shape[batch_axis]
        if self.stateful and batch is None:
            raise ArgumentError(
                f"input_shape: layer {self.name!r} is stateful and needs to know its batch size (axis {batch_axis}), "
                f"got {input_shape}"
            )
        fixed: list[int | None] = [None, None, features]
        if self.stateful:
            fixed[batch_axis] = batch
        self.input_spec = InputSpec(shape=tuple(fixed))
        columns, dtype = self.gate_count * self.units, self.variable_dtype
        specs = [
            WeightSpec(
                "kernel",
                (features, columns),
                dtype,
                self.kernel_initializer,
                self.kernel_regularizer,
                self.kernel_constraint,
            ),
            WeightSpec(
                "recurrent_kernel",
                (self.units, columns),
                dtype,
                self.recurrent_initializer,
                self.recurrent_regularizer,
                self.recurrent_constraint,
            ),
        ]
        if self.use_bias:
            initializer = self._initial_bias()
            specs.append(
                WeightSpec("bias", self._bias_shape(), dtype, initializer, self.bias_regularizer, self.bias_constraint)
            )
        return tuple(specs)

    def plain_weights(self) -> list[Array]:
        """The weights as the plain layer of its kind has them, in Keras's order."""
        return self.get_weights()

    def code_weights(self) -> dict[str, Array]:
        """The weights as compiled code reads them, see `Layer.code_weights`: those of the plain layer."""
        return {spec.name: value for spec, value in zip(self.weight_specs(), self.plain_weights(), strict=True)}

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def _initial_bias(self) -> InitializerFn | None:
        return self.bias_initializer

    # shapes and masks

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape; if ``return_state`` a list of the shapes of the output and of the states.

        Raises:
            ArgumentError: not three axes.
        """
        shape = as_shape(input_shape)
        InputSpec(ndim=3).check(shape, self.name)
        state: Shape = (shape[1 if self.time_major else 0], self.units)
        output: Shape = (shape[0], shape[1], self.units) if self.return_sequences else state
        return [output, *(state for _ in self.state_names)] if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The incoming mask, never reversed, if ``return_sequences``; if ``return_state`` [that, None, ...]."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0] if mask else None
        output = mask if self.return_sequences else None
        return [output, *(None for _ in self.state_names)] if self.return_state else output

    @property
    def mask_rule(self) -> MaskRule:
        """The incoming mask goes on with a sequence."""
        return "carry" if self.return_sequences else "drop"

    def masked_outputs(self) -> tuple[bool, ...]:
        """The sequence has a mask, the states have none."""
        return tuple(position == 0 for position, _ in enumerate(self.output_suffixes()))

    def output_suffixes(self) -> tuple[str, ...]:
        """With ``return_state`` the output and the states."""
        return ("", *self.state_names) if self.return_state else ("",)

    def recurrent_cells(self) -> tuple[tuple[str, "RecurrentLayer"], ...]:
        """The layer itself."""
        return (("", self),)

    # configs

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        flavour = self.flavour
        config = super().get_config() | {
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
        }
        if flavour != "keras3":
            config["time_major"] = self.time_major
        if flavour == "keras3" or self.zero_output_for_mask:
            config["zero_output_for_mask"] = self.zero_output_for_mask
        config |= {"units": self.units, "activation": serialize_activation(self.activation, flavour)}
        if self.has_gates:
            config["recurrent_activation"] = serialize_activation(self.recurrent_activation, flavour)
        config |= {
            "use_bias": self.use_bias,
            "kernel_initializer": serialize_initializer(self.kernel_initializer, flavour),
            "recurrent_initializer": serialize_initializer(self.recurrent_initializer, flavour),
            "bias_initializer": serialize_initializer(self.bias_initializer, flavour),
            **self._own_config(),
            "kernel_regularizer": serialize_regularizer(self.kernel_regularizer),
            "recurrent_regularizer": serialize_regularizer(self.recurrent_regularizer),
            "bias_regularizer": serialize_regularizer(self.bias_regularizer),
            "activity_regularizer": serialize_regularizer(self.activity_regularizer),
            "kernel_constraint": serialize_constraint(self.kernel_constraint),
            "recurrent_constraint": serialize_constraint(self.recurrent_constraint),
            "bias_constraint": serialize_constraint(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
        }
        if flavour == "keras3":
            return config | {"seed": self.seed}
        if self.has_gates:
            config["implementation"] = self.implementation
        if not self.enable_caching_device:  # Keras writes it only where it is not the default
            config["enable_caching_device"] = self.enable_caching_device
        return config

    def _own_config(self) -> dict[str, Any]:
        """What the class's own constructor takes beside the common arguments."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config, see `Layer.from_config`."""
        arguments = dict(config)
        if arguments.get("implementation") == 0:  # deprecated; Keras reads it as 1 here and only here
            arguments["implementation"] = 1
        return super().from_config(arguments, flavour=flavour)


def _take_own_keywords(kwargs: dict[str, Any], flavour: Flavour) -> dict[str, Any]:
    """Take the layer's own keywords out of ``kwargs``; what the flavour does not have stays, to be refused."""
    own: dict[str, Any] = {
        "implementation": _DEFAULT_IMPLEMENTATION[flavour],
        "zero_output_for_mask": False,
        "time_major": False,
        "enable_caching_device": True,
        "seed": None,
        "use_cudnn": "auto",
    }
    known = ["implementation", "zero_output_for_mask"]
    known += ["seed", "use_cudnn"] if flavour == "keras3" else ["time_major", "enable_caching_device"]
    own.update({key: kwargs.pop(key) for key in known if key in kwargs})
    if own["use_cudnn"] not in ("auto", True, False):
        raise ArgumentError(f"use_cudnn: got {own['use_cudnn']!r}, expected 'auto', True or False")
    # input_length goes with input_dim; beside input_shape it stays and is refused, as in Keras.
    if flavour != "keras3" and "input_shape" not in kwargs and {"input_dim", "input_length"} & set(kwargs):
        kwargs["input_shape"] = (kwargs.pop("input_length", None), kwargs.pop("input_dim", None))
    return own
