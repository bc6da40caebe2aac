"""Pass lstm-lower-layers: everything that stands beside the scans becomes linalg and tensor code."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IndexType, ModuleOp, TensorType
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    RewritePattern,
    op_type_rewrite_pattern,
)

from lstm_ir.dialect.layer_ops import ActivateOp, DenseOp, DropoutOp, MaskingOp, MergeOp, ReverseOp
from lstm_ir.dialect.recurrence_ops import ProjectOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.passes.activation_math import expand_activation
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.row_wise import build_row_wise
from lstm_ir.passes.structured import ScalarBuilder, Tensor, TensorBuilder


def affine_product(b: TensorBuilder, op: ProjectOp | DenseOp) -> SSAValue:
    """Build x K + b over the last axis of x [..., I]; with dropout, x multiplied by the mask of each gate."""
    x, bias = op.input, op.bias
    leading = b.sizes(x)[:-1]
    if isinstance(op, ProjectOp) and op.dropout is not None:
        product = b.gated_matmul(_dropped(b, op), op.kernel)
    else:
        product = b.matmul(b.merge_leading(x), op.kernel)
    wanted = element_type(op.result.type)
    if bias is not None or element_type(product.type) != wanted:
        inputs = [(product, (0, 1))] if bias is None else [(product, (0, 1)), (bias, (1,))]

        def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            sum_ = args[0]
            if len(args) == 2:
                sum_ = s.do(arith.AddfOp(sum_, s.cast(args[1], sum_.type)))
            return [s.cast(sum_, wanted)]

        product = b.elementwise(inputs, b.sizes(product), [wanted], add)[0]
    return b.split_leading(product, leading)


def _dropped(b: TensorBuilder, op: ProjectOp) -> SSAValue:
    """Build x [B, T, I] times the mask of each gate [G, B, I]: [G, B T, I]."""
    assert op.dropout is not None
    assert op.batch_axis is not None
    gates, *_ = shape_of(op.dropout.type)
    batch_loop = 1 + op.batch_axis.value.data
    dropped = b.elementwise(
        [(op.input, (1, 2, 3)), (op.dropout, (0, batch_loop, 3))],
        (gates, *b.sizes(op.input)),
        [element_type(op.input.type)],
        lambda s, args: [s.do(arith.MulfOp(args[0], args[1]))],
    )[0]
    return b.collapse(dropped, [[0], [1, 2], [3]])


class LowerProject(RewritePattern):
    """The projection of a scan."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ProjectOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        rewriter.replace(op, [], [affine_product(b, op)])


class LowerDense(RewritePattern):
    """A dense layer."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DenseOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        rewriter.replace(op, [], [affine_product(b, op)])


class LowerActivate(RewritePattern):
    """An activation of a tensor."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ActivateOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        if not isinstance(op.input.type, TensorType):
            return
        b = TensorBuilder.before(op)
        if op.function.is_row_wise:
            result = build_row_wise(b, op.function.kind.data, op.input)
        else:
            axes = tuple(range(len(shape_of(op.input.type))))
            result = b.elementwise(
                [(op.input, axes)],
                b.sizes(op.input),
                [element_type(op.input.type)],
                lambda s, args: [expand_activation(s, op.function, args[0])],
            )[0]
        rewriter.replace(op, [], [result])


