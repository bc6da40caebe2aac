"""Pooling of whole sequences."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import as_float, element_type
from lstm_ir.layers import GlobalAveragePooling1D, GlobalMaxPooling1D
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Places, ScalarBuilder, Tensor


@builds(GlobalMaxPooling1D)
def build_global_max(b: LayerScope, layer: GlobalMaxPooling1D, call: Operands) -> list[SSAValue]:
    """Build the largest of all steps."""
    batch, _, features = b.sizes(call.x)

    def largest(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.MaximumfOp(args[1], args[0]))]

    start = b.full(Tensor((batch, features), b.element), float("-inf"))
    result = b.generic([(call.x, (0, 1, 2))], [(start, (0, 2))], "prp", largest)[0]
    return [_kept(b, result, layer.keepdims)]


@builds(GlobalAveragePooling1D)
def build_global_average(b: LayerScope, layer: GlobalAveragePooling1D, call: Operands) -> list[SSAValue]:
    """Build the mean of the steps that the mask leaves.

    Keras 2 multiplies by the mask, so that not a number stays so in a masked step; Keras 3 picks.
    """
    x, mask = call.x, call.mask
    batch, steps, features = b.sizes(x)
    element = as_float(element_type(x.type))
    is_picked = layer.flavour == "keras3"

    def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        if mask is None:
            return [s.do(arith.AddfOp(args[1], args[0]))]
        value, there, total, count = args
        one = s.do(arith.UIToFPOp(there, element))
        if is_picked:
            kept = s.do(arith.SelectOp(s.do(arith.TruncIOp(there, i1)), value, s.constant(0.0, element)))
        else:
            kept = s.do(arith.MulfOp(value, one))
        return [s.do(arith.AddfOp(total, kept)), s.do(arith.AddfOp(count, one))]

    def divide(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.DivfOp(args[0], args[1] if mask is not None else number))]

    number = b.as_number(steps, element)
    inputs: list[tuple[SSAValue, Places]] = [(x, (0, 1, 2))]
    inputs += [] if mask is None else [(mask, (0, 1))]
    # The steps are counted for each feature, along with the sum: one op. Two reductions that share the mask IREE would
    # fuse, and then fail to find memory for what is between them.
    starts = [(b.full(Tensor((batch, features), element), 0.0), (0, 2)) for _ in inputs]
    sums = b.generic(inputs, starts, "prp", add)
    mean = b.elementwise([(each, (0, 1)) for each in sums], (batch, features), [element], divide)[0]
    return [_kept(b, mean, layer.keepdims)]


def _kept(b: LayerScope, rows: SSAValue, keepdims: bool) -> SSAValue:
    if not keepdims:
        return rows
    batch, features = b.sizes(rows)
    return b.expand(rows, [[0], [1, 2]], [batch, 1, features])
