"""Programs: their operations as structured tensor code, and their scans."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IndexType, i32
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineConstantExpr, AffineExpr

from lstm_ir.dialect.shapes import element_type
from lstm_ir.layers.program import (
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
    Slice,
    TensorProgram,
    Transpose,
    Value,
    product_of,
)
from lstm_ir.layers.program import Size as ProgramSize
from lstm_ir.layers.program.sizes import Quotient
from lstm_ir.passes.layer_builders.program_functions import build_function
from lstm_ir.passes.layer_builders.program_recurrence import build_recurrence
from lstm_ir.passes.layer_builders.program_scan import build_scan
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Places, ScalarBuilder, Size, Tensor


@builds(TensorProgram)
def build_program(b: LayerScope, layer: TensorProgram, call: Operands) -> list[SSAValue]:
    """Build all operations, and the outputs."""
    builder = _ProgramBuilder(b, layer, call)
    for operation, results in layer.program.operations:
        builder.build(operation, results)
    return [builder.values[value] for value in layer.program.outputs.values()]


class _ProgramBuilder:
    def __init__(self, b: LayerScope, layer: TensorProgram, call: Operands) -> None:
        self.b = b
        self.values: dict[Value, SSAValue] = {}
        self.open: dict[str, Size] = {}
        for given, value in zip(layer.program.inputs.values(), call.inputs, strict=True):
            self.values[given] = value
            for axis, size in enumerate(given.shape):
                if isinstance(size, OpenSize) and size.name is not None and size.name not in self.open:
                    self.open[size.name] = b.size(value, axis)

    def build(self, operation: Operation, results: Sequence[Value]) -> None:
        inputs = [self.values[value] for value in operation.inputs]
        made = _BUILDERS[type(operation)](self, operation, inputs, results)
        self.values.update(zip(results, made, strict=True))

    def size(self, size: ProgramSize) -> Size:
        """Return a size as a number or a value."""
        if isinstance(size, int):
            return size
        total: Size = 0
        for product, factor in size.terms:
            term: Size = factor
            for name in product:
                if isinstance(name, Quotient) and name not in self.open:
                    self.open[name] = self.b.quotient(self.size(name.dividend), name.divisor)
                term = self.open[name] if term == 1 else self.b.product(term, self.open[name])
            total = term if total == 0 else self.b.total(total, term)
        return total

    def sizes(self, value: Value) -> tuple[Size, ...]:
        return tuple(self.size(size) for size in value.shape)

    def element(self, value: Value) -> Any:
        return i32 if value.is_integer else self.b.element


def _constant(p: _ProgramBuilder, op: Constant, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    return [p.b.weight(op.name)]


def _full(p: _ProgramBuilder, op: Full, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    return [p.b.full(Tensor(p.sizes(results[0]), p.element(results[0])), op.number)]


def _measure(p: _ProgramBuilder, op: Measure, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    size, element = p.size(op.size), p.element(results[0])
    is_integer = results[0].is_integer
    number = p.b.do(arith.IndexCastOp(p.b.index(size), i32)) if is_integer else p.b.as_number(size, element)
    return p.b.elementwise([], p.sizes(results[0]), [element], lambda s, args: [number])


def _elementwise(
    p: _ProgramBuilder, op: Elementwise, inputs: list[SSAValue], results: Sequence[Value]
) -> list[SSAValue]:
    """Build one structured op; numbers among the inputs are constants of its body."""
    result, element = results[0], p.element(results[0])
    numbers = [value.operation.number if isinstance(value.operation, Full) else None for value in op.inputs]
    read = [
        (value, broadcast_places(given, result.rank))
        for value, given, number in zip(inputs, op.inputs, numbers, strict=True)
        if number is None
    ]

    def body(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        rest = iter(args)
        operands = [
            next(rest) if number is None else _number(s, p.element(given), number)
            for given, number in zip(op.inputs, numbers, strict=True)
        ]
        return [build_function(s, op.function, op.numbers, operands, element)]

    return p.b.elementwise(read, p.sizes(result), [element], body)


def _number(s: ScalarBuilder, element: Any, number: float) -> SSAValue:
    return s.integer(int(number), i32) if element == i32 else s.constant(number, element)


def _positions(p: _ProgramBuilder, op: Positions, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    def number(s: ScalarBuilder, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.IndexCastOp(s.do(IndexOp(0)), i32))]

    return p.b.elementwise([], p.sizes(results[0]), [i32], number)


def broadcast_places(given: Value, rank: int) -> Places:
    """Return how the loops of a result index an input that is broadcast to it."""
    missing = rank - given.rank
    return [
        AffineConstantExpr(0) if size == 1 else AffineExpr.dimension(missing + axis)
        for axis, size in enumerate(given.shape)
    ]


def _transpose(p: _ProgramBuilder, op: Transpose, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    places = tuple(op.order.index(axis) for axis in range(len(op.order)))
    element = p.element(results[0])
    return p.b.elementwise([(inputs[0], places)], p.sizes(results[0]), [element], lambda s, args: [args[0]])


def _reshape(p: _ProgramBuilder, op: Reshape, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    """Build what joins the smallest groups of axes that hold as many elements before and after, and splits them."""
    before, after = op.inputs[0].shape, results[0].shape
    if not before:
        return [p.b.do(tensor.ExpandShapeOp(inputs[0], [], _no_groups(), [1] * len(after), _type(p, results[0])))]
    if not after:
        x = inputs[0] if len(before) == 1 else p.b.collapse(inputs[0], [list(range(len(before)))])
        return [p.b.slice(x, [0], [1], drop=(0,))]
    joined, split = matching_groups(before, after)
    x = p.b.collapse(inputs[0], joined)
    return [p.b.expand(x, split, list(p.sizes(results[0])))]


def matching_groups(
    before: Sequence[ProgramSize], after: Sequence[ProgramSize]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the smallest groups of axes of two shapes of the same elements, group by group of the same product."""
    joined: list[list[int]] = []
    split: list[list[int]] = []
    i = j = 0
    while i < len(before) and j < len(after):
        ends = [(m, n) for m in range(i + 1, len(before) + 1) for n in range(j + 1, len(after) + 1)]
        same = (e for e in ends if product_of(list(before[i : e[0]])) == product_of(list(after[j : e[1]])))
        m, n = min(same, key=sum)
        joined.append(list(range(i, m)))
        split.append(list(range(j, n)))
        i, j = m, n
    joined[-1] += range(i, len(before))  # axes of size 1 that are left
    split[-1] += range(j, len(after))
    return joined, split


