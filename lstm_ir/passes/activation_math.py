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
from lstm_ir.passes.arithmetic import Arithmetic
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
    return FORMULAS[function.kind.data](Formula(b, x, function))


class Formula(Arithmetic):
    """The operand x of an activation, and the functions that the formulas use."""

    def __init__(self, b: ScalarBuilder, x: SSAValue, function: ActivationAttr) -> None:
        super().__init__(b, x.type)
        self.x, self.function = x, function

    def negate(self, x: SSAValue) -> SSAValue:
        """Return -x."""
        return self.b.do(arith.NegfOp(x))

    def exp(self, x: SSAValue) -> SSAValue:
        """Return e^x."""
        return self.b.do(math_dialect.ExpOp(x))

    def expm1(self, x: SSAValue) -> SSAValue:
        """Return e^x - 1."""
        return self.b.do(math_dialect.ExpM1Op(x))

    def log1p(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x)."""
        return self.b.do(math_dialect.Log1pOp(x))

    def tanh(self, x: SSAValue) -> SSAValue:
        """Return the hyperbolic tangent of x."""
        return self.b.do(math_dialect.TanhOp(x))

    def erf(self, x: SSAValue) -> SSAValue:
        """Return the error function of x."""
        return self.b.do(math_dialect.ErfOp(x))

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """Return 1 / (1 + e^-x)."""
        return self.div(1.0, self.add(self.exp(self.negate(x)), 1.0))

    def softplus(self, x: SSAValue) -> SSAValue:
        """Return log(1 + e^x)."""
        # max(x, 0) + log(1 + e^-|x|): no overflow for large x.
        return self.add(self.maximum(x, 0.0), self.log1p(self.exp(self.negate(self.abs(x)))))

    def elu(self, x: SSAValue, alpha: float) -> SSAValue:
        """Return x where it is positive, else alpha (e^x - 1)."""
        # e^x is taken of min(x, 0), so that the branch not taken does not overflow.
        negative = self.expm1(self.minimum(x, 0.0))
        scaled = negative if alpha == 1.0 else self.mul(alpha, negative)
        return self.where(self.compare(x, "ogt", 0.0), x, scaled)


def _gelu_tanh(f: Formula) -> SSAValue:
    cube = f.mul(f.x, f.mul(f.x, f.x))
    inner = f.mul(math.sqrt(2.0 / math.pi), f.add(f.x, f.mul(0.044715, cube)))
    return f.mul(f.mul(0.5, f.x), f.add(1.0, f.tanh(inner)))


FORMULAS: dict[str, Callable[[Formula], SSAValue]] = {
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
    "leaky_relu": lambda f: f.where(f.compare(f.x, "oge", 0.0), f.x, f.mul(f.function.alpha_or(LEAKY_RELU_ALPHA), f.x)),
}
