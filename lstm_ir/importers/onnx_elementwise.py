"""ONNX's operators on single elements."""

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import Tensor, Value

_SAME = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow",
    "Neg": "neg", "Abs": "abs", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Reciprocal": "reciprocal",
    "Erf": "erf", "Floor": "floor", "Ceil": "ceil",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Softplus": "softplus", "Softsign": "softsign",
    "HardSwish": "hard_swish", "Mish": "mish", "Sign": "sign", "Sin": "sin", "Cos": "cos",
    "Equal": "equal", "Less": "less", "LessOrEqual": "less_equal",
    "Not": "not", "And": "and", "Or": "or", "Xor": "xor",
}  # fmt: skip


def _same(node: Node) -> list[Tensor]:
    function = _SAME[node.op_type]
    operands = [node.tensor(place) for place in range(len(node.inputs))]
    if function == "pow" and isinstance(operands[1], np.ndarray):
        exponent = operands[1]
        operands[1] = node.b.apply("to_float", exponent)
        if exponent.size == 1 and float(exponent.reshape(())) == 2.0:
            return [node.b.apply("square", operands[0])]
        if exponent.size == 1 and float(exponent.reshape(())) == 0.5:
            return [node.b.apply("sqrt", operands[0])]
    return [node.b.apply(function, *operands)]


def _swapped(function: str) -> Callable[[Node], list[Tensor]]:
    return lambda node: [node.b.apply(function, node.tensor(1), node.tensor(0))]


def _where(node: Node) -> list[Tensor]:
    return [node.b.apply("where", *(node.tensor(place) for place in range(3)))]


def _all_inputs(function: str) -> Callable[[Node], list[Tensor]]:
    def read(node: Node) -> list[Tensor]:
        operands = [node.tensor(place) for place in range(len(node.inputs))]
        return [reduce(lambda left, right: node.b.apply(function, left, right), operands)]

    return read


def _mean(node: Node) -> list[Tensor]:
    (total,) = _all_inputs("add")(node)
    return [node.b.apply("div", total, np.asarray(len(node.inputs), node.b.dtype))]


def _identity(node: Node) -> list[Tensor]:
    return [node.tensor(0)]


def _dropout(node: Node) -> list[Tensor]:
    training = node.known(2)
    if training is not None and training.any():
        raise UnsupportedError("training_mode is set; accepted: inference, where Dropout is the identity")
    return [node.tensor(0)]


def _with_numbers(function: str, *attributes: tuple[str, float]) -> Callable[[Node], list[Tensor]]:
    def read(node: Node) -> list[Tensor]:
        numbers = [node.get(name, default) for name, default in attributes]
        return [node.b.apply(function, node.tensor(0), numbers=numbers)]

    return read


def _selu(node: Node) -> list[Tensor]:
    for attribute, default in (("alpha", 1.67326319), ("gamma", 1.05070102)):
        if abs(node.get(attribute, default) - default) > 1e-5:
            raise UnsupportedError(f"attribute {attribute}={node.get(attribute, default)!r}; accepted: {default}")
    return [node.b.apply("selu", node.tensor(0))]


def _clip(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    if any(isinstance(node.given(place), Value) for place in (1, 2)) or _is_integer(x):
        for place, function in ((1, "max"), (2, "min")):
            bound = node.given(place)
            x = x if bound is None else node.b.apply(function, x, bound)
        return [x]
    bounds = []
    for place, (attribute, default) in enumerate((("min", -np.inf), ("max", np.inf))):
        array = node.known(place + 1)
        bounds.append(float(array.reshape(())) if array is not None else float(node.get(attribute, default)))
    return [node.b.apply("clip", node.tensor(0), numbers=bounds)]


def _is_integer(x: Tensor) -> bool:
    return x.is_integer if isinstance(x, Value) else x.dtype.kind != "f"


def _gelu(node: Node) -> list[Tensor]:
    kind = node.get("approximate", "none")
    if kind not in ("none", "tanh"):
        raise UnsupportedError(f"attribute approximate={kind!r}; accepted: none, tanh")
    return [node.b.apply("gelu" if kind == "none" else "gelu_tanh", node.tensor(0))]


def _swish(node: Node) -> list[Tensor]:
    alpha = np.asarray(node.get("alpha", 1.0), node.b.dtype)
    x = node.tensor(0)
    return [node.b.apply("mul", x, node.b.apply("sigmoid", node.b.apply("mul", x, alpha)))]


def _cast(node: Node) -> list[Tensor]:
    target = node.get("to", 0)
    x = node.tensor(0)
    if target in (6, 7):
        return [node.b.apply("to_integer", x)]
    if target == 9:
        return [x if isinstance(x, Value) and x.is_bool else node.b.apply("nonzero", x)]
    own = {np.dtype(np.float32): 1, np.dtype(np.float16): 10, np.dtype(np.float64): 11}[node.b.dtype]
    if target == own and isinstance(x, np.ndarray) and x.dtype == object and x.size == 1:
        return [node.b.reshape(node.b.count([x.reshape(()).item()]), x.shape)]
    holds_any = isinstance(x, np.ndarray) or x.is_bool  # 0 and 1 are the same in all floats
    if target == own or (target in (1, 10, 11) and holds_any):
        return [node.b.apply("to_float", x)]
    raise UnsupportedError(f"attribute to={target}; accepted: bool, int32, int64 and {node.b.dtype}")


def _cast_like(node: Node) -> list[Tensor]:
    x, like = node.tensor(0), node.tensor(1)
    is_integer = like.dtype.kind != "f" if isinstance(like, np.ndarray) else like.is_integer
    return [node.b.apply("to_integer" if is_integer else "to_float", x)]


ELEMENTWISE: Mapping[str, Callable[[Node], list[Tensor]]] = {
    **dict.fromkeys(_SAME, _same),
    "Max": _all_inputs("max"),
    "Min": _all_inputs("min"),
    "Sum": _all_inputs("add"),
    "Mean": _mean,
    "Identity": _identity,
    "Dropout": _dropout,
    "Elu": _with_numbers("elu", ("alpha", 1.0)),
    "LeakyRelu": _with_numbers("leaky_relu", ("alpha", 0.01)),
    "HardSigmoid": _with_numbers("hard_sigmoid", ("alpha", 0.2), ("beta", 0.5)),
    "Selu": _selu,
    "Clip": _clip,
    "Gelu": _gelu,
    "Swish": _swish,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Greater": _swapped("less"),
    "GreaterOrEqual": _swapped("less_equal"),
    "Where": _where,
    "ThresholdedRelu": _with_numbers("thresholded_relu", ("alpha", 1.0)),
}
"""The readers by operator."""
