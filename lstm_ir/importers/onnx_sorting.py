"""ONNX's TopK of a vector of integers, and the ScatterElements that undoes it, as PyTorch writes packed sequences.

`pack_padded_sequence` sorts its batch by length. A row's place is the number of rows that come before it, and what lies
at a place is the sum of what there is times whether it lies there: no loop, and as many steps as rows squared.
"""

from collections.abc import Callable, Mapping

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import Full, ProgramBuilder, Tensor, Value


def _top_k(node: Node) -> list[Tensor]:
    b, x, count = node.b, node.tensor(0), node.sizes(1)
    if not isinstance(x, Value) or not x.is_integer or x.rank != 1 or b.dtype == np.float16:
        raise UnsupportedError("accepted: a vector of integers, in a model of float32 or float64")
    if count is None or len(count) != 1 or count[0] != x.shape[0]:
        raise UnsupportedError(f"it takes {'none' if count is None else count[0]} of {x.shape[0]}; accepted: all")
    row, column = b.reshape(x, (1, -1)), b.reshape(x, (-1, 1))
    positions = b.value(b.positions(x.shape[0]))
    here, there = b.reshape(positions, (-1, 1)), b.reshape(positions, (1, -1))
    first, second = (column, row) if node.get("largest", 1) else (row, column)
    is_tie_before = b.apply("and", b.apply("equal", row, column), b.apply("less", there, here))
    comes_before = b.apply("or", b.apply("less", first, second), is_tie_before)
    places = b.apply("to_integer", b.reduce("sum", b.apply("to_float", comes_before), [1]))
    sorted_, order = (b.value(_at_places(b, places, value)) for value in (x, positions))
    b.orders.add(order)
    return [sorted_, order]


def _at_places(b: ProgramBuilder, places: Tensor, values: Value) -> Tensor:
    """Integers put at places, [rows, 1], each of which is there once."""
    there = b.reshape(b.value(b.positions(values.shape[0])), (1, -1))
    is_here = b.apply("to_float", b.apply("equal", places, there))
    shares = b.apply("mul", is_here, b.apply("to_float", b.reshape(values, (-1, 1))))
    return b.apply("to_integer", b.reshape(b.reduce("sum", shares, [0]), values.shape))


def _scatter_elements(node: Node) -> list[Tensor]:
    b = node.b
    into, places, values = (b.value(node.tensor(place)) for place in range(3))
    is_all = into.shape == places.shape == values.shape and places.rank == 1
    if not (isinstance(into.operation, Full) and values.is_integer and is_all and places in b.orders):
        raise UnsupportedError("accepted: what undoes a TopK of all elements of a vector of integers")
    if node.get("reduction", "none") != "none":
        raise ModelFileError("attribute reduction: expected none")
    return [_at_places(b, b.reshape(places, (-1, 1)), values)]


SORTING: Mapping[str, Callable[[Node], list[Tensor]]] = {"TopK": _top_k, "ScatterElements": _scatter_elements}
"""The readers by operator."""
