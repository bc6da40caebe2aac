"""ONNX's operator LSTM as scans of a program.

Source: the operator's description in ONNX's Operators.md. Gates lie in the order i, o, f, c; W is [D, 4U, I], R
[D, 4U, U], B [D, 8U] with the biases of both products, P [D, 3U] in the order i, o, f.
"""

import math
from collections.abc import Sequence

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import CellFunction, ProgramBuilder, Scan, Size, Tensor, Transpose

_GATES = (0, 2, 3, 1)
"""Where ONNX has the gates i, f, c, o."""

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
_FUNCTIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "Relu": ("relu", ()),
    "Tanh": ("tanh", ()),
    "Sigmoid": ("sigmoid", ()),
    "Affine": ("affine", (1.0, 0.0)),
    "LeakyRelu": ("leaky_relu", (0.01,)),
    "ScaledTanh": ("scaled_tanh", (1.0, 1.0)),
    "HardSigmoid": ("hard_sigmoid", (0.2, 0.5)),
    "Elu": ("elu", (1.0,)),
    "Softsign": ("softsign", ()),
    "Softplus": ("softplus", ()),
}
"""The functions of programs by ONNX's names, with the defaults of alpha and beta."""


def read_lstm(node: Node) -> list[Tensor]:
    """Read an LSTM: one scan a direction, and what puts their results together."""
    b = node.b
    direction = node.get("direction", "forward")
    if direction not in _DIRECTIONS:
        raise ModelFileError(f"attribute direction={direction!r}; accepted: {', '.join(_DIRECTIONS)}")
    reverses = _DIRECTIONS[direction]
    count = len(reverses)
    batch_major = bool(node.get("layout", 0))
    x = b.value(node.tensor(0))
    if x.rank != 3:
        raise ModelFileError(f"its input X has {x.rank} axes, expected 3")
    time_major = not batch_major
    if isinstance(x.operation, Transpose) and x.operation.order == (1, 0, 2):  # a scan reads either layout
        x, time_major = x.operation.inputs[0], not time_major
    units = node.tensor(2).shape[-1]
    declared = node.get("hidden_size", units)
    if not isinstance(units, int) or declared != units:
        raise ModelFileError(f"attribute hidden_size={declared}; its input R is for {units}")
    functions = _functions(node, count)
    clip = node.get("clip", 0.0)
    if clip < 0 or not math.isfinite(clip):
        raise ModelFileError(f"attribute clip={clip}; accepted: a positive number")
    lengths = node.given(4)
    time, batch = (x.shape[0], x.shape[1]) if time_major else (x.shape[1], x.shape[0])
    if isinstance(lengths, np.ndarray):
        if not (lengths.dtype.kind in "iu" and isinstance(time, int) and (lengths == time).all()):
            raise UnsupportedError("its input sequence_lens is a constant; accepted: an input of the model, or none")
        lengths = None
    sequences: list[Tensor] = []
    last: tuple[list[Tensor], list[Tensor]] = ([], [])
    for place, is_reverse in enumerate(reverses):
        weights = _weights(node, place, count, units)
        start = [_initial(node, 5 + number, place, count, batch_major, batch, units) for number in (0, 1)]
        peepholes = _peepholes(node, place, count, units)
        suffix = ("/backward" if is_reverse else "/forward") if count == 2 else ""
        gate, candidate, carry = functions[3 * place : 3 * place + 3]
        inputs = [x, *weights, *start, *([] if lengths is None else [lengths]), *peepholes]
        y, h, c = b.scan(
            Scan(
                tuple(b.value(tensor, node.name + suffix) for tensor in inputs),
                node.name + suffix,
                time_major=time_major,
                output_time_major=not batch_major,
                is_reverse=is_reverse,
                gate=gate,
                candidate=candidate,
                carry=carry,
                clip=clip,
                couples_forget=bool(node.get("input_forget", 0)),
                has_lengths=lengths is not None,
                has_peepholes=bool(peepholes),
            )
        )
        axis = 2 if batch_major else 1
        sequences.append(b.reshape(y, (*y.shape[:axis], 1, *y.shape[axis:])))
        for number, state in enumerate((h, c)):
            shape = (batch, 1, units) if batch_major else (1, batch, units)
            last[number].append(b.reshape(state, shape))
    axis = 1 if batch_major else 0
    return [
        b.concatenate(sequences, 2 if batch_major else 1),
        b.concatenate(last[0], axis),
        b.concatenate(last[1], axis),
    ]


