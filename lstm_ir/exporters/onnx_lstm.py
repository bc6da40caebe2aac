"""ONNX's operator LSTM: one node runs one direction, or both.

Source: the operator's description in ONNX's Operators.md. Gates lie in the order i, o, f, c; W is [D, 4U, I], R
[D, 4U, U], B [D, 8U] with the biases of both products. Its layout is time-major here, the one that ONNX Runtime has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.exporters.onnx_activations import cell_attributes, cell_function
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph
from lstm_ir.exporters.registry import weights_of
from lstm_ir.layers.lstm import LSTM

_GATES = (0, 3, 1, 2)
"""Where Keras has the gates i, o, f, c."""


@dataclass(frozen=True)
class Direction:
    """One direction of a node.

    Attributes:
        cell: the LSTM, whose ``go_backwards`` says which way it goes.
        path: its name, with which those of its weights start.
        initial_state: h and c, each (batch, units); None is zeros.
    """

    cell: LSTM
    path: str
    initial_state: tuple[str | None, str | None]


def is_expressible(cell: LSTM) -> bool:
    """Return whether the operator has the activations of an LSTM."""
    return None not in (cell_function(cell.activation), cell_function(cell.recurrent_activation))


def add_node(g: OnnxGraph, x: str, directions: Sequence[Direction]) -> tuple[str, str, str]:
    """Add a node without a mask; returns Y [T, D, B, U], Y_h and Y_c [D, B, U].

    Args:
        g: the graph.
        x: the input, [T, B, I].
        directions: one, or two of which the first goes forward and the second backwards.
    """
    units = directions[0].cell.units
    functions = []
    for direction in directions:
        gate, squash = cell_function(direction.cell.recurrent_activation), cell_function(direction.cell.activation)
        assert gate is not None
        assert squash is not None
        functions += [gate, squash, squash]
    parts = [_weights(g, direction.cell) for direction in directions]
    path = directions[0].path if len(directions) == 1 else g.prefix
    inputs = [x]
    for place, name in enumerate("WRB"):
        inputs.append(g.constant(np.stack([part[place] for part in parts]), f"{path}/{name}"))
    starts = [direction.initial_state for direction in directions]
    if any(state is not None for start in starts for state in start):
        # An input that is left out is zeros; of two directions both are there then.
        states = []
        for place in (0, 1):
            rows = [start[place] for start in starts]
            whole = [g.unsqueeze(zeros(g, x, 1, units) if row is None else row, 0) for row in rows]
            states.append(whole[0] if len(whole) == 1 else g.add("Concat", *whole, axis=0))
        inputs += ["", *states]
    kind = "bidirectional" if len(directions) == 2 else "reverse" if directions[0].cell.go_backwards else "forward"
    y, h, c = g.add_many("LSTM", inputs, 3, hidden_size=units, direction=kind, **cell_attributes(functions))
    return y, h, c


def _weights(g: OnnxGraph, cell: LSTM) -> list[Array]:
    """W [4U, I], R [4U, U] and B [8U] of one direction."""
    kernel, recurrent_kernel, bias = cell_weights(g, cell)
    units = cell.units

    def reordered(array: Array) -> Array:
        parts = [array[..., gate * units : (gate + 1) * units] for gate in _GATES]
        return np.concatenate(parts, axis=-1)

    own = np.zeros(4 * units, g.dtype) if bias is None else reordered(bias)
    return [reordered(kernel).T, reordered(recurrent_kernel).T, np.concatenate([own, np.zeros_like(own)])]


def cell_weights(g: OnnxGraph, cell: LSTM) -> tuple[Array, Array, Array | None]:
    """Return kernel, recurrent kernel and bias of an LSTM, gates in the order i, f, c, o.

    Raises:
        UnsupportedError: they are laid out otherwise.
    """
    kernel, recurrent_kernel, *bias = weights_of(g, cell)
    if bias and bias[0].shape != (4 * cell.units,):
        raise UnsupportedError(
            f"layer {cell.name!r}: the bias of {cell.keras_class_name} has shape {bias[0].shape}, which cannot be "
            "exported to ONNX"
        )
    return kernel, recurrent_kernel, bias[0] if bias else None


def zeros(g: OnnxGraph, x: str, batch_axis: int, units: int) -> str:
    """Add zeros (batch, units) for a sequence's batch."""
    from onnx import numpy_helper

    shape = g.add("Concat", g.sizes(x, batch_axis, batch_axis + 1), g.integers([units]), axis=0)
    return g.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, g.dtype)))
