"""The layers of Keras 3 (``keras.layers``) with their own defaults and rules.

Where they differ from Keras 2: ``hard_sigmoid`` is relu6(x + 3) / 6; ``seed`` and ``use_cudnn`` exist, ``time_major``
does not; outputs and states come as a tuple; a stateful layer honours ``initial_state`` always; ``reset_states`` takes
no states.
"""

from typing import Any, ClassVar

from lstm_ir import layers, live
from lstm_ir.layers.flavour import Flavour

__all__ = ["LSTM", "Bidirectional"]


class LSTM(live.LSTM):
    """``keras.layers.LSTM`` of Keras 3, compiled on its first call. See `lstm_ir.layers.LSTM`."""

    default_flavour: ClassVar[Flavour] = "keras3"
    accepted_flavours: ClassVar[tuple[Flavour, ...]] = ("keras3",)

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            use_cudnn=use_cudnn,
            **kwargs,
        )

    def reset_state(self) -> None:
        """Set the recorded states to zero; the same as ``reset_states()``."""
        self.reset_states()


class Bidirectional(live.Bidirectional):
    """``keras.layers.Bidirectional`` of Keras 3, of its LSTM. See `lstm_ir.layers.Bidirectional`."""

    default_flavour: ClassVar[Flavour] = "keras3"
    accepted_flavours: ClassVar[tuple[Flavour, ...]] = ("keras3",)
    layer_class: ClassVar[type[layers.LSTM]] = LSTM

    def reset_state(self) -> None:
        """Set the recorded states to zero; the same as ``reset_states()``.

        Raises:
            AttributeError: The layer is not stateful.
        """
        self.reset_states()
