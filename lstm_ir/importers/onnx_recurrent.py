"""What ONNX's operators LSTM, GRU and RNN have in common: directions, layouts, weights, states, activations.

Source: the operators' descriptions in ONNX's Operators.md. W is [D, G U, I], R [D, G U, U], B [D, 2 G U] with the
biases of both products.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import CellFunction, ProgramBuilder, Size, Tensor, Transpose, Value

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


@dataclass(frozen=True)
class RecurrentNode:
    """What a node says of all its directions.

    Attributes:
        node: The node.
        x: Its input.
        time_major: Whether that is [T, B, I]; else [B, T, I].
        batch_major: Whether the node's own layout is 1: its results are batch-major.
        units: U.
        reverses: Of each direction, whether it goes backwards.
        time: T.
        batch: B.
        clip: Bounds what activations are applied to; 0 is none.
        lengths: Of each row, how many steps it has; None: all.
    """

    node: Node
    x: Value
    time_major: bool
    batch_major: bool
    units: int
    reverses: tuple[bool, ...]
    time: Size
    batch: Size
    clip: float
    lengths: Tensor | None

    @classmethod
    def of(cls, node: Node) -> "RecurrentNode":
        """Read a node.

        Raises:
            ModelFileError: its attributes or inputs contradict each other.
            UnsupportedError: lengths that are constants.
        """
        direction = node.get("direction", "forward")
        if direction not in _DIRECTIONS:
            raise ModelFileError(f"attribute direction={direction!r}; accepted: {', '.join(_DIRECTIONS)}")
        batch_major = bool(node.get("layout", 0))
        x = node.b.value(node.tensor(0))
        if x.rank != 3:
            raise ModelFileError(f"its input X has {x.rank} axes, expected 3")
        time_major = not batch_major
        if isinstance(x.operation, Transpose) and x.operation.order == (1, 0, 2):  # a scan reads either layout
            x, time_major = x.operation.inputs[0], not time_major
        units = node.tensor(2).shape[-1]
        declared = node.get("hidden_size", units)
        if not isinstance(units, int) or declared != units:
            raise ModelFileError(f"attribute hidden_size={declared}; its input R is for {units}")
        clip = node.get("clip", 0.0)
        if clip < 0 or not math.isfinite(clip):
            raise ModelFileError(f"attribute clip={clip}; accepted: a positive number")
        lengths = node.given(4)
        time, batch = (x.shape[0], x.shape[1]) if time_major else (x.shape[1], x.shape[0])
        if isinstance(lengths, np.ndarray):
            if not (lengths.dtype.kind in "iu" and isinstance(time, int) and (lengths == time).all()):
                raise UnsupportedError(
                    "its input sequence_lens is a constant; accepted: an input of the model, or none"
                )
            lengths = None
        return cls(node, x, time_major, batch_major, units, _DIRECTIONS[direction], time, batch, clip, lengths)

    @property
    def count(self) -> int:
        """The number of directions."""
        return len(self.reverses)

    def name_of(self, place: int) -> str:
        """The name of a direction."""
        suffix = ("/backward" if self.reverses[place] else "/forward") if self.count == 2 else ""
        return self.node.name + suffix

    def results(self, directions: Sequence[Sequence[Value]]) -> list[Tensor]:
        """The outputs of the node, of the sequence and the last states of each direction."""
        b = self.node.b
        axis = 2 if self.batch_major else 1
        sequences = [b.reshape(y, (*y.shape[:axis], 1, *y.shape[axis:])) for y, *_ in directions]
        shape = (self.batch, 1, self.units) if self.batch_major else (1, self.batch, self.units)
        states = zip(*(made[1:] for made in directions), strict=True)
        return [
            b.concatenate(sequences, axis),
            *(b.concatenate([b.reshape(state, shape) for state in row], int(self.batch_major)) for row in states),
        ]


def functions_of(node: Node, defaults: Sequence[str], count: int) -> list[list[CellFunction]]:
    """The activations of each direction.

    Args:
        node: The node.
        defaults: Those of one direction, where the node has none.
        count: The number of directions.
    """
    names: Sequence[str] = node.get("activations", list(defaults) * count)
    if len(names) != len(defaults) * count:
        raise ModelFileError(f"attribute activations={list(names)}; expected {len(defaults) * count}")
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
    return [found[place * len(defaults) : (place + 1) * len(defaults)] for place in range(count)]


def part_of(b: ProgramBuilder, tensor: Tensor, place: int, count: int, what: str) -> Tensor:
    """One direction of a tensor whose first axis counts them."""
    if tensor.shape[0] != count:
        raise ModelFileError(f"its input {what} is for {tensor.shape[0]} directions, expected {count}")
    return b.reshape(b.slice(tensor, 0, place, 1), tensor.shape[1:])


def weights_of(node: Node, place: int, count: int, units: int, gates: Sequence[int]) -> list[Tensor]:
    """K [I, G U], R [U, G U] and both biases [G U] of one direction, None where there are none.

    Args:
        node: The node.
        place: The direction.
        count: The number of directions.
        units: U.
        gates: Where ONNX has each gate of the result.
    """
    b, rows = node.b, len(gates) * units

    def reordered(tensor: Tensor, what: str) -> Tensor:
        if tensor.shape[0] != rows:
            raise ModelFileError(f"its input {what} has {tensor.shape[0]} rows of gates, expected {rows}")
        return b.concatenate([b.slice(tensor, 0, gate * units, units) for gate in gates], 0)

    result: list[Tensor] = []
    for number, what in ((1, "W"), (2, "R")):
        given = node.tensor(number)
        if len(given.shape) != 3:
            raise ModelFileError(f"its input {what} has {len(given.shape)} axes, expected 3")
        result.append(b.transpose(reordered(part_of(b, given, place, count, what), what), (1, 0)))
    bias = node.given(3)
    if bias is None:
        return result
    whole = part_of(b, bias, place, count, "B")
    if len(whole.shape) != 1 or whole.shape[0] != 2 * rows:
        raise ModelFileError(f"its input B has shape {tuple(map(str, bias.shape))}, expected ({count}, {2 * rows})")
    return [*result, *(reordered(b.slice(whole, 0, part * rows, rows), "B") for part in (0, 1))]


def initial_state(r: RecurrentNode, number: int, place: int) -> Tensor:
    """An initial state of one direction, [B, U]; zeros if there is none."""
    b = r.node.b
    given = r.node.given(number)
    if given is None:
        return b.full((r.batch, r.units), 0.0)
    axis = 1 if r.batch_major else 0
    if len(given.shape) != 3 or given.shape[axis] != r.count:
        raise ModelFileError(
            f"its input {('initial_h', 'initial_c')[number - 5]} has shape {tuple(map(str, given.shape))}, "
            f"expected {r.count} directions on axis {axis} of 3"
        )
    one = b.slice(given, axis, place, 1)
    return b.reshape(one, [size for at, size in enumerate(given.shape) if at != axis])
