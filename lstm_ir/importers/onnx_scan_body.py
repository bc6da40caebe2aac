"""The body of a Scan that is a step of a recurrent layer.

It adds the state's product to its part of the sequence, cuts the sum, or each of the two, into gates, computes the new
states of them element by element, and keeps the states where a mask is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.program import Cell, Constant, Elementwise, Full, MatMul, Reshape, Slice, Value
from lstm_ir.layers.program.builder import Array
from lstm_ir.layers.program.recurrence import IN_CELLS, CellBuilder


def other_scan(what: str) -> UnsupportedError:
    """What a Scan is refused with that is no recurrent layer's."""
    return UnsupportedError(f"{what}; accepted: a step of a recurrent layer, as lstm-ir export writes it")


@dataclass(frozen=True)
class Step:
    """What a body returns: the new states where a step counts, and which state repeats the output."""

    new: Sequence[Value]
    previous: int | None = None


Gate = tuple[str, int]
"""A part of the input's product (z), of the state's (p, with its bias pb) or of their sum (s, sb), and which."""

_SUMS = {("z", "p"): "s", ("z", "pb"): "sb"}


class StepBody:
    """A body's step, as values of [batch, units] and [batch, gates units]."""

    def __init__(self, z: Value, states: Sequence[Value], results: Sequence[Value]) -> None:
        self.z, self.states, self.results = z, states, results
        units = states[0].shape[-1]
        if not isinstance(units, int) or any(state.rank != 2 or state.shape[1] != units for state in states):
            raise other_scan("its states are no rows of one length")
        self.units = units
        self.recurrent: Array | None = None
        self.recurrent_bias: Array | None = None
        self.products: list[Array] = []
        self._leaves: dict[Value, str | None] = {}
        self._gates: dict[Value, Gate | None] = {}

    def plain(self) -> Step:
        """The step where there is no mask."""
        if self.results[-1] is not self.results[0]:
            raise other_scan("what it returns of each step is not its first state")
        return Step(self.results[:-1])

    def masked(self, keep: Value) -> Step:
        """The step where there is one."""

        def choice(value: Value) -> tuple[Value, Value]:
            operation = value.operation
            if isinstance(operation, Elementwise) and operation.function == "where":
                test, new, old = operation.inputs
                if isinstance(test.operation, Reshape):
                    test = test.operation.inputs[0]
                if test is keep:
                    return new, old
            raise other_scan("what it returns is not chosen by a mask")

        output, instead = choice(self.results[-1])
        finals = self.results[:-1]
        previous = None
        if instead is self.states[-1] and finals[-1] is self.results[-1]:
            previous, finals = len(finals) - 1, finals[:-1]
        elif not is_zero(instead):
            raise other_scan("what it returns where a mask is false is neither zeros nor what it returned before")
        new = []
        for value, before in zip(finals, self.states, strict=False):
            after, old = choice(value)
            if old is not before:
                raise other_scan("a state does not stay where a mask is false")
            new.append(after)
        if not new or new[0] is not output:
            raise other_scan("what it returns of each step is not its first state")
        return Step(new, previous)

    def _leaf(self, value: Value) -> str | None:
        """Which of the products a value is; each is looked at once, however often the body reads it."""
        if value not in self._leaves:
            self._leaves[value] = None
            self._leaves[value] = self._find_leaf(value)
        return self._leaves[value]

    def _find_leaf(self, value: Value) -> str | None:
        operation = value.operation
        if value is self.z:
            return "z"
        if isinstance(operation, MatMul) and operation.inputs[0] is self.states[0]:
            weights = array_of_constant(operation.inputs[1])
            if weights is not None and (self.recurrent is None or self.recurrent is weights):
                self.recurrent = weights
                return "p"
        if isinstance(operation, Elementwise) and operation.function == "add":
            for one, other in (operation.inputs, operation.inputs[::-1]):
                kinds = (self._leaf(one), self._leaf(other))
                if kinds in _SUMS:
                    return _SUMS[kinds]
                bias = array_of_constant(other)
                if kinds[0] == "p" and bias is not None and bias.shape == one.shape[1:] and self.recurrent_bias is None:
                    self.recurrent_bias = bias
                    return "pb"
        return None

    def _gate(self, value: Value) -> Gate | None:
        if value not in self._gates:
            self._gates[value] = None
            self._gates[value] = self._find_gate(value)
        return self._gates[value]

    def _find_gate(self, value: Value) -> Gate | None:
        if value.rank != 2 or value.shape[1] != self.units:
            return None
        kind = self._leaf(value)
        if kind is not None:
            return kind, 0
        operation = value.operation
        if isinstance(operation, Slice) and operation.axis == 1 and operation.step == 1:
            kind = self._leaf(operation.inputs[0])
            if kind is not None and isinstance(operation.start, int) and operation.start % self.units == 0:
                return kind, operation.start // self.units
        if isinstance(operation, Elementwise) and operation.function == "add":
            first, second = (self._gate(one) for one in operation.inputs)
            if first is not None and second is not None and first[1] == second[1]:
                whole = _SUMS.get((first[0], second[0])) or _SUMS.get((second[0], first[0]))
                return None if whole is None else (whole, first[1])
        return None

    def cell(self, new: Sequence[Value]) -> tuple[Cell, list[Gate]]:
        """The cell that computes these states, and its gates."""
        used: list[Gate] = []
        seen: set[Value] = set()

        def collect(value: Value) -> None:
            if value in seen or value in self.states:
                return
            seen.add(value)
            gate = self._gate(value)
            if gate is not None:
                if gate not in used:
                    used.append(gate)
                return
            for one in () if value.operation is None else value.operation.inputs:
                collect(one)

        for value in new:
            collect(value)
        if not used:
            raise other_scan("it does not read its sequence")
        builder = CellBuilder(self.units, len(used), len(new))
        made: dict[Value, Value] = dict(zip(self.states, builder.states, strict=False))

        def build(value: Value) -> Value | float:
            if value in made:
                return made[value]
            gate = self._gate(value)
            operation = value.operation
            if gate is not None:
                made[value] = builder.gates[used.index(gate)]
            elif isinstance(operation, MatMul):
                weights, row = array_of_constant(operation.inputs[1]), build(operation.inputs[0])
                if weights is None or weights.shape != (self.units, self.units) or not isinstance(row, Value):
                    raise other_scan("its body has a product that is none of a row and a constant")
                made[value] = builder.product(row, len(self.products))
                self.products.append(weights)
            elif isinstance(operation, Full) and not value.is_integer:
                return float(operation.number)
            elif isinstance(operation, Elementwise):
                composed = _composed(value)
                if composed is not None:
                    made[value] = builder.apply(composed[0], build(composed[1]))
                elif operation.function in IN_CELLS:
                    operands = [build(one) for one in operation.inputs]
                    made[value] = builder.apply(operation.function, *operands, numbers=operation.numbers)
                else:
                    raise other_scan(f"its body computes {operation.function!r}")
            else:
                raise other_scan("its body has an operator that is none of single elements")
            return made[value]

        results = [build(value) for value in new]
        if not all(isinstance(result, Value) for result in results):
            raise other_scan("a state is a number")
        return builder.cell(*(result for result in results if isinstance(result, Value))), used

    def weights(self, gates: Sequence[Gate], kernel: Array, bias: Array) -> list[Array]:
        """Kernel, recurrent kernel and bias of gates, zeros for the products that a gate does not have."""
        units = self.units
        recurrent = self.recurrent
        if recurrent is None:
            recurrent = np.zeros((units, kernel.shape[1]), kernel.dtype)
        own = np.zeros(recurrent.shape[1]) if self.recurrent_bias is None else self.recurrent_bias
        parts: list[tuple[Array, Array, Array]] = []
        for kind, place in gates:
            columns = slice(place * units, (place + 1) * units)
            of_input, of_state = kind[0] in "zs", kind[0] in "ps"
            if (of_input and kernel.shape[1] < columns.stop) or (of_state and recurrent.shape[1] < columns.stop):
                raise other_scan("its products have fewer gates than its body reads")
            rows = kernel[:, columns] if of_input else np.zeros((kernel.shape[0], units))
            state_rows = recurrent[:, columns] if of_state else np.zeros((units, units))
            both = (bias[columns] if of_input else 0.0) + (own[columns] if kind.endswith("b") else 0.0)
            parts.append((rows, state_rows, np.broadcast_to(both, (units,))))
        return [np.concatenate(arrays, axis=-1).astype(kernel.dtype) for arrays in zip(*parts, strict=True)]


