"""Pass lstm-lower-scan-loop-tensor: form ``loop``, a host loop over step dispatches."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import scf
from xdsl.dialects.builtin import IndexType, ModuleOp
from xdsl.ir import Block
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.scan_step import StepByStep
from lstm_ir.passes.structured import TensorBuilder


class LowerScanLoopTensor(RewritePattern):
    """One scan of form ``loop``."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        """Rewrite one scan."""
        if op.form is None or op.form.data != "loop" or op.runs_kernel:
            return
        b = TensorBuilder.before(op)
        steps = StepByStep(b, op)
        start = steps.start(b)
        block = Block(arg_types=[IndexType(), *(value.type for value in start.flat())])
        inner = TensorBuilder.at_end(block)
        after = steps.step(inner, block.args[0], start.rebuilt(block.args[1:]))
        inner.insert(scf.YieldOp(*after.flat()))
        loop = b.insert(scf.ForOp(b.index(0), b.index(steps.time), b.index(1), start.flat(), block))
        rewriter.replace(op, [], steps.results(b, start.rebuilt(loop.results)))


@dataclass(frozen=True)
class LowerScanLoopTensorPass(ModulePass):
    """Lower the scans whose form is ``loop``.

    Before: ``%y, %h, %c = lstm.scan ... {form = "loop"}``
    After: ``scf.for %k = 0 to %T iter_args(%h, %c, ...)`` around one step in linalg and tensor ops

    Code size does not depend on the number of steps, which may be known at run time only.
    """

    name = "lstm-lower-scan-loop-tensor"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        rewrite_program(op, LowerScanLoopTensor(), apply_recursively=False)
