"""Functions of f32 on GPUs, whose drivers may simplify what is exact in IEEE arithmetic only."""

import math as numbers

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AnyFloat, IntegerType, VectorType
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def
from xdsl.traits import Pure

from lstm_ir.passes.kernels.vector_math import VectorMath


@irdl_op_definition
class VectorFPToSIOp(IRDLOperation):
    """Floats to integers lane by lane, towards zero; xDSL's class of this name knows single numbers only."""

    name = "arith.fptosi"

    input = operand_def(VectorType[AnyFloat])
    result = result_def(VectorType[IntegerType])

    traits = traits_def(Pure())

    def __init__(self, operand: SSAValue, integers: VectorType[IntegerType]) -> None:
        super().__init__(operands=[operand], result_types=[integers])


class GpuMath(VectorMath):
    """VectorMath for compilers that know (x + y) - y to be x, as those of Vulkan drivers do.

    Numbers are rounded by the operation for that instead of by adding a large number and taking it away.
    """

    def round_to_power(
        self, x: SSAValue, factor: float, offset: int = 0, most: int | None = None
    ) -> tuple[SSAValue, SSAValue]:
        """Return n = x factor, rounded to an integer, and 2^(n + offset); see VectorFunctions."""
        n = self.b.do(math.RoundEvenOp(self.mul(x, factor)))
        if most is not None:
            n = self.minimum(n, float(most))
        # NaN has no integer value; any will do, what it scales is NaN.
        finite = self.where(self.compare(n, "olt", numbers.inf), n, 0.0)
        whole = self.b.do(VectorFPToSIOp(finite, self.integers))
        biased = self.b.do(arith.AddiOp(whole, self.integer(self.format.exponent_bias + offset)))
        return n, self._power_of_two(biased)
