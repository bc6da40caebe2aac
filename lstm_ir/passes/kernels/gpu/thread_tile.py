"""How the work of a step is cut for the threads of a workgroup."""

from dataclasses import dataclass, replace

from lstm_ir.passes.kernels.panels import Panels, round_up
from lstm_ir.passes.kernels.vector_target import MOST_TERMS

SHARED_ALIGNMENT = 32
"""Bytes: elements of workgroup memory that lie together are read together."""
UNROLL = MOST_TERMS
"""Terms of a sum that a thread handles an iteration."""
REGISTERS = 1 << 16
"""32-bit registers of a multiprocessor, of every NVIDIA GPU since 2012; others have no fewer for a workgroup."""
OTHER_REGISTERS = 56
"""What a thread needs beside the weights that it keeps."""
MOST_KEPT = 128
"""Weights that a thread keeps at most: it can have 255 registers."""
WARP = 32
"""Units are padded to a multiple of this, so that threads which work together read memory that lies together."""
MOST_SPLIT = 8
"""Parts that a sum is cut into at most."""
MOST_SUMS = 64
"""Sums that a thread has at once at most."""


@dataclass(frozen=True)
class GpuLimits:
    """What a workgroup may have, and how many there are.

    Attributes:
        threads: Threads at most.
        memory: Bytes of workgroup memory at most.
        multiprocessors: How many workgroups run at once, each on a multiprocessor of its own; 0 where nobody says so.
        pointers: Whether kernels may use LLVM's pointers, and so read memory past a multiprocessor's cache.
        tensor_cores: Types whose matrices subgroups multiply: f16, bf16.
    """

    threads: int
    memory: int
    multiprocessors: int = 0
    pointers: bool = False
    tensor_cores: tuple[str, ...] = ()


@dataclass(frozen=True)
class ThreadTile:
    """What each thread of a workgroup does in a step.

    Thread ``part lanes + lane`` sums part ``part`` of the terms, for unit ``lane`` of every unit tile, all gates and
    all rows. Then the sums of the parts meet, and each (unit tile, row) pair is finished by one part's thread.

    Attributes:
        gates: G.
        units: U.
        lanes: Units of a tile.
        tiles: Unit tiles.
        rows: Rows of the batch.
        split: Parts of a sum.
        copies: How many h there are: one, or one a gate where each has a dropout mask.
        element_bytes: Size of a weight.
        keeps_weights: Whether the weights stay in registers and workgroup memory for all steps.
    """

    gates: int
    units: int
    lanes: int
    tiles: int
    rows: int
    split: int
    copies: int
    element_bytes: int
    keeps_weights: bool

    @property
    def threads(self) -> int:
        """Threads of a workgroup."""
        return self.lanes * self.split

    @property
    def panels(self) -> Panels:
        """The order of the recurrent weights in memory."""
        return Panels(self.gates, self.units, self.units, self.lanes, self.gates)

    @property
    def depth(self) -> int:
        """Terms of a sum, padded so that all parts have as many."""
        return self.panels.depth

    @property
    def part_depth(self) -> int:
        """Terms of a part."""
        return self.depth // self.split

    @property
    def pairs(self) -> int:
        """(unit tile, row) pairs that a thread finishes at most."""
        return -(-self.tiles * self.rows // self.split)

    @property
    def h_size(self) -> int:
        """Elements of h of all rows, in workgroup memory."""
        return self.copies * self.rows * self.depth

    @property
    def h_buffers(self) -> int:
        """How many h take turns: where sums meet, all have read h before it is written."""
        return 1 if self.split > 1 else 2

    @property
    def sums_size(self) -> int:
        """Elements of the parts' sums in workgroup memory."""
        return 0 if self.split == 1 else self.tiles * self.rows * self.gates * self.threads

    @property
    def kept(self) -> int:
        """Terms of a part, the first ones, whose weights a thread has in registers, if the weights stay."""
        if not self.keeps_weights:
            return 0
        free = REGISTERS // self.threads - OTHER_REGISTERS - self.tiles * self.rows * self.gates
        terms = max(0, min(free, MOST_KEPT)) // (self.tiles * self.gates)
        return self.part_depth if terms >= self.part_depth else terms // UNROLL * UNROLL

    @property
    def weights_size(self) -> int:
        """Elements of the other weights in workgroup memory, [tiles, terms, gates, threads], if the weights stay."""
        rest = self.part_depth - self.kept if self.keeps_weights else 0
        return self.tiles * rest * self.gates * self.threads

    @property
    def memory(self) -> int:
        """Bytes of workgroup memory."""
        numbers = (4 * self.h_buffers * self.h_size, 4 * self.sums_size, self.element_bytes * self.weights_size)
        return sum(round_up(size, SHARED_ALIGNMENT) for size in numbers)

    @classmethod
    def of(
        cls, limits: GpuLimits, gates: int, units: int, *, batch: int | None, copies: int, element_bytes: int = 4
    ) -> "ThreadTile | None":
        """Return the tile for a scan; None if h does not fit into workgroup memory.

        Args:
            limits: What a workgroup may have.
            gates: G.
            units: U.
            batch: B, or None if it is open.
            copies: How many h there are.
            element_bytes: Size of a weight.
        """
        lanes = min(round_up(units, WARP), limits.threads // WARP * WARP)
        tiles = -(-units // lanes)
        for rows in _rows(batch):
            best = mixed = None
            for split in range(1, MOST_SPLIT + 1):
                tile = cls(gates, units, lanes, tiles, rows, split, copies, element_bytes, keeps_weights=False)
                if not tile._fits(limits):
                    continue
                kept = replace(tile, keeps_weights=True)
                if kept.weights_size == 0:
                    return kept
                if kept.memory <= limits.memory:
                    mixed = kept
                if split & (split - 1) == 0:
                    best = tile
            if mixed is not None or best is not None:
                return mixed or best
        return None

    def _fits(self, limits: GpuLimits) -> bool:
        return (
            self.threads <= limits.threads
            and self.depth % (self.split * UNROLL) == 0
            and self.memory <= limits.memory
            and (self.rows == 1 or self.tiles * self.rows * self.gates <= MOST_SUMS)
        )


def _rows(batch: int | None) -> tuple[int, ...]:
    """Return how many rows a workgroup may take, the best number first.

    A row more costs nothing while a step waits for its weights; but rows in other workgroups run beside it.
    """
    if batch is None or batch < 256:
        return (1,)
    return (2, 1) if batch < 1024 else (4, 2, 1)
