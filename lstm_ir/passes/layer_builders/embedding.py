"""Embedding: rows of a table."""

from collections.abc import Sequence

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IndexType, IntegerType, i8, i32
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import element_type
from lstm_ir.layers import Embedding
from lstm_ir.passes.layer_scope import Built, LayerScope, Operands, builds
from lstm_ir.passes.structured import ScalarBuilder


@builds(Embedding)
def build_embedding(b: LayerScope, layer: Embedding, call: Operands) -> Built:
    """Build the rows, and with ``mask_zero`` the mask of the numbers that are not 0."""
    table, sizes = b.weight("embeddings"), b.sizes(call.x)
    axes = tuple(range(len(sizes)))

    def row(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        # The runtime refuses numbers that are out of range; numbers from elsewhere must not read beside the table.
        low = s.do(arith.MaxSIOp(_whole(s, args[0]), s.integer(0, i32)))
        inside = s.do(arith.MinSIOp(low, s.integer(layer.input_dim - 1, i32)))
        place = s.do(arith.IndexCastOp(inside, IndexType()))
        return [s.do(tensor.ExtractOp(table, [place, s.do(IndexOp(len(sizes)))], b.element))]

    rows = b.elementwise([(call.x, axes)], (*sizes, layer.output_dim), [b.element], row)[0]
    if not layer.mask_zero:
        return Built([rows], [None])

    def is_there(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        differs = s.do(arith.CmpiOp(_whole(s, args[0]), s.integer(0, i32), "ne"))
        return [s.do(arith.ExtUIOp(differs, i8))]

    mask = b.elementwise([(call.x, axes)], sizes, [i8], is_there)[0]
    return Built([rows], [mask])


def _whole(s: ScalarBuilder, value: SSAValue) -> SSAValue:
    return value if isinstance(element_type(value.type), IntegerType) else s.do(arith.FPToSIOp(value, i32))
