"""Numbers times and plus a tensor, and parts of one."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import element_type
from lstm_ir.layers import Affine, GetItem
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import ScalarBuilder, Size


@builds(Affine)
def build_affine(b: LayerScope, layer: Affine, call: Operands) -> list[SSAValue]:
    """Build factor x + offset."""
    element = element_type(call.x.type)

    def affine(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        result = args[0]
        if layer.factor != 1.0:
            result = s.do(arith.MulfOp(result, s.constant(layer.factor, element)))
        if layer.offset:
            result = s.do(arith.AddfOp(result, s.constant(layer.offset, element)))
        return [result]

    sizes = b.sizes(call.x)
    return b.elementwise([(call.x, tuple(range(len(sizes))))], sizes, [element], affine)


@builds(GetItem)
def build_get_item(b: LayerScope, layer: GetItem, call: Operands) -> list[SSAValue]:
    """Build the part as one slice."""
    batch, *lengths = b.sizes(call.x)
    offsets: list[Size] = [0]
    sizes: list[Size] = [batch]
    dropped = []
    for axis, length in enumerate(lengths, start=1):
        place = layer.place_of(axis)
        first: Size = 0
        size = length
        if isinstance(place, list):
            first, size = layer.range_of(axis, length if isinstance(length, int) else None)
        elif place is not None:
            first, size = place if place >= 0 else b.difference(length, -place), 1
            dropped.append(axis)
        offsets.append(first)
        sizes.append(size)
    return [b.slice(call.x, offsets, sizes, drop=tuple(dropped))]
