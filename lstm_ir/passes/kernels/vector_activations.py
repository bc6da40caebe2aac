"""Activations on vectors of f32 or f64 with our own functions."""

from xdsl.dialects.builtin import f64
from xdsl.ir import SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.shapes import element_type
from lstm_ir.passes.activation_math import FORMULAS, Formula
from lstm_ir.passes.arithmetic import Operand
from lstm_ir.passes.kernels.double_math import DoubleMath
from lstm_ir.passes.kernels.vector_functions import VectorFunctions
from lstm_ir.passes.kernels.vector_math import VectorMath
from lstm_ir.passes.structured import ScalarBuilder


def expand_vector_activation(
    b: ScalarBuilder,
    function: ActivationAttr,
    x: SSAValue,
    fma: bool = True,
    functions: type[VectorFunctions] | None = None,
) -> SSAValue:
    """Build an element-wise activation of x, ``vector<Nxf32>`` or ``vector<Nxf64>``, in arithmetic alone.

    Args:
        b: Where to build.
        function: The activation.
        x: Its argument.
        fma: Whether the target has a fused multiply-add.
        functions: What exponentials and their like are made of; None: those of x's element type.

    Raises:
        KeyError: For softmax and log_softmax, which need a whole row.
    """
    if functions is None:
        functions = DoubleMath if element_type(x.type) == f64 else VectorMath
    formula = _VectorFormula(b, function, x, functions(b, x.type, fma))
    return formula.mish() if function.kind.data == "mish" else FORMULAS[function.kind.data](formula)


class _VectorFormula(Formula):
    """The formulas of the activations, with our functions."""

    def __init__(self, b: ScalarBuilder, function: ActivationAttr, x: SSAValue, functions: VectorFunctions) -> None:
        super().__init__(b, x, function)
        self.functions = functions

    def compare(self, x: SSAValue, how: str, y: Operand) -> SSAValue:
        return self.functions.compare(x, how, y)

    def where(self, test: SSAValue, then: Operand, otherwise: Operand) -> SSAValue:
        return self.functions.where(test, then, otherwise)

    def exp(self, x: SSAValue) -> SSAValue:
        return self.functions.exp(x)

    def expm1(self, x: SSAValue) -> SSAValue:
        return self.functions.expm1(x)

    def log1p(self, x: SSAValue) -> SSAValue:
        return self.functions.log1p(x)

    def tanh(self, x: SSAValue) -> SSAValue:
        return self.functions.tanh(x)

    def erf(self, x: SSAValue) -> SSAValue:
        return self.functions.erf(x)

    def sigmoid(self, x: SSAValue) -> SSAValue:
        return self.functions.sigmoid(x)

    def softplus(self, x: SSAValue) -> SSAValue:
        # As in the formula, where log1p needs no more than its arguments here.
        near = self.functions.log1p_of_fraction(self.exp(self.negate(self.abs(x))))
        return self.add(self.maximum(x, 0.0), near)

    def mish(self) -> SSAValue:
        # tanh(log(1 + w)) = w (w + 2) / (w (w + 2) + 2) with w = e^x. From 20 on it is 1.
        w = self.exp(self.minimum(self.x, 20.0))
        above = self.mul(w, self.add(w, 2.0))
        return self.mul(self.x, self.div(above, self.add(above, 2.0)))
