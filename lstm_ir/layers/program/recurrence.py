"""Recurrences of a program other than ONNX's LSTM: their cell is a few functions of single elements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ir.layers.program.builder import ProgramBuilder, require_shape
from lstm_ir.layers.program.sizes import Size
from lstm_ir.layers.program.values import CellFunction, Operation, Value

IN_CELLS = frozenset([
    "add", "sub", "mul", "div", "max", "min", "neg", "abs", "sqrt", "floor", "ceil", "exp", "square", "reciprocal",
    "copy", "tanh", "sigmoid", "relu", "softplus", "softsign", "selu", "gelu", "gelu_tanh", "mish", "elu",
    "leaky_relu", "hard_sigmoid", "hard_swish", "clip", "affine", "scaled_tanh", "softmax", "log_softmax",
])  # fmt: skip
"""The functions that a cell may have: some of `FUNCTIONS`, and two of a whole row."""


@dataclass(frozen=True, eq=False)
class CellProduct(Operation):
    """A vector of a cell times weights [U, U]: what a step's one product of x and h cannot say.

    Attributes:
        place: which of the recurrence's ``products`` the weights are.
    """

    place: int


@dataclass(frozen=True, eq=False)
class Cell:
    """What one step computes of the gates and the states, all vectors of as many elements as there are units.

    Attributes:
        gates: the gates, ``x K + h R + b`` cut into parts.
        states: the states before, h first.
        operations: functions of single elements, or of rows, products and numbers.
        results: the states after, h first.
    """

    gates: tuple[Value, ...]
    states: tuple[Value, ...]
    operations: tuple[tuple[Operation, tuple[Value, ...]], ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Recurrence(Operation):
    """One direction of a recurrence; the results are the sequence of h, and the last states.

    Attributes:
        name: its name in reports.
        inputs: x [T, B, I] ([B, T, I] if not ``time_major``), K [I, G U], R [U, G U], b [G U], the states, each [B, U];
            then, if it ``has_mask``, truth values laid out as x's leading axes: where they are false the states stay;
            then the weights of ``products``, each [U, U].
        output_time_major: the same of the sequence, [T, B, U] or [B, T, U].
        is_reverse: whether it goes from the last step to the first.
        output_is_visited: whether the sequence is in the order of the visits; else it is in the input's.
        cell: what one step computes.
        products: how many products the cell has of its own.
        holds: what a masked step outputs: the output before it, which starts at zeros; else zeros.
    """

    name: str
    time_major: bool
    output_time_major: bool
    is_reverse: bool
    cell: Cell
    output_is_visited: bool = False
    has_mask: bool = False
    holds: bool = False
    products: int = 0

    def parts(self, inputs: Sequence[Any]) -> tuple[list[Any], Any, list[Any]]:
        """Cut the inputs behind the bias into the states, the mask or None, and the products' weights."""
        rest = list(inputs[4:])
        weights = [rest.pop() for _ in range(self.products)][::-1]
        mask = rest.pop() if self.has_mask else None
        return rest, mask, weights


def recurrence(b: ProgramBuilder, operation: Recurrence) -> tuple[Value, ...]:
    """Add a recurrence, its shapes checked; returns the sequence and the states."""
    x, kernel, recurrent, bias = operation.inputs[:4]
    states, mask, products = operation.parts(operation.inputs)
    units = recurrent.shape[0]
    columns = len(operation.cell.gates) * units
    time, batch = (x.shape[0], x.shape[1]) if operation.time_major else (x.shape[1], x.shape[0])
    if mask is not None:
        require_shape("the mask", mask, x.shape[:2])
    for weights in products:
        require_shape("the weights of a cell's product", weights, (units, units))
    require_shape("the kernel", kernel, (x.shape[2], columns))
    require_shape("the recurrent kernel", recurrent, (units, columns))
    require_shape("the bias", bias, (columns,))
    for state in states:
        require_shape("a state", state, (batch, units))
    leading: tuple[Size, Size] = (time, batch) if operation.output_time_major else (batch, time)
    return b.emit(operation, (*leading, units), *((batch, units) for _ in states))


class CellBuilder:
    """Builds a cell.

    Args:
        units: the length of its vectors.
        gates: how many gates it has.
        states: how many states it has.
    """

    def __init__(self, units: int, gates: int, states: int) -> None:
        self.b = ProgramBuilder(np.dtype(np.float64))
        self.gates = tuple(Value((units,)) for _ in range(gates))
        self.states = tuple(Value((units,)) for _ in range(states))

    def apply(self, function: str, *operands: Value | float, numbers: Sequence[float] = ()) -> Value:
        """A function of single elements."""
        given: list[Any] = [np.asarray(item) if isinstance(item, float) else item for item in operands]
        return self.b.value(self.b.apply(function, *given, numbers=numbers))

    def activate(self, function: CellFunction, x: Value) -> Value:
        """An activation."""
        return self.apply(function.function, x, numbers=function.numbers)

    def product(self, x: Value, place: int) -> Value:
        """A vector times the weights of one of the recurrence's products."""
        return self.b.emit(CellProduct((x,), place), x.shape)[0]

    def cell(self, *results: Value) -> Cell:
        """The cell with these new states."""
        return Cell(self.gates, self.states, tuple(self.b.operations), results)


def gru_cell(units: int, gate: CellFunction, candidate: CellFunction, clip: float) -> Cell:
    """The GRU that resets after the product, gates z, r, x' and h': ``h' = z h + (1 - z) g(x' + r h')``."""
    c = CellBuilder(units, 4, 1)
    zz, zr, zx, zh = c.gates
    z, r = (c.activate(gate, _limited(c, x, clip)) for x in (zz, zr))
    new = c.activate(candidate, _limited(c, c.apply("add", zx, c.apply("mul", r, zh)), clip))
    kept = c.apply("mul", z, c.states[0])
    return c.cell(c.apply("add", kept, c.apply("mul", c.apply("sub", 1.0, z), new)))


def resetting_gru_cell(units: int, gate: CellFunction, candidate: CellFunction, clip: float) -> Cell:
    """The GRU that resets before the product, gates z, r and x': ``h' = z h + (1 - z) g(x' + (r h) R)``."""
    c = CellBuilder(units, 3, 1)
    zz, zr, zx = c.gates
    recurrent = c.product(c.apply("mul", c.activate(gate, _limited(c, zr, clip)), c.states[0]), 0)
    new = c.activate(candidate, _limited(c, c.apply("add", zx, recurrent), clip))
    z = c.activate(gate, _limited(c, zz, clip))
    kept = c.apply("mul", z, c.states[0])
    return c.cell(c.apply("add", kept, c.apply("mul", c.apply("sub", 1.0, z), new)))


def simple_cell(units: int, activation: CellFunction, clip: float) -> Cell:
    """``h' = f(z)``."""
    c = CellBuilder(units, 1, 1)
    return c.cell(c.activate(activation, _limited(c, c.gates[0], clip)))


def _limited(c: CellBuilder, x: Value, clip: float) -> Value:
    return c.apply("clip", x, numbers=(-clip, clip)) if clip else x
