"""What a kernel must know of a CPU's vector unit, and the register tiles that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import AnyFloat, f32

FMA_IN_FLIGHT = 8
"""Independent sums that hide the latency of a multiply-add: 4 cycles on 2 units."""
MOST_TERMS = 4
"""Panels have a multiple of so many terms, whole iterations for every target."""


@dataclass(frozen=True)
class Tile:
    """Sums that one inner loop keeps in registers: rows x gates x vectors x split, a vector each.

    Attributes:
        rows: Rows of the left operand.
        gates: Gates, of one unit a lane.
        vectors: Vectors of units.
        split: Separate sums of a row and gate, over every split-th term, so that a multiply-add need not wait for the
            one before.
    """

    rows: int
    gates: int
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
        rows: Rows of the largest tile. Beyond 6, loads are no bottleneck any more.
        unroll: Terms of a sum handled an iteration, 1, 2 or 4. More than 2 run no faster, and compiling takes longer;
            but where a multiply-add takes one factor from a lane, LLVM keeps sums in registers with 4 only.
    """

    name: str
    lanes: int
    registers: int
    fma: bool
    rows: int
    unroll: int = 2

    def of(self, element: AnyFloat) -> "VectorTarget":
        """Return the unit as it is for f32 or a wider type: fewer lanes."""
        return replace(self, lanes=self.lanes * f32.bitwidth // element.bitwidth)

    def panel_gates(self, gates: int) -> int:
        """Return how many gates' weights stand side by side: as many as the largest tile works on at a time."""
        best = [width for width in (4, 2, 1) if gates % width == 0 and self.rows * width <= self._sums(width)]
        return best[0] if best else 1

    def tile(self, rows: int, gates: int, *, apart: bool = False) -> Tile:
        """Return the tile for a number of rows.

        Args:
            rows: 1 to the target's ``rows``.
            gates: Number of gates.
            apart: Whether each gate multiplies a left operand of its own: then a tile has one gate and more units, so
                that a value is still loaded once for several vectors.
        """
        width = self.panel_gates(gates)
        if apart:
            # More gates where there are few rows; they share nothing, but their sums do not wait for each other.
            wide = next(
                n for n in range(gates, 0, -1) if gates % n == 0 and (rows * width * n <= FMA_IN_FLIGHT or n == 1)
            )
            return Tile(rows, wide, width, self._split(rows * wide * width))
        groups = [n for n in range(gates // width, 0, -1) if (gates // width) % n == 0]
        wide = next((n * width for n in groups if rows * n * width <= self._sums(width)), width)
        return Tile(rows, wide, 1, self._split(rows * wide))

    def _split(self, sums: int) -> int:
        # Without fused multiply-add only the additions wait, and products take the registers.
        wanted = FMA_IN_FLIGHT if self.fma else FMA_IN_FLIGHT // 2
        split = 1
        while sums * split < wanted and split < self.unroll:
            split *= 2
        return split

    def _sums(self, weights: int) -> int:
        """Return how many sums fit beside the weights of one term and the value that they are multiplied by."""
        return self.registers - weights - (1 if self.registers > 16 else 0)


AVX512 = VectorTarget("avx512", 16, 32, fma=True, rows=6)
AVX2 = VectorTarget("avx2", 8, 16, fma=True, rows=6)
SSE = VectorTarget("sse", 4, 16, fma=False, rows=4)
NEON = VectorTarget("neon", 4, 32, fma=True, rows=6, unroll=4)

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
