"""Pass lstm-hoist-projection: the product with the input leaves the time loop."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.recurrence_ops import ProjectOp
from lstm_ir.dialect.scan_op import ScanOp


@dataclass(frozen=True)
class HoistProjection(RewritePattern):
    """x K + b of all steps at once."""

    kernels_project: bool

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        """Rewrite one scan."""
        if op.is_hoisted or not op.is_fused or (self.kernels_project and op.runs_kernel):
            return
        layout = describe(op.input_map)
        batch_axis = 1 if layout is not None and layout[0] else 0
        bias = op.biases[0] if op.biases else None
        projection = ProjectOp(op.input, op.kernels[0], bias, op.input_dropout, batch_axis)
        rewriter.insert(projection)
        rewriter.replace(
            op,
            op.rebuilt(
                rewriter.move_region_contents_to_new_regions(op.cell),
                input=projection.result,
                kernels=[],
                recurrent_kernels=op.recurrent_kernels,
                biases=[],
                input_dropout=None,
            ),
        )


@dataclass(frozen=True)
class HoistProjectionPass(ModulePass):
    """Compute the input's part of the gates for all steps in one product, before the scan.

    Before: ``lstm.scan input(%x) kernels(%K) ... biases(%b)``
    After: ``%p = lstm.project %x kernel(%K) bias(%b)``, ``lstm.scan input(%p) ...``

    The projection keeps the layout of the input; the scan's index map still finds each step. Scans whose gates are not
    fused are left alone, and those that a kernel runs, which projects itself.

    Options: ``kernels``: whether kernels do; those of GPUs leave the projection to IREE.
    """

    name = "lstm-hoist-projection"

    kernels: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        PatternRewriteWalker(HoistProjection(self.kernels), apply_recursively=False).rewrite_module(op)
