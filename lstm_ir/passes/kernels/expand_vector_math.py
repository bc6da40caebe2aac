"""Pass lstm-expand-vector-math: functions of f32 vectors become our own arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, VectorType, f32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.hints import isa

from lstm_ir.passes.kernels.vector_math import VectorMath
from lstm_ir.passes.structured import ScalarBuilder

_EXPANSIONS: dict[type[Operation], Callable[[VectorMath, SSAValue], SSAValue]] = {
    math_dialect.ExpOp: VectorMath.exp,
    math_dialect.ExpM1Op: VectorMath.expm1,
    math_dialect.LogOp: VectorMath.log,
    math_dialect.Log1pOp: VectorMath.log1p,
    math_dialect.TanhOp: VectorMath.tanh,
    math_dialect.ErfOp: VectorMath.erf,
}


@dataclass(frozen=True)
class ExpandLogistic(RewritePattern):
    """1 / (1 + e^-x), as the formula of the sigmoid activation builds it."""

    fma: bool

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: arith.DivfOp, rewriter: PatternRewriter) -> None:
        """Rewrite one division, and erase what it alone used."""
        below = op.rhs.owner
        if not (_is_f32_vector(op.result.type) and _is_one(op.lhs) and isinstance(below, arith.AddfOp)):
            return
        exponential, one = below.lhs.owner, below.rhs
        if not (_is_one(one) and isinstance(exponential, math_dialect.ExpOp)):
            return
        negation = exponential.operand.owner
        if not isinstance(negation, arith.NegfOp):
            return
        x = negation.operand
        result = VectorMath(ScalarBuilder(rewriter.insertion_point), x.type, self.fma).sigmoid(x)
        rewriter.replace(op, [], [result])
        for unused in (below, exponential, negation):
            if unused.results[0].uses:
                break
            rewriter.erase(unused)


@dataclass(frozen=True)
class ExpandVectorFunction(RewritePattern):
    """One function of one vector."""

    fma: bool

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        expansion = _EXPANSIONS.get(type(op))
        if expansion is None or not _is_f32_vector(op.results[0].type):
            return
        result = expansion(
            VectorMath(ScalarBuilder(rewriter.insertion_point), op.results[0].type, self.fma), op.operands[0]
        )
        rewriter.replace(op, [], [result])


def _is_f32_vector(type_: Attribute) -> bool:
    return isa(type_, VectorType[Attribute]) and type_.element_type == f32


def _is_one(value: SSAValue) -> bool:
    constant = value.owner
    if not (isinstance(constant, arith.ConstantOp) and isinstance(constant.value, DenseIntOrFPElementsAttr)):
        return False
    return set(constant.value.get_values()) == {1.0}


@dataclass(frozen=True)
class ExpandVectorMathPass(ModulePass):
    """Expand exp, expm1, log, log1p, tanh, erf and the logistic function of ``vector<Nxf32>`` into arithmetic.

    Before: ``%y = math.tanh %x : vector<8xf32>``
    After: a quotient of polynomials in ``arith`` and ``math.fma`` ops

    IREE's own approximation of the logistic function takes more than twice as long, that of tanh half as long again.
    Errors are stated at VectorMath. Declines single floats, other element types and tensors.

    Attributes:
        fma: Whether the target has a fused multiply-add; without one ``math.fma`` would call a C library.
    """

    name = "lstm-expand-vector-math"

    fma: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        # First, since the exponential in it is no longer one after the second.
        PatternRewriteWalker(ExpandLogistic(self.fma), apply_recursively=False).rewrite_module(op)
        PatternRewriteWalker(ExpandVectorFunction(self.fma), apply_recursively=False).rewrite_module(op)
