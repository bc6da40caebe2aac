"""The cooperative kernel of GPUs: workgroups share the units of every step and keep the weights of theirs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.gpu.census import CENSUS_WORDS, take_census
from lstm_ir.passes.kernels.gpu.exchange import MOST_ASKED, Exchange, exchange_size
from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.gpu.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.gpu.slice_product import SliceProduct, Weights
from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.tensor_product import TensorProduct
from lstm_ir.passes.kernels.gpu.tensor_tile import TensorTile
from lstm_ir.passes.kernels.gpu.unit_step import Element, UnitStep
from lstm_ir.passes.kernels.gpu.words import PointerWords, Words
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.structured import Size, Tensor, TensorBuilder


class GpuCooperativeKernel:
    """One dispatch of a workgroup a slice of the units; its time loop is inside, h goes through global memory.

    Workgroups that begin together, all of them on a GPU that has room, are each a slice's, and hold its weights in
    registers and workgroup memory for the whole sequence. Where some begin only after others have ended, those that
    have begun share the slices and read the weights of each at every step. Other states than h are in the results.

    Args:
        name: Of the kernel.
        scan: The scan, its projection hoisted.
        tile: What each workgroup and thread does.
        host: Builds in front of the scan.
        may_have_mask: Whether some scan that shares the kernel has a mask.
        pointers: Whether the compiler knows LLVM's pointers.
    """

    def __init__(
        self, name: str, scan: ScanOp, tile: SliceTile, host: TensorBuilder, *, may_have_mask: bool, pointers: bool
    ) -> None:
        self.scan, self.tile, self.pointers = scan, tile, pointers
        self.tensors = ScanTensors(scan, host, tile.panels, may_have_mask=may_have_mask)
        reads = self.tensors.reads()
        self.names = list(reads)
        scratch = host.full(Tensor((self._scratch_size(self.tensors.sizes),), i32), 0)
        self.kernel = GpuKernel(
            name,
            host,
            list(reads.values()),
            self.tensors.writes(),
            self.tensors.numbers(),
            tile.slices,
            tile.threads,
            [scratch],
        )

    def lower(self) -> list[SSAValue]:
        """Build the dispatch; returns the scan's output and the states after the last step."""
        return self.kernel.dispatch()[:-1]

    def build(self) -> ExecutableOp:
        """Build the kernel; returns its executable."""
        tile, tensors, b = self.tile, self.tensors, self.kernel.b
        self.b = b
        tensors.open(self.kernel, self.names)
        self.units = UnitStep(self.scan, tensors)
        self.words = self._words()
        self.exchange = Exchange(b, self.words, CENSUS_WORDS, tensors.batch, tensors.units, tensors.storage)
        thread = self.thread = self.kernel.thread()
        self.row, self.lane = b.quotient(thread, tile.width), b.remainder(thread, tile.width)
        product = TensorProduct if isinstance(tile, TensorTile) else SliceProduct
        self.product = product(self.kernel, tensors, tile)
        self.census = take_census(self.kernel, self.words, tile.slices)
        self.product.clear_h()
        with b.when(b.compare(self.census.number, "slt", self.census.count)):
            b.either(
                b.compare(self.census.count, "eq", tile.slices),
                lambda: self._build_sequence(resident=True),
                lambda: self._build_sequence(resident=False),
            )
        return self.kernel.executable()

    # Global memory that workgroups share: the census, the exchange, whether rows have begun.

    def _begun_start(self, sizes: IndexBuilder) -> Size:
        tensors = self.tensors
        return sizes.plus(exchange_size(sizes, tensors.batch, tensors.units, tensors.storage), CENSUS_WORDS)

    def _scratch_size(self, sizes: IndexBuilder) -> Size:
        start = self._begun_start(sizes)
        return sizes.plus(start, sizes.times(self.tensors.batch, self.tensors.units)) if self._has_begun else start

    @property
    def _has_begun(self) -> bool:
        return self.tensors.may_have_mask

    def _words(self) -> Words:
        start = self.kernel.result(len(self.kernel.writes), self._scratch_size(self.b))
        return PointerWords(self.kernel, start) if self.pointers else Words(self.b, start)

    # The sequence.

    def _build_sequence(self, *, resident: bool) -> None:
        """Build all steps; ``resident`` where each workgroup has one slice, whose weights stay."""
        b, tile, tensors = self.b, self.tile, self.tensors
        tiles = b.quotient_up(tensors.batch, tile.rows)
        kept: Weights = []
        with self._slices(resident=resident) as share, b.loop(0, tiles) as rows:
            self._start(self._element(share, rows))
        if resident:
            kept = self.product.fill(self.census.number)
        self.kernel.meet()
        with b.loop(0, tensors.time) as k, self._slices(resident=resident) as share:
            if not resident:
                kept = self.product.fill(share)
            with b.loop(0, tiles) as rows:
                self._build_tile(k, share, rows, kept)
        if self.scan.output_map is None:
            with self._slices(resident=resident) as share, b.loop(0, tiles) as rows:
                self._finish(self._element(share, rows))

    @contextmanager
    def _slices(self, *, resident: bool) -> Iterator[SSAValue]:
        """Build, in the ``with``, what is done for each slice of the workgroup."""
        if resident:
            yield self.census.number
            return
        with self.b.loop(self.census.number, self.tile.slices, self.census.count) as share:
            yield share

    def _element(self, share: SSAValue, rows: SSAValue) -> Element:
        """Return the unit and row that the thread finishes."""
        b, tile, tensors = self.b, self.tile, self.tensors
        row = b.plus(b.times(rows, tile.rows), self.row)
        unit = b.plus(b.times(share, tile.width), self.lane)
        tests = [b.compare(self.row, "slt", tile.rows), b.compare(row, "slt", tensors.batch)]
        if tensors.units % tile.width:
            tests.append(b.compare(unit, "slt", tensors.units))
            unit = b.least(unit, tensors.units - 1)
        return Element(b.least(row, b.minus(tensors.batch, 1)), unit, self.units.all_of(tests))

    def _start(self, element: Element) -> None:
        """Build what is there before the first step: the states, and h for all to find."""
        assert element.is_there is not None
        with self.b.when(element.is_there):
            here = Element(element.row, element.unit, None)
            states = self.units.start(here)
            for number, state in enumerate(states):
                self.units.write_state(here, number, state)
            self.exchange.publish(0, here.row, here.unit, states[0])

    def _finish(self, element: Element) -> None:
        """Build the only output that is kept, after the last step."""
        assert element.is_there is not None
        with self.b.when(element.is_there):
            here = Element(element.row, element.unit, None)
            self.units.write_last_output(here, self._state(here, 0), self._begun(here))

    def _state(self, element: Element, number: int) -> SSAValue:
        return self.tensors.number_at(self.b.at(self.tensors.results[number], self.units.at(element)))

    def _begun(self, element: Element) -> SSAValue:
        b = self.b
        if not self._has_begun:
            return b.number(0.0)
        place = b.at(self.words.start, self._begun_start(b), self.units.at(element))
        return b.do(arith.BitcastOp(b.load(place), f32))

    def _set_begun(self, element: Element, begun: SSAValue) -> None:
        b = self.b
        if self._has_begun:
            place = b.at(self.words.start, self._begun_start(b), self.units.at(element))
            b.store(b.do(arith.BitcastOp(begun, i32)), place)

    # A step of a tile of rows.

    def _build_tile(self, k: SSAValue, share: SSAValue, rows: SSAValue, kept: Weights) -> None:
        """Build visited step k of a slice's units, for a tile of rows."""
        b, units = self.b, self.units
        element = self._element(share, rows)
        # Asked for before the wait, needed after it.
        projected, valid = units.projected(element, k), units.valid(element, k)
        old = [self._state(element, number) for number in range(len(self.scan.init))]
        begun = self._begun(element)
        self._receive(k, rows)
        self.kernel.meet()
        self.product.multiply(kept)
        assert element.is_there is not None
        with b.when(element.is_there):
            here = Element(element.row, element.unit, None)
            sums = self.product.gates(self.row)
            gates = [b.do(arith.AddfOp(total, value)) for total, value in zip(sums, projected, strict=True)]
            new, begun = units.advance(gates, old, valid, begun)
            # First of all what others wait for.
            self.exchange.publish(b.plus(k, 1), here.row, here.unit, new[0])
            for number, state in enumerate(new):
                units.write_state(here, number, state)
            self._set_begun(here, begun)
            units.write_output(here, k, new[0], begun)
        # A thread looks for what others of its workgroup publish too: all have, before one looks.
        self.kernel.meet()

    def _receive(self, k: SSAValue, rows: SSAValue) -> None:
        """Build the wait for h of the rows, and its way to workgroup memory."""
        b, tile = self.b, self.tile
        total = tile.rows * tile.units
        numbers: list[Size] = [b.plus(self.thread, at) for at in range(0, total, tile.threads)]
        is_there = None
        if total % tile.threads:
            is_there = b.compare(numbers[-1], "slt", total)
            numbers[-1] = b.least(numbers[-1], total - 1)
        first = b.times(rows, tile.rows)
        for at in range(0, len(numbers), MOST_ASKED):
            some = numbers[at : at + MOST_ASKED]
            places = [(b.quotient(n, tile.units), b.remainder(n, tile.units)) for n in some]
            test = is_there if at + MOST_ASKED >= len(numbers) else None
            if tile.rows == 1:
                self._receive_some(k, first, places, test)
                continue
            # Rows beyond the last one are those behind.
            with b.when(b.compare(b.plus(first, places[0][0]), "slt", self.tensors.batch)):
                self._receive_some(k, first, places, test)

    def _receive_some(
        self, k: SSAValue, first: Size, places: Sequence[tuple[Size, Size]], is_last_there: SSAValue | None
    ) -> None:
        """Build the wait for what a thread asks for at once, by row of the tile and unit.

        Args:
            k: The visited step.
            first: The first row of the tile.
            places: What is asked for; behind what is there, the last one again.
            is_last_there: Whether the last one is there; None if so.
        """
        b, tensors = self.b, self.tensors
        last = b.minus(tensors.batch, 1)
        wanted = [(b.least(b.plus(first, r), last), unit) for r, unit in places]
        values = self.exchange.receive(k, wanted)
        for number, ((r, unit), (row, _), value) in enumerate(zip(places, wanted, values, strict=True)):
            drops = self.units.drops(row, unit)
            shares = [value] if not drops else [b.do(arith.MulfOp(value, drop)) for drop in drops]
            if is_last_there is None or number + 1 < len(places):
                self.product.take(r, unit, shares)
                continue
            with b.when(is_last_there):
                self.product.take(r, unit, shares)
