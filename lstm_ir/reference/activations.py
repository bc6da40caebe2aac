"""The activation functions in float64, with the constants that TensorFlow holds in float32."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lstm_ir.layers.activations import Activation
from lstm_ir.reference.rounding import round_to

Float64 = NDArray[np.float64]

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805
# TensorFlow's gelu multiplies by this constant in float32, also when its input is float64.
_SQRT_HALF = float(np.float32(0.70710678))

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def apply_activation(activation: Activation, x: Float64, compute_dtype: str = "float64") -> Float64:
    """Return ``activation(x)`` in float64; NaN stays NaN.

    Args:
        activation: the function.
        x: its argument, any shape; softmax and log_softmax act on the last axis.
        compute_dtype: the dtype that hard_sigmoid's constants 0.2 and 0.5 are rounded to.
    """
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):  # infinities and NaN go through without a word, as in Keras
        if activation.name == "hard_sigmoid":
            slope = float(round_to(0.2, compute_dtype))
            return np.clip(slope * x + 0.5, 0.0, 1.0)
        if activation.name == "leaky_relu":
            assert activation.alpha is not None
            return np.where(x >= 0, x, activation.alpha * x) if x.size else x
        return _FUNCTIONS[activation.name](x)


def _linear(x: Float64) -> Float64:
    return x


def _sigmoid(x: Float64) -> Float64:
    return 1.0 / (1.0 + np.exp(-x))


def _softplus(x: Float64) -> Float64:
    return np.logaddexp(0.0, x)


def _relu(x: Float64) -> Float64:
    return np.maximum(x, 0.0)


def _relu6(x: Float64) -> Float64:
    return np.clip(x, 0.0, 6.0)


def _hard_sigmoid_keras3(x: Float64) -> Float64:
    return _relu6(x + 3.0) / 6.0


def _softsign(x: Float64) -> Float64:
    return x / (1.0 + np.abs(x))


def _elu(x: Float64) -> Float64:
    return np.where(x > 0, x, np.expm1(x))


def _selu(x: Float64) -> Float64:
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x))


def _swish(x: Float64) -> Float64:
    return x * _sigmoid(x)


def _gelu(x: Float64) -> Float64:
    tail: Float64 = _erfc(-x * _SQRT_HALF)
    return 0.5 * x * tail


def _gelu_tanh(x: Float64) -> Float64:
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def _mish(x: Float64) -> Float64:
    return x * np.tanh(_softplus(x))


def _log_softmax(x: Float64) -> Float64:
    if not x.size:
        return x
    shifted: Float64 = x - x.max(axis=-1, keepdims=True)
    total: Float64 = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted - total


def _softmax(x: Float64) -> Float64:
    shares: Float64 = np.exp(_log_softmax(x))
    return shares


_FUNCTIONS: dict[str, Callable[[Float64], Float64]] = {
    "elu": _elu,
    "exponential": np.exp,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid_keras3": _hard_sigmoid_keras3,
    "linear": _linear,
    "log_softmax": _log_softmax,
    "mish": _mish,
    "relu": _relu,
    "relu6": _relu6,
    "selu": _selu,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "softplus": _softplus,
    "softsign": _softsign,
    "swish": _swish,
    "tanh": np.tanh,
}