def _no_groups() -> Any:
    from xdsl.dialects.builtin import ArrayAttr

    return ArrayAttr([])


def _type(p: _ProgramBuilder, value: Value) -> Any:
    return Tensor(p.sizes(value), p.element(value)).type


def _slice(p: _ProgramBuilder, op: Slice, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    sizes = p.sizes(results[0])
    start = p.size(op.start)
    if op.step == 1:
        offsets: list[Size] = [0] * len(sizes)
        offsets[op.axis] = start
        return [p.b.slice(inputs[0], offsets, list(sizes))]
    element = p.element(results[0])
    first = p.b.index(start)

    def read(s: ScalarBuilder, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
        places = [s.do(IndexOp(number)) for number in range(len(sizes))]
        step = s.do(arith.ConstantOp.from_int_and_width(op.step, IndexType()))
        places[op.axis] = s.do(arith.AddiOp(first, s.do(arith.MuliOp(places[op.axis], step))))
        return [s.do(tensor.ExtractOp(inputs[0], places, element))]

    return p.b.elementwise([], sizes, [element], read)


def _concatenate(
    p: _ProgramBuilder, op: Concatenate, inputs: list[SSAValue], results: Sequence[Value]
) -> list[SSAValue]:
    sizes = p.sizes(results[0])
    whole = p.b.empty(Tensor(sizes, p.element(results[0])))
    at: Size = 0
    for value in inputs:
        own = list(sizes)
        own[op.axis] = p.b.size(value, op.axis)
        offsets: list[Size] = [0] * len(sizes)
        offsets[op.axis] = at
        whole = p.b.insert_slice(value, whole, offsets, own)
        at = p.b.total(at, own[op.axis])
    return [whole]


def _gather(p: _ProgramBuilder, op: Gather, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    table, places = inputs
    rank = op.inputs[1].rank
    element = p.element(results[0])
    pick = _picker(p, table, op.axis)

    def row(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        own = [s.do(IndexOp(number)) for number in range(len(results[0].shape))]
        return [pick(s, args[0], [*own[: op.axis], None, *own[op.axis + rank :]], element)]

    axes = tuple(range(op.axis, op.axis + rank))
    return p.b.elementwise([(places, axes)], p.sizes(results[0]), [element], row)


def _gather_elements(
    p: _ProgramBuilder, op: GatherElements, inputs: list[SSAValue], results: Sequence[Value]
) -> list[SSAValue]:
    table, places = inputs
    rank = results[0].rank
    pick = _picker(p, table, op.axis)

    def element(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        own: list[SSAValue | None] = [s.do(IndexOp(number)) for number in range(rank)]
        own[op.axis] = None
        return [pick(s, args[0], own, p.b.element)]

    return p.b.elementwise([(places, tuple(range(rank)))], p.sizes(results[0]), [p.b.element], element)


def _picker(p: _ProgramBuilder, table: SSAValue, axis: int) -> Callable[..., SSAValue]:
    """Return what reads an element of a table whose place on an axis is computed, counted from either end.

    The runtime refuses inputs that are out of a fixed range. Computed numbers must not read beside the table either: of
    an axis of an open size, a place that is not there gives NaN.
    """
    size = p.b.size(table, axis)
    count = None if isinstance(size, int) else p.b.do(arith.IndexCastOp(size, i32))

    def pick(s: ScalarBuilder, at: SSAValue, places: Sequence[SSAValue | None], element: Any) -> SSAValue:
        zero, one = s.integer(0, i32), s.integer(1, i32)
        number = s.integer(int(size), i32) if count is None else count  # type: ignore[arg-type]  # it is one then
        negative = s.do(arith.CmpiOp(at, zero, "slt"))
        place = s.do(arith.SelectOp(negative, s.do(arith.AddiOp(at, number)), at))
        low = s.do(arith.MaxSIOp(place, zero))
        inside = s.do(arith.MinSIOp(low, s.do(arith.SubiOp(number, one))))
        index = s.do(arith.IndexCastOp(inside, IndexType()))
        found = s.do(tensor.ExtractOp(table, [index if own is None else own for own in places], element))
        if count is None:
            return found
        is_there = s.do(arith.CmpiOp(inside, place, "eq"))
        return s.do(arith.SelectOp(is_there, found, s.constant(float("nan"), element)))

    return pick


def _matmul(p: _ProgramBuilder, op: MatMul, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    left, right = inputs
    if results[0].rank == 2:
        product = p.b.matmul(left, right)
    else:
        rank = results[0].rank
        rows, columns, terms = rank - 2, rank - 1, rank
        leading = [broadcast_places(_leading(value), rank - 2) for value in op.inputs]
        element = element_type(left.type)
        start = p.b.full(Tensor(p.sizes(results[0]), element), 0.0)

        def multiply(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.AddfOp(args[2], s.do(arith.MulfOp(args[0], args[1]))))]

        product = p.b.generic(
            [(left, [*leading[0], rows, terms]), (right, [*leading[1], terms, columns])],
            [(start, tuple(range(rank)))],
            "p" * rank + "r",
            multiply,
        )[0]
    element = p.b.element
    if element_type(product.type) == element:
        return [product]
    axes = tuple(range(results[0].rank))
    return p.b.elementwise([(product, axes)], p.b.sizes(product), [element], lambda s, args: [s.cast(args[0], element)])


def _leading(value: Value) -> Value:
    return Value(value.shape[:-2])


def _reduce(p: _ProgramBuilder, op: Reduce, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    """Build the reduction with the axes dropped, and put them back."""
    rank, element = results[0].rank, p.b.element
    kept = [axis for axis in range(rank) if axis not in op.axes]
    sizes = p.sizes(results[0])
    start = p.b.full(Tensor(tuple(sizes[axis] for axis in kept), element), 0.0 if op.kind == "sum" else float("-inf"))

    def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.AddfOp(args[1], args[0]) if op.kind == "sum" else arith.MaximumfOp(args[1], args[0]))]

    loops = "".join("p" if axis in kept else "r" for axis in range(rank))
    reduced = p.b.generic([(inputs[0], tuple(range(rank)))], [(start, tuple(kept))], loops, add)[0]
    places = tuple(range(len(kept)))
    axes = tuple(kept[place] for place in places)
    return p.b.elementwise([(reduced, axes)], sizes, [element], lambda s, args: [args[0]])


def _scan(p: _ProgramBuilder, op: Scan, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    return build_scan(p.b, op, inputs)


def _recurrence(p: _ProgramBuilder, op: Recurrence, inputs: list[SSAValue], results: Sequence[Value]) -> list[SSAValue]:
    return build_recurrence(p.b, op, inputs)


_BUILDERS: Mapping[
    type[Operation], Callable[[_ProgramBuilder, Any, list[SSAValue], Sequence[Value]], list[SSAValue]]
] = {
    Constant: _constant,
    Full: _full,
    Measure: _measure,
    Positions: _positions,
    Elementwise: _elementwise,
    Transpose: _transpose,
    Reshape: _reshape,
    Slice: _slice,
    Concatenate: _concatenate,
    Gather: _gather,
    GatherElements: _gather_elements,
    MatMul: _matmul,
    Reduce: _reduce,
    Scan: _scan,
    Recurrence: _recurrence,
}
