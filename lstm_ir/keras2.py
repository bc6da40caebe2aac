"""The layers of Keras 2 (``tf.keras.layers`` until TensorFlow 2.15, tf_keras since) with their own defaults.

The LSTM differs from ``tf.compat.v1``'s, which is `lstm_ir.LSTM`, in its defaults, ``recurrent_activation="sigmoid"``
and ``implementation=2``, and in ``time_major`` standing before ``unroll``.
"""

from typing import Any, ClassVar

from lstm_ir import layers, live
from lstm_ir.layers.flavour import Flavour

__all__ = ["LSTM", "Bidirectional"]


class LSTM(live.LSTM):
    """``tf.keras.layers.LSTM`` of Keras 2, compiled on its first call. See `lstm_ir.layers.LSTM`."""

    default_flavour: ClassVar[Flavour] = "keras2"
    accepted_flavours: ClassVar[tuple[Flavour, ...]] = ("keras2",)

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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        time_major: bool = False,
        unroll: bool = False,
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
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            time_major=time_major,
            unroll=unroll,
            **kwargs,
        )


class Bidirectional(live.Bidirectional):
    """``tf.keras.layers.Bidirectional`` of Keras 2, of its LSTM or v1's. See `lstm_ir.layers.Bidirectional`."""

    default_flavour: ClassVar[Flavour] = "keras2"
    accepted_flavours: ClassVar[tuple[Flavour, ...]] = ("keras2", "compat.v1")
    layer_class: ClassVar[type[layers.LSTM]] = LSTM
