"""Builds a program operation by operation, following the shapes; what is known already is computed at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.layers.program.known_functions import apply_known
from lstm_ir.layers.program.sizes import OpenSize, Size, exact_quotient, product_of
from lstm_ir.layers.program.values import (
    ON_INTEGERS,
    TO_BOOL,
    Concatenate,
    Constant,
    Elementwise,
    Full,
    Gather,
    GatherElements,
    MatMul,
    Measure,
    Operation,
    Positions,
    Reduce,
    Reshape,
    Scan,
    Shape,
    Slice,
    Transpose,
    Value,
)

Array = NDArray[Any]
Tensor = Value | Array
"""A tensor of the program, or an array that is known already: floats, integers, or sizes (objects)."""

_LARGEST_INT = 2**31 - 1
LARGEST_KNOWN = 1 << 22
"""The most elements that are computed ahead of time, where they are more than the arrays that they are made of."""


class SameSizeError(UnsupportedError):
    """Two open sizes that have to be one, which the model does not say."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"the sizes {first!r} and {second!r} have to be equal, and are not known to be")
        self.pair = (first, second)


class ProgramBuilder:
    """Collects operations; arrays become constants where a tensor of the program meets them.

    Args:
        dtype: the dtype of the program's floats.

    Attributes:
        orders: vectors of integers that are known to hold each place of themselves once.
        held: how many elements the arrays have that the model holds; no array put together of others has more.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.operations: list[tuple[Operation, tuple[Value, ...]]] = []
        self._constants: dict[int, tuple[Array, Value]] = {}
        self._names: set[str] = set()
        self.orders: set[Value] = set()
        self.held = 0

    # values

    def emit(
        self, operation: Operation, *shapes: Shape, is_integer: bool = False, is_bool: bool = False
    ) -> tuple[Value, ...]:
        """Add an operation; returns its results."""
        results = tuple(
            Value(tuple(shape), is_integer, operation, place, is_bool) for place, shape in enumerate(shapes)
        )
        self.operations.append((operation, results))
        return results

    def value(self, tensor: Tensor, name: str = "constant") -> Value:
        """Return a tensor of the program; an array becomes a constant of it.

        Raises:
            UnsupportedError: integers that int32 does not hold, or sizes that are open.
        """
        if isinstance(tensor, Value):
            return tensor
        if id(tensor) in self._constants:
            return self._constants[id(tensor)][1]
        if tensor.dtype == object and tensor.size == 1:
            return self.emit(Measure((), tensor.reshape(()).item()), tensor.shape, is_integer=True)[0]
        if tensor.dtype == object:
            raise UnsupportedError("sizes are used as a tensor: accepted as shapes and axes")
        is_integer, is_bool = tensor.dtype.kind in "iu", tensor.dtype.kind == "b"
        if is_integer and tensor.size and (tensor.max() > _LARGEST_INT or tensor.min() < -_LARGEST_INT - 1):
            raise UnsupportedError("integers that the model holds are used as a tensor, and are larger than int32")
        if tensor.size == 1:
            number = int(tensor.reshape(())) if is_integer else float(tensor.reshape(()))
            (made,) = self.emit(Full((), number), tensor.shape, is_integer=is_integer, is_bool=is_bool)
            return made
        free, number = name, 0
        while free in self._names:
            number += 1
            free = f"{name}_{number}"
        self._names.add(free)
        array = np.ascontiguousarray(tensor, np.int32 if is_integer else self.dtype)
        (made,) = self.emit(Constant((), free, array), array.shape, is_integer=is_integer, is_bool=is_bool)
        self._constants[id(tensor)] = (tensor, made)  # holds the array, so that its id stays its own
        return made

    def full(self, shape: Shape, number: float, *, is_integer: bool = False, is_bool: bool = False) -> Value:
        """Return a tensor with one number everywhere."""
        return self.emit(Full((), number), shape, is_integer=is_integer, is_bool=is_bool)[0]

    # shapes

    @staticmethod
    def shape(tensor: Tensor) -> Shape:
        """The sizes of a tensor."""
        return tensor.shape

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """Axes in another order."""
        if sorted(order) != list(range(len(x.shape))):
            raise ModelFileError(f"axes {list(order)} are no order of {len(x.shape)} axes")
        if isinstance(x, np.ndarray):
            return np.ascontiguousarray(x.transpose(tuple(order)))
        if isinstance(x.operation, Transpose):
            order = [x.operation.order[axis] for axis in order]
            x = x.operation.inputs[0]
        if list(order) == sorted(order):
            return x
        return self.emit(Transpose((x,), tuple(order)), tuple(x.shape[axis] for axis in order), **_kind(x))[0]

    def reshape(self, x: Tensor, shape: Sequence[Size]) -> Tensor:
        """The same elements in another shape; one size may be -1."""
        sizes = [int(size) if not isinstance(size, OpenSize) else size for size in shape]
        if -1 in sizes:
            place = sizes.index(-1)
            rest = product_of([size for at, size in enumerate(sizes) if at != place])
            sizes[place] = exact_quotient(product_of(list(x.shape)), rest)
        if product_of(sizes) != product_of(list(x.shape)):
            raise UnsupportedError(f"the shape {_text(x.shape)} is not known to hold what {_text(sizes)} holds")
        if isinstance(x, np.ndarray):
            return x.reshape([_number(size) for size in sizes])
        if isinstance(x.operation, Reshape):
            x = x.operation.inputs[0]
        if tuple(sizes) == x.shape:
            return x
        return self.emit(Reshape((x,)), tuple(sizes), **_kind(x))[0]

    def broadcast(self, x: Tensor, shape: Sequence[Size]) -> Tensor:
        """The tensor repeated where its axes have size 1, as NumPy does it; both ways, as ONNX does it."""
        sizes = _broadcast(x.shape, tuple(shape))
        if isinstance(x, np.ndarray):
            if x.size == 1 and x.dtype.kind == "f":
                return self.full(sizes, float(x.reshape(()))) if sizes != x.shape else x
            if not any(isinstance(size, OpenSize) for size in sizes):
                numbers = [_number(size) for size in sizes]
                _check_known(product_of(numbers))
                return np.ascontiguousarray(np.broadcast_to(x, numbers))
        value = self.value(x)
        if sizes == value.shape:
            return value
        return self.emit(Elementwise((value,), "copy"), sizes, **_kind(value))[0]

    def slice(self, x: Tensor, axis: int, start: Size, size: Size, step: int = 1) -> Tensor:
        """A range of one axis."""
        if isinstance(x, np.ndarray):
            first = _number(start)
            return np.ascontiguousarray(x.take(range(first, first + step * _number(size), step), axis))
        if step == 1 and start == 0 and size == x.shape[axis]:
            return x
        if isinstance(size, int) and size < 1:
            raise UnsupportedError(f"a slice of {size} elements of axis {axis} of {_text(x.shape)}")
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        return self.emit(Slice((x,), axis, start, step), shape, **_kind(x))[0]

    def concatenate(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        """Tensors one behind the other."""
        if len(tensors) == 1:
            return tensors[0]
        if all(isinstance(tensor, np.ndarray) for tensor in tensors):
            known = [np.asarray(tensor) for tensor in tensors]
            _check_known(sum(array.size for array in known), self.held)
            return np.concatenate(known, axis)
        values = [self.value(tensor) for tensor in tensors]
        shape = list(values[0].shape)
        for value in values[1:]:
            if value.rank != len(shape) or _kind(value) != _kind(values[0]):
                raise ModelFileError("tensors of different ranks or types cannot be put one behind the other")
            for place in range(len(shape)):
                if place == axis:
                    shape[place] = shape[place] + value.shape[place]
                else:
                    require_same(shape[place], value.shape[place])
        return self.emit(Concatenate(tuple(values), axis), tuple(shape), **_kind(values[0]))[0]

    # arithmetic

    def apply(self, function: str, *tensors: Tensor, numbers: Sequence[float] = ()) -> Tensor:
        """A function of single elements, see `FUNCTIONS`."""
        if function == "to_integer" and isinstance(tensors[0], Value) and tensors[0].is_integer:
            return tensors[0]
        if all(isinstance(tensor, np.ndarray) for tensor in tensors):
            shape: Shape = ()
            for tensor in tensors:
                shape = _broadcast(shape, tensor.shape)
            _check_known(
                product_of(list(shape)), sum(tensor.size for tensor in tensors if not isinstance(tensor, Value))
            )
            return apply_known(function, [np.asarray(tensor) for tensor in tensors], numbers, self.dtype)
        values = [self.value(tensor) for tensor in tensors]
        is_cast = function in ("to_float", "to_integer", "copy")
        operands = values[1:] if function == "where" else values
        if any(value.is_integer for value in values) and not is_cast and function not in ON_INTEGERS:
            raise UnsupportedError("this arithmetic on tensors of integers")
        if any(value.is_integer != operands[0].is_integer for value in operands):
            raise ModelFileError("integers and floats meet")
        shape = ()
        for value in values:
            shape = _broadcast(shape, value.shape)
        is_bool = function in TO_BOOL or (function in ("copy", "where") and all(v.is_bool for v in operands))
        keeps = function in ON_INTEGERS and function not in TO_BOOL and operands[0].is_integer
        is_integer = function == "to_integer" or keeps or (function == "copy" and values[0].is_integer)
        operation = Elementwise(tuple(values), function, tuple(numbers))
        return self.emit(operation, shape, is_integer=is_integer, is_bool=is_bool)[0]

    def positions(self, count: Size) -> Tensor:
        """The integers from 0 on, so many."""
        if isinstance(count, int):
            return np.arange(count)
        return self.emit(Positions(()), (count,), is_integer=True)[0]

    def reduce(self, kind: str, x: Tensor, axes: Sequence[int]) -> Value:
        """The sum or the maximum along axes, which stay with size 1."""
        value = self.value(x)
        if value.is_integer:
            raise UnsupportedError("a reduction of integers")
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape))
        return self.emit(Reduce((value,), kind, tuple(sorted(axes))), shape)[0]

    def count(self, sizes: Sequence[Size]) -> Tensor:
        """The product of sizes as a float, a tensor without axes."""
        whole = product_of(list(sizes))
        if isinstance(whole, OpenSize):
            return self.emit(Measure((), whole), ())[0]
        return np.asarray(whole, self.dtype)

    def matmul(self, left: Tensor, right: Tensor) -> Value:
        """NumPy's matmul of tensors of two axes or more."""
        a, b = self.value(left), self.value(right)
        rank = max(a.rank, b.rank)
        require_same(a.shape[-1], b.shape[-2])
        if b.rank == 2 and a.rank > 2:  # one product of all rows
            rows = self.value(self.reshape(a, (product_of(list(a.shape[:-1])), a.shape[-1])))
            flat = self.emit(MatMul((rows, b)), (rows.shape[0], b.shape[1]))[0]
            return self.value(self.reshape(flat, (*a.shape[:-1], b.shape[1])))
        a = self.value(self.reshape(a, (*(1 for _ in range(rank - a.rank)), *a.shape)))
        b = self.value(self.reshape(b, (*(1 for _ in range(rank - b.rank)), *b.shape)))
        leading = _broadcast(a.shape[:-2], b.shape[:-2])
        return self.emit(MatMul((a, b)), (*leading, a.shape[-2], b.shape[-1]))[0]

    def gather(self, table: Tensor, places: Value, axis: int) -> Value:
        """Slices of a tensor, picked by integers."""
        value = self.value(table)
        if not places.is_integer:
            raise ModelFileError("what picks slices has to be integers")
        if not isinstance(value.shape[axis], int) and (value.is_integer or value.is_bool):
            raise UnsupportedError(f"integers of an axis of open size, {value.shape[axis]}, are picked by a tensor")
        shape = (*value.shape[:axis], *places.shape, *value.shape[axis + 1 :])
        return self.emit(Gather((value, places), axis), shape, **_kind(value))[0]

    def gather_elements(self, table: Tensor, places: Value, axis: int) -> Value:
        """Elements of a tensor of floats, each at its own place but along an axis."""
        value = self.value(table)
        if not places.is_integer or value.rank != places.rank:
            raise ModelFileError("what picks elements has to be integers, one for each")
        if value.is_integer or value.is_bool:
            raise UnsupportedError("elements of integers, or truth values, are picked by a tensor")
        for at, (size, own) in enumerate(zip(value.shape, places.shape, strict=True)):
            if at != axis and isinstance(size, int) and isinstance(own, int) and own < size:
                continue
            if at != axis:
                require_same(size, own)
        return self.emit(GatherElements((value, places), axis), places.shape)[0]

    def scan(self, operation: Scan) -> tuple[Value, Value, Value]:
        """One direction of an LSTM, its shapes checked."""
        x, kernel, recurrent, bias, h, c, *further = operation.inputs
        units = recurrent.shape[0]
        time, batch = (x.shape[0], x.shape[1]) if operation.time_major else (x.shape[1], x.shape[0])
        wanted: list[tuple[Value, Shape]] = [
            (kernel, (x.shape[2], 4 * units)),
            (recurrent, (units, 4 * units)),
            (bias, (4 * units,)),
            (h, (batch, units)),
            (c, (batch, units)),
        ]
        if operation.has_lengths:
            wanted.append((further.pop(0), (batch,)))
        wanted += [(value, (units,)) for value in further]
        for value, shape in wanted:
            require_shape("an input of the LSTM", value, shape)
        leading = (time, batch) if operation.output_time_major else (batch, time)
        y, last_h, last_c = self.emit(operation, (*leading, units), (batch, units), (batch, units))
        return y, last_h, last_c


