"""TimeDistributed, RNN over LSTM cells, and layers that are the identity outside training."""

from dataclasses import replace

from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import shape_of
from lstm_ir.layers import LSTM, RNN, InferenceIdentity, TimeDistributed
from lstm_ir.passes.layer_builders.recurrent import build_cell
from lstm_ir.passes.layer_scope import LayerScope, Operands, build_call, builds
from lstm_ir.passes.structured import Tensor


@builds(InferenceIdentity)
def build_identity(b: LayerScope, layer: InferenceIdentity, call: Operands) -> list[SSAValue]:
    """Build nothing."""
    return [call.x]


@builds(RNN)
def build_rnn(b: LayerScope, layer: RNN, call: Operands) -> list[SSAValue]:
    """Build the cells one behind the other, all with the mask of the input."""
    x, states = call.x, []
    for position, (suffix, cell) in enumerate(layer.recurrent_cells()):
        assert isinstance(cell, LSTM)
        x, h, c = build_cell(b, cell, suffix, x, call.mask, call.initial_state[2 * position : 2 * position + 2])
        states += [h, c]
    return [x, *states] if layer.return_state else [x]


@builds(TimeDistributed)
def build_time_distributed(b: LayerScope, layer: TimeDistributed, call: Operands) -> list[SSAValue]:
    """Build the layer inside on all steps of all samples at once."""
    batch, steps, *_ = b.sizes(call.x)
    rank = len(shape_of(call.x.type))
    samples = b.collapse(call.x, [[0, 1], *([axis] for axis in range(2, rank))])
    zeros = [
        b.full(Tensor((b.size(samples, 0), cell.units), b.element), 0.0)
        for _, cell in layer.layer.recurrent_cells()
        if isinstance(cell, LSTM)
        for _ in ("h", "c")
    ]
    inner = LayerScope(b.block, replace(b.call, layer=layer.layer), b.context)
    output = build_call(inner, Operands([samples], [None], zeros)).outputs[0]
    _, *rest = b.sizes(output)
    groups = [[0, 1], *([axis + 1] for axis in range(1, len(rest) + 1))]
    return [b.expand(output, groups, [batch, steps, *rest])]
