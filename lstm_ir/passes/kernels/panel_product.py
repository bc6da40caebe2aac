"""The product of a matrix with panels of packed gates: the inner loops of the projection and of every step."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.kernels.panels import Panels
from lstm_ir.passes.kernels.vector_target import Tile, VectorTarget
from lstm_ir.passes.structured import Size

REST_ROWS = (4, 2, 1)
"""Rows of the tiles for what whole tiles leave over: a shape for every number of rows would be twice the code."""


@dataclass(frozen=True)
class Left:
    """The left operand, rows of ``terms`` elements with padding.

    Attributes:
        start: Its first element.
        row_stride: Elements from one row to the next.
        gate_stride: Elements from one gate's operand to the next, where each gate multiplies another one.
    """

    start: Place
    row_stride: int
    gate_stride: Size | None = None


class PanelProduct:
    """Builds ``sums[m, tile, gate] = start + left[m] panels[tile, :, :, gate]``.

    Sums are [rows, tiles, gates, lanes]. To a product a gate of a unit tile is a column, whichever tile it belongs to:
    columns are one after the other in panels, sums and bias. A tile of registers covers some rows of some columns. Some
    unit tiles, a block, are finished for all rows before the next ones begin, and within it some columns, so that their
    panels come from a near cache for all rows but the first. A product that is made over and over may go through them
    the other way every second time: it then begins with the panels that the one before ended with, which a cache too
    small for all of them still holds; going the same way each time, it would find none of them there.

    Args:
        b: Where to build.
        target: The vector unit, for the tiles.
        panels: The layout of the right operand.
    """

    def __init__(self, b: KernelBuilder, target: VectorTarget, panels: Panels) -> None:
        self.b, self.target, self.panels = b, target, panels
        self.vectors = panels.lanes // b.lanes

    def build(
        self,
        left: Left,
        right: Place,
        sums: Place,
        rows: Size,
        tiles: tuple[Size, Size],
        bias: Place | None,
        *,
        accumulate: bool,
        backwards: SSAValue | None = None,
    ) -> None:
        """Build the product for a range of unit tiles.

        Args:
            left: The left operand.
            right: The panels.
            sums: Where the results go.
            rows: Number of rows.
            tiles: First unit tile, and the one after the last.
            bias: Bias panels that sums start from.
            accumulate: Whether sums start from what stands in their place.
            backwards: Whether the last columns come first, known when it runs; None: never. Each sum is the same.
        """
        b, panels = self.b, self.panels
        self.left, self.right, self.sums, self.bias, self.accumulate = left, right, sums, bias, accumulate
        self.backwards = backwards
        # Panels of another order need tiles of it, even where all gates multiply the same operand.
        apart = left.gate_stride is not None or self.vectors > 1
        most = self.target.rows
        shapes = {
            count: (self.target.tile_apart(count, panels.gates),)
            if apart
            else self.target.tiles(count, panels.gates, panels.width)
            for count in (most, *REST_ROWS)
            if count <= most
        }
        # The fewest unit tiles of which the first shapes leave no column over.
        whole_columns = math.lcm(panels.gates, *(tiles[0].columns for tiles in shapes.values()))
        block = whole_columns // panels.gates
        first, last = tiles
        whole = b.times(b.quotient(rows, most), most)
        rest = b.minus(rows, whole)
        with self._either_way(first, last, block) as tile:
            columns = b.times(b.least(b.minus(last, tile), block), panels.gates) if block > 1 else panels.gates
            start = b.times(tile, panels.gates)
            self._row_tiles(shapes[most], start, columns, 0, whole)
            at = whole
            for count in (count for count in REST_ROWS if count < most):
                # Each at most once: the rest is a sum of different powers of two.
                times = b.remainder(b.quotient(rest, count), 2)
                end = b.plus(at, b.times(times, count))
                self._row_tiles(shapes[count], start, columns, at, end)
                at = end

    def _row_tiles(self, shapes: Sequence[Tile], start: Size, columns: Size, low: Size, high: Size) -> None:
        """Build the tiles of some rows, some columns after the others.

        Args:
            shapes: Of the tiles; all of the same number of rows.
            start: The first column.
            columns: How many there are.
            low: The first row.
            high: The row after the last one.
        """
        b = self.b
        if isinstance(low, int) and isinstance(high, int) and low >= high:
            return
        end = b.plus(start, columns)
        middle = end if len(shapes) == 1 else b.minus(end, self.left_over(shapes, columns))
        for shape, first, last in zip(shapes, (start, middle), (middle, end), strict=False):
            with self._either_way(first, last, shape.columns) as column, b.loop(low, high, shape.rows) as m:
                self._tile(shape, b.minus(column, start), column, m)

    @contextmanager
    def _either_way(self, low: Size, high: Size, step: int) -> Iterator[Size]:
        """Build, in the ``with``, what runs for each index from low to high, or from the last one down to low."""
        b = self.b
        if self.backwards is None:
            with b.loop(low, high, step) as forwards:
                yield forwards
            return
        count = b.quotient_up(b.minus(high, low), step)
        last = b.plus(low, b.times(b.minus(count, 1), step))
        start = b.do(arith.SelectOp(self.backwards, b.index(last), b.index(low)))
        by = b.do(arith.SelectOp(self.backwards, b.index(-step), b.index(step)))
        with b.loop(0, count) as number:
            yield b.plus(start, b.times(number, by))

    def left_over(self, shapes: Sequence[Tile], columns: Size) -> Size:
        """Return how many columns tiles of the second shape cover: the fewest that leave whole tiles for the first."""
        b = self.b
        wide, narrow = (shape.columns // self.panels.width for shape in shapes)
        count = b.remainder(b.times(b.quotient(columns, self.panels.width), pow(narrow, -1, wide)), wide)
        return b.times(count, narrow * self.panels.width)

    def _tile(self, shape: Tile, gate: Size, column: Size, m: Size) -> None:
        """Build one register tile: its sums, the loop over the terms, and writing them.

        Args:
            shape: Of the tile.
            gate: Its first column within the block: where each has a left operand of its own, its gate.
            column: Its first column.
            m: Its first row.
        """
        b, panels, left = self.b, self.panels, self.left
        panel = b.at(self.right, b.times(b.quotient(column, panels.width), panels.panel_size))
        line = panels.gates * panels.tiles * panels.lanes
        place = b.at(self.sums, b.times(m, line), b.times(column, panels.lanes))
        lefts = [b.at(left.start, b.times(m, left.row_stride))]
        if left.gate_stride is not None:
            lefts = [b.at(lefts[0], b.times(b.plus(gate, n), left.gate_stride)) for n in range(shape.columns)]

        vectors = range(shape.columns * shape.vectors)

        def sum_place(row: int, vector: int) -> Place:
            return b.at(place, row * line + vector * b.lanes)

        if self.bias is not None and not self.accumulate:
            bias = [b.load_vector(b.at(self.bias, b.times(column, panels.lanes), n * b.lanes)) for n in vectors]
        else:
            bias = [b.splat_number(0.0) for _ in vectors]

        def start(row: int, vector: int, part: int) -> SSAValue:
            if part > 0:
                return b.splat_number(0.0)
            return b.load_vector(sum_place(row, vector)) if self.accumulate else bias[vector]

        cells = [(row, vector) for row in range(shape.rows) for vector in vectors]
        starts = [start(*cell, part) for part in range(shape.split) for cell in cells]
        term_size = panels.width * panels.lanes

        def terms(k: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
            # The weights' place is handed on as it is: of k times their size, LLVM leaves the product in the loop.
            moving, *current = sums
            weights_at = Place(panel.buffer, moving)
            values_at = [b.at(place, k) for place in lefts]
            for term in range(self.target.unroll):
                weights: list[SSAValue] = []
                for group in range(shape.columns // panels.width):
                    weights += self._term(b.at(weights_at, group * panels.panel_size + term * term_size))
                base = (term % shape.split) * len(cells)
                for row in range(shape.rows):
                    values = [b.splat(b.load(b.at(p, row * left.row_stride + term))) for p in values_at]
                    for vector in vectors:
                        value = values[vector // shape.vectors if len(values) > 1 else 0]
                        at = base + row * len(vectors) + vector
                        current[at] = self._multiply_add(value, weights[vector], current[at])
            further = b.plus(moving, self.target.unroll * term_size)
            return [b.index(further), *current]

        moving = b.index(panel.index)
        _, *totals = b.accumulate(0, panels.depth, self.target.unroll, [moving, *starts], terms)
        for number, cell in enumerate(cells):
            parts = totals[number :: len(cells)]
            while len(parts) > 1:
                parts = [
                    parts[at] if at + 1 == len(parts) else b.do(arith.AddfOp(parts[at], parts[at + 1]))
                    for at in range(0, len(parts), 2)
                ]
            b.store_vector(parts[0], sum_place(*cell))

    def _term(self, place: Place) -> list[SSAValue]:
        """Build the weights of one term of a panel, column by column, of each column vector by vector."""
        b, panels = self.b, self.panels
        starts = range(0, panels.width * panels.lanes, b.lanes)
        if panels.paired:
            return [half for start in starts[::2] for half in b.load_pair(b.at(place, start))]
        return [b.load_vector(b.at(place, start)) for start in starts]

    def _multiply_add(self, x: SSAValue, y: SSAValue, total: SSAValue) -> SSAValue:
        if self.target.fma:
            return self.b.multiply_add(x, y, total)
        return self.b.do(arith.AddfOp(self.b.do(arith.MulfOp(x, y)), total))
