"""ONNX's operators that move elements, and those that compute with sizes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import (
    Elementwise,
    Full,
    Measure,
    OpenSize,
    Reshape,
    Size,
    Tensor,
    Value,
    exact_quotient,
    product_of,
)
from lstm_ir.layers.program.sizes import rounded_quotient

_ENDLESS = 1 << 30
"""Ends of slices from here on, either way, mean the end of the axis: exporters write the largest integer."""


_LARGEST_RANGE = 1 << 20
_LARGEST_FILLED = 64
"""The most elements of integers that are computed with as the model is read."""


def _constant(node: Node) -> list[Tensor]:
    value = node.get("value", None)
    if value is not None:
        return [value]
    for attribute, dtype in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        found = node.get(attribute, None)
        if found is not None:
            return [np.asarray(found, dtype)]
    raise UnsupportedError("its value is neither a tensor nor numbers")


def _constant_of_shape(node: Node) -> list[Tensor]:
    sizes = node.sizes(0)
    if sizes is None:
        raise ModelFileError("input 0 is missing")
    value = node.get("value", None)
    value = np.zeros(1, np.float32) if value is None else value.reshape(-1)
    is_known = not any(isinstance(size, OpenSize) for size in sizes)
    if value.dtype.kind != "f" and is_known and np.prod(sizes, dtype=np.float64) <= _LARGEST_FILLED:
        return [np.full([int(size) for size in sizes], value[0], bool if value.dtype.kind == "b" else np.int64)]
    if any(isinstance(size, int) and size < 1 for size in sizes):
        raise UnsupportedError(f"a tensor of shape {tuple(map(str, sizes))}, which has no elements")
    is_integer, is_bool = value.dtype.kind in "iu", value.dtype.kind == "b"
    number = int(value[0]) if is_integer else float(value[0])
    return [node.b.full(tuple(sizes), number, is_integer=is_integer, is_bool=is_bool)]


def _shape(node: Node) -> list[Tensor]:
    shape = list(node.tensor(0).shape)
    end = node.get("end", None)
    return [_as_sizes(shape[node.get("start", 0) : end])]


def _size(node: Node) -> list[Tensor]:
    return [np.asarray(product_of(list(node.tensor(0).shape)), dtype=object)]


def _as_sizes(sizes: list[Size]) -> Tensor:
    """An array of sizes: integers where all are known."""
    if all(isinstance(size, int) for size in sizes):
        return np.asarray(sizes, np.int64)
    array = np.empty(len(sizes), dtype=object)
    array[:] = sizes
    return array


def _transpose(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    order = node.get("perm", None)
    return [node.b.transpose(x, list(range(len(x.shape)))[::-1] if order is None else order)]


def _reshape(node: Node) -> list[Tensor]:
    x, wanted = node.tensor(0), node.sizes(1)
    if wanted is None:
        raise ModelFileError("input 1 is missing")
    keeps_zero = node.get("allowzero", 0)
    sizes: list[Size] = []
    for place, size in enumerate(wanted):
        if isinstance(size, int) and size == 0 and not keeps_zero:
            sizes.append(x.shape[place])
        else:
            sizes.append(size)
    return [node.b.reshape(x, sizes)]


def _flatten(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    axis = node.get("axis", 1)
    axis = axis + len(x.shape) if axis < 0 else axis
    return [node.b.reshape(x, (product_of(list(x.shape[:axis])), product_of(list(x.shape[axis:]))))]


def _squeeze(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    given = node.numbers("axes", 1)
    rank = len(x.shape)
    axes = [a for a in range(rank) if x.shape[a] == 1] if given is None else [node.axis(a, rank) for a in given]
    for axis in axes:
        if x.shape[axis] != 1:
            raise ModelFileError(f"axis {axis} has size {x.shape[axis]}, expected 1")
    return [node.b.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in axes])]


def _unsqueeze(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    given = node.numbers("axes", 1)
    if given is None:
        raise ModelFileError("the axes are missing")
    rank = len(x.shape) + len(given)
    axes = [node.axis(axis, rank) for axis in given]
    if len(set(axes)) != len(axes):
        raise ModelFileError(f"axes {given} name one twice")
    rest = iter(x.shape)
    return [node.b.reshape(x, [1 if axis in axes else next(rest) for axis in range(rank)])]


def _concat(node: Node) -> list[Tensor]:
    tensors = [node.tensor(place) for place in range(len(node.inputs))]
    return [node.b.concatenate(tensors, node.axis(node.get("axis", 0), len(tensors[0].shape)))]


def _expand(node: Node) -> list[Tensor]:
    sizes = node.sizes(1)
    if sizes is None:
        raise ModelFileError("input 1 is missing")
    return [node.b.broadcast(node.tensor(0), sizes)]


def _slice(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    if node.opset < 10:
        starts: Any = node.get("starts", None)
        ends: Any = node.get("ends", None)
        axes: Any = node.get("axes", None)
        steps: Any = None
    else:
        starts, ends, axes, steps = (node.sizes(place) for place in (1, 2, 3, 4))
    if starts is None or ends is None:
        raise ModelFileError("starts or ends are missing")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = node.axis(axis, len(x.shape))
        first, count = _cut(x.shape[at], start, end, step)
        x = node.b.slice(x, at, first, count, step)
    return [x]


def _cut(size: Size, start: Size, end: Size, step: int) -> tuple[Size, Size]:
    """The first element of a slice and how many it has.

    Of an open size, what is cut is taken to lie inside it; a shorter sequence, which ONNX would cut to a shape of its
    own, is refused in the call.
    """
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        whole = range(size)[slice(_bound(start, step < 0), _bound(end, step > 0), step)]
        return (whole.start if len(whole) else 0), len(whole)
    is_to_end = isinstance(end, int) and abs(end) >= _ENDLESS and (end > 0) == (step > 0)
    if step > 0:
        first = _place(start, size)
        return first, rounded_quotient((size if is_to_end else _place(end, size)) - first + step - 1, step)
    if step == -1 and is_to_end and (start in (-1, size - 1) or (isinstance(start, int) and start >= _ENDLESS)):
        return size - 1, size
    raise UnsupportedError(f"a slice of the open size {size} from {start} to {end} by {step}")


def _bound(place: int, at_end: bool) -> int | None:
    """A bound of a slice, None where it is the end (or for steps back the start) of the axis."""
    return None if abs(place) >= _ENDLESS and (place > 0) == at_end else place


def _place(place: Size, size: Size) -> Size:
    return size + place if isinstance(place, int) and place < 0 else place


def _split(node: Node) -> list[Tensor]:
    x = node.tensor(0)
    axis = node.axis(node.get("axis", 0), len(x.shape))
    given = node.numbers("split", 1)
    whole = x.shape[axis]
    count = node.get("num_outputs", len(node.proto.output))
    parts: list[Size]
    if given is not None:
        parts = list(given)
    elif isinstance(whole, int) and whole % count:
        part = -(-whole // count)
        parts = [part] * (count - 1) + [whole - part * (count - 1)]
    else:
        parts = [exact_quotient(whole, count)] * count
    results: list[Tensor] = []
    start: Size = 0
    for part in parts:
        results.append(node.b.slice(x, axis, start, part))
        start = start + part
    if start != x.shape[axis]:
        raise ModelFileError(f"the parts have {start} elements, axis {axis} {x.shape[axis]}")
    return results


def _gather(node: Node) -> list[Tensor]:
    table, places = node.tensor(0), node.tensor(1)
    axis = node.axis(node.get("axis", 0), len(table.shape))
    if isinstance(places, Value):
        return [node.b.gather(table, places, axis)]
    if isinstance(table, np.ndarray):
        return [np.asarray(table.take(places.astype(np.int64), axis), table.dtype)]
    flat: list[Tensor] = []
    for place in places.reshape(-1):
        at = int(place)
        size = table.shape[axis]
        if isinstance(size, int) and not -size <= at < size:
            raise ModelFileError(f"element {at} of axis {axis}, which has {size}")
        flat.append(node.b.slice(table, axis, size + at if at < 0 else at, 1))
    if not flat:
        raise UnsupportedError("it picks nothing")
    if len(flat) > 64:
        raise UnsupportedError(f"it picks {len(flat)} slices one by one; accepted: 64")
    picked = node.b.concatenate(flat, axis)
    return [node.b.reshape(picked, (*table.shape[:axis], *places.shape, *table.shape[axis + 1 :]))]


def _range(node: Node) -> list[Tensor]:
    bounds = [node.sizes(place) for place in range(3)]
    if any(bound is None or len(bound) != 1 for bound in bounds):
        raise ModelFileError("start, limit or delta is missing")
    (start,), (limit,), (delta,) = (bound or [] for bound in bounds)
    if all(isinstance(size, int) for size in (start, limit, delta)):
        numbers = range(start, limit, delta)
        if len(numbers) > _LARGEST_RANGE:
            raise ModelFileError(f"the model asks for {len(numbers)} numbers, which it does not hold")
        return [np.asarray(numbers, np.int64)]
    if delta != 1:
        raise UnsupportedError(f"numbers from {start} to {limit} by {delta}; accepted: by 1")
    positions = node.b.positions(limit - start)
    return [positions if start == 0 else node.b.apply("add", positions, np.asarray(int(start), np.int64))]


def _reverse_sequence(node: Node) -> list[Tensor]:
    b, x, lengths = node.b, node.tensor(0), node.b.value(node.tensor(1), "lengths")
    time, batch = node.get("time_axis", 0), node.get("batch_axis", 1)
    if sorted((time, batch)) != [0, 1] or len(x.shape) < 2:
        raise ModelFileError(f"attributes time_axis={time}, batch_axis={batch}; expected 0 and 1")
    steps = x.shape[time]
    whole = lengths.operation
    while isinstance(whole, Elementwise | Reshape) and len(whole.inputs) == 1:
        whole = whole.inputs[0].operation
    sizes = (whole.size if isinstance(whole, Measure) else whole.number if isinstance(whole, Full) else None, steps)
    if sizes[0] == sizes[1]:
        return [b.slice(x, time, steps - 1, steps, -1)]
    at = b.reshape(b.positions(steps), (-1, 1) if time == 0 else (1, -1))
    ends = b.reshape(lengths, (1, -1) if time == 0 else (-1, 1))
    turned = b.apply("sub", b.apply("sub", ends, np.asarray(1)), at)
    places = b.apply("where", b.apply("less", at, ends), turned, at)
    places = b.broadcast(b.reshape(places, (*places.shape, *(1 for _ in x.shape[2:]))), x.shape)
    return [b.gather_elements(x, b.value(places), time)]


def _gather_elements(node: Node) -> list[Tensor]:
    table, places = node.tensor(0), node.b.value(node.tensor(1))
    return [node.b.gather_elements(table, places, node.axis(node.get("axis", 0), len(table.shape)))]


def _tile(node: Node) -> list[Tensor]:
    x, repeats = node.tensor(0), node.sizes(1)
    if repeats is None or len(repeats) != len(x.shape):
        raise ModelFileError("repeats do not go with the axes")
    doubled: list[Size] = [part for size in x.shape for part in (1, size)]
    wanted: list[Size] = [part for size, times in zip(x.shape, repeats, strict=True) for part in (times, size)]
    whole = [times * size for size, times in zip(x.shape, repeats, strict=True)]
    return [node.b.reshape(node.b.broadcast(node.b.reshape(x, doubled), wanted), whole)]


SHAPES: Mapping[str, Callable[[Node], list[Tensor]]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Expand": _expand,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Tile": _tile,
    "Range": _range,
    "GatherElements": _gather_elements,
    "ReverseSequence": _reverse_sequence,
}
"""The readers by operator."""
