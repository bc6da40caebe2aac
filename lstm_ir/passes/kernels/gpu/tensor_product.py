"""h R of a slice of the units on tensor cores: 16 rows at once, products of f16 summed in f32."""

from collections.abc import Sequence

from xdsl.dialects.builtin import f16
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.gpu_matrix_ops import (
    MATRIX,
    MatrixConstantOp,
    MatrixLoadOp,
    MatrixMultiplyOp,
    MatrixStoreOp,
    MatrixType,
)
from lstm_ir.passes.kernels.gpu.slice_product import SliceProduct, Weights
from lstm_ir.passes.kernels.gpu.tensor_tile import TensorTile
from lstm_ir.passes.kernels.gpu.thread_tile import WARP
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.structured import Size


class TensorProduct(SliceProduct):
    """A product whose sums are matrices that the threads of a warp hold together.

    Matrices of weights are read as they lie in the panels, [terms, gates, units]: each line of a slice is a row.
    """

    tile: TensorTile

    @property
    def h_element(self) -> Attribute:
        """The type that h is multiplied in."""
        return f16

    def open(self) -> None:
        """Build what says which part of the sums the warp has."""
        b, tile = self.b, self.tile
        warp = b.quotient(self.thread, WARP)
        self.part = b.quotient(warp, tile.column_tiles)
        self.column = b.times(b.remainder(warp, tile.column_tiles), MATRIX)

    def fill(self, share: Size) -> Weights:
        """Build the reading of a slice's weights; returns those that stay in registers."""
        b, tile = self.b, self.tile
        start = b.at(self.tensors.places["recurrent_kernel"], b.times(share, tile.panels.panel_size))
        kept = [
            [self._matrix(b.at(start, self._line(number)), tile.columns, "BOp")]
            for number in range(tile.kept // MATRIX)
        ]
        if self.weights is not None:
            behind = b.at(start, tile.kept * tile.split * tile.columns)
            with b.loop(self.thread, tile.weights_size, tile.threads) as n:
                b.store(b.load(b.at(behind, n)), b.at(self.weights, n))
        return kept

    def write_parts(self, kept: Weights) -> None:
        """Build the warp's part of every sum."""
        b, tile = self.b, self.tile
        first = tile.kept // MATRIX
        total = b.do(MatrixConstantOp(b.number(0.0)))
        for number, (weights,) in enumerate(kept):
            total = self._multiply(number, weights, total)
        if self.weights is not None:
            weights_at = self.weights

            def more(number: SSAValue, totals: Sequence[SSAValue]) -> Sequence[SSAValue]:
                place = b.at(weights_at, self._line(b.minus(number, first)))
                return [self._multiply(number, self._matrix(place, tile.columns, "BOp"), totals[0])]

            (total,) = b.accumulate(first, tile.matrices, 1, [total], more)
        line = b.times(self.part, MATRIX * tile.columns)
        place = b.at(self.parts, line, self.column)
        b.insert(MatrixStoreOp(total, place.buffer, b.index(place.index), tile.columns))

    def parts_of(self, n: Size) -> tuple[Place, int]:
        """Return where the first part of sum n is, [rows, gates, width], and how far apart its parts are."""
        return self.b.at(self.parts, n), MATRIX * self.tile.columns

    def _line(self, number: Size) -> Size:
        """Return where a matrix of the warp's part begins among those of a slice."""
        b, tile = self.b, self.tile
        term = b.times(b.plus(b.times(number, tile.split), self.part), MATRIX)
        return b.plus(b.times(term, tile.columns), self.column)

    def _multiply(self, number: Size, weights: SSAValue, total: SSAValue) -> SSAValue:
        b, tile = self.b, self.tile
        term = b.times(b.plus(b.times(number, tile.split), self.part), MATRIX)
        h = self._matrix(b.at(self.h, term), tile.h_pitch, "AOp")
        return b.do(MatrixMultiplyOp(h, weights, total))

    def _matrix(self, place: Place, pitch: int, role: str) -> SSAValue:
        b = self.b
        return b.do(MatrixLoadOp(place.buffer, b.index(place.index), pitch, MatrixType(f16, role)))