def _composed(value: Value) -> tuple[str, Value] | None:
    """The function, and its x, of what the exporter puts together of functions that cells do not have."""
    match value.operation:
        case Elementwise(function="mul", inputs=(half, share)):  # 0.5 x (1 + erf(x / sqrt 2))
            x = _operand(half, "mul", 0.5)
            scaled = _argument(_operand(share, "add", 1.0), "erf")
            if x is not None and scaled is not None and _operand(scaled, "mul", float(np.sqrt(0.5))) is x:
                return "gelu", x
        case Elementwise(function="add", inputs=(line, tail)):  # relu(x) + log(1 + exp(-abs(x)))
            x = _argument(line, "relu")
            power = _operand(_argument(tail, "log"), "add", 1.0)
            if x is not None and _argument(_argument(_argument(power, "exp"), "neg"), "abs") is x:
                return "softplus", x
    return None


def _argument(value: Value | None, function: str) -> Value | None:
    """What a function of one input is applied to."""
    operation = None if value is None else value.operation
    is_it = isinstance(operation, Elementwise) and operation.function == function and len(operation.inputs) == 1
    return operation.inputs[0] if is_it and operation is not None else None


def _operand(value: Value | None, function: str, number: float) -> Value | None:
    """The other operand of a function of a value and this number."""
    operation = None if value is None else value.operation
    if isinstance(operation, Elementwise) and operation.function == function:
        for one, other in (operation.inputs, operation.inputs[::-1]):
            if isinstance(other.operation, Full) and abs(other.operation.number - number) < 1e-6:
                return one
    return None


def array_of_constant(value: Value) -> Array | None:
    """A constant's array, None of what is computed."""
    if isinstance(value.operation, Constant):
        return value.operation.array
    if isinstance(value.operation, Full) and all(isinstance(size, int) for size in value.shape):
        return np.full([int(str(size)) for size in value.shape], value.operation.number)
    return None


def is_zero(value: Value) -> bool:
    """Whether a tensor is zeros."""
    return isinstance(value.operation, Full) and value.operation.number == 0.0
