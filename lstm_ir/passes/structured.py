"""Builders of structured tensor code (linalg, tensor, arith) that read like the algorithm they build."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.builder import Builder
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    TensorType,
    VectorType,
    i64,
)
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.dialects.linalg.ops import FillOp, GenericOp, YieldOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.shapes import DYNAMIC, accumulator_type, as_float, element_type, shape_of

INDEX = IndexType()

Size = int | SSAValue
"""The size or position along a dimension: a number, or a value of type index known at run time."""

Axes = tuple[int, ...]
"""Which loops index an operand, by loop number: (0, 2) reads operand[i0, i2]."""

Places = Sequence[int | AffineExpr]
"""How loops index an operand: loop numbers, or sums of multiples of them."""

Body = Callable[["ScalarBuilder", Sequence[SSAValue]], Sequence[SSAValue]]
"""Builds what a structured op computes for one element, from the elements of its inputs."""


@dataclass(frozen=True)
class Tensor:
    """What a structured op makes: sizes and element type."""

    sizes: tuple[Size, ...]
    element: Attribute

    @property
    def type(self) -> TensorType[Attribute]:
        """The tensor type; sizes that are values are dynamic."""
        return TensorType(self.element, [size if isinstance(size, int) else DYNAMIC for size in self.sizes])

    @property
    def dynamic(self) -> list[SSAValue]:
        """The sizes that are values."""
        return [size for size in self.sizes if isinstance(size, SSAValue)]


class ScalarBuilder(Builder):
    """Builds arithmetic on floats, on vectors of floats alike."""

    def do(self, op: Operation) -> SSAValue:
        """Insert an op and return its result."""
        return self.insert(op).results[0]

    def constant(self, value: float, type_: Attribute) -> SSAValue:
        """Return a float constant of a float type, or the same in every element of a vector type."""
        if isinstance(type_, VectorType):
            vector = VectorType(as_float(type_.get_element_type()), type_.get_shape())
            return self.literal(DenseIntOrFPElementsAttr.from_list(vector, [value]), vector)
        return self.literal(FloatAttr(value, as_float(type_)), type_)

    def integer(self, value: int, type_: Attribute) -> SSAValue:
        """Return an integer constant of an integer type."""
        assert isinstance(type_, IntegerType)
        return self.literal(IntegerAttr(value, type_), type_)

    def literal(self, value: Attribute, type_: Attribute) -> SSAValue:
        """Return what an attribute of a type says; a third of what the op's own constructor takes."""
        return self.do(arith.ConstantOp.create(result_types=[type_], properties={"value": value}))

    def cast(self, value: SSAValue, type_: Attribute) -> SSAValue:
        """Widen or narrow a float; the same type costs nothing."""
        if value.type is type_:
            return value
        width, wanted = (as_float(element_type(t)).bitwidth for t in (value.type, type_))
        if width == wanted:
            return value
        return self.do(arith.ExtFOp(value, type_) if width < wanted else arith.TruncFOp(value, type_))