def _kind(value: Value) -> dict[str, bool]:
    """What its elements are, as ``emit`` takes it."""
    return {"is_integer": value.is_integer, "is_bool": value.is_bool}


def require_same(first: Size, second: Size) -> None:
    """Refuse two sizes that differ.

    Raises:
        SameSizeError: both are open and have a name.
        UnsupportedError: they are not known to be equal.
        ModelFileError: they are known to differ.
    """
    if first == second:
        return
    if isinstance(first, int) and isinstance(second, int):
        raise ModelFileError(f"two sizes have to be equal: {first} and {second}")
    names = [size.name for size in (first, second) if isinstance(size, OpenSize)]
    if len(names) == 2 and names[0] is not None and names[1] is not None:
        raise SameSizeError(names[0], names[1])
    raise UnsupportedError(f"the sizes {first} and {second} have to be equal, and are not known to be")


def require_shape(what: str, value: Value, shape: Shape) -> None:
    """Refuse a tensor of another shape, see `require_same`."""
    if value.rank != len(shape):
        raise ModelFileError(f"{what} has shape {_text(value.shape)}, expected {_text(shape)}")
    for own, due in zip(value.shape, shape, strict=True):
        require_same(own, due)


def _broadcast(first: Shape, second: Shape) -> Shape:
    rank = max(len(first), len(second))
    result: list[Size] = []
    for axis in range(-rank, 0):
        own: Size = first[axis] if -axis <= len(first) else 1
        other: Size = second[axis] if -axis <= len(second) else 1
        if own == 1:
            result.append(other)
            continue
        if other != 1:
            require_same(own, other)
        result.append(own)
    return tuple(result)


def _number(size: Size) -> int:
    if isinstance(size, OpenSize):
        raise UnsupportedError(f"an array of the model is given the open size {size}")
    return int(size)


def _check_known(elements: Size, given: int = 0) -> None:
    if not isinstance(elements, int) or elements > max(LARGEST_KNOWN, given):
        raise ModelFileError(f"the model asks for a constant of {elements} elements, which it does not hold")


def _text(shape: Sequence[Size]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