class LowerMasking(RewritePattern):
    """The mask of an input, and the input with masked steps zeroed."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MaskingOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        sizes = b.sizes(op.input)
        element, mask_element = element_type(op.input.type), element_type(op.mask.type)
        value = op.mask_value.value.data

        def any_differs(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            # "une": NaN differs from every value, as in Keras.
            differs = s.do(arith.CmpfOp(args[0], s.constant(value, element), "une"))
            return [s.do(arith.OrIOp(args[1], s.do(arith.ExtUIOp(differs, mask_element))))]  # type: ignore[arg-type]  # i8

        def product(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.MulfOp(args[0], s.do(arith.UIToFPOp(args[1], element))))]  # type: ignore[arg-type]  # a float type

        start = b.full(Tensor(sizes[:-1], mask_element), 0)
        mask = b.generic([(op.input, (0, 1, 2))], [(start, (0, 1))], "ppr", any_differs)[0]
        output = b.elementwise([(op.input, (0, 1, 2)), (mask, (0, 1))], sizes, [element], product)[0]
        rewriter.replace(op, [], [output, mask])


class LowerMerge(RewritePattern):
    """The merge of two directions."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MergeOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        first, second = op.inputs
        sizes = b.sizes(first)
        element = element_type(first.type)
        mode = op.mode.data
        if mode == "concat" and first.type == second.type:
            result = _side_by_side(b, first, second)
        elif mode == "concat":
            width, other = shape_of(first.type)[-1], shape_of(second.type)[-1]
            zeros = [0] * (len(sizes) - 1)
            whole = b.empty(Tensor((*sizes[:-1], width + other), element))
            half = b.insert_slice(first, whole, [*zeros, 0], sizes)
            result = b.insert_slice(second, half, [*zeros, width], [*sizes[:-1], other])
        else:

            def merge(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
                if mode == "mul":
                    return [s.do(arith.MulfOp(args[0], args[1]))]
                total = s.do(arith.AddfOp(args[0], args[1]))
                return [total if mode == "sum" else s.do(arith.DivfOp(total, s.constant(2.0, element)))]

            axes = tuple(range(len(sizes)))
            result = b.elementwise([(first, axes), (second, axes)], sizes, [element], merge)[0]
        rewriter.replace(op, [], [result])


def _side_by_side(b: TensorBuilder, first: SSAValue, second: SSAValue) -> SSAValue:
    """Build the concatenation of two tensors of one type on their last axis.

    One op that reads both: IREE runs what makes them at the same time. Two insertions, one behind the other, it would
    start as soon as the first tensor is there, and the second tensor's scan only then.
    """
    *leading, width = b.sizes(first)
    axis = len(leading)
    places = (*range(axis), axis + 1)

    def pick(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        is_first = s.do(
            arith.CmpiOp(s.do(IndexOp(axis)), s.do(arith.ConstantOp.from_int_and_width(0, IndexType())), "eq")
        )
        return [s.do(arith.SelectOp(is_first, args[0], args[1]))]

    sizes = (*leading, 2, width)
    both = b.elementwise([(first, places), (second, places)], sizes, [element_type(first.type)], pick)[0]
    return b.collapse(both, [*([n] for n in range(axis)), [axis, axis + 1]])


class LowerReverse(RewritePattern):
    """A reversal that no scan could take over."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReverseOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        b = TensorBuilder.before(op)
        sizes = b.sizes(op.input)
        axis = op.axis.value.data
        last = b.index(b.difference(sizes[axis], 1))

        def read(s: ScalarBuilder, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            places = [s.do(IndexOp(number)) for number in range(len(sizes))]
            places[axis] = s.do(arith.SubiOp(last, places[axis]))
            return [s.do(tensor.ExtractOp(op.input, places, element_type(op.input.type)))]

        result = b.elementwise([], sizes, [element_type(op.input.type)], read)[0]
        rewriter.replace(op, [], [result])


class EraseDropout(RewritePattern):
    """Dropout does nothing at inference."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DropoutOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        rewriter.replace(op, [], [op.input])


@dataclass(frozen=True)
class LowerLayersPass(ModulePass):
    """Lower projections, dense layers, masking, merging, reversal, dropout and activations of tensors.

    Before: ``%y = lstm.dense %x kernel(%K) bias(%b)``
    After: ``tensor.collapse_shape``, ``linalg.fill``, ``linalg.generic`` (product), ``linalg.generic`` (bias)

    Scans and weights are left to their own passes.
    """

    name = "lstm-lower-layers"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        patterns = [
            LowerProject(),
            LowerDense(),
            LowerActivate(),
            LowerMasking(),
            LowerMerge(),
            LowerReverse(),
            EraseDropout(),
        ]
        rewrite_program(op, GreedyRewritePatternApplier(patterns), apply_recursively=False)
