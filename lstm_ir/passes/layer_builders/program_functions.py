"""The functions of single elements that programs use, in arith and math ops, for floats and vectors of floats."""

from collections.abc import Callable, Mapping, Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.passes.activation_math import expand_activation
from lstm_ir.passes.arithmetic import Arithmetic
from lstm_ir.passes.structured import ScalarBuilder

_BINARY: Mapping[str, type[arith.AddfOp | arith.SubfOp | arith.MulfOp | arith.DivfOp | arith.MaximumfOp]] = {
    "add": arith.AddfOp,
    "sub": arith.SubfOp,
    "mul": arith.MulfOp,
    "div": arith.DivfOp,
    "max": arith.MaximumfOp,
    "min": arith.MinimumfOp,  # type: ignore[dict-item]  # one family with the others
}
_UNARY: Mapping[str, Callable[[SSAValue], object]] = {
    "neg": arith.NegfOp,
    "abs": math_dialect.AbsFOp,
    "exp": math_dialect.ExpOp,
    "log": math_dialect.LogOp,
    "sqrt": math_dialect.SqrtOp,
    "erf": math_dialect.ErfOp,
    "floor": math_dialect.FloorOp,
    "ceil": math_dialect.CeilOp,
}
_ACTIVATIONS = frozenset(
    ["tanh", "sigmoid", "relu", "softplus", "softsign", "selu", "gelu", "gelu_tanh", "mish", "elu", "leaky_relu"]
)


def build_function(
    s: ScalarBuilder, function: str, numbers: Sequence[float], operands: Sequence[SSAValue], element: Attribute
) -> SSAValue:
    """Build a function of `FUNCTIONS` (lstm_ir/layers/program/values.py) for one element.

    Args:
        s: Where to build.
        function: Its name.
        numbers: Its parameters.
        operands: Its arguments.
        element: The type of the result.
    """
    x = operands[0]
    if function == "copy":
        return x
    if function == "to_float":
        return s.do(arith.SIToFPOp(x, element)) if x.type == i32 else x  # type: ignore[arg-type]  # a float type
    if function == "to_integer":
        return x if x.type == i32 else s.do(arith.FPToSIOp(x, i32))
    if function in _BINARY:
        return s.do(_BINARY[function](x, operands[1]))
    if function == "pow":
        return s.do(math_dialect.PowFOp(x, operands[1]))
    if function in _UNARY:
        return s.do(_UNARY[function](x))  # type: ignore[arg-type]  # all are ops
    if function in _ACTIVATIONS:
        return expand_activation(s, ActivationAttr.get(function, numbers[0] if numbers else None), x)
    return _with_numbers(s, function, numbers, x, lambda y: expand_activation(s, ActivationAttr.get("tanh"), y))


def build_cell_function(s: ScalarBuilder, function: str, numbers: Sequence[float], x: SSAValue) -> SSAValue:
    """Build an activation of a cell, x being the gate vector of a row."""
    if function == "affine" and tuple(numbers) == (1.0, 0.0):
        return x
    if function == "hard_sigmoid" and [round(number, 6) for number in numbers] == [0.2, 0.5]:
        return s.do(ActivateOp(ActivationAttr.get("hard_sigmoid"), x))
    if function in _ACTIVATIONS:
        return s.do(ActivateOp(ActivationAttr.get(function, numbers[0] if numbers else None), x))
    return _with_numbers(s, function, numbers, x, lambda y: s.do(ActivateOp(ActivationAttr.get("tanh"), y)))


def _with_numbers(
    s: ScalarBuilder, function: str, numbers: Sequence[float], x: SSAValue, tanh: Callable[[SSAValue], SSAValue]
) -> SSAValue:
    f = Arithmetic(s, x.type)
    match function, tuple(numbers):
        case "square", ():
            return f.mul(x, x)
        case "reciprocal", ():
            return f.div(1.0, x)
        case "hard_sigmoid", (alpha, beta):
            return f.clip(f.add(f.mul(alpha, x), beta), 0.0, 1.0)
        case "hard_swish", ():
            return f.mul(x, f.clip(f.add(f.div(x, 6.0), 0.5), 0.0, 1.0))
        case "clip", (low, high):
            return f.clip(x, low, high)
        case "affine", (alpha, beta):
            return f.add(f.mul(alpha, x), beta)
        case "scaled_tanh", (alpha, beta):
            return f.mul(alpha, tanh(f.mul(beta, x)))
    raise AssertionError(f"no code for the function {function!r} of programs")
