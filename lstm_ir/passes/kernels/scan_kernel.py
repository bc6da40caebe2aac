"""What the kernels of a scan have in common: the projection of a chunk, and one step."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from lstm_ir.dialect.cell_ops import why_whole_row
from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.cell_vectors import build_cell, early_activations
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.kernels.panel_product import Left, PanelProduct
from lstm_ir.passes.kernels.row_copy import copy_row, zero_row
from lstm_ir.passes.kernels.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.vector_activations import expand_vector_activation
from lstm_ir.passes.structured import Size
from lstm_ir.passes.weight_expression import expression_of

CHUNK_BYTES = 1 << 18
"""Gate sums of a chunk of steps: they stay in the second-level cache until their step reads
them, and what a long sequence needs does not grow with it."""

FEW_TILES = 2
"""Row tiles up to which every other step goes through the weights backwards, over what a near cache still holds."""


def why_not(scan: ScanOp) -> str | None:
    """Return why a scan cannot run as a kernel of ours, or None if it can."""
    if scan.is_hoisted:
        return "the kernels project the input themselves; its projection is hoisted already"
    if any(expression_of(value) is None for value in (*scan.kernels, *scan.recurrent_kernels, *scan.biases)):
        return "its weights are computed at run time; a kernel reads them packed ahead of time"
    for op in scan.cell.block.ops:
        if (reason := why_whole_row(op)) is not None:
            return reason
    return None


@dataclass(frozen=True)
class Part:
    """What a workgroup works on at a time: some rows, and a range of their unit tiles.

    Attributes:
        first: The first row, in the batch.
        rows: Number of rows.
        tiles: First unit tile, and the one after the last.
    """

    first: Size
    rows: Size
    tiles: tuple[Size, Size]


@dataclass(frozen=True)
class Carried:
    """Where the states of a part's rows are.

    Attributes:
        states: Each state, h first, [rows, padded units].
        dropped: h multiplied by each gate's dropout mask, [gates, rows, padded units]; None without such masks.
    """

    states: tuple[Place, ...]
    dropped: Place | None


class ScanKernel(ScanTensors, ABC):
    """A fused scan that still has its kernels, as one dispatch.

    Some scans share a kernel: ``lower`` builds the dispatch of each, ``build`` the kernel, from the first.
    """

    @abstractmethod
    def lower(self, workers: SSAValue) -> list[SSAValue]:
        """Build the dispatch; returns the scan's output and the states after the last step.

        Args:
            workers: How many workgroups run at once.
        """

    @abstractmethod
    def build(self) -> ExecutableOp:
        """Build the kernel that ``lower`` declared; returns its executable."""

    # On the host.

    def chunk_steps(self, rows: Size) -> Size:
        """Return how many steps of some rows make a chunk."""
        sizes = self.sizes
        steps = sizes.quotient(CHUNK_BYTES // self.element.size, sizes.times(rows, self.line))
        return sizes.least(sizes.most(steps, 1), self.time)

    # In the kernel.

    def row_of(self, start: Place, r: SSAValue) -> Place:
        """Return a row of a state, or of a dropped h."""
        return self.b.at(start, self.b.times(r, self.width))

    def start(self, part: Part, into: Carried, begun: Place) -> None:
        """Build the states before the first step."""
        b = self.b
        with b.loop(0, part.rows) as r:
            row = b.plus(part.first, r)
            for number, state in enumerate(into.states):
                init = b.at(self.places[f"init{number}"], b.times(row, self.units))
                copy_row(b, init, self.row_of(state, r), self.units, tiles=self._vectors(part.tiles), pad=True)
            self._drop(part, into, r)
            b.store(b.number(0.0), b.at(begun, r))

    def project(self, part: Part, t0: Size, steps: Size, inputs: Place, sums: Place) -> None:
        """Build the projection x K + b of the steps from t0 on.

        Args:
            part: The rows and unit tiles.
            t0: The first visited step.
            steps: Number of steps.
            inputs: Room for their inputs in the order of visited steps, [steps, rows, padded features], once a gate
                where each has a dropout mask.
            sums: Where the result goes, [steps, rows, tiles, gates, lanes].
        """
        b, scan = self.b, self.scan
        total = b.times(part.rows, steps)
        with b.loop(0, steps) as s, b.loop(0, part.rows) as r:
            row = b.plus(part.first, r)
            source = self.step_of(self.places["input"], "input_map", b.plus(t0, s), row, self.features)
            m = b.plus(b.times(s, part.rows), r)
            self._stage(source, inputs, m, row, total)
        PanelProduct(b, self.target, self.input_panels).build(
            Left(
                inputs,
                self.padded_features,
                None if scan.input_dropout is None else b.times(total, self.padded_features),
            ),
            self.places["kernel"],
            sums,
            total,
            part.tiles,
            self.places.get("bias"),
            accumulate=False,
        )

    def _stage(self, source: Place, inputs: Place, m: Size, row: Size, total: Size) -> None:
        """Build the copy of one input into row m, with zeros up to the depth of the panels."""
        b, depth = self.b, self.input_panels.depth
        if self.scan.input_dropout is None:
            copy_row(b, source, b.at(inputs, b.times(m, self.padded_features)), self.features, padded=depth)
            return
        with b.loop(0, self.gates) as gate:
            target = b.at(inputs, b.times(b.plus(b.times(gate, total), m), self.padded_features))
            mask = b.plus(b.times(gate, self.batch), row)
            times = b.at(self.places["input_dropout"], b.times(mask, self.features))
            copy_row(b, source, target, self.features, padded=depth, times=times)

    def step(self, part: Part, k: Size, sums: Place, before: Carried, after: Carried, begun: Place) -> None:
        """Build visited step k: the product for all rows, then row by row the cell and the output.

        Args:
            part: The rows and unit tiles.
            k: The visited step.
            sums: Its projection, [rows, tiles, gates, lanes].
            before: The states before it.
            after: Where the states after it go; may be the same places.
            begun: 1 in rows that have had a valid step, [rows].
        """
        b, scan = self.b, self.scan
        left = Left(before.states[0], self.width)
        if before.dropped is not None:
            left = Left(before.dropped, self.width, b.times(part.rows, self.width))
        # With more rows it is the sums that a step waits for, and weights are read ahead best in one order.
        is_few = b.compare(part.rows, "sle", FEW_TILES * self.target.rows)
        PanelProduct(b, self.target, self.panels).build(
            left,
            self.places["recurrent_kernel"],
            sums,
            part.rows,
            part.tiles,
            None,
            accumulate=True,
            backwards=b.do(arith.AndIOp(is_few, b.compare(b.remainder(k, 2), "ne", 0))),
        )
        with b.loop(0, part.rows) as r:
            row = b.plus(part.first, r)
            old = [self.row_of(state, r) for state in before.states]
            new = [self.row_of(state, r) for state in after.states]
            line = b.at(sums, b.times(r, self.line))
            if scan.mask_map is None:
                self._cell(line, old, new, part.tiles)
            else:
                self._masked_cell(part, line, old, new, b.at(begun, r), self.is_valid(k, row, "mask_map"))
            self._drop(part, after, r)
            if scan.output_map is not None:
                place = self.step_of(self.y, "output_map", k, row, self.units)
                counts = self._counts(k, row, b.at(begun, r), is_last=False)
                self._write_output(place, new[0], counts, part.tiles)
                if scan.zero_map is not None:
                    is_zero = b.do(arith.XOrIOp(self.is_valid(k, row, "zero_map"), b.integer(1, i1)))
                    with b.when(is_zero):
                        zero_row(b, place, self.units, tiles=self._vectors(part.tiles))

    def finish(self, part: Part, carried: Carried, begun: Place) -> None:
        """Build the results after the last step: the states, and the output where only the last one is kept."""
        b, scan = self.b, self.scan
        with b.loop(0, part.rows) as r:
            row = b.plus(part.first, r)
            at = b.times(row, self.units)
            for state, result in zip(carried.states, self.results, strict=True):
                copy_row(b, self.row_of(state, r), b.at(result, at), self.units, tiles=self._vectors(part.tiles))
            if scan.output_map is None:
                counts = self._counts(b.minus(self.time, 1), row, b.at(begun, r), is_last=True)
                self._write_output(b.at(self.y, at), self.row_of(carried.states[0], r), counts, part.tiles)

    def _vectors(self, tiles: tuple[Size, Size]) -> tuple[Size, Size]:
        """Return a range of unit tiles as a range of vectors."""
        first, last = tiles
        return self.b.times(first, self.vectors), self.b.times(last, self.vectors)

    def _cell(self, sums: Place, before: Sequence[Place], after: Sequence[Place], tiles: tuple[Size, Size]) -> None:
        b, cell, lanes = self.b, self.scan.cell.block, self.panels.lanes
        early = early_activations(cell, self.gates)
        if early:
            with b.loop(*tiles) as tile, b.loop(0, self.vectors) as vector:
                line = b.at(sums, b.times(tile, lanes * self.gates), b.times(vector, b.lanes))
                for gate, op in early.items():
                    place = b.at(line, gate * lanes)
                    value = expand_vector_activation(b, op.function, b.load_vector(place), self.target.fma)
                    b.store_vector(value, place)
        with b.loop(*tiles) as tile, b.loop(0, self.vectors) as vector:
            within = b.times(vector, b.lanes)
            unit = b.plus(b.times(tile, lanes), within)
            line = b.at(sums, b.times(tile, lanes * self.gates), within)
            gates = [b.load_vector(b.at(line, gate * lanes)) for gate in range(self.gates)]
            states = [b.load_vector(b.at(place, unit)) for place in before]
            new = build_cell(b, cell, [*gates, *states], fma=self.target.fma, done=early.values())
            for place, value in zip(after, new, strict=True):
                # As the caller's tensors hold them: a sequence gives the same whole and in chunks.
                b.store_vector(b.rounded(value, self.storage), b.at(place, unit))

    def _masked_cell(
        self, part: Part, sums: Place, old: Sequence[Place], new: Sequence[Place], begun: Place, valid: SSAValue
    ) -> None:
        """Build the cell where a row's step counts; elsewhere its states stay."""
        b = self.b

        def advance() -> None:
            self._cell(sums, old, new, part.tiles)
            b.store(b.number(1.0), begun)

        def stay() -> None:
            for source, target in zip(old, new, strict=True):
                if source != target:
                    copy_row(b, source, target, self.panels.padded_units, tiles=self._vectors(part.tiles))

        b.either(valid, advance, stay)

    def _drop(self, part: Part, carried: Carried, r: SSAValue) -> None:
        """Build h of a row multiplied by each gate's dropout mask."""
        b = self.b
        if carried.dropped is None:
            return
        with b.loop(0, self.gates) as gate:
            target = self.row_of(carried.dropped, b.do(arith.AddiOp(b.index(b.times(gate, part.rows)), r)))
            mask = b.plus(b.times(gate, self.batch), part.first, r)
            times = b.at(self.places["recurrent_dropout"], b.times(mask, self.units))
            copy_row(
                b,
                self.row_of(carried.states[0], r),
                target,
                self.units,
                tiles=self._vectors(part.tiles),
                pad=True,
                times=times,
            )

    def _counts(self, k: Size, row: Size, begun: Place, *, is_last: bool) -> SSAValue | None:
        """Return whether a row's output is its h after step k, not zeros; None where it always is.

        A masked step that holds repeats the output before it: h from the first valid step on, before it zeros.
        """
        b, scan = self.b, self.scan
        if scan.mask_map is None:
            return None
        if scan.masked_output.data == "hold" or (scan.zero_map is not None and not is_last):
            return b.do(arith.CmpfOp(b.load(begun), b.number(0.0), "one"))
        return self.is_valid(k, row, "mask_map")

    def _write_output(self, target: Place, h: Place, counts: SSAValue | None, tiles: tuple[Size, Size]) -> None:
        b = self.b
        if counts is None:
            copy_row(b, h, target, self.units, tiles=self._vectors(tiles))
            return
        b.either(
            counts,
            lambda: copy_row(b, h, target, self.units, tiles=self._vectors(tiles)),
            lambda: zero_row(b, target, self.units, tiles=self._vectors(tiles)),
        )
