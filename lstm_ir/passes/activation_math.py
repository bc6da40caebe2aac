"""Formulas of the activations in arith and math ops, for floats and vectors of floats.

Source of the formulas: the Keras activations; the constants are Keras's own, including the float32-rounded ones.
"""

import math
from collections.abc import Callable

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.ir import SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.passes.structured import ScalarBuilder

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
GELU_K = float(np.float32(math.sqrt(0.5)))
"""1/sqrt(2) as TensorFlow's gelu uses it: rounded to float32 in every dtype."""
LEAKY_RELU_ALPHA = float(np.float32(0.2))
"""Keras's default slope, rounded to float32 in every dtype."""


def expand_activation(b: ScalarBuilder, function: ActivationAttr, x: SSAValue) -> SSAValue:
    """Build an element-wise activation of x, a float or a vector of floats.

    Raises:
        KeyError: For softmax and log_softmax, which need a whole row.
    """
    return _FORMULAS[function.kind.data](_Formula(b, x, function))


class _Formula:
    """Arithmetic that reads like the formula: x is the operand, numbers become constants of its type."""

    def __init__(self, b: ScalarBuilder, x: SSAValue, function: ActivationAttr) -> None:
        self.b, self.x, self.function = b, x, function

    def number(self, value: float | SSAValue) -> SSAValue:
        return value if isinstance(value, SSAValue) else self.b.constant(value, self.x.type)

    def add(self, x: float | SSAValue, y: float | SSAValue) -> SSAValue:
        return self.b.do(arith.AddfOp(self.number(x), self.number(y)))

    def sub(self, x: float | SSAValue, y: float | SSAValue) -> SSAValue:
        return self.b.do(arith.SubfOp(self.number(x), self.number(y)))

    def mul(self, x: float | SSAValue, y: float | SSAValue) -> SSAValue:
        return self.b.do(arith.MulfOp(self.number(x), self.number(y)))

    def div(self, x: float | SSAValue, y: float | SSAValue) -> SSAValue:
        return self.b.do(arith.DivfOp(self.number(x), self.number(y)))

    def maximum(self, x: SSAValue, y: float) -> SSAValue:
        return self.b.do(arith.MaximumfOp(x, self.number(y)))

    def clip(self, x: SSAValue, low: float, high: float) -> SSAValue:
        return self.b.do(arith.MinimumfOp(self.maximum(x, low), self.number(high)))

    def negate(self, x: SSAValue) -> SSAValue:
        return self.b.do(arith.NegfOp(x))

    def abs(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.AbsFOp(x))

    def exp(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.ExpOp(x))

    def expm1(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.ExpM1Op(x))

    def log1p(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.Log1pOp(x))

    def tanh(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.TanhOp(x))

    def erf(self, x: SSAValue) -> SSAValue:
        return self.b.do(math_dialect.ErfOp(x))

    def if_greater(self, x: SSAValue, bound: float, then: SSAValue, otherwise: SSAValue, *, or_equal: bool) -> SSAValue:
        test = self.b.do(arith.CmpfOp(x, self.number(bound), "oge" if or_equal else "ogt"))
        return self.b.do(arith.SelectOp(test, then, otherwise))

    def sigmoid(self, x: SSAValue) -> SSAValue:
        return self.div(1.0, self.add(self.exp(self.negate(x)), 1.0))

    def softplus(self, x: SSAValue) -> SSAValue:
        # max(x, 0) + log(1 + e^-|x|): no overflow for large x.
        return self.add(self.maximum(x, 0.0), self.log1p(self.exp(self.negate(self.abs(x)))))

    def elu(self, x: SSAValue, alpha: float) -> SSAValue:
        # e^x is taken of min(x, 0), so that the branch not taken does not overflow.
        negative = self.expm1(self.b.do(arith.MinimumfOp(x, self.number(0.0))))
        scaled = negative if alpha == 1.0 else self.mul(alpha, negative)
        return self.if_greater(x, 0.0, x, scaled, or_equal=False)


def _gelu_tanh(f: _Formula) -> SSAValue:
    cube = f.mul(f.x, f.mul(f.x, f.x))
    inner = f.mul(math.sqrt(2.0 / math.pi), f.add(f.x, f.mul(0.044715, cube)))
    return f.mul(f.mul(0.5, f.x), f.add(1.0, f.tanh(inner)))


_FORMULAS: dict[str, Callable[[_Formula], SSAValue]] = {
    "linear": lambda f: f.x,
    "tanh": lambda f: f.tanh(f.x),
    "sigmoid": lambda f: f.sigmoid(f.x),
    "hard_sigmoid": lambda f: f.clip(f.add(f.mul(0.2, f.x), 0.5), 0.0, 1.0),
    "hard_sigmoid_keras3": lambda f: f.clip(f.add(f.div(f.x, 6.0), 0.5), 0.0, 1.0),
    "relu": lambda f: f.maximum(f.x, 0.0),
    "relu6": lambda f: f.clip(f.x, 0.0, 6.0),
    "softsign": lambda f: f.div(f.x, f.add(f.abs(f.x), 1.0)),
    "softplus": lambda f: f.softplus(f.x),
    "elu": lambda f: f.elu(f.x, f.function.alpha_or(1.0)),
    "selu": lambda f: f.mul(SELU_SCALE, f.elu(f.x, SELU_ALPHA)),
    "swish": lambda f: f.mul(f.x, f.sigmoid(f.x)),
    # erfc(-y) = 1 + erf(y)
    "gelu": lambda f: f.mul(f.mul(0.5, f.x), f.add(1.0, f.erf(f.mul(f.x, GELU_K)))),
    "gelu_tanh": _gelu_tanh,
    "exponential": lambda f: f.exp(f.x),
    "mish": lambda f: f.mul(f.x, f.tanh(f.softplus(f.x))),
    "leaky_relu": lambda f: f.if_greater(
        f.x, 0.0, f.x, f.mul(f.function.alpha_or(LEAKY_RELU_ALPHA), f.x), or_equal=True
    ),
}
