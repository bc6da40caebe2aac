"""ONNX's operator LSTM as scans of a program.

Source: the operator's description in ONNX's Operators.md. Gates lie in the order i, o, f, c; P is [D, 3U] in the order
i, o, f.
"""

import numpy as np

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_recurrent import RecurrentNode, functions_of, initial_state, part_of, weights_of
from lstm_ir.layers.program import Scan, Tensor

_GATES = (0, 2, 3, 1)
"""Where ONNX has the gates i, f, c, o."""


def read_lstm(node: Node) -> list[Tensor]:
    """Read an LSTM: one scan a direction, and what puts their results together."""
    b = node.b
    r = RecurrentNode.of(node)
    directions = []
    functions = functions_of(node, ("Sigmoid", "Tanh", "Tanh"), r.count)
    for place, is_reverse in enumerate(r.reverses):
        kernel, recurrent, *biases = weights_of(node, place, r.count, r.units, _GATES)
        bias = b.apply("add", *biases) if biases else b.full((4 * r.units,), 0.0)
        start = [initial_state(r, number, place) for number in (5, 6)]
        peepholes = _peepholes(node, place, r.count, r.units)
        gate, candidate, carry = functions[place]
        lengths = [] if r.lengths is None else [r.lengths]
        inputs = [r.x, kernel, recurrent, bias, *start, *lengths, *peepholes]
        name = r.name_of(place)
        directions.append(
            b.scan(
                Scan(
                    tuple(b.value(tensor, name) for tensor in inputs),
                    name,
                    time_major=r.time_major,
                    output_time_major=not r.batch_major,
                    is_reverse=is_reverse,
                    gate=gate,
                    candidate=candidate,
                    carry=carry,
                    clip=r.clip,
                    couples_forget=bool(node.get("input_forget", 0)),
                    has_lengths=r.lengths is not None,
                    has_peepholes=bool(peepholes),
                )
            )
        )
    return r.results(directions)


def _peepholes(node: Node, place: int, count: int, units: int) -> list[Tensor]:
    given = node.given(7)
    if given is None or (isinstance(given, np.ndarray) and not given.any()):
        return []
    rows = part_of(node.b, given, place, count, "P")
    if rows.shape != (3 * units,):
        raise ModelFileError(f"its input P has shape {tuple(map(str, given.shape))}, expected ({count}, {3 * units})")
    return [node.b.slice(rows, 0, part * units, units) for part in range(3)]
