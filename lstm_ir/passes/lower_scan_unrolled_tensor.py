"""Pass lstm-lower-scan-unrolled-tensor: form ``unrolled``, the steps one after the other in one command buffer."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.iree_ops import OptimizationBarrierOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.scan_step import StepByStep
from lstm_ir.passes.structured import TensorBuilder


class LowerScanUnrolledTensor(RewritePattern):
    """One scan of form ``unrolled``."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        """Rewrite one scan."""
        if op.form is None or op.form.data != "unrolled" or op.runs_kernel:
            return
        b = TensorBuilder.before(op)
        steps = StepByStep(b, op)
        if not isinstance(steps.time, int):
            raise PassFailedException(
                f"lstm-lower-scan-unrolled-tensor: scan {op.layer.data!r} has a dynamic number of steps; "
                "form 'unrolled' needs a static one (compile with time=)"
            )
        carry = steps.start(b)
        # Step numbers that IREE cannot see keep the code of all steps the same, so that it is compiled once; one
        # barrier in front of all steps leaves them in one command buffer.
        first = b.do(OptimizationBarrierOp(b.index(0)))
        for number in [b.do(arith.AddiOp(first, b.index(k))) for k in range(steps.time)]:
            carry = steps.step(b, number, carry)
        rewriter.replace(op, [], steps.results(b, carry))


@dataclass(frozen=True)
class LowerScanUnrolledTensorPass(ModulePass):
    """Lower the scans whose form is ``unrolled``.

    Before: ``%y, %h, %c = lstm.scan ... {form = "unrolled"}`` over a static number of steps T
    After: T copies of one step in linalg and tensor ops

    IREE records the dispatches of all steps in one command buffer, so no step waits for the host.

    Raises:
        PassFailedException: If the number of steps is dynamic.
    """

    name = "lstm-lower-scan-unrolled-tensor"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        rewrite_program(op, LowerScanUnrolledTensor(), apply_recursively=False)
