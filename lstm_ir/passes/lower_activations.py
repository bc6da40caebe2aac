"""Pass lstm-lower-activations: activations become their formulas."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.passes.activation_math import expand_activation
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.structured import ScalarBuilder


class ExpandActivation(RewritePattern):
    """One activation of a float or of a gate vector."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ActivateOp, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        if op.function.is_row_wise or isinstance(op.input.type, TensorType):
            return
        result = expand_activation(ScalarBuilder(rewriter.insertion_point), op.function, op.input)
        rewriter.replace(op, [], [result])


@dataclass(frozen=True)
class LowerActivationsPass(ModulePass):
    """Expand the element-wise activations of cells into arith and math ops.

    Before: ``%y = lstm.activate <hard_sigmoid> %x : vector<64xf32>``
    After: ``arith.mulf``, ``arith.addf``, ``arith.maximumf``, ``arith.minimumf`` on ``vector<64xf32>``

    softmax and log_softmax look at a whole row and stay for the lowering of the scan; activations of tensors stay for
    lstm-lower-layers.
    """

    name = "lstm-lower-activations"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        rewrite_program(op, ExpandActivation())
