"""ONNX's operators LSTM, GRU and RNN: one node runs one direction, or both.

W is [D, G U, I], R [D, G U, U], B [D, 2 G U] with the biases of both products. Their layout is time-major here, the one
that ONNX Runtime has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ir.exporters.onnx_activations import cell_attributes
from lstm_ir.exporters.onnx_cells import Cell, zeros
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph


@dataclass(frozen=True)
class Direction:
    """One direction of a node.

    Attributes:
        cell: what it runs; the layer's ``go_backwards`` says which way it goes.
        initial_state: the states, each (batch, units); None is zeros.
    """

    cell: Cell
    initial_state: Sequence[str | None]


def add_node(g: OnnxGraph, x: str, directions: Sequence[Direction]) -> list[str]:
    """Add a node without a mask; returns Y [T, D, B, U] and the last states, each [D, B, U].

    Args:
        g: the graph.
        x: the input, [T, B, I].
        directions: one, or two of which the first goes forward and the second backwards.
    """
    first = directions[0].cell
    units, is_both = first.layer.units, len(directions) == 2
    functions = []
    for direction in directions:
        own = direction.cell.functions
        assert own is not None
        functions += own
    parts = [_weights(g, direction.cell) for direction in directions]
    path = g.prefix if is_both else first.path
    inputs = [x]
    for place, name in enumerate("WRB"):
        inputs.append(g.constant(np.stack([part[place] for part in parts]), f"{path}/{name}"))
    starts = [direction.initial_state for direction in directions]
    if any(state is not None for start in starts for state in start):
        # An input that is left out is zeros; of several all are there then.
        states = []
        for place in range(len(first.layer.state_names)):
            rows = [start[place] for start in starts]
            whole = [g.unsqueeze(zeros(g, x, 1, units) if row is None else row, 0) for row in rows]
            states.append(g.add("Concat", *whole, axis=0) if is_both else whole[0])
        inputs += ["", *states]
    kind = "bidirectional" if is_both else "reverse" if first.layer.go_backwards else "forward"
    return g.add_many(
        first.operator,
        inputs,
        1 + len(first.layer.state_names),
        hidden_size=units,
        direction=kind,
        **cell_attributes(functions),
        **first.attributes,
    )


def _weights(g: OnnxGraph, cell: Cell) -> list[Array]:
    """W [G U, I], R [G U, U] and B [2 G U] of one direction."""
    kernel, recurrent_kernel, biases = (_reordered(array, cell.gates) for array in cell.weights(g.dtype))
    return [kernel.T, recurrent_kernel.T, biases.reshape(-1)]


def _reordered(array: Array, gates: Sequence[int]) -> Array:
    parts = np.split(array, len(gates), axis=-1)
    return np.concatenate([parts[gate] for gate in gates], axis=-1)
