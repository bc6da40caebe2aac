"""What a kernel must know of a CPU's vector unit, and the register tiles that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import AnyFloat, f32

FMA_IN_FLIGHT = 8
"""Independent sums that hide the latency of a multiply-add: 4 cycles on 2 units."""
MOST_TERMS = 4
"""Panels have a multiple of so many terms, whole iterations for every target."""
MOST_COLUMNS = 4
"""Columns of the widest tile: an LSTM's gates."""


@dataclass(frozen=True)
class Tile:
    """Sums that one inner loop keeps in registers: rows x columns x vectors x split, a vector each.

    Attributes:
        rows: Rows of the left operand.
        columns: Columns of panels: a gate of the units of one tile each.
        vectors: Vectors of units in a column.
        split: Separate sums of a row and column, over every split-th term, so that a multiply-add need not wait for
            the one before.
    """

    rows: int
    columns: int
    vectors: int
    split: int


@dataclass(frozen=True)
class VectorTarget:
    """A CPU's vector unit.

    Attributes:
        name: What people call it.
        lanes: Elements of a register: f32, or what ``of`` was asked for.
        registers: Vector registers.
        fma: Whether there is a fused multiply-add; without one, products need registers of their own.
        rows: Rows of the largest tile.
        columns: Its columns. Of the tiles that fit into the registers it is one with few loads a multiply-add, which
            read rows + columns for rows x columns of them: what shares a core with us takes its turns at the loads.
        unroll: Terms of a sum handled an iteration, 1, 2 or 4. More than 2 run no faster, and compiling takes longer;
            with 2, LLVM spills where products need registers of their own;
            but where a multiply-add takes one factor from a lane, LLVM keeps sums in registers with 4 only.
    """

    name: str
    lanes: int
    registers: int
    fma: bool
    rows: int
    columns: int
    unroll: int = 2

    def of(self, element: AnyFloat) -> "VectorTarget":
        """Return the unit as it is for f32 or a wider type: fewer lanes."""
        return replace(self, lanes=self.lanes * f32.bitwidth // element.bitwidth)

    @property
    def unit_vectors(self) -> int:
        """Vectors of units side by side in a column, where each gate multiplies a left operand of its own."""
        return 4 if self.columns == 4 else 2

    def tiles(self, rows: int, gates: int, width: int) -> tuple[Tile, ...]:
        """Return the tiles that together cover some rows of the columns of whole unit tiles.

        The first one covers most; where there is a second, it covers what the first one leaves over.

        Args:
            rows: 1 to the target's ``rows``.
            gates: Columns of a unit tile.
            width: Columns that stand side by side in a panel: tiles have whole panels.
        """
        most = self.columns if rows == self.rows else MOST_COLUMNS
        widths = [n for n in range(most, 0, -1) if n % width == 0]
        first = widths[0]
        if gates % first == 0:
            return (self._tile(rows, first),)
        if (first, width) == (3, 1) and gates % 2 == 0:
            return (self._tile(rows, 3), self._tile(rows, 2))
        whole = next(n for n in widths if gates % n == 0)
        return (self._tile(rows, whole),) if whole > width else (self._tile(rows, first), self._tile(rows, width))

    def tile_apart(self, rows: int, gates: int) -> Tile:
        """Return the tile where each gate multiplies a left operand of its own.

        It has one gate and more units, so that a value is still loaded once for several vectors; and more gates where
        there are few rows: they share nothing, but their sums do not wait for each other.
        """
        vectors = self.unit_vectors
        columns = next(
            n for n in range(gates, 0, -1) if gates % n == 0 and (rows * vectors * n <= FMA_IN_FLIGHT or n == 1)
        )
        return Tile(rows, columns, vectors, self._split(rows * columns * vectors))

    def _tile(self, rows: int, columns: int) -> Tile:
        return Tile(rows, columns, 1, self._split(rows * columns))

    def _split(self, sums: int) -> int:
        # Without fused multiply-add only the additions wait, and products take the registers.
        wanted = FMA_IN_FLIGHT if self.fma else FMA_IN_FLIGHT // 2
        split = 1
        while sums * split < wanted and split < self.unroll:
            split *= 2
        return split


AVX512 = VectorTarget("avx512", 16, 32, fma=True, rows=6, columns=4)
AVX2 = VectorTarget("avx2", 8, 16, fma=True, rows=4, columns=3)
SSE = VectorTarget("sse", 4, 16, fma=False, rows=4, columns=2, unroll=1)
NEON = VectorTarget("neon", 4, 32, fma=True, rows=6, columns=4, unroll=4)

VECTOR_TARGETS = {target.name: target for target in (AVX512, AVX2, SSE, NEON)}
"""By name, as the options of passes spell them."""


def vector_target(arch: str, features: Iterable[str]) -> VectorTarget | None:
    """Return the vector unit of a CPU, or None if it has none that we know.

    Args:
        arch: LLVM's name of the architecture, ``x86_64`` or ``aarch64``.
        features: LLVM's names of the features that code may use.
    """
    have = frozenset(features)
    if arch == "x86_64":
        if "avx512f" in have:
            return AVX512
        return AVX2 if {"avx2", "fma"} <= have else SSE
    return NEON if arch in ("aarch64", "arm64") else None
