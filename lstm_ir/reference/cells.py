"""What one step of each recurrent layer computes, in float64."""

from collections.abc import Callable, Sequence

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.gru import GRU
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.simple_rnn import SimpleRNN
from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.rounding import Float64

Cell = Callable[[Float64, Sequence[Float64]], list[Float64]]
"""From a step's input (batch, features) and the states before to the states after, h first."""


def cell_of(layer: RecurrentLayer, weights: Sequence[Float64]) -> Cell:
    """The cell of a layer with these weights.

    Raises:
        UnsupportedError: a layer that has none here.
    """
    kernel, recurrent_kernel = weights[:2]
    bias = weights[2] if layer.use_bias else np.zeros(1)
    dtype, units = layer.compute_dtype, layer.units
    resets_after = isinstance(layer, GRU) and layer.reset_after

    def gate(z: Float64) -> Float64:
        return apply_activation(layer.recurrent_activation, z, dtype)

    def squash(z: Float64) -> Float64:
        return apply_activation(layer.activation, z, dtype)

    def split(z: Float64) -> list[Float64]:
        return [z[:, k * units : (k + 1) * units] for k in range(layer.gate_count)]

    def lstm(x: Float64, states: Sequence[Float64]) -> list[Float64]:
        h, c = states
        zi, zf, zc, zo = split(x @ kernel + h @ recurrent_kernel + bias)
        new_c = gate(zf) * c + gate(zi) * squash(zc)
        return [gate(zo) * squash(new_c), new_c]

    def gru(x: Float64, states: Sequence[Float64]) -> list[Float64]:
        (h,) = states
        of_input, of_state = bias if layer.use_bias and resets_after else (bias, 0.0)
        xz, xr, xn = split(x @ kernel + of_input)
        hz, hr, hn = split(h @ recurrent_kernel + of_state)
        z, r = gate(xz + hz), gate(xr + hr)
        recurrent = r * hn if resets_after else (r * h) @ recurrent_kernel[:, 2 * units :]
        return [z * h + (1.0 - z) * squash(xn + recurrent)]

    def simple(x: Float64, states: Sequence[Float64]) -> list[Float64]:
        return [squash(x @ kernel + states[0] @ recurrent_kernel + bias)]

    match layer:
        case LSTM():
            return lstm
        case GRU():
            return gru
        case SimpleRNN():
            return simple
        case _:
            raise UnsupportedError(f"layer {layer.name!r}: the reference has no {layer.keras_class_name}")
