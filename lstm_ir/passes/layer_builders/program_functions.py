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
    "sin": math_dialect.SinOp,
    "cos": math_dialect.CosOp,
}
_ON_INTEGERS: Mapping[str, type[arith.AddiOp | arith.SubiOp | arith.MaxSIOp]] = {
    "add": arith.AddiOp,
    "sub": arith.SubiOp,
    "max": arith.MaxSIOp,
    "min": arith.MinSIOp,  # type: ignore[dict-item]  # one family with the others
}
_COMPARISONS: Mapping[str, tuple[str, str]] = {
    "equal": ("oeq", "eq"),
    "less": ("olt", "slt"),
    "less_equal": ("ole", "sle"),
}
"""MLIR's predicates for floats and for integers."""
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
    if function in _COMPARISONS:
        return _as_number(s, _compare(s, *_COMPARISONS[function], x, operands[1]), element)
    if function == "nonzero":
        return _as_number(s, _compare(s, "une", "ne", x, _zero(s, x)), element)
    if function == "where":
        return s.do(arith.SelectOp(_compare(s, "une", "ne", x, _zero(s, x)), operands[1], operands[2]))
    if x.type == i32:
        if function == "neg":
            return s.do(arith.SubiOp(_zero(s, x), x))
        return s.do(_ON_INTEGERS[function](x, operands[1]))
    if function in _BINARY:
        return s.do(_BINARY[function](x, operands[1]))
    if function == "pow":
        return s.do(math_dialect.PowFOp(x, operands[1]))
    if function in _UNARY:
        return s.do(_UNARY[function](x))  # type: ignore[arg-type]  # all are ops
    if function in _ACTIVATIONS:
        return expand_activation(s, ActivationAttr.get(function, numbers[0] if numbers else None), x)
    if function in ("and", "or", "xor"):  # of 0 and 1
        y = operands[1]
        f = Arithmetic(s, x.type)
        if function == "and":
            return f.mul(x, y)
        return f.sub(f.add(x, y), f.mul(2.0 if function == "xor" else 1.0, f.mul(x, y)))
    return _with_numbers(s, function, numbers, x, lambda y: expand_activation(s, ActivationAttr.get("tanh"), y))


def _zero(s: ScalarBuilder, like: SSAValue) -> SSAValue:
    return s.integer(0, i32) if like.type == i32 else s.constant(0.0, like.type)


def _compare(s: ScalarBuilder, of_floats: str, of_integers: str, x: SSAValue, y: SSAValue) -> SSAValue:
    return s.do(arith.CmpiOp(x, y, of_integers) if x.type == i32 else arith.CmpfOp(x, y, of_floats))


def _as_number(s: ScalarBuilder, truth: SSAValue, element: Attribute) -> SSAValue:
    return s.do(arith.SelectOp(truth, s.constant(1.0, element), s.constant(0.0, element)))


def build_cell_function(s: ScalarBuilder, function: str, numbers: Sequence[float], x: SSAValue) -> SSAValue:
    """Build an activation of a cell, x being the gate vector of a row."""
    if function == "affine" and tuple(numbers) == (1.0, 0.0):
        return x
    if function == "hard_sigmoid" and [round(number, 6) for number in numbers] == [0.2, 0.5]:
        return s.do(ActivateOp(ActivationAttr.get("hard_sigmoid"), x))
    if function in _ACTIVATIONS:
        return s.do(ActivateOp(ActivationAttr.get(function, numbers[0] if numbers else None), x))
    return _with_numbers(s, function, numbers, x, lambda y: s.do(ActivateOp(ActivationAttr.get("tanh"), y)))


def build_cell_operation(
    s: ScalarBuilder, function: str, numbers: Sequence[float], operands: Sequence[SSAValue]
) -> SSAValue:
    """Build a function of a cell (`IN_CELLS`, lstm_ir/layers/program/recurrence.py) on gate vectors of a row."""
    x = operands[0]
    if function == "copy":
        return x
    if function in _BINARY:
        return s.do(_BINARY[function](x, operands[1]))
    if function in ("neg", "abs", "sqrt", "floor", "ceil"):
        return s.do(_UNARY[function](x))  # type: ignore[arg-type]  # all are ops
    if function in ("exp", "softmax", "log_softmax"):
        return s.do(ActivateOp(ActivationAttr.get("exponential" if function == "exp" else function), x))
    return build_cell_function(s, function, numbers, x)


def _with_numbers(
    s: ScalarBuilder, function: str, numbers: Sequence[float], x: SSAValue, tanh: Callable[[SSAValue], SSAValue]
) -> SSAValue:
    f = Arithmetic(s, x.type)
    match function, tuple(numbers):
        case "not", ():
            return f.sub(1.0, x)
        case "sign", ():
            zero = s.constant(0.0, x.type)
            is_more, is_less = (_as_number(s, s.do(arith.CmpfOp(x, zero, p)), x.type) for p in ("ogt", "olt"))
            return f.sub(is_more, is_less)
        case "thresholded_relu", (alpha,):
            zero = s.constant(0.0, x.type)
            return s.do(arith.SelectOp(s.do(arith.CmpfOp(x, s.constant(alpha, x.type), "ogt")), x, zero))
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
