"""Pass lstm-lower-dropout: dropout masks are drawn, and applied to whole sequences."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import Float32Type, ModuleOp, i32
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)

from lstm_ir.dialect.dropout_ops import DropOp, DropoutMaskOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.structured import ScalarBuilder, Size, TensorBuilder
from lstm_ir.passes.threefry import threefry2x32

UNIFORM_BITS = 24
"""Bits of a uniform number: what a float32 holds exactly."""


class LowerDropoutMask(RewritePattern):
    """One mask, element by element."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DropoutMaskOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        sizes = self._sizes(b, op)
        widths = [b.index(size) for size in sizes]
        seed = [b.index(0), b.index(1)]
        element = element_type(op.result.type)
        rate = op.rate.value.data

        def draw(s: ScalarBuilder, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            place = s.do(IndexOp(0))
            for axis in range(1, len(sizes)):
                place = s.do(arith.AddiOp(s.do(arith.MuliOp(place, widths[axis])), s.do(IndexOp(axis))))
            key = [s.do(tensor.ExtractOp(op.seed, [word], i32)) for word in seed]
            counter = [s.do(arith.IndexCastOp(place, i32)), s.integer(op.stream.value.data, i32)]
            bits = threefry2x32(s, key, counter)[0]
            high = s.do(arith.ShRUIOp(bits, s.integer(32 - UNIFORM_BITS, i32)))
            uniform = s.do(arith.UIToFPOp(high, Float32Type()))
            bound = s.constant(rate * 2.0**UNIFORM_BITS, Float32Type())
            keep = s.do(arith.CmpfOp(uniform, bound, "oge"))
            return [s.do(arith.SelectOp(keep, s.constant(1.0 / (1.0 - rate), element), s.constant(0.0, element)))]

        rewriter.replace(op, [], b.elementwise([], sizes, [element], draw))

    @staticmethod
    def _sizes(b: TensorBuilder, op: DropoutMaskOp) -> list[Size]:
        if op.kind.data == "per_step":
            return list(b.sizes(op.like))
        rows = [b.size(op.like, op.batch_axis.value.data), shape_of(op.like.type)[-1]]
        return [op.gates.value.data, *rows] if op.kind.data == "per_gate" else rows


class LowerDrop(RewritePattern):
    """A mask applied to a sequence."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DropOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        whole = (0, 1, 2)
        axes = whole if len(shape_of(op.mask.type)) == len(whole) else (op.batch_axis.value.data, 2)
        result = b.elementwise(
            [(op.input, whole), (op.mask, axes)],
            b.sizes(op.input),
            [element_type(op.input.type)],
            lambda s, args: [s.do(arith.MulfOp(args[0], args[1]))],
        )
        rewriter.replace(op, [], result)


@dataclass(frozen=True)
class LowerDropoutPass(ModulePass):
    """Lower the drawing of dropout masks, and their application to sequences.

    Before: ``%m = lstm.dropout_mask "shared" %seed like %x {rate = 0.3 : f64, ...}``, ``%y = lstm.drop %x by %m``
    After: ``linalg.generic`` ops; an element's bits come from Threefry of the seed, the mask's stream and its place

    Masks that each gate applies by itself are applied where the projection and the scan are lowered.
    """

    name = "lstm-lower-dropout"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        patterns = [LowerDropoutMask(), LowerDrop()]
        rewrite_program(op, GreedyRewritePatternApplier(patterns), apply_recursively=False)
