"""softmax and log_softmax over the last axis of a tensor, as structured ops."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import element_type
from lstm_ir.passes.structured import ScalarBuilder, Tensor, TensorBuilder


def build_row_wise(b: TensorBuilder, kind: str, x: SSAValue) -> SSAValue:
    """Build softmax(x) = e^(x - m) / s or log_softmax(x) = x - m - log s, with m = max x, s = sum e^(x - m) of a row.

    Args:
        b: Where to build.
        kind: ``softmax`` or ``log_softmax``.
        x: A tensor [..., U] of floats.
    """
    element = element_type(x.type)
    sizes = b.sizes(x)
    whole = tuple(range(len(sizes)))
    row = whole[:-1]
    loops = "p" * len(row) + "r"
    rows = Tensor(sizes[:-1], element)

    def largest(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.MaximumfOp(args[1], args[0]))]

    def total(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.AddfOp(args[1], args[0]))]

    def shifted(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.SubfOp(args[0], args[1]))]

    def exp(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(math_dialect.ExpOp(args[0]))]

    def ratio(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.DivfOp(args[0], args[1]))]

    def minus_log(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.SubfOp(args[0], s.do(math_dialect.LogOp(args[1]))))]

    maximum = b.generic([(x, whole)], [(b.full(rows, float("-inf")), row)], loops, largest)[0]
    below = b.elementwise([(x, whole), (maximum, row)], sizes, [element], shifted)[0]
    powers = b.elementwise([(below, whole)], sizes, [element], exp)[0]
    sums = b.generic([(powers, whole)], [(b.full(rows, 0.0), row)], loops, total)[0]
    if kind == "softmax":
        return b.elementwise([(powers, whole), (sums, row)], sizes, [element], ratio)[0]
    return b.elementwise([(below, whole), (sums, row)], sizes, [element], minus_log)[0]
