"""ONNX's products, reductions, normalisations and softmax, put together from a program's operations."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import Size, Tensor, product_of


def _matmul(node: Node) -> list[Tensor]:
    left, right = node.tensor(0), node.tensor(1)
    b = node.b
    a_rank, b_rank = len(left.shape), len(right.shape)
    if not a_rank or not b_rank:
        raise ModelFileError("a product of a tensor without axes")
    if a_rank == 1:
        left = b.reshape(left, (1, *left.shape))
    if b_rank == 1:
        right = b.reshape(right, (*right.shape, 1))
    product: Tensor = b.matmul(left, right)
    shape: list[Size] = list(product.shape)
    if b_rank == 1:
        shape.pop()
    if a_rank == 1:
        shape.pop(-1 if b_rank == 1 else -2)
    return [b.reshape(product, shape)]


def _gemm(node: Node) -> list[Tensor]:
    b = node.b
    left, right, bias = node.tensor(0), node.tensor(1), node.given(2)
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise ModelFileError("a product of tensors that are no matrices")
    left = b.transpose(left, (1, 0)) if node.get("transA", 0) else left
    right = b.transpose(right, (1, 0)) if node.get("transB", 0) else right
    result: Tensor = b.matmul(left, right)
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    if alpha != 1.0:
        result = b.apply("mul", result, np.asarray(alpha, b.dtype))
    if bias is not None and beta != 0.0:
        scaled = bias if beta == 1.0 else b.apply("mul", bias, np.asarray(beta, b.dtype))
        result = b.apply("add", result, scaled)
    return [result]


def _softmax(node: Node) -> list[Tensor]:
    x, b = node.tensor(0), node.b
    rank = len(x.shape)
    if node.opset < 13:
        axis = node.axis(node.get("axis", 1), rank)
        axes = list(range(axis, rank))  # older opsets see a matrix
    else:
        axes = [node.axis(node.get("axis", -1), rank)]
    below = b.apply("sub", x, b.reduce("max", x, axes))
    powers = b.apply("exp", below)
    total = b.reduce("sum", powers, axes)
    if node.op_type == "LogSoftmax":
        return [b.apply("sub", below, b.apply("log", total))]
    return [b.apply("div", powers, total)]


def _reduce_axes(node: Node, rank: int) -> list[int] | None:
    given = node.numbers("axes", 1)
    if not given:
        return None if node.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted({node.axis(axis, rank) for axis in given})


def _reduce(node: Node) -> list[Tensor]:
    x, b = node.tensor(0), node.b
    axes = _reduce_axes(node, len(x.shape))
    if axes is None:
        return [x]
    if isinstance(x, np.ndarray) and x.dtype.kind != "f":
        if node.op_type == "ReduceProd" and x.ndim == 1:
            whole = np.asarray(product_of(list(x)), dtype=object)
            return [whole.reshape(1) if node.get("keepdims", 1) else whole]
        raise UnsupportedError("a reduction of integers")
    if node.op_type == "ReduceProd":
        raise UnsupportedError("a product of floats along an axis")
    if node.op_type == "ReduceMin":
        result = b.apply("neg", b.reduce("max", b.apply("neg", x), axes))
    elif node.op_type in ("ReduceSumSquare", "ReduceL2"):
        result = b.reduce("sum", b.apply("square", x), axes)
        result = b.apply("sqrt", result) if node.op_type == "ReduceL2" else result
    else:
        result = b.reduce("max" if node.op_type == "ReduceMax" else "sum", x, axes)
    if node.op_type == "ReduceMean":
        result = _divided(node, result, [x.shape[axis] for axis in axes])
    if node.get("keepdims", 1):
        return [result]
    return [b.reshape(result, [size for axis, size in enumerate(x.shape) if axis not in axes])]


def _divided(node: Node, total: Tensor, sizes: Sequence[Size]) -> Tensor:
    return node.b.apply("div", total, node.b.count(sizes))


def _global_pool(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    axes = list(range(2, len(x.shape)))
    if node.op_type == "GlobalMaxPool":
        return [node.b.reduce("max", x, axes)]
    return [_divided(node, node.b.reduce("sum", x, axes), [x.shape[axis] for axis in axes])]


def _batch_normalization(node: Node) -> list[Tensor]:
    node.accept_only(training_mode=0, spatial=1)
    x, b = node.tensor(0), node.b
    rank = len(x.shape)
    parts = []
    for place in range(1, 5):
        part = node.tensor(place)
        parts.append(b.reshape(part, (part.shape[0], *(1 for _ in range(rank - 2)))))
    scale, bias, mean, variance = parts
    epsilon = np.asarray(node.get("epsilon", 1e-5), b.dtype)
    deviation = b.apply("sqrt", b.apply("add", variance, epsilon))
    slope = b.apply("div", scale, deviation)
    return [b.apply("add", b.apply("mul", b.apply("sub", x, mean), slope), bias)]


def _layer_normalization(node: Node) -> list[Tensor]:
    node.accept_only(stash_type=1)
    x, b = node.tensor(0), node.b
    rank = len(x.shape)
    axes = list(range(node.axis(node.get("axis", -1), rank), rank))
    sizes = [x.shape[axis] for axis in axes]
    mean = _divided(node, b.reduce("sum", x, axes), sizes)
    centred = b.apply("sub", x, mean)
    variance = _divided(node, b.reduce("sum", b.apply("square", centred), axes), sizes)
    epsilon = np.asarray(node.get("epsilon", 1e-5), b.dtype)
    result = b.apply("div", centred, b.apply("sqrt", b.apply("add", variance, epsilon)))
    result = b.apply("mul", result, node.tensor(1))
    bias = node.given(2)
    return [result if bias is None else b.apply("add", result, bias)]


LINEAR: Mapping[str, Callable[[Node], list[Tensor]]] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    **dict.fromkeys(
        ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL2"], _reduce
    ),
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
}
"""The readers by operator."""
