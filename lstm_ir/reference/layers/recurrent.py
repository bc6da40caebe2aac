"""Recurrent layers, Bidirectional, RNN and TimeDistributed as layers of a model."""

import numpy as np

from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.time_distributed import TimeDistributed
from lstm_ir.reference.recurrent import run_bidirectional, run_recurrent
from lstm_ir.reference.registry import ReferenceCall, reference, run_layer
from lstm_ir.reference.rounding import Float64


@reference(RecurrentLayer, RNN)
def run_recurrent_layer(layer: RecurrentLayer | RNN, call: ReferenceCall) -> list[Float64]:
    """The output, and with ``return_state`` the states."""
    result = run_recurrent(layer, call.x, call.mask, call.initial_state)
    call.states += result.states
    return [result.output, *result.states] if layer.return_state else [result.output]


@reference(Bidirectional)
def run_bidirectional_layer(layer: Bidirectional, call: ReferenceCall) -> list[Float64]:
    """The merged output or both, and with ``return_state`` the states."""
    both = run_bidirectional(layer, call.x, call.mask, call.initial_state)
    states = [*both.forward.states, *both.backward.states]
    call.states += states
    return [*both.outputs, *states] if layer.return_state else list(both.outputs)


@reference(TimeDistributed)
def run_time_distributed(layer: TimeDistributed, call: ReferenceCall) -> list[Float64]:
    """The layer inside on every step of every sample."""
    batch, steps = call.x.shape[:2]
    samples = call.x.reshape(batch * steps, *call.x.shape[2:])
    inner = layer.layer
    zeros = [np.zeros((len(samples), cell.units)) for _, cell in inner.recurrent_cells() for _ in cell.state_names]
    (output,), _ = run_layer(inner, ReferenceCall([samples], [None], zeros))
    return [output.reshape(batch, steps, *output.shape[1:])]
