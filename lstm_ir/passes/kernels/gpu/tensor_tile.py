"""The same cut for tensor cores, whose matrices the threads of a warp hold together."""

from dataclasses import dataclass

from lstm_ir.passes.kernels.gpu.matrices import MATRIX
from lstm_ir.passes.kernels.gpu.slice_tile import MOST_THREADS, OTHER_REGISTERS, SliceTile, registers_of
from lstm_ir.passes.kernels.gpu.thread_tile import MOST_KEPT, WARP, GpuLimits, ThreadTile
from lstm_ir.passes.kernels.panels import Panels, round_up

MATRIX_REGISTERS = 8
"""32-bit registers that each thread of a warp needs for a matrix, of f16 as of f32."""
PADDING = 8
"""Elements behind each row of h, so that its rows begin in different banks of workgroup memory. 16 bytes: rows must lie
a multiple of that apart (CUDA C++ Programming Guide, ``load_matrix_sync``)."""
LEAST_ROWS = 8
"""Rows from which on tensor cores pay: a matrix has 16, whichever of them are there."""


@dataclass(frozen=True)
class TensorTile(SliceTile):
    """A slice's product in matrices of 16 rows, 16 terms and 16 columns, the latter gates of units.

    Warp ``part column_tiles + column_tile`` sums the matrices ``part``, ``part + split`` ... of terms.
    """

    @property
    def columns(self) -> int:
        """Columns of the slice's weights, [gates, width]."""
        return self.gates * self.width

    @property
    def column_tiles(self) -> int:
        """Matrices beside each other."""
        return self.columns // MATRIX

    @property
    def matrices(self) -> int:
        """Matrices of terms of a part."""
        return self.part_depth // MATRIX

    @property
    def threads(self) -> int:
        """Threads of a workgroup."""
        return WARP * self.column_tiles * self.split

    @property
    def kept(self) -> int:
        """Terms of a part, the first ones, whose weights the warp has in registers."""
        free = registers_of(self.threads) - OTHER_REGISTERS - 4 * MATRIX_REGISTERS
        return MATRIX * max(0, min(self.matrices, min(free, MOST_KEPT) // MATRIX_REGISTERS))

    @property
    def h_pitch(self) -> int:
        """Elements between rows of h in workgroup memory."""
        return self.depth + PADDING

    @property
    def h_bytes(self) -> int:
        """Size of an element of h in workgroup memory."""
        return self.element_bytes

    @property
    def parts_size(self) -> int:
        """Elements of the parts' sums in workgroup memory, [split, rows, gates, width]."""
        return self.split * self.rows * self.columns

    @property
    def sums_size(self) -> int:
        """Elements of the whole sums in workgroup memory; a single part is whole."""
        return super().sums_size if self.split > 1 else 0

    @classmethod
    def of_slice(cls, tile: SliceTile, most_threads: int, memory: int, at_once: int) -> "TensorTile | None":
        """Return the tile in the place of another one; None where matrices do not cover it, or do not fit.

        Args:
            tile: How the scan is cut without tensor cores.
            most_threads: Threads of a workgroup at most.
            memory: Bytes of workgroup memory at most.
            at_once: Workgroups that run at once.
        """
        if tile.units % MATRIX or tile.copies > 1:
            return None
        width = tile.width
        while tile.gates * width % MATRIX:
            width += 1
        warps = min(MOST_THREADS, most_threads) // WARP // (tile.gates * width // MATRIX)
        terms = tile.units // MATRIX
        for split in range(min(warps, terms), 0, -1):
            if terms % split:
                continue
            found = cls(
                tile.gates, tile.units, width, MATRIX, split, tile.units // split, tile.copies, tile.element_bytes
            )
            fits = found.memory <= memory and found.slices <= at_once
            return found if fits and found.threads >= round_up(MATRIX * width, WARP) else None
        return None


@dataclass(frozen=True)
class TensorRows(ThreadTile):
    """What each thread of a persistent workgroup does where tensor cores multiply: 16 rows, all units.

    Attributes:
        matrices: The product, of a slice with all units.
    """

    matrices: TensorTile

    @property
    def kept(self) -> int:
        """Terms of a part, the first ones, whose weights the warp has in registers."""
        return self.matrices.kept

    @property
    def weights_size(self) -> int:
        """Elements of the other weights in workgroup memory."""
        return self.matrices.weights_size

    @property
    def memory(self) -> int:
        """Bytes of workgroup memory."""
        return self.matrices.memory

    @property
    def panels(self) -> Panels:
        """The order of the recurrent weights in memory."""
        return self.matrices.panels

    @classmethod
    def of_units(cls, limits: GpuLimits, gates: int, units: int, element_bytes: int) -> "TensorRows | None":
        """Return the tile for a layer; None where matrices do not cover it, or its weights do not fit."""
        # One part: the threads that multiply finish two units each, and meet twice a step.
        matrices = TensorTile(gates, units, units, MATRIX, 1, units, 1, element_bytes)
        if units % MATRIX or matrices.threads > limits.threads or matrices.memory > limits.memory:
            return None
        return cls(gates, units, units, 1, MATRIX, matrices.threads // units, 1, element_bytes, True, matrices)
