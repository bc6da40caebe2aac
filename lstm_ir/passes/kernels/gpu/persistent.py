"""The persistent kernel of GPUs: a workgroup takes rows of the batch through all steps, one launch a sequence."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.ir import SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.gpu.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.gpu.thread_tile import UNROLL, ThreadTile
from lstm_ir.passes.kernels.gpu.unit_step import Element, UnitStep
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
        place: The unit, wherever it is.
        is_mine: Whether the thread has such a pair; None if always.
        element: The unit of the row of the batch.
    """

    number: Size
    r: Size
    place: Size
    is_mine: SSAValue | None
    element: Element


class GpuPersistentKernel:
    """One dispatch over blocks of rows; its time loop is inside, nothing is shared between workgroups.

    h of a workgroup's rows is in workgroup memory; what else is carried from step to step, and its own h, each thread
    has in registers. The recurrent weights stay in registers and workgroup memory where they fit, elsewhere each step
    reads them again.

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
        self.units = UnitStep(self.scan, tensors)
        group, thread = b.do(WorkgroupIdOp()), self.kernel.thread()
        self.thread = thread
        self.lane = b.remainder(thread, tile.lanes) if tile.split > 1 else thread
        self.part: Size = b.quotient(thread, tile.lanes) if tile.split > 1 else 0
        self.open()
        blocks = b.quotient_up(tensors.batch, tile.rows)
        with b.loop(group, blocks, b.least(blocks, MOST_WORKGROUPS)) as block:
            self._build_block(b.times(block, tile.rows))
        return self.kernel.executable()

    def open(self) -> None:
        """Build what is there before the first step: workgroup memory, and the weights that stay."""
        tile = self.tile
        self.h = self.kernel.shared(tile.h_buffers * tile.h_size)
        self.sums = self.kernel.shared(tile.sums_size) if tile.split > 1 else None
        self.weights = self.kernel.shared(tile.weights_size, self.tensors.storage) if tile.weights_size else None
        self.kept = self._keep_weights()

    def _build_block(self, first: Size) -> None:
        """Build all steps of the rows from ``first`` on."""
        tensors, b = self.tensors, self.b
        self.pairs = [self._pair(number, first) for number in range(self.tile.pairs)]
        self.drops = [self.units.drops(pair.element.row, pair.element.unit) for pair in self.pairs]
        start: list[SSAValue] = []
        for pair, drops in zip(self.pairs, self.drops, strict=True):
            states = self.units.start(pair.element)
            self._share(pair, states[0], drops, 0)
            start += [*states, b.number(0.0)]
        self.kernel.meet()
        carried = b.accumulate(0, tensors.time, 1, start, self._step)
        width = len(self.scan.init) + 1
        for number, pair in enumerate(self.pairs):
            *states, begun = carried[number * width : (number + 1) * width]
            self.units.finish(pair.element, states, begun)

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
        return Pair(of_all, r, place, is_mine, Element(kept_row, unit, self.units.all_of(tests)))

    # Weights, before the first step.

    def _weight_at(self, tile: int, k: Size, gate: int) -> SSAValue:
        """Return the weight of the thread's unit of a tile, for a term of its part."""
        b, panels = self.b, self.tile.panels
        term = b.plus(b.times(self.part, self.tile.part_depth), k)
        row = b.plus(b.times(term, self.tile.gates * panels.lanes), tile * panels.panel_size + gate * panels.lanes)
        return self.tensors.number_at(b.at(self.tensors.places["recurrent_kernel"], row, self.lane))

    def _keep_weights(self) -> dict[tuple[int, int, int], SSAValue]:
        """Return the weights that the thread has in registers, by tile, term and gate; others go to its own memory."""
        b, tile = self.b, self.tile
        if self.weights is not None:
            with b.loop(tile.kept, tile.part_depth) as k:
                for n in range(tile.tiles):
                    for gate in range(tile.gates):
                        b.store(self._weight_at(n, k, gate), self._kept_at(n, k, gate))
        return {
            (n, k, gate): self._weight_at(n, k, gate)
            for n in range(tile.tiles)
            for k in range(tile.kept)
            for gate in range(tile.gates)
        }

    def _kept_at(self, n: int, k: Size, gate: int) -> Place:
        """Return where in workgroup memory the thread keeps a weight: nobody else reads it."""
        b, tile = self.b, self.tile
        assert self.weights is not None
        term = b.plus(n * (tile.part_depth - tile.kept), b.minus(k, tile.kept))
        return b.at(self.weights, b.times(b.plus(b.times(term, tile.gates), gate), tile.threads), self.thread)

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

        test = self.units.all_of(tests)
        if test is None:
            self.take(pair, values, buffer)
            return
        with b.when(test):
            self.take(pair, values, buffer)

    def take(self, pair: Pair, values: Sequence[SSAValue], buffer: Size) -> None:
        """Build the write of a pair's h to workgroup memory, or of what each gate has of it."""
        b, tile = self.b, self.tile
        for copy, value in enumerate(values):
            row = b.times(b.plus(pair.r, copy * tile.rows), tile.depth)
            b.store(value, b.at(self.h, buffer, row, pair.place))

    def _step(self, k: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
        """Build visited step k; returns what is carried on."""
        tile, b, units = self.tile, self.b, self.units
        width = len(self.scan.init) + 1
        # Asked for before the sums, needed after them.
        projected = [units.projected(pair.element, k) for pair in self.pairs]
        valid = [units.valid(pair.element, k) for pair in self.pairs]
        before: Size = 0
        after: Size = 0
        if tile.h_buffers == 2:
            before = b.times(b.remainder(k, 2), tile.h_size)
            after = b.minus(tile.h_size, before)
        gates = self.gates(before)
        result: list[SSAValue] = []
        for number, pair in enumerate(self.pairs):
            *old, begun = carried[number * width : (number + 1) * width]
            z = [b.do(arith.AddfOp(s, p)) for s, p in zip(gates[number], projected[number], strict=True)]
            new, begun = units.advance(z, old, valid[number], begun)
            self._share(pair, new[0], self.drops[number], after)
            units.write_output(pair.element, k, new[0], begun)
            result += [*new, begun]
        self.kernel.meet()
        return result

    def gates(self, h: Size) -> list[list[SSAValue]]:
        """Build h R of each pair and gate, from the h that all have written and met since."""
        tile, b = self.tile, self.b
        keys = [(n, r, g) for n in range(tile.tiles) for r in range(tile.rows) for g in range(tile.gates)]
        sums: Sequence[SSAValue] = [b.number(0.0) for _ in keys]
        for k in range(tile.kept):
            sums = self._add_term(h, k, keys, sums)

        def terms(k: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
            for more in range(UNROLL):
                sums = self._add_term(h, b.plus(k, more), keys, sums)
            return sums

        if tile.kept < tile.part_depth:
            sums = b.accumulate(tile.kept, tile.part_depth, UNROLL, sums, terms)
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
        weights = {(n, g): self._weight(n, k, g) for n in range(tile.tiles) for g in range(tile.gates)}
        result = []
        for (n, r, g), total in zip(keys, sums, strict=True):
            value = values[(r, g if tile.copies > 1 else 0)]
            result.append(b.do(math_dialect.FmaOp(value, weights[(n, g)], total)))
        return result

    def _weight(self, n: int, k: Size, gate: int) -> SSAValue:
        """Return a weight of the thread, from where it is."""
        if isinstance(k, int):
            return self.kept[(n, k, gate)]
        return self._weight_at(n, k, gate) if self.weights is None else self.b.load(self._kept_at(n, k, gate))

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
