"""The SimpleRNN layer."""

from typing import Any, ClassVar

from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.recurrent_layer import RecurrentLayer


class SimpleRNN(RecurrentLayer):
    """Elman's recurrence (1990), as Keras defines it: ``h = activation(x K + h R + b)``.

    Args:
        units: length of the state.
        activation: of the sum.
        use_bias: whether there is a bias.
        **kwargs: the others of `RecurrentLayer`.
    """

    keras_class_name: ClassVar[str] = "SimpleRNN"
    auto_name_prefix: ClassVar[str] = "simple_rnn"
    default_flavour: ClassVar[Flavour] = "keras2"
    weight_scope: ClassVar[str] = "simple_rnn_cell"
    gate_count: ClassVar[int] = 1
    has_gates: ClassVar[bool] = False

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias=use_bias, **kwargs)