def _functions(node: Node, count: int) -> list[CellFunction]:
    """The activations f, g, h of each direction."""
    names: Sequence[str] = node.get("activations", ["Sigmoid", "Tanh", "Tanh"] * count)
    if len(names) != 3 * count:
        raise ModelFileError(f"attribute activations={list(names)}; expected {3 * count}")
    alphas = list(node.get("activation_alpha", []))
    betas = list(node.get("activation_beta", []))
    by_lower = {name.lower(): name for name in _FUNCTIONS}
    found = []
    for name in names:
        if name.lower() not in by_lower:
            raise UnsupportedError(f"attribute activations: {name!r}; accepted: {', '.join(_FUNCTIONS)}")
        function, numbers = _FUNCTIONS[by_lower[name.lower()]]
        # Values are taken in order by the functions that have them, as ONNX Runtime reads them.
        given = []
        for values, default in zip((alphas, betas), numbers, strict=False):
            given.append(float(values.pop(0)) if values else default)
        found.append(CellFunction(function, tuple(given)))
    if alphas or betas:
        # One value a function, as the description can be read too: only where both readings agree.
        raise UnsupportedError(
            "attributes activation_alpha and activation_beta have more values than the activations take"
        )
    return found


def _part(b: ProgramBuilder, tensor: Tensor, place: int, count: int, what: str) -> Tensor:
    """One direction of a tensor whose first axis counts them."""
    if tensor.shape[0] != count:
        raise ModelFileError(f"its input {what} is for {tensor.shape[0]} directions, expected {count}")
    return b.reshape(b.slice(tensor, 0, place, 1), tensor.shape[1:])


def _weights(node: Node, place: int, count: int, units: int) -> list[Tensor]:
    """K [I, 4U], R [U, 4U] and b [4U] of one direction, gates in the order i, f, c, o."""
    b = node.b

    def reordered(rows: Tensor, what: str) -> Tensor:
        if rows.shape[0] != 4 * units:
            raise ModelFileError(f"its input {what} has {rows.shape[0]} rows of gates, expected {4 * units}")
        return b.concatenate([b.slice(rows, 0, gate * units, units) for gate in _GATES], 0)

    result: list[Tensor] = []
    for number, what in ((1, "W"), (2, "R")):
        given = node.tensor(number)
        if len(given.shape) != 3:
            raise ModelFileError(f"its input {what} has {len(given.shape)} axes, expected 3")
        result.append(b.transpose(reordered(_part(b, given, place, count, what), what), (1, 0)))
    bias = node.given(3)
    if bias is None:
        return [*result, b.full((4 * units,), 0.0)]
    whole = _part(b, bias, place, count, "B")
    if len(whole.shape) != 1 or whole.shape[0] != 8 * units:
        raise ModelFileError(f"its input B has shape {tuple(map(str, bias.shape))}, expected ({count}, {8 * units})")
    both = [reordered(b.slice(whole, 0, part * 4 * units, 4 * units), "B") for part in (0, 1)]
    return [*result, b.apply("add", *both)]


def _initial(node: Node, number: int, place: int, count: int, batch_major: bool, batch: Size, units: int) -> Tensor:
    """An initial state of one direction, [B, U]; zeros if there is none."""
    b = node.b
    given = node.given(number)
    if given is None:
        return b.full((batch, units), 0.0)
    axis = 1 if batch_major else 0
    if len(given.shape) != 3 or given.shape[axis] != count:
        raise ModelFileError(
            f"its input {('initial_h', 'initial_c')[number - 5]} has shape {tuple(map(str, given.shape))}, "
            f"expected {count} directions on axis {axis} of 3"
        )
    one = b.slice(given, axis, place, 1)
    return b.reshape(one, [size for at, size in enumerate(given.shape) if at != axis])


def _peepholes(node: Node, place: int, count: int, units: int) -> list[Tensor]:
    given = node.given(7)
    if given is None or (isinstance(given, np.ndarray) and not given.any()):
        return []
    rows = _part(node.b, given, place, count, "P")
    if rows.shape != (3 * units,):
        raise ModelFileError(f"its input P has shape {tuple(map(str, given.shape))}, expected ({count}, {3 * units})")
    return [node.b.slice(rows, 0, part * units, units) for part in range(3)]
