"""ONNX's operator Scan where its body is a step of a recurrent layer, as `lstm_ir.exporters.onnx_scan` writes it.

Its sequence is a product of inputs and a kernel; what its body is, `onnx_scan_body` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_scan_body import StepBody, array_of_constant, is_zero, other_scan
from lstm_ir.layers.program import Elementwise, MatMul, ProgramBuilder, Recurrence, Reshape, Tensor, Transpose, Value
from lstm_ir.layers.program.builder import Array
from lstm_ir.layers.program.recurrence import recurrence

Inside = Callable[
    [Any, ProgramBuilder, Mapping[str, Tensor], Mapping[str, Callable[[Node], list[Tensor]]]], list[Tensor]
]
"""Reads a graph inside a node: the graph, a builder, its inputs by name, readers instead of the usual ones."""


def read_scan(node: Node, inside: Inside) -> list[Tensor]:
    """Read a Scan as a recurrence: the last states, and the sequence.

    Args:
        node: The node.
        inside: Reads its body.

    Raises:
        UnsupportedError: It is another one.
    """
    b = node.b
    graph = next((attribute.g for attribute in node.proto.attribute if attribute.name == "body"), None)
    count = node.get("num_scan_inputs", 0)
    if graph is None or not 1 <= count <= len(node.inputs) or len(graph.input) != len(node.inputs):
        raise ModelFileError("its body does not go with its inputs")
    given = [b.value(node.tensor(place), node.name) for place in range(len(node.inputs))]
    states, sequences = given[:-count], given[-count:]
    if not states or count > 2 or len(graph.output) != len(states) + 1 or node.opset < 9:
        raise other_scan(f"{len(states)} states, {count} sequences")
    x = _projection(b, sequences[0])
    axes = node.get("scan_input_axes", [0] * count)
    directions = node.get("scan_input_directions", [0] * count)
    (output_axis,) = node.get("scan_output_axes", [0])
    if len(set(axes)) != 1 or axes[0] not in (0, 1) or len(set(directions)) != 1 or output_axis not in (0, 1):
        raise other_scan(f"its sequences lie on axes {list(axes)}, in directions {list(directions)}")
    (turned,) = node.get("scan_output_directions", [0])
    if turned and not directions[0]:
        raise other_scan("its output is turned round and its input is not")
    time_major = axes[0] == 0
    batch = sequences[0].shape[int(time_major)]
    inner = ProgramBuilder(b.dtype)
    own = [Value(state.shape) for state in states]
    z = Value((batch, sequences[0].shape[2]))
    keep = Value((batch,), is_bool=True)
    names = [item.name for item in graph.input]
    inputs_inside: list[Tensor] = [*own, z, keep]
    results = inside(graph, inner, dict(zip(names, inputs_inside, strict=False)), _IN_BODY)
    body = StepBody(z, own, [inner.value(result) for result in results])
    step = body.masked(keep) if count == 2 else body.plain()
    if step.previous is not None and not is_zero(states[step.previous]):
        raise other_scan("what it repeats where a mask is false does not start at zeros")
    try:
        cell, gates = body.cell(step.new)
    except RecursionError:
        raise other_scan("its body is very deep") from None
    kernel, recurrent, bias = body.weights(gates, x.kernel, x.bias)
    source, input_time_major = x.value, time_major
    if isinstance(source.operation, Transpose) and source.operation.order == (1, 0, 2):
        source, input_time_major = source.operation.inputs[0], not time_major
    masks = list(sequences[1:])
    if input_time_major != time_major:
        masks = [b.value(b.transpose(mask, (1, 0))) for mask in masks]
    inputs: list[Tensor] = [source, kernel, recurrent, bias, *states[: len(step.new)], *masks, *body.products]
    sequence, *last = recurrence(
        b,
        Recurrence(
            tuple(b.value(tensor, node.name) for tensor in inputs),
            node.name,
            time_major=input_time_major,
            output_time_major=output_axis == 0,
            is_reverse=bool(directions[0]),
            cell=cell,
            output_is_visited=not turned,
            has_mask=bool(masks),
            holds=step.previous is not None,
            products=len(body.products),
        ),
    )
    made: list[Tensor] = list(last)
    if step.previous is not None:
        steps = sequence.shape[output_axis]
        end = b.slice(sequence, output_axis, 0 if turned else steps - 1, 1)
        made.append(b.reshape(end, states[0].shape))
    return [*made, sequence]


@dataclass(frozen=True)
class _Projection:
    """A sequence ``value kernel + bias``."""

    value: Value
    kernel: Array
    bias: Array


def _projection(b: ProgramBuilder, z: Value) -> _Projection:
    """What a sequence is the product of."""
    bias: Array = np.zeros(1)
    if isinstance(z.operation, Elementwise) and z.operation.function == "add":
        for place in (0, 1):
            found = array_of_constant(z.operation.inputs[place])
            if found is not None and z.operation.inputs[1 - place].shape == z.shape:
                bias, z = found, z.operation.inputs[1 - place]
                break
    product = z.operation.inputs[0] if isinstance(z.operation, Reshape) else z
    if z.rank == 3 and isinstance(product.operation, MatMul):
        rows, weights = product.operation.inputs
        kernel = array_of_constant(weights)
        if kernel is not None and kernel.ndim == 2:
            value = b.value(b.reshape(rows, (*z.shape[:2], kernel.shape[0])))
            return _Projection(value, kernel, np.broadcast_to(bias.reshape(-1), (kernel.shape[1],)))
    raise other_scan("its sequence is not the product of a tensor and a constant")


def _row_wise(function: str) -> Callable[[Node], list[Tensor]]:
    def read(node: Node) -> list[Tensor]:
        x = node.b.value(node.tensor(0))
        if node.axis(node.get("axis", -1), x.rank) != x.rank - 1 or x.rank != 2:
            raise other_scan("its body has a softmax that is none of rows")
        return [node.b.emit(Elementwise((x,), function), x.shape)[0]]

    return read


_IN_BODY: Mapping[str, Callable[[Node], list[Tensor]]] = {
    "Softmax": _row_wise("softmax"),
    "LogSoftmax": _row_wise("log_softmax"),
}
