"""Builder of kernels: loops, index arithmetic and vectors over flat buffers, to read like the algorithm it builds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from xdsl.builder import InsertOpInvT
from xdsl.dialects import arith, memref, scf, vector
from xdsl.dialects.builtin import (
    AnyFloat,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    MemRefType,
    VectorType,
    f32,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.hints import isa

from lstm_ir.passes.kernels.index_builder import NONE, IndexBuilder, Properties
from lstm_ir.passes.structured import INDEX, ScalarBuilder, Size

Body = Callable[[SSAValue, Sequence[SSAValue]], Sequence[SSAValue]]


@dataclass(frozen=True)
class Place:
    """An element of a flat buffer, or what begins there."""

    buffer: SSAValue
    index: Size

    @property
    def element(self) -> Attribute:
        """The type of the buffer's elements."""
        assert isinstance(self.buffer.type, MemRefType)
        element: Attribute = self.buffer.type.get_element_type()
        return element


class KernelBuilder(IndexBuilder):
    """Builds a kernel; sizes and indices are numbers where they are known, values of type index elsewhere.

    Floats are computed in one type, whatever their buffer holds: reading widens, writing narrows.

    Args:
        entry: The kernel's first block, empty: constants are kept at its beginning, one of each.
        lanes: Elements of a vector.
        element: The type that floats are computed in.

    Ops that a kernel has hundreds of are made by ``create``: constructors, which accept more, take three times as long.
    """

    def __init__(self, entry: Block, lanes: int, element: AnyFloat = f32) -> None:
        super().__init__(InsertPoint.at_end(entry))
        self._constants = ScalarBuilder(InsertPoint.at_end(entry))
        self._known: dict[tuple[float, Attribute], SSAValue] = {}
        self._indices: dict[int, SSAValue] = {}
        self._made: dict[tuple[type, SSAValue, SSAValue], SSAValue] = {}
        self._entry = entry
        self.lanes, self.element = lanes, element
        self.vector = VectorType(element, [lanes])
        self._vectors: dict[Attribute, VectorType[Any]] = {element: self.vector}

    def begin(self) -> None:
        """Separate the constants from the code: what is built after this stands behind them."""
        marker = self._indices[0] = self.literal(IntegerAttr(0, INDEX), INDEX)
        assert isinstance(marker.owner, arith.ConstantOp)
        self._constants.insertion_point = InsertPoint.before(marker.owner)

    def index(self, value: Size) -> SSAValue:
        """Return a size as a value; constants are shared."""
        if isinstance(value, SSAValue):
            return value
        if value not in self._indices:
            self._indices[value] = self._constants.literal(IntegerAttr(value, INDEX), INDEX)
        return self._indices[value]

    def _two(self, op: type[Operation], first: Size, second: Size, properties: Properties = NONE) -> SSAValue:
        # A fifth of a kernel's index arithmetic stands there already: every pass is spared it.
        key = op, self.index(first), self.index(second)
        if key not in self._made:
            self._made[key] = super()._two(*key, properties)
        return self._made[key]

    def insert(self, op: InsertOpInvT, insertion_point: InsertPoint | None = None) -> InsertOpInvT:
        """Insert an op; at the end of a block, as nearly all are, at a third of the usual cost."""
        point = self.insertion_point
        if insertion_point is not None or point.insert_before is not None or not isinstance(op, Operation):
            return super().insert(op, insertion_point)
        point.block.add_op(op)
        return op

    # Control flow.

    @contextmanager
    def loop(self, low: Size, high: Size, step: Size = 1) -> Iterator[SSAValue]:
        """Build, in the ``with``, what runs for each index from low to high."""
        if isinstance(low, int) and isinstance(high, int) and isinstance(step, int) and low < high <= low + step:
            yield self.index(low)
            return
        block = Block(arg_types=[INDEX])
        bounds = [self.index(bound) for bound in (low, high, step)]
        with self.inside(block):
            yield block.args[0]
            self.insert(scf.YieldOp.create())
        self.insert(scf.ForOp.create(operands=bounds, regions=[Region(block)]))

    def accumulate(self, low: Size, high: Size, step: Size, start: Sequence[SSAValue], body: Body) -> list[SSAValue]:
        """Build a loop that hands values from one index to the next; returns the last ones."""
        types = [value.type for value in start]
        block = Block(arg_types=[INDEX, *types])
        bounds = [self.index(bound) for bound in (low, high, step)]
        with self.inside(block):
            self.insert(scf.YieldOp.create(operands=body(block.args[0], block.args[1:])))
        loop = scf.ForOp.create(operands=[*bounds, *start], result_types=types, regions=[Region(block)])
        return list(self.insert(loop).results)

    @contextmanager
    def when(self, condition: SSAValue) -> Iterator[None]:
        """Build, in the ``with``, what runs where a condition holds."""
        block = Block()
        with self.inside(block):
            yield
            self.insert(scf.YieldOp())
        self.insert(scf.IfOp(condition, [], Region(block)))

    def either(self, condition: SSAValue, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Build what runs where a condition holds, and what runs where it does not."""
        self._branch(condition, then, otherwise)

    def choose(self, condition: SSAValue, then: Callable[[], SSAValue], otherwise: Callable[[], SSAValue]) -> SSAValue:
        """Build a value where a condition holds, and another where it does not."""
        return self._branch(condition, then, otherwise).results[0]

    def _branch(self, condition: SSAValue, *builds: Callable[[], SSAValue | None]) -> scf.IfOp:
        blocks, types = (Block(), Block()), []
        for block, build in zip(blocks, builds, strict=True):
            with self.inside(block):
                value = build()
                self.insert(scf.YieldOp(*([] if value is None else [value])))
                types = [] if value is None else [value.type]
        return self.insert(scf.IfOp(condition, types, Region(blocks[0]), Region(blocks[1])))

    @contextmanager
    def inside(self, block: Block) -> Iterator[None]:
        """Build, in the ``with``, at the end of a block."""
        before, made = self.insertion_point, len(self._made)
        self.insertion_point = InsertPoint.at_end(block)
        yield
        self.insertion_point = before
        while len(self._made) > made:
            self._made.popitem()  # Nothing behind the block sees what was made last, within it.

    # Memory.

    def at(self, place: Place, *more: Size) -> Place:
        """Return a place further on."""
        return Place(place.buffer, self.plus(place.index, *more))

    def load(self, place: Place) -> SSAValue:
        """Return the element at a place."""
        operands = [place.buffer, self.index(place.index)]
        value = self.do(memref.LoadOp.create(operands=operands, result_types=[place.element]))
        return self.cast(value, self.element) if isinstance(value.type, AnyFloat) else value

    def store(self, value: SSAValue, place: Place) -> None:
        """Write an element."""
        held = self.cast(value, place.element) if isinstance(value.type, AnyFloat) else value
        self.insert(memref.StoreOp.get(held, place.buffer, [self.index(place.index)]))

    def load_vector(self, place: Place) -> SSAValue:
        """Return the vector that begins at a place."""
        held = self._vector_of(place.element)
        load = vector.LoadOp.create(operands=[place.buffer, self.index(place.index)], result_types=[held])
        return self.cast(self.do(load), self.vector)

    def store_vector(self, value: SSAValue, place: Place) -> None:
        """Write a vector."""
        held = self.cast(value, self._vector_of(place.element))
        self.insert(vector.StoreOp.create(operands=[held, place.buffer, self.index(place.index)]))

    def load_pair(self, place: Place) -> list[SSAValue]:
        """Return two f32 vectors whose elements, bf16, alternate from a place on.

        A bf16 is the upper half of an f32: one shift and one mask widen what one read gives.
        """
        integers = VectorType(i32, [self.lanes])
        held = VectorType(place.element, [2 * self.lanes])
        both = self.do(
            vector.BitcastOp(self.do(vector.LoadOp(place.buffer, [self.index(place.index)], held)), integers)
        )
        first = self.do(arith.ShLIOp(both, self._constant(16, integers)))
        second = self.do(arith.AndIOp(both, self._constant(-65536, integers)))
        return [self.do(arith.BitcastOp(half, self.vector)) for half in (first, second)]

    def rounded(self, value: SSAValue, element: Attribute) -> SSAValue:
        """Return a vector as a buffer of another float type would give it back."""
        return self.cast(self.cast(value, self._vector_of(element)), self.vector)

    def _vector_of(self, element: Attribute) -> VectorType[Any]:
        """Return a vector of as many elements of another type; each is made once, as there are thousands of loads."""
        if element not in self._vectors:
            self._vectors[element] = VectorType(element, [self.lanes])
        return self._vectors[element]

    def splat(self, value: SSAValue) -> SSAValue:
        """Return a vector of one value."""
        return self.do(vector.BroadcastOp.create(operands=[value], result_types=[self.vector]))

    def multiply_add(self, x: SSAValue, y: SSAValue, total: SSAValue) -> SSAValue:
        """Return x y + total, of vectors, rounded once."""
        return self.do(vector.FMAOp.create(operands=[x, y, total], result_types=[self.vector]))

    def number(self, value: float) -> SSAValue:
        """Return a float constant."""
        return self._constant(value, self.element)

    def splat_number(self, value: float) -> SSAValue:
        """Return a vector of one constant."""
        return self._constant(value, self.vector)

    def _constant(self, value: float, type_: Attribute) -> SSAValue:
        key = (value, type_)
        if key not in self._known:
            if isa(type_, VectorType[IntegerType]):
                elements = DenseIntOrFPElementsAttr.from_list(type_, [int(value)])
                self._known[key] = self._constants.literal(elements, type_)
            else:
                self._known[key] = self._constants.constant(value, type_)
        return self._known[key]
