"""The product of a matrix with panels of packed gates: the inner loops of the projection and of every step."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.vector import FMAOp
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

    Sums are [rows, tiles, gates, lanes]. A tile of units is finished for all rows before the next one begins, so that
    its panel comes from the first-level cache for all row tiles but the first.

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
        """
        b, panels = self.b, self.panels
        self.left, self.right, self.sums, self.bias, self.accumulate = left, right, sums, bias, accumulate
        # Panels of another order need tiles of it, even where all gates multiply the same operand.
        apart = left.gate_stride is not None or self.vectors > 1
        most = self.target.rows
        whole = b.times(b.quotient(rows, most), most)
        rest = b.minus(rows, whole)
        with b.loop(*tiles) as tile:
            self._row_tiles(self.target.tile(most, panels.gates, apart=apart), tile, 0, whole)
            at = whole
            for count in (count for count in REST_ROWS if count < most):
                # Each at most once: the rest is a sum of different powers of two.
                times = b.remainder(b.quotient(rest, count), 2)
                end = b.plus(at, b.times(times, count))
                self._row_tiles(self.target.tile(count, panels.gates, apart=apart), tile, at, end)
                at = end

    def _row_tiles(self, shape: Tile, tile: SSAValue, low: Size, high: Size) -> None:
        """Build row tiles of one shape, one panel after the other."""
        b = self.b
        if isinstance(low, int) and isinstance(high, int) and low >= high:
            return
        with (
            b.loop(0, self.panels.groups, shape.gates // self.panels.width) as group,
            b.loop(low, high, shape.rows) as m,
        ):
            self._tile(shape, tile, group, m)

    def _tile(self, shape: Tile, tile: SSAValue, group: SSAValue, m: Size) -> None:
        """Build one register tile: its sums, the loop over the terms, and writing them."""
        b, panels, left = self.b, self.panels, self.left
        panel = b.at(self.right, b.times(b.plus(b.times(tile, panels.groups), group), panels.panel_size))
        first_gate = b.times(group, panels.width)
        lines = panels.gates * panels.lanes
        place = b.at(
            self.sums, b.times(m, panels.tiles * lines), b.times(tile, lines), b.times(first_gate, panels.lanes)
        )
        lefts = [b.at(left.start, b.times(m, left.row_stride))]
        if left.gate_stride is not None:
            lefts = [b.at(lefts[0], b.times(b.plus(first_gate, gate), left.gate_stride)) for gate in range(shape.gates)]

        def sum_place(row: int, gate: int, vector: int) -> Place:
            return b.at(place, row * panels.tiles * lines + gate * panels.lanes + vector * b.lanes)

        def start(row: int, gate: int, vector: int, part: int) -> SSAValue:
            if part > 0:
                return b.splat_number(0.0)
            if self.accumulate:
                return b.load_vector(sum_place(row, gate, vector))
            if self.bias is None:
                return b.splat_number(0.0)
            bias = b.at(self.bias, b.times(tile, lines), b.times(first_gate, panels.lanes))
            return b.load_vector(b.at(bias, gate * panels.lanes + vector * b.lanes))

        columns = [(gate, vector) for gate in range(shape.gates) for vector in range(shape.vectors)]
        cells = [(row, gate, vector) for row in range(shape.rows) for gate, vector in columns]
        starts = [start(*cell, part) for part in range(shape.split) for cell in cells]
        line = panels.width * panels.lanes

        def terms(k: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
            current = list(sums)
            weights_at = b.at(panel, b.times(k, line))
            values_at = [b.at(place, k) for place in lefts]
            for term in range(self.target.unroll):
                weights: list[SSAValue] = []
                for group in range(shape.gates // panels.width):
                    weights += self._line(b.at(weights_at, group * panels.panel_size + term * line))
                base = (term % shape.split) * len(cells)
                for row in range(shape.rows):
                    values = [b.splat(b.load(b.at(p, row * left.row_stride + term))) for p in values_at]
                    for number, (gate, _) in enumerate(columns):
                        value = values[gate if len(values) > 1 else 0]
                        at = base + row * len(columns) + number
                        current[at] = self._multiply_add(value, weights[number], current[at])
            return current

        totals = b.accumulate(0, panels.depth, self.target.unroll, starts, terms)
        for number, cell in enumerate(cells):
            parts = totals[number :: len(cells)]
            while len(parts) > 1:
                parts = [
                    parts[at] if at + 1 == len(parts) else b.do(arith.AddfOp(parts[at], parts[at + 1]))
                    for at in range(0, len(parts), 2)
                ]
            b.store_vector(parts[0], sum_place(*cell))

    def _line(self, place: Place) -> list[SSAValue]:
        """Build the weights of one term of a panel, gate by gate, of each gate vector by vector."""
        b, panels = self.b, self.panels
        starts = range(0, panels.width * panels.lanes, b.lanes)
        if panels.paired:
            return [half for start in starts[::2] for half in b.load_pair(b.at(place, start))]
        return [b.load_vector(b.at(place, start)) for start in starts]

    def _multiply_add(self, x: SSAValue, y: SSAValue, total: SSAValue) -> SSAValue:
        if self.target.fma:
            return self.b.do(FMAOp(x, y, total))
        return self.b.do(arith.AddfOp(self.b.do(arith.MulfOp(x, y)), total))
