"""One step of a scan in tensor code, shared by the forms that run a step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import AffineMapAttr, i32
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import BlockArgument, SSAValue

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.iree_ops import OptimizationBarrierOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import element_type
from lstm_ir.passes.cell_lowering import CellLowering
from lstm_ir.passes.structured import Axes, ScalarBuilder, Size, Tensor, TensorBuilder

NEVER = 2**31 - 1
"""The first valid step of a row that has none."""


@dataclass(frozen=True)
class Carry:
    """What a step hands to the next one."""

    states: tuple[SSAValue, ...]
    """The states, h first, [B, U] each."""
    sequence: SSAValue | None
    """The outputs so far, [B, T, U] or [T, B, U]; None where only the last one is kept."""

    def flat(self) -> list[SSAValue]:
        """Return the values in a fixed order, for a loop's arguments."""
        return [*self.states, *([] if self.sequence is None else [self.sequence])]

    def rebuilt(self, values: Sequence[SSAValue]) -> "Carry":
        """Return a carry of the same kind over other values, in the order of ``flat``."""
        count = len(self.states)
        return Carry(tuple(values[:count]), None if self.sequence is None else values[count])


class StepByStep:
    """Lowers a hoisted, fused scan one visited step at a time.

    Per step: q = h R, one product; then z = q + p[k], the cell and the mask's selects, element by element; then the
    output's place in the sequence.

    A masked step that holds its output repeats the previous OUTPUT, which starts from zeros whatever the initial h is.
    From a row's first valid step on that is h, before it zeros; so the first valid step of every row is computed once,
    and no output is carried. (IREE 3.13 loses the offset of a carried tensor that starts from a fill: it packs the fill
    with the projection in one allocation, and the loop reads from its beginning.)
    """

    def __init__(self, b: TensorBuilder, scan: ScanOp) -> None:
        self.scan = scan
        layout = describe(scan.input_map)
        assert layout is not None
        self.time_major = layout[0]
        first, second = b.size(scan.input, 0), b.size(scan.input, 1)
        self.batch, self.time = (second, first) if self.time_major else (first, second)
        self.sizes: tuple[Size, Size] = (self.batch, scan.units)
        self.storage = scan.storage_type
        self.accumulator = element_type(scan.input.type)
        self.recurrent_kernel = scan.recurrent_kernels[0]
        holds = scan.masked_output.data == "hold" or scan.zero_map is not None
        self.first_valid = self._first_valid(b) if holds and scan.mask is not None else None

    def start(self, b: TensorBuilder) -> Carry:
        """Build what the first step starts from."""
        scan = self.scan
        sequence = None
        if scan.output_map is not None:
            layout = describe(scan.output_map)
            assert layout is not None
            leading = (self.time, self.batch) if layout[0] else (self.batch, self.time)
            sequence = b.empty(Tensor((*leading, scan.units), self.storage))
        return Carry(tuple(self._own(b, state) for state in scan.init), sequence)

    def _own(self, b: TensorBuilder, state: SSAValue) -> SSAValue:
        """Return a state to start from that nobody else reads.

        Before a loop carries on a kernel's result that is read elsewhere too, IREE 3.13 clones it, and the loop's first
        step may read something else. A product with a 1 that IREE cannot see is no clone.
        """
        if isinstance(state, BlockArgument) or state.has_one_use():
            return state
        one = b.do(OptimizationBarrierOp(b.constant(1.0, self.storage)))

        def same(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.MulfOp(args[0], one))]

        return b.elementwise([(state, (0, 1))], self.sizes, [self.storage], same)[0]

    def results(self, b: TensorBuilder, carry: Carry) -> list[SSAValue]:
        """Build the scan's results from the carry of the last step."""
        output = self._last_output(b, carry.states[0]) if carry.sequence is None else carry.sequence
        return [output, *carry.states]

    def _last_output(self, b: TensorBuilder, h: SSAValue) -> SSAValue:
        """Return the last output: the last h, or zeros where the mask says so."""
        if self.scan.mask is None:
            return h
        mask = self._mask_at(b, b.difference(self.time, 1))
        condition = mask if self.first_valid is None else self.first_valid
        assert condition is not None

        def select(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            # Held: any valid step. Zeroed: the last step visited.
            counts = _is_valid(s, args[1]) if self.first_valid is None else _differs(s, args[1], NEVER)
            return [s.do(arith.SelectOp(counts, args[0], s.constant(0.0, self.storage)))]

        return b.elementwise([(h, (0, 1)), (condition, (0,))], self.sizes, [self.storage], select)[0]

    def _first_valid(self, b: TensorBuilder) -> SSAValue:
        """Build the first visited step that counts, of every row: i32 [B], NEVER where none does."""
        scan = self.scan
        assert scan.mask is not None
        assert scan.mask_map is not None
        layout = describe(scan.mask_map)
        assert layout is not None
        time_major, reverse = layout
        time_axis = 0 if time_major else 1
        last = b.index(b.difference(self.time, 1))

        def earliest(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            position = s.do(IndexOp(time_axis))
            k = s.do(arith.SubiOp(last, position)) if reverse else position
            step = s.do(arith.IndexCastOp(k, i32))
            candidate = s.do(arith.SelectOp(_is_valid(s, args[0]), step, s.integer(NEVER, i32)))
            return [s.do(arith.MinSIOp(args[1], candidate))]

        rows = b.full(Tensor((self.batch,), i32), NEVER)
        batch_loop = 1 - time_axis
        return b.generic([(scan.mask, (0, 1))], [(rows, (batch_loop,))], "rp" if time_major else "pr", earliest)[0]

    def step(self, b: TensorBuilder, k: Size, carry: Carry) -> Carry:
        """Build visited step k."""
        scan = self.scan
        arguments = [*self._gates(b, k, carry.states[0]), *carry.states]
        cell = CellLowering(b, scan.cell.block, arguments, self.sizes, self.accumulator)
        if scan.output_map is None:
            return Carry(tuple(self._build(cell, b, k, carry, None)), None)
        assert carry.sequence is not None
        *states, output = self._build(cell, b, k, carry, scan.output_map)
        places, sizes = self._place(b, scan.output_map, k, scan.units)
        return Carry(tuple(states), b.insert_slice(output, carry.sequence, places, sizes))

    def _build(
        self, cell: CellLowering, b: TensorBuilder, k: Size, carry: Carry, output_map: AffineMapAttr | None
    ) -> list[SSAValue]:
        """Build the cell with the mask's selects behind it: the new states, and the output if there is a map for it."""
        keeps_output = output_map is not None
        held = self.first_valid if keeps_output else None
        step = None if held is None else b.do(arith.IndexCastOp(b.index(k), i32))
        mask = self._mask_at(b, k)
        zeroed = self._zeroed_at(b, k) if keeps_output else None
        count = len(carry.states)

        def select(s: ScalarBuilder, states: Sequence[SSAValue], extra: Sequence[SSAValue]) -> Sequence[SSAValue]:
            new = [s.cast(state, self.storage) for state in states]
            if mask is None:
                return [*new, new[0]] if keeps_output else new
            valid, before, rest = _is_valid(s, extra[0]), extra[1 : 1 + count], list(extra[1 + count :])
            kept = [s.do(arith.SelectOp(valid, after, old)) for after, old in zip(new, before, strict=True)]
            if not keeps_output:
                return kept
            zero = s.constant(0.0, self.storage)
            output = s.do(arith.SelectOp(valid, new[0], zero))
            if step is not None:
                begun = s.do(arith.CmpiOp(step, rest.pop(0), "sge"))
                output = s.do(arith.SelectOp(begun, kept[0], zero))
            if zeroed is not None:
                output = s.do(arith.SelectOp(_is_valid(s, rest.pop(0)), output, zero))
            return [*kept, output]

        extra: list[tuple[SSAValue, Axes]] = []
        if mask is not None:
            extra = [(mask, (0,)), *((state, (0, 1)) for state in carry.states)]
            extra += [(value, (0,)) for value in (held, zeroed) if value is not None]
        return cell.build([self.storage] * (count + keeps_output), select, extra)

    def _place(
        self, b: TensorBuilder, map_: AffineMapAttr, k: Size, width: int | None
    ) -> tuple[list[Size], list[Size]]:
        """Return offsets and sizes of visited step k of a tensor with this index map."""
        layout = describe(map_)
        assert layout is not None
        time_major, reverse = layout
        time = b.difference(b.difference(self.time, 1), k) if reverse else k
        offsets: list[Size] = [time, 0] if time_major else [0, time]
        sizes: list[Size] = [1, self.batch] if time_major else [self.batch, 1]
        return (offsets, sizes) if width is None else ([*offsets, 0], [*sizes, width])

    def _gates(self, b: TensorBuilder, k: Size, h: SSAValue) -> list[SSAValue]:
        """Build z = p[k] + h R and cut it into gates [B, U]."""
        scan = self.scan
        width = scan.gates * scan.units
        offsets, sizes = self._place(b, scan.input_map, k, width)
        projected = b.slice(scan.input, offsets, sizes, drop=(0,) if self.time_major else (1,))
        recurrent = self._recurrent(b, h)
        z = b.elementwise(
            [(recurrent, (0, 1)), (projected, (0, 1))],
            (self.batch, width),
            [self.accumulator],
            lambda s, args: [s.do(arith.AddfOp(args[0], args[1]))],
        )[0]
        return [b.slice(z, [0, gate * scan.units], list(self.sizes)) for gate in range(scan.gates)]

    def _recurrent(self, b: TensorBuilder, h: SSAValue) -> SSAValue:
        """Build h R, with h multiplied by the dropout mask of each gate where there is one."""
        masks = self.scan.recurrent_dropout
        if masks is None:
            return b.matmul(h, self.recurrent_kernel)
        dropped = b.elementwise(
            [(h, (1, 2)), (masks, (0, 1, 2))],
            (self.scan.gates, *self.sizes),
            [self.storage],
            lambda s, args: [s.do(arith.MulfOp(args[0], args[1]))],
        )[0]
        return b.gated_matmul(dropped, self.recurrent_kernel)

    def _mask_at(self, b: TensorBuilder, k: Size) -> SSAValue | None:
        """Build the mask of visited step k, i8 [B]; None if the scan has none."""
        return None if self.scan.mask_map is None else self._mask_slice(b, self.scan.mask_map, k)

    def _zeroed_at(self, b: TensorBuilder, k: Size) -> SSAValue | None:
        """Build the mask that zeroes the output of visited step k by itself; None if there is none such."""
        return None if self.scan.zero_map is None else self._mask_slice(b, self.scan.zero_map, k)

    def _mask_slice(self, b: TensorBuilder, map_: AffineMapAttr, k: Size) -> SSAValue:
        scan = self.scan
        assert scan.mask is not None
        layout = describe(map_)
        assert layout is not None
        offsets, sizes = self._place(b, map_, k, None)
        return b.slice(scan.mask, offsets, sizes, drop=(0,) if layout[0] else (1,))


def _is_valid(s: ScalarBuilder, mask: SSAValue) -> SSAValue:
    return _differs(s, mask, 0)


def _differs(s: ScalarBuilder, value: SSAValue, number: int) -> SSAValue:
    return s.do(arith.CmpiOp(value, s.integer(number, value.type), "ne"))
