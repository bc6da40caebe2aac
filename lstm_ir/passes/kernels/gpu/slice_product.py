"""h R of a slice of the units: its weights in registers and workgroup memory, and the threads' share of the sums."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.gpu.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.thread_tile import UNROLL
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.structured import Size

Weights = Sequence[Sequence[SSAValue]]
"""Those that a thread has in registers, by term of its part and gate."""


class SliceProduct:
    """Builds the product of a tile of rows with the weights of a slice, and the memory that it needs.

    Attributes:
        h: The left operand in workgroup memory, [copies, rows, depth].

    Args:
        kernel: The kernel.
        tensors: The scan's tensors, open.
        tile: What each workgroup and thread does.
    """

    def __init__(self, kernel: GpuKernel, tensors: ScanTensors, tile: SliceTile) -> None:
        self.kernel, self.tensors, self.tile, self.b = kernel, tensors, tile, kernel.b
        b = self.b
        self.thread = kernel.thread()
        self.lane = b.remainder(self.thread, tile.width)
        self.weights = kernel.shared(tile.weights_size, tensors.storage) if tile.weights_size else None
        self.h = kernel.shared(tile.h_size, self.h_element)
        self.parts = kernel.shared(tile.parts_size)
        self.sums = kernel.shared(tile.sums_size) if tile.sums_size else self.parts
        self.open()

    @property
    def h_element(self) -> Attribute:
        """The type that h is multiplied in."""
        return f32

    def open(self) -> None:
        """Build what says which part of the sums the thread has."""
        b, tile = self.b, self.tile
        part = b.quotient(self.thread, tile.width)
        # Threads beyond the last part do its work again, and nobody reads their sums.
        self.part = b.least(part, tile.split - 1) if tile.threads > tile.width * tile.split else part

    def fill(self, share: Size) -> Weights:
        """Build the reading of a slice's weights; returns those that stay in registers."""
        b, tile, tensors = self.b, self.tile, self.tensors
        panels = tile.panels
        start = b.at(tensors.places["recurrent_kernel"], b.times(share, panels.panel_size))
        terms = [b.plus(b.times(term, tile.split), self.part) for term in range(tile.kept)]
        kept = [[self._held(start, term, gate, self.lane) for gate in range(tile.gates)] for term in terms]
        if self.weights is not None:
            with b.loop(self.thread, tile.weights_size, tile.threads) as n:
                # In the order of [terms, gates, units], as they lie in global memory.
                unit, above = b.remainder(n, tile.width), b.quotient(n, tile.width)
                gate, term = b.remainder(above, tile.gates), b.quotient(above, tile.gates)
                value = self._held(start, b.plus(term, tile.kept * tile.split), gate, unit)
                line = b.times(b.plus(b.times(term, tile.width), unit), tile.gates)
                b.store(value, b.at(self.weights, line, gate))
        return kept

    def _held(self, start: Place, term: Size, gate: Size, unit: Size) -> SSAValue:
        """Return a weight of a slice as f32, 0 where its term is padding."""
        b, tile = self.b, self.tile
        depth = tile.panels.depth
        there = term if tile.depth <= depth else b.least(term, depth - 1)
        line = b.plus(b.times(there, tile.gates), gate)
        value = b.load(b.at(start, b.times(line, tile.width), unit))
        if tile.depth <= depth:
            return value
        return b.do(arith.SelectOp(b.compare(term, "slt", depth), value, b.number(0.0)))

    def clear_h(self) -> None:
        """Build zeros where h has padding."""
        b, tile = self.b, self.tile
        with b.loop(self.thread, tile.h_size, tile.threads) as n:
            b.store(b.number(0.0), b.at(self.h, n))
        self.kernel.meet()

    def take(self, row: Size, unit: Size, values: Sequence[SSAValue]) -> None:
        """Build the write of an h of a row of the tile, or of what each gate has of it."""
        b, tile = self.b, self.tile
        for copy, value in enumerate(values):
            line = b.times(b.plus(row, copy * tile.rows), tile.h_pitch)
            b.store(value, b.at(self.h, line, unit))

    def multiply(self, kept: Weights) -> None:
        """Build the product of h, which all threads have written and met since; ``gates`` has it then."""
        b, tile = self.b, self.tile
        self.write_parts(kept)
        self.kernel.meet()
        if not tile.sums_size:
            return
        with b.loop(self.thread, tile.sums_size, tile.threads) as n:
            line, pitch = self.parts_of(n)

            def add(part: SSAValue, total: Sequence[SSAValue]) -> Sequence[SSAValue]:
                return [b.do(arith.AddfOp(total[0], b.load(b.at(line, b.times(part, pitch)))))]

            b.store(b.accumulate(0, tile.split, 1, [b.number(0.0)], add)[0], b.at(self.sums, n))
        self.kernel.meet()

    def write_parts(self, kept: Weights) -> None:
        """Build the thread's part of every sum."""
        for number, value in enumerate(self._part_sums(kept)):
            self.b.store(value, self.b.at(self.parts, number * self.tile.threads, self.thread))

    def parts_of(self, n: Size) -> tuple[Place, int]:
        """Return where the first part of sum n is, [rows, gates, width], and how far apart its parts are."""
        b, tile = self.b, self.tile
        line = b.times(b.quotient(n, tile.width), tile.threads)
        return b.at(self.parts, line, b.remainder(n, tile.width)), tile.width

    def gates(self, row: Size) -> list[SSAValue]:
        """Return the sums of the thread's unit for a row of the tile."""
        b, tile = self.b, self.tile
        line = b.at(self.sums, b.times(row, tile.gates * tile.width), self.lane)
        return [b.load(b.at(line, gate * tile.width)) for gate in range(tile.gates)]

    def _part_sums(self, kept: Weights) -> list[SSAValue]:
        """Build the thread's part of h R, [rows, gates]."""
        b, tile = self.b, self.tile
        sums: Sequence[SSAValue] = [b.number(0.0) for _ in range(tile.rows * tile.gates)]
        for term in range(tile.kept):
            sums = self._add_term(term, kept[term], sums)

        def terms(first: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
            for more in range(UNROLL):
                term = b.plus(first, more)
                line = b.plus(b.times(b.minus(term, tile.kept), tile.split), self.part)
                assert self.weights is not None
                start = b.at(self.weights, b.times(b.plus(b.times(line, tile.width), self.lane), tile.gates))
                weights = [b.load(b.at(start, gate)) for gate in range(tile.gates)]
                sums = self._add_term(term, weights, sums)
            return sums

        if self.weights is None:
            return list(sums)
        return b.accumulate(tile.kept, tile.part_depth, UNROLL, sums, terms)

    def _add_term(self, term: Size, weights: Sequence[SSAValue], sums: Sequence[SSAValue]) -> list[SSAValue]:
        """Build a term of every sum of the thread."""
        b, tile = self.b, self.tile
        place = b.plus(b.times(term, tile.split), self.part)
        h = [
            [b.load(b.at(self.h, (copy * tile.rows + r) * tile.h_pitch, place)) for copy in range(tile.copies)]
            for r in range(tile.rows)
        ]
        return [
            b.do(math_dialect.FmaOp(h[r][gate if tile.copies > 1 else 0], weights[gate], sums[r * tile.gates + gate]))
            for r in range(tile.rows)
            for gate in range(tile.gates)
        ]
