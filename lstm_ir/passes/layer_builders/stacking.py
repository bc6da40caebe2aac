"""Final states one above the other."""

from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import element_type
from lstm_ir.layers import StackStates
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Tensor


@builds(StackStates)
def build_stack_states(b: LayerScope, layer: StackStates, call: Operands) -> list[SSAValue]:
    """Build matrices (batch, units) as one tensor (count, batch, units)."""
    batch, units = b.sizes(call.x)
    stacked = b.empty(Tensor((len(call.inputs), batch, units), element_type(call.x.type)))
    for place, x in enumerate(call.inputs):
        stacked = b.insert_slice(x, stacked, [place, 0, 0], [1, batch, units])
    return [stacked]
