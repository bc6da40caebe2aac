"""Steps as samples and back, around a model inside TimeDistributed, and the states that its layers start from."""

from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import shape_of
from lstm_ir.layers import FoldSteps, UnfoldSteps, ZeroStates
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Tensor


@builds(FoldSteps)
def build_fold(b: LayerScope, layer: FoldSteps, call: Operands) -> list[SSAValue]:
    """Build (batch x time, ...) of (batch, time, ...)."""
    layer.check_mask(call.mask)
    rank = len(shape_of(call.x.type))
    return [b.collapse(call.x, [[0, 1], *([axis] for axis in range(2, rank))])]


@builds(UnfoldSteps)
def build_unfold(b: LayerScope, layer: UnfoldSteps, call: Operands) -> list[SSAValue]:
    """Build (batch, time, ...) of the samples."""
    layer.check_mask(call.masks[1])
    steps, samples = call.inputs
    batch, time, *_ = b.sizes(steps)
    _, *rest = b.sizes(samples)
    groups = [[0, 1], *([axis + 1] for axis in range(1, len(rest) + 1))]
    return [b.expand(samples, groups, [batch, time, *rest])]


@builds(ZeroStates)
def build_zero_states(b: LayerScope, layer: ZeroStates, call: Operands) -> list[SSAValue]:
    """Build zeros (batch, length)."""
    batch = b.size(call.x, 0)
    return [b.full(Tensor((batch, length), b.element), 0.0) for length in layer.lengths]
