"""The functions of programs on arrays: what is known ahead of time, and the reference of what is not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.program.sizes import OpenSize, rounded_quotient
from lstm_ir.layers.program.values import TO_BOOL

Array = NDArray[Any]
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0.0, -x))


def _erf(x: Array) -> Array:
    from math import erf

    return np.asarray(np.vectorize(erf, otypes=[np.float64])(x))


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


ON_FLOATS: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "max": np.maximum,
    "min": np.minimum,
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: 1.0 / x,
    "erf": _erf,
    "floor": np.floor,
    "ceil": np.ceil,
    "square": np.square,
    "copy": np.copy,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "relu": lambda x: np.maximum(x, 0.0),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x * np.sqrt(0.5))),
    "gelu_tanh": lambda x: 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))),
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "equal": lambda a, b: np.equal(a, b) * 1.0,
    "less": lambda a, b: np.less(a, b) * 1.0,
    "less_equal": lambda a, b: np.less_equal(a, b) * 1.0,
    "nonzero": lambda x: (x != 0) * 1.0,
    "not": lambda x: (x == 0) * 1.0,
    "and": np.minimum,
    "or": np.maximum,
    "xor": lambda a, b: np.abs(a - b),
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    "elu": _elu,
    "leaky_relu": lambda x, alpha: np.where(x >= 0, x, alpha * x),
    "hard_sigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0.0, 1.0),
    "hard_swish": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "clip": np.clip,
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "scaled_tanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "softmax": _softmax,
    "log_softmax": lambda x: x - np.logaddexp.reduce(x, axis=-1, keepdims=True),
    "thresholded_relu": lambda x, alpha: np.where(x > alpha, x, 0.0),
}
"""Each function of `FUNCTIONS` on arrays of floats, its numbers behind the arrays; and those of a cell's rows."""

_ON_SIZES: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


def apply_known(function: str, arrays: Sequence[Array], numbers: Sequence[float], dtype: np.dtype[Any]) -> Array:
    """Apply a function to arrays: floats, integers, or sizes.

    Raises:
        UnsupportedError: a function that integers do not have here.
    """
    if function == "copy":
        return arrays[0]
    if function == "to_float":
        if any(isinstance(item, OpenSize) for item in arrays[0].flat):
            raise UnsupportedError("an open size is used as a float")
        return arrays[0].astype(dtype)
    if function == "to_integer":
        return arrays[0] if arrays[0].dtype == object else arrays[0].astype(np.int64)
    if function in TO_BOOL and all(array.dtype != object for array in arrays):
        return np.asarray(ON_FLOATS[function](*(a * 1 if a.dtype.kind == "b" else a for a in arrays)) != 0)
    if function == "where" and (arrays[0].dtype != object):
        return np.where(arrays[0] != 0, arrays[1], arrays[2])
    if function == "equal":  # of sizes: equal where they are the same polynomials, else nobody knows
        same = np.frompyfunc(_same_size, 2, 1)
        return np.asarray(same(*arrays), dtype=bool)
    if all(array.dtype.kind == "f" for array in arrays):
        with np.errstate(all="ignore"):
            return np.asarray(ON_FLOATS[function](*arrays, *numbers)).astype(dtype)
    if function in _ON_SIZES:
        return np.asarray(_ON_SIZES[function](*arrays))
    if function == "div":
        whole = np.frompyfunc(_any_quotient, 2, 1)
        return np.asarray(whole(*arrays), dtype=object)
    if function in ("neg", "max", "min", "abs") and all(array.dtype.kind in "iu" for array in arrays):
        return np.asarray(ON_FLOATS[function](*arrays))
    raise UnsupportedError(f"the function {function!r} of integers")


def _any_quotient(a: Any, b: Any) -> Any:
    if isinstance(a, OpenSize) or isinstance(b, OpenSize):
        return rounded_quotient(a, b) if isinstance(b, int) and b > 0 else a // b
    return _quotient(a, b)


def _same_size(a: Any, b: Any) -> bool:
    if isinstance(a, OpenSize) != isinstance(b, OpenSize):
        number = b if isinstance(a, OpenSize) else a
        if number <= 0:  # sizes are positive
            return False
        raise UnsupportedError(f"whether {a} equals {b} is known at run time only")
    if isinstance(a, OpenSize) and a != b:
        raise UnsupportedError(f"whether {a} equals {b} is known at run time only")
    return bool(a == b)


def _quotient(a: Any, b: Any) -> int:
    if b == 0:
        raise UnsupportedError("a size is divided by zero")
    return int(a / b) if abs(a) < 1 << 50 else int(a) // int(b)  # ONNX truncates
