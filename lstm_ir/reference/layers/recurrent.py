"""LSTM and Bidirectional as layers of a model."""

from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.lstm import LSTM
from lstm_ir.reference.lstm import run_bidirectional, run_lstm
from lstm_ir.reference.registry import ReferenceCall, reference
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
