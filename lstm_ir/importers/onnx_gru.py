"""ONNX's operators GRU and RNN as recurrences of a program.

Source: the operators' descriptions in ONNX's Operators.md. Gates of a GRU lie in the order z, r, h.
"""

from collections.abc import Sequence

import numpy as np

from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_recurrent import RecurrentNode, functions_of, initial_state, weights_of
from lstm_ir.layers.program import Cell, Recurrence, Tensor, Value
from lstm_ir.layers.program.recurrence import gru_cell, recurrence, resetting_gru_cell, simple_cell


def read_gru(node: Node) -> list[Tensor]:
    """Read a GRU: one recurrence a direction.

    Behind the product, resetting takes four gates: z, r, and the new value's parts from input and state. Before it, it
    takes three, and a product of the cell's own.
    """
    r = RecurrentNode.of(node)
    functions = functions_of(node, ("Sigmoid", "Tanh"), r.count)
    directions = []
    for place in range(r.count):
        kernel, recurrent, *biases = weights_of(node, place, r.count, r.units, (0, 1, 2))
        gate, candidate = functions[place]
        bias: Tensor
        if node.get("linear_before_reset", 0):
            bias = node.b.full((4 * r.units,), 0.0)
            if biases:
                bias = _of_four_gates(node, r.units, biases[0], biases[1])
            weights = [_with_zeros(node, kernel, 3, r.units), _with_zeros(node, recurrent, 2, r.units), bias]
            directions.append(_recurrence(r, place, weights, gru_cell(r.units, gate, candidate, r.clip)))
            continue
        bias = node.b.apply("add", *biases) if biases else node.b.full((3 * r.units,), 0.0)
        before = node.b.slice(recurrent, 1, 0, 2 * r.units)
        own = node.b.slice(recurrent, 1, 2 * r.units, r.units)
        weights = [kernel, node.b.concatenate([before, np.zeros((r.units, r.units), node.b.dtype)], 1), bias]
        cell = resetting_gru_cell(r.units, gate, candidate, r.clip)
        directions.append(_recurrence(r, place, weights, cell, [own]))
    return r.results(directions)


def read_rnn(node: Node) -> list[Tensor]:
    """Read an RNN: one recurrence a direction."""
    r = RecurrentNode.of(node)
    functions = functions_of(node, ("Tanh",), r.count)
    directions = []
    for place in range(r.count):
        kernel, recurrent, *biases = weights_of(node, place, r.count, r.units, (0,))
        bias = node.b.apply("add", *biases) if biases else node.b.full((r.units,), 0.0)
        cell = simple_cell(r.units, functions[place][0], r.clip)
        directions.append(_recurrence(r, place, [kernel, recurrent, bias], cell))
    return r.results(directions)


def _recurrence(
    r: RecurrentNode, place: int, weights: Sequence[Tensor], cell: Cell, products: Sequence[Tensor] = ()
) -> tuple[Value, ...]:
    b = r.node.b
    mask = [] if r.lengths is None else [_steps_before(r, r.lengths)]
    name = r.name_of(place)
    inputs = [r.x, *weights, initial_state(r, 5, place), *mask, *products]
    return recurrence(
        b,
        Recurrence(
            tuple(b.value(tensor, name) for tensor in inputs),
            name,
            time_major=r.time_major,
            output_time_major=not r.batch_major,
            is_reverse=r.reverses[place],
            cell=cell,
            has_mask=bool(mask),
            products=len(products),
        ),
    )


def _steps_before(r: RecurrentNode, lengths: Tensor) -> Tensor:
    """The mask of the steps that are before the end of each row."""
    b = r.node.b
    axis = 0 if r.time_major else 1
    steps = b.reshape(b.positions(r.time), (-1, 1) if axis == 0 else (1, -1))
    ends = b.reshape(lengths, (1, -1) if axis == 0 else (-1, 1))
    return b.apply("less", steps, ends)


def _with_zeros(node: Node, weights: Tensor, place: int, units: int) -> Tensor:
    """Weights of three gates with a fourth of zeros at a place."""
    b = node.b
    rows = weights.shape[0]
    assert isinstance(rows, int)
    zeros = np.zeros((rows, units), b.dtype)
    before = b.slice(weights, 1, 0, min(place, 3) * units)
    behind = [] if place == 3 else [b.slice(weights, 1, place * units, (3 - place) * units)]
    return b.concatenate([before, zeros, *behind], 1)


def _of_four_gates(node: Node, units: int, of_input: Tensor, of_state: Tensor) -> Tensor:
    b = node.b
    gates = b.apply("add", b.slice(of_input, 0, 0, 2 * units), b.slice(of_state, 0, 0, 2 * units))
    return b.concatenate([gates, *(b.slice(part, 0, 2 * units, units) for part in (of_input, of_state))], 0)
