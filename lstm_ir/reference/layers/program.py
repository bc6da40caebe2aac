"""Programs operation by operation, their LSTMs step by step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.program import (
    CellFunction,
    Concatenate,
    Constant,
    Elementwise,
    Full,
    Gather,
    GatherElements,
    MatMul,
    Measure,
    OpenSize,
    Operation,
    Positions,
    Recurrence,
    Reduce,
    Reshape,
    Scan,
    Size,
    Slice,
    TensorProgram,
    Transpose,
    Value,
    evaluate,
)
from lstm_ir.layers.program.known_functions import ON_FLOATS
from lstm_ir.layers.program.recurrence import CellProduct
from lstm_ir.reference.registry import ReferenceCall, reference
from lstm_ir.reference.rounding import Float64

Array = np.ndarray[Any, Any]


@reference(TensorProgram)
def run_program(layer: TensorProgram, call: ReferenceCall) -> list[Float64]:
    """Run all operations in float64.

    Raises:
        ArgumentError: inputs whose shapes are not the program's, or disagree.
    """
    known: dict[str, int] = {}
    values: dict[Value, Any] = {}
    for (name, given), array in zip(layer.program.inputs.items(), call.inputs, strict=True):
        values[given] = array
        for size, own in zip(given.shape, array.shape, strict=True):
            number = known.setdefault(size.name, own) if isinstance(size, OpenSize) and size.name else size
            if number != own:
                raise ArgumentError(f"input {name!r}: got shape {array.shape}, where {size} is {number}")
    for operation, results in layer.program.operations:
        shapes = [tuple(_number(size, known) for size in value.shape) for value in results]
        inputs = [values[value] for value in operation.inputs]
        with np.errstate(all="ignore"):
            made = _run(operation, inputs, shapes, known)
        values.update(zip(results, made, strict=True))
    return [np.asarray(values[value], np.float64) for value in layer.program.outputs.values()]


def _number(size: Size, known: dict[str, int]) -> int:
    number = evaluate(size, known)
    assert number is not None
    return number


def _run(
    operation: Operation, inputs: list[Array], shapes: Sequence[tuple[int, ...]], known: dict[str, int]
) -> Sequence[Array]:
    match operation:
        case Constant():
            return [operation.array.astype(np.float64 if operation.array.dtype.kind == "f" else np.int64)]
        case Full():
            return [np.full(shapes[0], operation.number)]
        case Measure():
            return [np.full(shapes[0], _number(operation.size, known))]
        case Elementwise(function="to_integer"):
            return [np.trunc(inputs[0]).astype(np.int64)]
        case Elementwise(function="to_float" | "copy"):
            return [np.broadcast_to(inputs[0], shapes[0])]
        case Elementwise():
            return [ON_FLOATS[operation.function](*inputs, *operation.numbers)]
        case Positions():
            return [np.arange(shapes[0][0])]
        case Transpose():
            return [inputs[0].transpose(operation.order)]
        case Reshape():
            return [inputs[0].reshape(shapes[0])]
        case Slice():
            first, count = _number(operation.start, known), shapes[0][operation.axis]
            places = [first + operation.step * number for number in range(count)]
            return [inputs[0].take(places, operation.axis)]
        case Concatenate():
            return [np.concatenate(inputs, operation.axis)]
        case Gather():
            return [_gather(inputs[0], inputs[1].astype(np.int64), operation.axis)]
        case GatherElements():
            return [_gather_elements(inputs[0], inputs[1], operation.axis)]
        case MatMul():
            return [inputs[0] @ inputs[1]]
        case Reduce():
            function = np.sum if operation.kind == "sum" else np.max
            return [function(inputs[0], axis=operation.axes, keepdims=True)]
        case Scan():
            return _scan(operation, inputs)
        case Recurrence():
            return _recurrence(operation, inputs)
    raise AssertionError(f"no reference for {type(operation).__name__}")


def _gather(table: Array, places: Array, axis: int) -> Array:
    count = table.shape[axis]
    is_there = (places >= -count) & (places < count)
    found = table.take(np.where(is_there, places, 0), axis)
    trailing = (1,) * (table.ndim - axis - 1)
    return found if is_there.all() else np.where(is_there.reshape((*is_there.shape, *trailing)), found, np.nan)


def _gather_elements(table: Array, places: Array, axis: int) -> Array:
    count = table.shape[axis]
    at = np.where(places < 0, places + count, places).astype(np.int64)
    leading = tuple(slice(None) if a == axis else slice(size) for a, size in enumerate(places.shape))
    found = np.take_along_axis(table[leading], np.clip(at, 0, count - 1), axis)
    return np.where((at >= 0) & (at < count), found, np.nan)


def _apply(function: CellFunction, x: Array) -> Array:
    return np.asarray(ON_FLOATS[function.function](x, *function.numbers))


def _scan(scan: Scan, inputs: list[Array]) -> Sequence[Array]:
    x, kernel, recurrent, bias, h, c, *further = inputs
    if not scan.time_major:
        x = x.swapaxes(0, 1)
    lengths = further.pop(0) if scan.has_lengths else np.full(x.shape[1], len(x))
    p_i, p_o, p_f = further if scan.has_peepholes else (np.zeros(len(recurrent)),) * 3
    outputs = np.zeros((*x.shape[:2], len(recurrent)))

    def limited(z: Array) -> Array:
        return np.clip(z, -scan.clip, scan.clip) if scan.clip else z

    for t in reversed(range(len(x))) if scan.is_reverse else range(len(x)):
        zi, zf, zc, zo = np.split(x[t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i = _apply(scan.gate, limited(zi + p_i * c))
        f = 1.0 - i if scan.couples_forget else _apply(scan.gate, limited(zf + p_f * c))
        new_c = f * c + i * _apply(scan.candidate, limited(zc))
        o = _apply(scan.gate, limited(zo + p_o * new_c))
        new_h = o * _apply(scan.carry, new_c)
        counts = (t < lengths)[:, np.newaxis]
        h, c = np.where(counts, new_h, h), np.where(counts, new_c, c)
        outputs[t] = np.where(counts, new_h, 0.0)
    return outputs if scan.output_time_major else outputs.swapaxes(0, 1), h, c


def _recurrence(op: Recurrence, inputs: list[Array]) -> Sequence[Array]:
    x, kernel, recurrent, bias = inputs[:4]
    states, given_mask, products = op.parts(inputs)
    x = x if op.time_major else x.swapaxes(0, 1)
    mask = np.ones(x.shape[:2])
    if given_mask is not None:
        mask = given_mask if op.time_major else given_mask.T
    output = np.zeros_like(states[0])
    outputs = []
    for t in reversed(range(len(x))) if op.is_reverse else range(len(x)):
        gates = np.split(x[t] @ kernel + states[0] @ recurrent + bias, len(op.cell.gates), axis=1)
        values: dict[Value, Any] = dict(zip((*op.cell.gates, *op.cell.states), (*gates, *states), strict=True))
        for operation, (result,) in op.cell.operations:
            if isinstance(operation, Full):
                values[result] = operation.number
            elif isinstance(operation, CellProduct):
                values[result] = values[operation.inputs[0]] @ products[operation.place]
            else:
                assert isinstance(operation, Elementwise)
                arguments = [values[value] for value in operation.inputs]
                values[result] = ON_FLOATS[operation.function](*arguments, *operation.numbers)
        counts = mask[t][:, np.newaxis] != 0
        new = [values[value] for value in op.cell.results]
        output = np.where(counts, new[0], output if op.holds else 0.0)
        states = [np.where(counts, own, before) for own, before in zip(new, states, strict=True)]
        outputs.append(output)
    sequence = np.stack(outputs if not op.is_reverse or op.output_is_visited else outputs[::-1])
    return sequence if op.output_time_major else sequence.swapaxes(0, 1), *states
