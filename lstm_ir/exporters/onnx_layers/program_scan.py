"""The LSTMs of a program, which were read from ONNX's operator and become it again."""

import numpy as np

from lstm_ir.exporters.onnx_activations import cell_attributes
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph
from lstm_ir.layers.program import Constant, Full, Scan, Value

_GATES = (0, 3, 1, 2)
"""Where a scan has the gates i, o, f, c."""


def add_program_scan(g: OnnxGraph, scan: Scan, inputs: list[str]) -> list[str]:
    """Add a node; returns the sequence and the last h and c."""
    x, kernel, recurrent, bias, *_ = inputs
    values = scan.inputs
    units = int(values[2].shape[0])  # type: ignore[arg-type]  # the builder has checked that it is known
    further = list(inputs[6:])
    with g.within(scan.name):
        x = x if scan.time_major else g.transpose(x, 1, 0, 2)
        weights = [_matrix(g, values[1], kernel, "W"), _matrix(g, values[2], recurrent, "R"), _bias(g, values[3], bias)]
        lengths = further.pop(0) if scan.has_lengths else ""
        states = ["" if _is_zero(v) else g.unsqueeze(n, 0) for v, n in zip(values[4:6], inputs[4:6], strict=True)]
        peepholes = [g.unsqueeze(g.add("Concat", *further, axis=0), 0)] if scan.has_peepholes else []
        given = [x, *weights, lengths, *states, *peepholes]
        while not given[-1]:
            given.pop()
        attributes: dict[str, object] = dict(cell_attributes([scan.gate, scan.candidate, scan.carry]))
        if scan.clip:
            attributes["clip"] = scan.clip
        if scan.couples_forget:
            attributes["input_forget"] = 1
        direction = "reverse" if scan.is_reverse else "forward"
        y, h, c = g.add_many("LSTM", given, 3, hidden_size=units, direction=direction, **attributes)
        y = g.squeeze(y, 1)
        return [y if scan.output_time_major else g.transpose(y, 1, 0, 2), g.squeeze(h, 0), g.squeeze(c, 0)]


def _array(value: Value) -> Array | None:
    """The value of a constant, None of what is computed at run time."""
    if isinstance(value.operation, Constant):
        return value.operation.array
    if isinstance(value.operation, Full) and all(isinstance(size, int) for size in value.shape):
        return np.full([int(str(size)) for size in value.shape], value.operation.number)
    return None


def _reordered(array: Array) -> Array:
    parts = np.split(array, 4, axis=-1)
    return np.concatenate([parts[gate] for gate in _GATES], axis=-1)


def _matrix(g: OnnxGraph, value: Value, name: str, wanted: str) -> str:
    """W or R, [1, 4U, K], of [K, 4U]."""
    array = _array(value)
    if array is not None:
        return g.constant(_reordered(array).T[np.newaxis].astype(g.dtype), f"{g.prefix}/{wanted}")
    return g.unsqueeze(g.transpose(_reordered_tensor(g, name, 1), 1, 0), 0)


def _bias(g: OnnxGraph, value: Value, name: str) -> str:
    """B, [1, 8U], of [4U]."""
    array = _array(value)
    if array is not None:
        both = np.concatenate([_reordered(array), np.zeros_like(array)])
        return g.constant(both[np.newaxis].astype(g.dtype), f"{g.prefix}/B")
    zeros = g.floats(np.zeros([int(str(size)) for size in value.shape]), "zeros")
    return g.unsqueeze(g.add("Concat", _reordered_tensor(g, name, 0), zeros, axis=0), 0)


def _reordered_tensor(g: OnnxGraph, name: str, axis: int) -> str:
    parts = g.add_many("Split", [name], 4, axis=axis)
    return g.add("Concat", *(parts[gate] for gate in _GATES), axis=axis)


def _is_zero(value: Value) -> bool:
    return isinstance(value.operation, Full) and value.operation.number == 0.0
