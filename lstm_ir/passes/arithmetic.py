"""Arithmetic that reads like a formula: numbers among the operands become constants of one type."""

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.structured import ScalarBuilder

Operand = float | SSAValue


class Arithmetic:
    """Builds arithmetic on floats, or vectors of floats, of one type."""

    def __init__(self, b: ScalarBuilder, type_: Attribute) -> None:
        self.b, self.type = b, type_

    def number(self, value: Operand) -> SSAValue:
        """Return a value, or a number as a constant."""
        return value if isinstance(value, SSAValue) else self.b.constant(value, self.type)

    def add(self, x: Operand, y: Operand) -> SSAValue:
        """Return x + y."""
        return self.b.do(arith.AddfOp(self.number(x), self.number(y)))

    def sub(self, x: Operand, y: Operand) -> SSAValue:
        """Return x - y."""
        return self.b.do(arith.SubfOp(self.number(x), self.number(y)))

    def mul(self, x: Operand, y: Operand) -> SSAValue:
        """Return x y."""
        return self.b.do(arith.MulfOp(self.number(x), self.number(y)))

    def div(self, x: Operand, y: Operand) -> SSAValue:
        """Return x / y."""
        return self.b.do(arith.DivfOp(self.number(x), self.number(y)))

    def maximum(self, x: Operand, y: Operand) -> SSAValue:
        """Return the larger of x and y, NaN if either is."""
        return self.b.do(arith.MaximumfOp(self.number(x), self.number(y)))

    def minimum(self, x: Operand, y: Operand) -> SSAValue:
        """Return the smaller of x and y, NaN if either is."""
        return self.b.do(arith.MinimumfOp(self.number(x), self.number(y)))

    def clip(self, x: Operand, low: float, high: float) -> SSAValue:
        """Return x limited to [low, high]; NaN stays."""
        return self.minimum(self.maximum(x, low), high)

    def abs(self, x: SSAValue) -> SSAValue:
        """Return the magnitude of x."""
        return self.b.do(math_dialect.AbsFOp(x))

    def compare(self, x: SSAValue, how: str, y: Operand) -> SSAValue:
        """Return x ``how`` y, by MLIR's predicates: ogt, oge, olt, oeq, une, ord, uno ..."""
        return self.b.do(arith.CmpfOp(x, self.number(y), how))

    def where(self, test: SSAValue, then: Operand, otherwise: Operand) -> SSAValue:
        """Return ``then`` where the test holds, else ``otherwise``."""
        return self.b.do(arith.SelectOp(test, self.number(then), self.number(otherwise)))
