"""One step of a scan in tensor code, shared by the forms that run a step at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import AffineMapAttr, DenseIntOrFPElementsAttr, VectorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.recurrence_ops import ScanOp, YieldOp
from lstm_ir.dialect.shapes import element_type
from lstm_ir.passes.row_wise import build_row_wise
from lstm_ir.passes.structured import ScalarBuilder, Size, Tensor, TensorBuilder


@dataclass(frozen=True)
class Carry:
    """What a step hands to the next one."""

    states: tuple[SSAValue, ...]
    """The states, h first, [B, U] each."""
    last: SSAValue | None
    """The previous output [B, U]; None where it is h itself or nobody asks for it."""
    sequence: SSAValue | None
    """The outputs so far, [B, T, U] or [T, B, U]; None where only the last one is kept."""

    def flat(self) -> list[SSAValue]:
        """Return the values in a fixed order, for a loop's arguments."""
        return [*self.states, *(value for value in (self.last, self.sequence) if value is not None)]

    def rebuilt(self, values: Sequence[SSAValue]) -> "Carry":
        """Return a carry of the same kind over other values, in the order of ``flat``."""
        rest = list(values)
        states = tuple(rest.pop(0) for _ in self.states)
        last = None if self.last is None else rest.pop(0)
        return Carry(states, last, None if self.sequence is None else rest.pop(0))


class StepByStep:
    """Lowers a hoisted, fused scan one visited step at a time.

    Per step: q = h R, one product; then z = q + p[k], the cell and the mask's selects, element by element; then the
    output's place in the sequence.
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

    def start(self, b: TensorBuilder) -> Carry:
        """Build what the first step starts from."""
        scan = self.scan
        # Masked steps repeat the previous OUTPUT, which starts from zeros whatever the initial h is.
        keeps_last = scan.mask is not None and scan.masked_output.data == "hold"
        last = b.full(Tensor(self.sizes, self.storage), 0.0) if keeps_last else None
        sequence = None
        if scan.output_map is not None:
            layout = describe(scan.output_map)
            assert layout is not None
            leading = (self.time, self.batch) if layout[0] else (self.batch, self.time)
            sequence = b.empty(Tensor((*leading, scan.units), self.storage))
        return Carry(tuple(scan.init), last, sequence)

    def results(self, b: TensorBuilder, carry: Carry) -> list[SSAValue]:
        """Build the scan's results from the carry of the last step."""
        if self.scan.output_map is not None:
            output = carry.sequence
        elif carry.last is not None:
            output = carry.last
        else:
            output = self._last_output(b, carry.states[0])
        assert output is not None
        return [output, *carry.states]

    def _last_output(self, b: TensorBuilder, h: SSAValue) -> SSAValue:
        """Return the last output where it is not carried: h, or zeros where the last step visited is masked."""
        mask = self._mask(b, b.difference(self.time, 1))
        if mask is None:
            return h

        def select(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.SelectOp(_is_valid(s, args[1]), args[0], s.constant(0.0, self.storage)))]

        return b.elementwise([(h, (0, 1)), (mask, (0,))], self.sizes, [self.storage], select)[0]

    def step(self, b: TensorBuilder, k: Size, carry: Carry) -> Carry:
        """Build visited step k."""
        scan = self.scan
        gates = self._gates(b, k, carry.states[0])
        mask = self._mask(b, k)
        cell = _CellLowering(self, b, carry, mask)
        *states, output = cell.build([*gates, *carry.states])
        sequence = carry.sequence
        if sequence is not None:
            assert scan.output_map is not None
            places, sizes = self._place(b, scan.output_map, k, scan.units)
            sequence = b.insert_slice(output, sequence, places, sizes)
        return Carry(tuple(states), None if carry.last is None else output, sequence)

    def _place(self, b: TensorBuilder, map_: AffineMapAttr, k: Size, width: int | None) -> tuple[list[Size], list[Size]]:
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
        recurrent = b.matmul(h, self.recurrent_kernel)
        z = b.elementwise(
            [(recurrent, (0, 1)), (projected, (0, 1))],
            (self.batch, width),
            [self.accumulator],
            lambda s, args: [s.do(arith.AddfOp(args[0], args[1]))],
        )[0]
        return [b.slice(z, [0, gate * scan.units], list(self.sizes)) for gate in range(scan.gates)]

    def _mask(self, b: TensorBuilder, k: Size) -> SSAValue | None:
        scan = self.scan
        if scan.mask is None:
            return None
        assert scan.mask_map is not None
        layout = describe(scan.mask_map)
        assert layout is not None
        offsets, sizes = self._place(b, scan.mask_map, k, None)
        return b.slice(scan.mask, offsets, sizes, drop=(0,) if layout[0] else (1,))


