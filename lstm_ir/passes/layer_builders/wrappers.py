"""TimeDistributed, and layers that are the identity outside training."""

from dataclasses import replace

from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import shape_of
from lstm_ir.layers import InferenceIdentity, TimeDistributed
from lstm_ir.passes.layer_scope import LayerScope, Operands, build_call, builds
from lstm_ir.passes.structured import Tensor


@builds(InferenceIdentity)
def build_identity(b: LayerScope, layer: InferenceIdentity, call: Operands) -> list[SSAValue]:
    """Build nothing."""
    return [call.x]


@builds(TimeDistributed)
def build_time_distributed(b: LayerScope, layer: TimeDistributed, call: Operands) -> list[SSAValue]:
    """Build the layer inside on all steps of all samples at once."""
    batch, steps, *_ = b.sizes(call.x)
    rank = len(shape_of(call.x.type))
    samples = b.collapse(call.x, [[0, 1], *([axis] for axis in range(2, rank))])
    zeros = [
        b.full(Tensor((b.size(samples, 0), cell.units), b.element), 0.0)
        for _, cell in layer.layer.recurrent_cells()
        for _ in cell.state_names
    ]
    inner = LayerScope(b.block, replace(b.call, layer=layer.layer), b.context)
    output = build_call(inner, Operands([samples], [None], zeros)).outputs[0]
    _, *rest = b.sizes(output)
    groups = [[0, 1], *([axis + 1] for axis in range(1, len(rest) + 1))]
    return [b.expand(output, groups, [batch, steps, *rest])]
