"""LSTM, Bidirectional, RNN and TimeDistributed as layers of a model."""

import numpy as np

from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.time_distributed import TimeDistributed
from lstm_ir.reference.lstm import run_bidirectional, run_lstm
from lstm_ir.reference.registry import ReferenceCall, reference, run_layer
from lstm_ir.reference.rounding import Float64


@reference(LSTM)
def run_lstm_layer(layer: LSTM, call: ReferenceCall) -> list[Float64]:
    """The output, and with ``return_state`` h and c."""
    result = run_lstm(layer, call.x, call.mask, call.initial_state)
    call.states += [result.h, result.c]
    return [result.output, result.h, result.c] if layer.return_state else [result.output]


@reference(Bidirectional)
def run_bidirectional_layer(layer: Bidirectional, call: ReferenceCall) -> list[Float64]:
    """The merged output or both, and with ``return_state`` the four states."""
    both = run_bidirectional(layer, call.x, call.mask, call.initial_state)
    states = [both.forward.h, both.forward.c, both.backward.h, both.backward.c]
    call.states += states
    return [*both.outputs, *states] if layer.return_state else list(both.outputs)


@reference(RNN)
def run_rnn_layer(layer: RNN, call: ReferenceCall) -> list[Float64]:
    """The cells one behind the other, all with the mask of the input."""
    x = call.x
    for position, cell in enumerate(layer.cells):
        start = call.initial_state[2 * position : 2 * position + 2] or None
        result = run_lstm(cell, x, call.mask, start)
        x = result.output
        call.states += [result.h, result.c]
    return [x, *call.states] if layer.return_state else [x]


@reference(TimeDistributed)
def run_time_distributed(layer: TimeDistributed, call: ReferenceCall) -> list[Float64]:
    """The layer inside on every step of every sample."""
    batch, steps = call.x.shape[:2]
    samples = call.x.reshape(batch * steps, *call.x.shape[2:])
    inner = layer.layer
    zeros = [
        np.zeros((len(samples), cell.units))
        for _, cell in inner.recurrent_cells()
        if isinstance(cell, LSTM)
        for _ in ("h", "c")
    ]
    (output,), _ = run_layer(inner, ReferenceCall([samples], [None], zeros))
    return [output.reshape(batch, steps, *output.shape[1:])]