class _CellLowering:
    """The cell of one step: runs of element-wise ops become one structured op each, row-wise ops their own."""

    def __init__(self, steps: StepByStep, b: TensorBuilder, carry: Carry, mask: SSAValue | None) -> None:
        self.steps, self.b, self.carry, self.mask = steps, b, carry, mask
        self.tensors: dict[SSAValue, SSAValue] = {}

    def build(self, arguments: Sequence[SSAValue]) -> list[SSAValue]:
        """Return the new states and the output of the step, in the storage type, [B, U] each."""
        block = self.steps.scan.cell.block
        self.tensors.update(zip(block.args, arguments, strict=True))
        terminator = block.last_op
        assert isinstance(terminator, YieldOp)
        run: list[Operation] = []
        for op in block.ops:
            if isinstance(op, ActivateOp):
                self._materialize(run, op)
                run = []
            elif op is not terminator:
                run.append(op)
        return self._finish(run, terminator)

    def _materialize(self, run: Sequence[Operation], row_wise: ActivateOp) -> None:
        """Build the run, keeping what is read after it; then the row-wise op."""
        kept = [result for op in run for result in op.results if not _is_constant(op)]
        kept = [value for value in kept if any(use.operation not in run for use in value.uses)]
        if kept:
            built = self._elementwise(run, [self.steps.accumulator] * len(kept), lambda _, env, __: [env(v) for v in kept])
            self.tensors.update(zip(kept, built, strict=True))
        kind = row_wise.function.kind.data
        self.tensors[row_wise.result] = build_row_wise(self.b, kind, self._tensor(row_wise.input))

    def _tensor(self, value: SSAValue) -> SSAValue:
        """Return a cell value as a tensor [B, U] in the accumulator type."""
        built = self.tensors[value]
        wanted = self.steps.accumulator
        if element_type(built.type) == wanted:
            return built
        return self.b.elementwise(
            [(built, (0, 1))], self.steps.sizes, [wanted], lambda s, args: [s.cast(args[0], wanted)]
        )[0]

    def _finish(self, run: Sequence[Operation], terminator: YieldOp) -> list[SSAValue]:
        """Build the last run with the mask's selects behind it."""
        scan, storage = self.steps.scan, self.steps.storage
        zero_masked = scan.masked_output.data == "zero"

        def results(s: ScalarBuilder, env: _Env, extra: Sequence[SSAValue]) -> list[SSAValue]:
            new = [s.cast(env(value), storage) for value in terminator.states]
            if self.mask is None:
                return [*new, new[0]]
            mask, *before = extra
            states, last = before[: len(new)], before[len(new) :]
            valid = _is_valid(s, mask)
            kept = [s.do(arith.SelectOp(valid, n, old)) for n, old in zip(new, states, strict=True)]
            instead = s.constant(0.0, storage) if zero_masked else last[0]
            return [*kept, s.do(arith.SelectOp(valid, new[0], instead))]

        extra: list[tuple[SSAValue, tuple[int, ...]]] = []
        if self.mask is not None:
            extra = [(self.mask, (0,)), *((state, (0, 1)) for state in self.carry.states)]
            if not zero_masked:
                assert self.carry.last is not None
                extra.append((self.carry.last, (0, 1)))
        values = self._elementwise(run, [storage] * (len(terminator.states) + 1), results, extra, terminator.states)
        return values

    def _elementwise(
        self,
        run: Sequence[Operation],
        elements: Sequence[Attribute],
        results: "_Results",
        extra: Sequence[tuple[SSAValue, tuple[int, ...]]] = (),
        also_read: Sequence[SSAValue] = (),
    ) -> list[SSAValue]:
        """Build one structured op that runs the ops on single elements."""
        inside = {result for op in run for result in op.results}
        read = dict.fromkeys(
            value for value in (*(v for op in run for v in op.operands), *also_read) if value not in inside
        )
        # A constant may have been visited in an earlier run; it is cheaper to repeat it than to store it.
        constants = [value.owner for value in read if isinstance(value.owner, Operation) and _is_constant(value.owner)]
        inputs = [value for value in read if value not in {c.results[0] for c in constants}]
        accumulator = self.steps.accumulator

        def body(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            scalars = {value: s.cast(arg, accumulator) for value, arg in zip(inputs, args, strict=False)}
            for op in (*constants, *run):
                clone = s.insert(_scalar_op(op, scalars))
                scalars.update(zip(op.results, clone.results, strict=True))
            return results(s, scalars.__getitem__, args[len(inputs) :])

        operands = [*((self.tensors[value], (0, 1)) for value in inputs), *extra]
        return self.b.elementwise(operands, self.steps.sizes, elements, body)


_Env = Callable[[SSAValue], SSAValue]
_Results = Callable[[ScalarBuilder, _Env, Sequence[SSAValue]], list[SSAValue]]


def _is_valid(s: ScalarBuilder, mask: SSAValue) -> SSAValue:
    return s.do(arith.CmpiOp(mask, s.integer(0, mask.type), "ne"))


def _is_constant(op: Operation) -> bool:
    return isinstance(op, arith.ConstantOp)


def _scalar_op(op: Operation, values: dict[SSAValue, SSAValue]) -> Operation:
    """Return an op on vectors as the same op on one element."""
    types = [t.get_element_type() if isa(t, VectorType[Attribute]) else t for t in op.result_types]
    properties = dict(op.properties)
    if isinstance(op, arith.ConstantOp) and isinstance(op.value, DenseIntOrFPElementsAttr):
        properties["value"] = op.value.get_attrs()[0]
    return type(op).create(
        operands=[values[operand] for operand in op.operands],
        result_types=types,
        properties=properties,
        attributes=dict(op.attributes),
    )