class TensorBuilder(ScalarBuilder):
    """Builds tensor code at one place of a function."""

    @classmethod
    def before(cls, op: Operation) -> "TensorBuilder":
        """Build in front of an op."""
        return cls(InsertPoint.before(op))

    @classmethod
    def at_end(cls, block: Block) -> "TensorBuilder":
        """Build at the end of a block."""
        return cls(InsertPoint.at_end(block))

    def index(self, value: Size) -> SSAValue:
        """Return a size as a value."""
        if isinstance(value, SSAValue):
            return value
        return self.literal(IntegerAttr(value, INDEX), INDEX)

    def size(self, value: SSAValue, axis: int) -> Size:
        """Return the size of a tensor along an axis."""
        static = shape_of(value.type)[axis]
        return self.do(tensor.DimOp(value, self.index(axis))) if static == DYNAMIC else static

    def sizes(self, value: SSAValue) -> tuple[Size, ...]:
        """Return all sizes of a tensor."""
        return tuple(self.size(value, axis) for axis in range(len(shape_of(value.type))))

    def product(self, first: Size, second: Size) -> Size:
        """Return first * second."""
        if isinstance(first, int) and isinstance(second, int):
            return first * second
        return self.do(arith.MuliOp(self.index(first), self.index(second)))

    def difference(self, first: Size, second: Size) -> Size:
        """Return first - second."""
        if isinstance(first, int) and isinstance(second, int):
            return first - second
        return self.do(arith.SubiOp(self.index(first), self.index(second)))

    def total(self, first: Size, second: Size) -> Size:
        """Return first + second."""
        if isinstance(first, int) and isinstance(second, int):
            return first + second
        return self.do(arith.AddiOp(self.index(first), self.index(second)))

    def quotient(self, first: Size, second: int) -> Size:
        """Return first / second, rounded down; first is not negative."""
        if isinstance(first, int) or second == 1:
            return first // second if isinstance(first, int) else first
        return self.do(arith.DivUIOp(first, self.index(second)))

    def largest(self, first: Size, second: Size) -> Size:
        """Return the larger of both."""
        if isinstance(first, int) and isinstance(second, int):
            return max(first, second)
        return self.do(arith.MaxSIOp(self.index(first), self.index(second)))

    def as_number(self, size: Size, type_: Attribute) -> SSAValue:
        """Return a size as a float."""
        if isinstance(size, int):
            return self.constant(float(size), type_)
        whole = self.do(arith.IndexCastOp(size, i64))
        return self.do(arith.SIToFPOp(whole, as_float(type_)))

    def empty(self, what: Tensor) -> SSAValue:
        """Return a tensor whose elements are yet to be written."""
        return self.do(tensor.EmptyOp(what.dynamic, what.type))

    def full(self, what: Tensor, value: float) -> SSAValue:
        """Return a tensor with one value everywhere."""
        is_integer = isinstance(what.element, IntegerType)
        scalar = self.integer(int(value), what.element) if is_integer else self.constant(value, what.element)
        return self.do(FillOp([scalar], [self.empty(what)]))

    def slice(self, source: SSAValue, offsets: Sequence[Size], sizes: Sequence[Size], drop: Axes = ()) -> SSAValue:
        """Return source[offsets : offsets + sizes], without the axes of size 1 that ``drop`` names."""
        kept = tuple(size for axis, size in enumerate(sizes) if axis not in drop)
        result = Tensor(kept, element_type(source.type)).type
        return self.do(tensor.ExtractSliceOp(source, list(offsets), list(sizes), [1] * len(sizes), result))

    def insert_slice(
        self, source: SSAValue, into: SSAValue, offsets: Sequence[Size], sizes: Sequence[Size]
    ) -> SSAValue:
        """Return ``into`` with ``source`` written at offsets; missing axes of the source have size 1."""
        places, numbers = list(offsets), list(sizes)
        return self.do(
            tensor.InsertSliceOp.get(
                source,
                into,
                static_offsets=[p if isinstance(p, int) else DYNAMIC for p in places],
                offsets=[p for p in places if isinstance(p, SSAValue)],
                static_sizes=[n if isinstance(n, int) else DYNAMIC for n in numbers],
                sizes=[n for n in numbers if isinstance(n, SSAValue)],
                static_strides=[1] * len(numbers),
            )
        )

    def collapse(self, source: SSAValue, groups: Sequence[Sequence[int]]) -> SSAValue:
        """Return a tensor with each group of adjacent axes made one."""
        shape = shape_of(source.type)
        if len(groups) == len(shape):
            return source
        sizes = [_product([shape[axis] for axis in group]) for group in groups]
        result = TensorType(element_type(source.type), sizes)
        return self.insert(
            tensor.CollapseShapeOp.build(
                operands=[source], properties={"reassociation": _groups(groups)}, result_types=[result]
            )
        ).results[0]

    def expand(self, source: SSAValue, groups: Sequence[Sequence[int]], sizes: Sequence[Size]) -> SSAValue:
        """Return a tensor with each axis made the group of axes of these sizes."""
        if len(groups) == len(sizes):
            return source
        what = Tensor(tuple(sizes), element_type(source.type))
        return self.do(
            tensor.ExpandShapeOp(source, what.dynamic, _groups(groups), list(shape_of(what.type)), what.type)
        )

    def merge_leading(self, source: SSAValue) -> SSAValue:
        """Return a tensor [a, b, ..., n] as [a b ..., n]."""
        last = len(shape_of(source.type)) - 1
        return self.collapse(source, [list(range(last)), [last]])

    def split_leading(self, source: SSAValue, leading: Sequence[Size]) -> SSAValue:
        """Return a tensor [a b ..., n] as [a, b, ..., n]."""
        groups = [list(range(len(leading))), [len(leading)]]
        return self.expand(source, groups, [*leading, shape_of(source.type)[-1]])

    def generic(
        self,
        inputs: Sequence[tuple[SSAValue, Places]],
        outputs: Sequence[tuple[SSAValue, Axes]],
        loops: str,
        body: Body,
    ) -> list[SSAValue]:
        """Build one ``linalg.generic``.

        Args:
            inputs: Each tensor read, with the loops that index it.
            outputs: Each tensor that a result starts from, with the loops that index it.
            loops: One letter a loop: p parallel, r reduction.
            body: Computes the results from the elements of inputs and outputs.
        """
        operands: list[tuple[SSAValue, Places]] = [*inputs, *outputs]
        block = Block(arg_types=[element_type(value.type) for value, _ in operands])
        scalar = ScalarBuilder(InsertPoint.at_end(block))
        scalar.insert(YieldOp(*body(scalar, block.args)))
        dims = [AffineExpr.dimension(number) for number in range(len(loops))]
        op = GenericOp(
            [value for value, _ in inputs],
            [value for value, _ in outputs],
            Region(block),
            [
                AffineMapAttr(AffineMap(len(loops), 0, tuple(dims[a] if isinstance(a, int) else a for a in axes)))
                for _, axes in operands
            ],
            [IteratorTypeAttr(_ITERATORS[letter]) for letter in loops],
            [value.type for value, _ in outputs],
        )
        return list(self.insert(op).results)

    def elementwise(
        self,
        inputs: Sequence[tuple[SSAValue, Places]],
        sizes: Sequence[Size],
        elements: Sequence[Attribute],
        body: Body,
    ) -> list[SSAValue]:
        """Compute new tensors of one shape, element by element; ``body`` sees the inputs' elements only."""
        axes = tuple(range(len(sizes)))
        outputs = [(self.empty(Tensor(tuple(sizes), element)), axes) for element in elements]
        count = len(inputs)
        return self.generic(inputs, outputs, "p" * len(sizes), lambda b, args: body(b, args[:count]))

    def matmul(self, left: SSAValue, right: SSAValue) -> SSAValue:
        """Return left [M, K] right [K, N], summed in f32 for the half types, else in the operands' type."""
        sizes = (self.size(left, 0), self.size(right, 1))
        return self.contract((left, (0, 2)), (right, (2, 1)), sizes, (0, 1), "ppr")

    def gated_matmul(self, left: SSAValue, right: SSAValue) -> SSAValue:
        """Return the products left[g] right[:, g] side by side, [M, G N], of left [G, M, K] and right [K, G N]."""
        gates, rows, depth = self.sizes(left)
        assert isinstance(gates, int)
        width = shape_of(right.type)[1] // gates
        apart = self.expand(right, [[0], [1, 2]], [depth, gates, width])
        product = self.contract((left, (0, 1, 3)), (apart, (3, 0, 2)), (rows, gates, width), (1, 0, 2), "pppr")
        return self.collapse(product, [[0], [1, 2]])

    def contract(
        self,
        left: tuple[SSAValue, Axes],
        right: tuple[SSAValue, Axes],
        sizes: tuple[Size, ...],
        axes: Axes,
        loops: str,
    ) -> SSAValue:
        """Return sums of products, summed in f32 for the half types, else in the operands' type.

        Args:
            left: One operand, with the loops that index it.
            right: The other.
            sizes: The sizes of the result.
            axes: The loops that index the result.
            loops: One letter a loop: p parallel, r reduction.
        """
        accumulator = accumulator_type(element_type(left[0].type))
        start = self.full(Tensor(sizes, accumulator), 0.0)

        def body(b: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            x, y = (b.cast(arg, accumulator) for arg in args[:2])
            return [b.do(arith.AddfOp(args[2], b.do(arith.MulfOp(x, y))))]

        return self.generic([left, right], [(start, axes)], loops, body)[0]


_ITERATORS = {"p": IteratorType.PARALLEL, "r": IteratorType.REDUCTION}


def _product(sizes: Sequence[int]) -> int:
    return DYNAMIC if DYNAMIC in sizes else math.prod(sizes)


def _groups(groups: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    return ArrayAttr([ArrayAttr([IntegerAttr(axis, i64) for axis in group]) for group in groups])
