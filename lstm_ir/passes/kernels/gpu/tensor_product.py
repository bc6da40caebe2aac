"""h R of a slice of the units on tensor cores: 16 rows at once, products of f16 or bf16 summed in f32."""

from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.kernels.gpu.gpu_kernel import GLOBAL
from lstm_ir.passes.kernels.gpu.matrices import MATRIX, Matrices, Matrix
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
        return self.tensors.storage

    def open(self) -> None:
        """Build what says which part of the sums the warp has."""
        b, tile = self.b, self.tile
        self.matrices = Matrices(b, self.h_element)
        self.h_matrices, self.sums_matrices = self.kernel.addressed(self.h), self.kernel.addressed(self.parts)
        self.weight_matrices = None if self.weights is None else self.kernel.addressed(self.weights)
        self.all_weights = self.kernel.addressed(self.tensors.places["recurrent_kernel"], GLOBAL)
        warp = b.quotient(self.thread, WARP)
        self.part = b.quotient(warp, tile.column_tiles)
        self.column = b.times(b.remainder(warp, tile.column_tiles), MATRIX)

    def fill(self, share: Size) -> Weights:
        """Build the reading of a slice's weights; returns those that stay in registers."""
        b, tile = self.b, self.tile
        start = b.times(share, tile.panels.panel_size)
        kept = [
            self.matrices.right(self.all_weights, b.plus(start, self._line(number)), tile.columns)
            for number in range(tile.kept // MATRIX)
        ]
        if self.weights is not None:
            behind = b.at(self.tensors.places["recurrent_kernel"], start, tile.kept * tile.split * tile.columns)
            with b.loop(self.thread, tile.weights_size, tile.threads) as n:
                b.store(b.load(b.at(behind, n)), b.at(self.weights, n))
        return kept

    def write_parts(self, kept: Weights) -> None:
        """Build the warp's part of every sum."""
        b, tile = self.b, self.tile
        first = tile.kept // MATRIX
        total = self.matrices.zeros()
        for number, weights in enumerate(kept):
            total = self._multiply(number, weights, total)
        others = self.weight_matrices
        if others is not None:

            def more(number: SSAValue, total: Matrix) -> Matrix:
                weights = self.matrices.right(others, self._line(b.minus(number, first)), tile.columns)
                return self._multiply(number, weights, total)

            total = b.accumulate(first, tile.matrices, 1, total, more)
        line = b.plus(b.times(self.part, MATRIX * tile.columns), self.column)
        self.matrices.store(total, self.sums_matrices, line, tile.columns)

    def parts_of(self, n: Size) -> tuple[Place, int]:
        """Return where the first part of sum n is, [rows, gates, width], and how far apart its parts are."""
        return self.b.at(self.parts, n), MATRIX * self.tile.columns

    def _line(self, number: Size) -> Size:
        """Return where a matrix of the warp's part begins among those of a slice."""
        b, tile = self.b, self.tile
        term = b.times(b.plus(b.times(number, tile.split), self.part), MATRIX)
        return b.plus(b.times(term, tile.columns), self.column)

    def _multiply(self, number: Size, weights: Matrix, total: Matrix) -> Matrix:
        b, tile = self.b, self.tile
        term = b.times(b.plus(b.times(number, tile.split), self.part), MATRIX)
        return self.matrices.add_product(self.matrices.left(self.h_matrices, term, tile.h_pitch), weights, total)
