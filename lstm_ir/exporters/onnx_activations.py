"""Activations as ONNX's operators, and those that its operator LSTM has."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.layers.activations import Activation
from lstm_ir.layers.program import CellFunction
from lstm_ir.layers.program.known_functions import SELU_ALPHA, SELU_SCALE

_NODES: Mapping[str, tuple[str, dict[str, float]]] = {
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "softsign": ("Softsign", {}),
    "softplus": ("Softplus", {}),
    "exponential": ("Exp", {}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "hard_sigmoid_keras3": ("HardSigmoid", {"alpha": 1.0 / 6.0, "beta": 0.5}),
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
}
"""Activations that are one operator, with its attributes."""


def _swish(g: OnnxGraph, x: str) -> str:
    return g.add("Mul", x, g.add("Sigmoid", x))


def _mish(g: OnnxGraph, x: str) -> str:
    return g.add("Mul", x, g.add("Tanh", g.add("Softplus", x)))


def _gelu(g: OnnxGraph, x: str) -> str:
    """0.5 x (1 + erf(x / sqrt 2)), with the constant that TensorFlow has."""
    share = g.add("Add", g.add("Erf", g.add("Mul", x, g.floats(0.70710678))), g.floats(1.0))
    return g.add("Mul", g.add("Mul", x, g.floats(0.5)), share)


def _gelu_tanh(g: OnnxGraph, x: str) -> str:
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    cube = g.add("Mul", g.add("Mul", x, x), x)
    inner = g.add("Add", x, g.add("Mul", cube, g.floats(0.044715)))
    share = g.add("Add", g.add("Tanh", g.add("Mul", inner, g.floats(math.sqrt(2.0 / math.pi)))), g.floats(1.0))
    return g.add("Mul", g.add("Mul", x, g.floats(0.5)), share)


def _relu6(g: OnnxGraph, x: str) -> str:
    return g.add("Clip", x, g.floats(0.0), g.floats(6.0))


_COMPOSED: Mapping[str, Callable[[OnnxGraph, str], str]] = {
    "linear": lambda g, x: x,
    "relu6": _relu6,
    "swish": _swish,
    "mish": _mish,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
}


def _bounded(g: OnnxGraph, x: str, slope: float) -> str:
    line = g.add("Add", g.add("Mul", x, g.floats(slope)), g.floats(0.5))
    return g.add("Clip", line, g.floats(0.0), g.floats(1.0))


def _below_zero(g: OnnxGraph, x: str) -> str:
    return g.add("Min", x, g.floats(0.0))


def _elu(g: OnnxGraph, x: str, alpha: float = 1.0) -> str:
    powers = g.add("Sub", g.add("Exp", _below_zero(g, x)), g.floats(1.0))
    return g.add("Add", g.add("Relu", x), g.add("Mul", powers, g.floats(alpha)))


def _selu(g: OnnxGraph, x: str) -> str:
    return g.add("Mul", _elu(g, x, SELU_ALPHA), g.floats(SELU_SCALE))


def _softsign(g: OnnxGraph, x: str) -> str:
    return g.add("Div", x, g.add("Add", g.add("Abs", x), g.floats(1.0)))


def _softplus(g: OnnxGraph, x: str) -> str:
    tail = g.add("Log", g.add("Add", g.add("Exp", g.add("Neg", g.add("Abs", x))), g.floats(1.0)))
    return g.add("Add", g.add("Relu", x), tail)


def _mish_in_double(g: OnnxGraph, x: str) -> str:
    return g.add("Mul", x, g.add("Tanh", _softplus(g, x)))


_IN_DOUBLE: Mapping[str, Callable[[OnnxGraph, str], str]] = {
    "hard_sigmoid": lambda g, x: _bounded(g, x, 0.2),
    "hard_sigmoid_keras3": lambda g, x: _bounded(g, x, 1.0 / 6.0),
    "elu": _elu,
    "selu": _selu,
    "softsign": _softsign,
    "softplus": _softplus,
    "mish": _mish_in_double,
}
"""Activations whose operators ONNX Runtime does not have in float64, and whose numbers ONNX holds in float32."""


def activate(g: OnnxGraph, activation: Activation, x: str) -> str:
    """Add an activation; returns the name of its result."""
    if activation.name == "leaky_relu":
        assert activation.alpha is not None
        if g.dtype == np.float64:
            below = g.add("Mul", _below_zero(g, x), g.floats(activation.alpha))
            return g.add("Add", g.add("Relu", x), below)
        return g.add("LeakyRelu", x, alpha=activation.alpha)
    if g.dtype == np.float64 and activation.name in _IN_DOUBLE:
        return _IN_DOUBLE[activation.name](g, x)
    if activation.name in _COMPOSED:
        return _COMPOSED[activation.name](g, x)
    op, attributes = _NODES[activation.name]
    return g.add(op, x, **attributes)


_CELL_FUNCTIONS: Mapping[str, tuple[str, int]] = {
    "relu": ("Relu", 0),
    "tanh": ("Tanh", 0),
    "sigmoid": ("Sigmoid", 0),
    "softsign": ("Softsign", 0),
    "softplus": ("Softplus", 0),
    "affine": ("Affine", 2),
    "leaky_relu": ("LeakyRelu", 1),
    "scaled_tanh": ("ScaledTanh", 2),
    "hard_sigmoid": ("HardSigmoid", 2),
    "elu": ("Elu", 1),
}
"""ONNX's names of what its LSTM can apply, by a program's, and how many numbers each has."""

_AS_CELL_FUNCTION: Mapping[str, CellFunction] = {
    **{name: CellFunction(name) for name in ("relu", "tanh", "sigmoid", "softsign", "softplus")},
    "linear": CellFunction("affine", (1.0, 0.0)),
    "elu": CellFunction("elu", (1.0,)),
    "hard_sigmoid": CellFunction("hard_sigmoid", (0.2, 0.5)),
    "hard_sigmoid_keras3": CellFunction("hard_sigmoid", (1.0 / 6.0, 0.5)),
}


def cell_function(activation: Activation) -> CellFunction | None:
    """Return an activation as ONNX's LSTM has it, None if it has none of that meaning."""
    if activation.name == "leaky_relu":
        assert activation.alpha is not None
        return CellFunction("leaky_relu", (activation.alpha,))
    return _AS_CELL_FUNCTION.get(activation.name)


def cell_attributes(functions: list[CellFunction]) -> dict[str, list[str] | list[float]]:
    """Return the attributes of an LSTM that applies these functions: f, g, h of each direction.

    The numbers are listed in order, by the functions that have them, as ONNX Runtime reads them.
    """
    alphas: list[float] = []
    betas: list[float] = []
    for function in functions:
        count = _CELL_FUNCTIONS[function.function][1]
        assert len(function.numbers) == count
        alphas += [float(np.float32(number)) for number in function.numbers[:1]]
        betas += [float(np.float32(number)) for number in function.numbers[1:]]
    attributes: dict[str, list[str] | list[float]] = {
        "activations": [_CELL_FUNCTIONS[function.function][0] for function in functions]
    }
    if alphas:
        attributes["activation_alpha"] = alphas
    if betas:
        attributes["activation_beta"] = betas
    return attributes
