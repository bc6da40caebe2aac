"""The persistent kernel of GPUs: a workgroup takes rows of the batch through all steps, one launch a sequence."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, vector
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.cell_vectors import build_cell
from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.gpu.gpu_math import GpuMath
from lstm_ir.passes.kernels.gpu.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.gpu.thread_tile import UNROLL, ThreadTile
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.structured import Size, TensorBuilder

MOST_WORKGROUPS = 65535
"""What every Vulkan device can run of a dispatch; of more blocks of rows, a workgroup takes one after another."""


@dataclass(frozen=True)
class Pair:
    """One row of one unit tile, which a thread finishes: its own unit of it.

    Attributes:
        number: Which one, [tiles, rows].
        r: The row, within the workgroup's.
        row: The row of the batch; a row that is there where it is beyond the last one.
        unit: The unit; one that is there where it is beyond the last one.
        place: The unit, wherever it is.
        is_there: Whether row and unit are; None if always.
        is_mine: Whether the thread has such a pair; None if always.
    """

    number: Size
    r: Size
    row: Size
    unit: Size
    place: Size
    is_there: SSAValue | None
    is_mine: SSAValue | None


class GpuPersistentKernel:
    """One dispatch over blocks of rows; its time loop is inside, nothing is shared between workgroups.

    h of a workgroup's rows is in workgroup memory; what else is carried from step to step, and its own h, each thread
    has in registers. The recurrent weights stay in registers where they fit, elsewhere each step reads them again.

    Args:
        name: Of the kernel.
        scan: The scan, its projection hoisted.
        tile: What each thread does.
        host: Builds in front of the scan.
        may_have_mask: Whether some scan that shares the kernel has a mask.
    """

    def __init__(self, name: str, scan: ScanOp, tile: ThreadTile, host: TensorBuilder, *, may_have_mask: bool) -> None:
        self.scan, self.tile = scan, tile
        self.tensors = ScanTensors(scan, host, tile.panels, may_have_mask=may_have_mask)
        reads = self.tensors.reads()
        self.names = list(reads)
        sizes = self.tensors.sizes
        self.kernel = GpuKernel(
            name,
            host,
            list(reads.values()),
            self.tensors.writes(),
            self.tensors.numbers(),
            sizes.least(sizes.quotient_up(self.tensors.batch, tile.rows), MOST_WORKGROUPS),
            tile.threads,
        )

    def lower(self) -> list[SSAValue]:
        """Build the dispatch; returns the scan's output and the states after the last step."""
        return self.kernel.dispatch()

    def build(self) -> ExecutableOp:
        """Build the kernel; returns its executable."""
        tile, tensors, b = self.tile, self.tensors, self.kernel.b
        self.b = b
        tensors.open(self.kernel, self.names)
        group, thread = b.do(WorkgroupIdOp()), self.kernel.thread()
        self.thread = thread
        self.lane = b.remainder(thread, tile.lanes) if tile.split > 1 else thread
        self.part: Size = b.quotient(thread, tile.lanes) if tile.split > 1 else 0
        self.h = self.kernel.shared(tile.h_buffers * tile.h_size)
        self.sums = self.kernel.shared(tile.sums_size) if tile.split > 1 else None
        self.kept = self._keep_weights()
        blocks = b.quotient_up(tensors.batch, tile.rows)
        with b.loop(group, blocks, b.least(blocks, MOST_WORKGROUPS)) as block:
            self._build_block(b.times(block, tile.rows))
        return self.kernel.executable()

    def _build_block(self, first: Size) -> None:
        """Build all steps of the rows from ``first`` on."""
        tensors, b = self.tensors, self.b
        self.pairs = [self._pair(number, first) for number in range(self.tile.pairs)]
        self.drops = [self._drops(pair) for pair in self.pairs]
        count = len(self.scan.init)
        start: list[SSAValue] = []
        for pair, drops in zip(self.pairs, self.drops, strict=True):
            at = b.plus(b.times(pair.row, tensors.units), pair.unit)
            states = [tensors.number_at(b.at(tensors.places[f"init{n}"], at)) for n in range(count)]
            self._share(pair, states[0], drops, 0)
            start += [*states, b.number(0.0)]
        self.kernel.meet()
        self._finish(b.accumulate(0, tensors.time, 1, start, self._step))

    def _pair(self, number: int, first: Size) -> Pair:
        """Return a pair of the thread, by its number among the thread's own."""
        tile, b, tensors = self.tile, self.b, self.tensors
        of_all = b.plus(b.times(number, tile.split), self.part)
        total = tile.tiles * tile.rows
        is_mine = None if total % tile.split == 0 else b.compare(of_all, "slt", total)
        r = b.remainder(of_all, tile.rows) if tile.rows > 1 else 0
        place = b.plus(b.times(b.quotient(of_all, tile.rows), tile.lanes), self.lane)
        row = b.plus(first, r)
        tests = [] if is_mine is None else [is_mine]
        unit, kept_row = place, row
        if tile.lanes * tile.tiles > tensors.units or is_mine is not None:
            tests.append(b.compare(place, "slt", tensors.units))
            unit = b.least(place, tensors.units - 1)
        if tile.rows > 1:
            tests.append(b.compare(row, "slt", tensors.batch))
            kept_row = b.least(row, b.minus(tensors.batch, 1))
        return Pair(of_all, r, kept_row, unit, place, self._all(tests), is_mine)

    def _all(self, tests: Sequence[SSAValue]) -> SSAValue | None:
        if not tests:
            return None
        whole = tests[0]
        for test in tests[1:]:
            whole = self.b.do(arith.AndIOp(whole, test))
        return whole

    # Weights and dropout masks, before the first step.

    def _weight_at(self, tile: int, k: Size, gate: int) -> SSAValue:
        """Return the weight of the thread's unit of a tile, for a term of its part."""
        b, panels = self.b, self.tile.panels
        term = b.plus(b.times(self.part, self.tile.part_depth), k)
        row = b.plus(b.times(term, self.tile.gates * panels.lanes), tile * panels.panel_size + gate * panels.lanes)
        return self.tensors.number_at(b.at(self.tensors.places["recurrent_kernel"], row, self.lane))

    def _keep_weights(self) -> dict[tuple[int, int, int], SSAValue]:
        """Return the weights of the thread by tile, term and gate, if it keeps them."""
        if not self.tile.keeps_weights:
            return {}
        return {
            (tile, k, gate): self._weight_at(tile, k, gate)
            for tile in range(self.tile.tiles)
            for k in range(self.tile.part_depth)
            for gate in range(self.tile.gates)
        }

    def _drops(self, pair: Pair) -> list[SSAValue]:
        """Return what h of a pair is multiplied by for each gate; nothing without dropout masks."""
        tensors, b = self.tensors, self.b
        if "recurrent_dropout" not in tensors.places:
            return []
        rows = [b.plus(b.times(gate, tensors.batch), pair.row) for gate in range(tensors.gates)]
        return [
            tensors.number_at(b.at(tensors.places["recurrent_dropout"], b.times(row, tensors.units), pair.unit))
            for row in rows
        ]

    # A step.

    def _share(self, pair: Pair, h: SSAValue, drops: Sequence[SSAValue], buffer: Size) -> None:
        """Build the write of a pair's h to workgroup memory; zeros where units are padding."""
        tile, b = self.tile, self.b
        tests = [] if pair.is_mine is None else [pair.is_mine]
        if tile.lanes * tile.tiles > tile.depth:
            tests.append(b.compare(pair.place, "slt", tile.depth))
        values = [h] if not drops else [b.do(arith.MulfOp(h, drop)) for drop in drops]
        if tile.depth > tile.units:
            is_unit = b.compare(pair.place, "slt", tile.units)
            values = [b.do(arith.SelectOp(is_unit, value, b.number(0.0))) for value in values]

        def write() -> None:
            for copy, value in enumerate(values):
                row = b.times(b.plus(pair.r, copy * tile.rows), tile.depth)
                b.store(value, b.at(self.h, buffer, row, pair.place))

        test = self._all(tests)
        if test is None:
            write()
            return
        with b.when(test):
            write()

    def _step(self, k: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
        """Build visited step k; returns what is carried on."""
        tile, tensors, b, scan = self.tile, self.tensors, self.b, self.scan
        width = len(scan.init) + 1
        # Asked for before the sums, needed after them.
        projected = [self._projected(pair, k) for pair in self.pairs]
        valid = [None if scan.mask_map is None else tensors.is_valid(scan.mask_map, k, pair.row) for pair in self.pairs]
        before: Size = 0
        after: Size = 0
        if tile.h_buffers == 2:
            before = b.times(b.remainder(k, 2), tile.h_size)
            after = b.minus(tile.h_size, before)
        gates = self._gates(before)
        result: list[SSAValue] = []
        for number, pair in enumerate(self.pairs):
            *old, begun = carried[number * width : (number + 1) * width]
            z = [b.do(arith.AddfOp(s, p)) for s, p in zip(gates[number], projected[number], strict=True)]
            new = self._cell([*z, *old])
            has_begun = None
            test = valid[number]
            if test is not None:
                new = [b.do(arith.SelectOp(test, value, was)) for value, was in zip(new, old, strict=True)]
                begun = b.do(arith.SelectOp(test, b.number(1.0), begun))
                has_begun = b.do(arith.CmpfOp(begun, b.number(0.0), "one"))
            self._share(pair, new[0], self.drops[number], after)
            if scan.output_map is not None:
                output = self._masked(new[0], tensors.counts(k, pair.row, has_begun, is_last=False))
                zeroed = tensors.is_zeroed(k, pair.row)
                if zeroed is not None:
                    output = b.do(arith.SelectOp(zeroed, b.number(0.0), output))
                self._write(pair, output, tensors.step_of(tensors.y, scan.output_map, k, pair.row, tensors.units))
            result += [*new, begun]
        self.kernel.meet()
        return result

    def _projected(self, pair: Pair, k: SSAValue) -> list[SSAValue]:
        tensors, b = self.tensors, self.b
        width = tensors.gates * tensors.units
        line = tensors.step_of(tensors.places["input"], self.scan.input_map, k, pair.row, width)
        return [tensors.number_at(b.at(line, gate * tensors.units, pair.unit)) for gate in range(tensors.gates)]

    def _gates(self, h: Size) -> list[list[SSAValue]]:
        """Build h R of each pair and gate."""
        tile, b = self.tile, self.b
        keys = [(n, r, g) for n in range(tile.tiles) for r in range(tile.rows) for g in range(tile.gates)]
        zeros = [b.number(0.0) for _ in keys]
        if tile.keeps_weights:
            sums: Sequence[SSAValue] = zeros
            for k in range(tile.part_depth):
                sums = self._add_term(h, k, keys, sums)
        else:

            def terms(k: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
                for more in range(UNROLL):
                    sums = self._add_term(h, b.plus(k, more), keys, sums)
                return sums

            sums = b.accumulate(0, tile.part_depth, UNROLL, zeros, terms)
        if self.sums is None:
            return [list(sums[at : at + tile.gates]) for at in range(0, len(keys), tile.gates)]
        for number, value in enumerate(sums):
            b.store(value, b.at(self.sums, number * tile.threads, self.thread))
        self.kernel.meet()
        return [[self._whole_sum(pair, gate) for gate in range(tile.gates)] for pair in self.pairs]

    def _add_term(
        self, h: Size, k: Size, keys: Sequence[tuple[int, int, int]], sums: Sequence[SSAValue]
    ) -> list[SSAValue]:
        """Build one term of every sum of the thread."""
        tile, b = self.tile, self.b
        term = b.plus(b.times(self.part, tile.part_depth), k)
        values = {
            (r, copy): b.load(b.at(self.h, h, (copy * tile.rows + r) * tile.depth, term))
            for r in range(tile.rows)
            for copy in range(tile.copies)
        }
        weights = {
            (n, g): self.kept[(n, k, g)] if isinstance(k, int) and self.kept else self._weight_at(n, k, g)
            for n in range(tile.tiles)
            for g in range(tile.gates)
        }
        result = []
        for (n, r, g), total in zip(keys, sums, strict=True):
            value = values[(r, g if tile.copies > 1 else 0)]
            result.append(b.do(math_dialect.FmaOp(value, weights[(n, g)], total)))
        return result

    def _whole_sum(self, pair: Pair, gate: int) -> SSAValue:
        """Build the sum of the parts of a pair's gate."""
        tile, b = self.tile, self.b
        assert self.sums is not None
        # A thread without such a pair reads the first one's.
        number = pair.number if pair.is_mine is None else b.least(pair.number, tile.tiles * tile.rows - 1)
        line = b.at(self.sums, b.times(b.plus(b.times(number, tile.gates), gate), tile.threads), self.lane)
        total = b.load(line)
        for part in range(1, tile.split):
            total = b.do(arith.AddfOp(total, b.load(b.at(line, part * tile.lanes))))
        return total

    def _cell(self, values: Sequence[SSAValue]) -> list[SSAValue]:
        """Build the cell of one unit; returns its states as the storage type holds them."""
        b = self.b
        new = build_cell(b, self.scan.cell.block, [b.splat(value) for value in values], fma=True, functions=GpuMath)
        return [self.tensors.rounded(b.do(vector.ExtractOp(value, [0], f32))) for value in new]

    # Results.

    def _masked(self, value: SSAValue, counts: SSAValue | None) -> SSAValue:
        return value if counts is None else self.b.do(arith.SelectOp(counts, value, self.b.number(0.0)))

    def _write(self, pair: Pair, value: SSAValue, line: Place) -> None:
        b = self.b
        place = b.at(line, pair.unit)
        if pair.is_there is None:
            self.tensors.write(value, place)
            return
        with b.when(pair.is_there):
            self.tensors.write(value, place)

    def _finish(self, carried: Sequence[SSAValue]) -> None:
        """Build the results after the last step: the states, and the output where only the last one is kept."""
        tensors, b, scan = self.tensors, self.b, self.scan
        width = len(scan.init) + 1
        for number, pair in enumerate(self.pairs):
            *states, begun = carried[number * width : (number + 1) * width]
            at = b.times(pair.row, tensors.units)
            for state, result in zip(states, tensors.results, strict=True):
                self._write(pair, state, b.at(result, at))
            if scan.output_map is None:
                has_begun = b.do(arith.CmpfOp(begun, b.number(0.0), "one"))
                counts = tensors.counts(b.minus(tensors.time, 1), pair.row, has_begun, is_last=True)
                self._write(pair, self._masked(states[0], counts), b.at(tensors.y, at))
