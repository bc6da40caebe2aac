"""The LSTM layer: Keras's whole constructor, weights and configs."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import ArgumentTypeError
from lstm_ir.layers.flavour import Flavour, check_flavour
from lstm_ir.layers.initializers import InitializerFn, Ones
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.weights import Array


class _FlavourDefault(str):
    """A default value that may be another in another flavour, told from the same value given by the caller."""


_RECURRENT_ACTIVATION = _FlavourDefault("hard_sigmoid")
_DEFAULT_RECURRENT_ACTIVATION: dict[Flavour, str] = {
    "compat.v1": "hard_sigmoid",
    "keras2": "sigmoid",
    "keras3": "sigmoid",
}


class LSTM(RecurrentLayer):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), as Keras defines it.

    Inputs are (batch, time, features), or (time, batch, features) if ``time_major``. With gates in the order input,
    forget, cell, output, one step is ``z = x K + h R + b``; ``i, f, o = recurrent_activation(zi, zf, zo)``;
    ``c' = f c + i activation(zc)``; ``h' = o activation(c')``.

    Args:
        units: length of the state, a positive integer.
        activation: of the candidate and of the carry; None is linear.
        recurrent_activation: of the three gates; None is linear. Default of the flavours keras2 and keras3: sigmoid.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel, (features, 4 units).
        recurrent_initializer: of the recurrent kernel, (units, 4 units).
        bias_initializer: of the bias, (4 units,).
        unit_forget_bias: the forget quarter of the initial bias is one.
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
        return_state: return the final h and c as well.
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

    keras_class_name: ClassVar[str] = "LSTM"
    auto_name_prefix: ClassVar[str] = "lstm"
    weight_scope: ClassVar[str] = "lstm_cell"
    gate_count: ClassVar[int] = 4
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = _RECURRENT_ACTIVATION,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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
        if isinstance(recurrent_activation, _FlavourDefault):
            flavour = check_flavour(kwargs.get("flavour") or self.default_flavour)
            recurrent_activation = _DEFAULT_RECURRENT_ACTIVATION[flavour]
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            **kwargs,
        )
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """The lengths of the two states, h and c."""
        return [self.units, self.units]

    def _own_config(self) -> dict[str, Any]:
        return {"unit_forget_bias": self.unit_forget_bias}

    def _initial_bias(self) -> InitializerFn | None:
        """The bias initialiser, with the forget quarter replaced by ones."""
        initializer, units = self.bias_initializer, self.units
        if not self.unit_forget_bias:
            return initializer
        if initializer is None:
            raise ArgumentTypeError("bias_initializer: got None, expected an initializer (unit_forget_bias is set)")

        def initial_bias(shape: tuple[int, ...], dtype: str) -> Array:
            parts = [initializer((units,), dtype), Ones()((units,), dtype), initializer((2 * units,), dtype)]
            return np.concatenate(parts)

        return initial_bias
