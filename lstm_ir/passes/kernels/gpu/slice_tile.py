"""How the units of a layer are cut for workgroups that share every step, and a step's work for their threads."""

from dataclasses import dataclass

from lstm_ir.passes.kernels.gpu.thread_tile import MOST_KEPT, REGISTERS, SHARED_ALIGNMENT, UNROLL, WARP, GpuLimits
from lstm_ir.passes.kernels.panels import Panels, round_up

LEAST_WIDTH = 4
"""Units of a slice at least: of fewer, the gates of a term would not fill a read."""
MOST_THREADS = 512
"""Threads of a workgroup at most: the parts' sums take as much workgroup memory as there are threads."""
MOST_ROWS = 8
"""Rows whose sums a thread has at once at most."""
OPEN_ROWS = 4
"""Those where the batch is open: rows that are not there cost a product, rows that take a turn of their own the
exchange."""
OTHER_REGISTERS = 80
"""What a thread needs beside its weights and sums: the words that it looks at among them."""
CENSUS_BYTES = 8
"""What the workgroup's number and how many take part need in workgroup memory."""


def registers_of(threads: int) -> int:
    """Return how many registers each of some threads can have: four warps, and eight registers, go together."""
    return REGISTERS // round_up(threads, 4 * WARP) // 8 * 8


@dataclass(frozen=True)
class SliceTile:
    """What each workgroup does for the whole sequence, and each of its threads in a step.

    Workgroup s has units ``s width`` to ``(s + 1) width`` and keeps their recurrent weights, in registers first. In a
    step it takes rows of the batch in tiles. Thread ``part width + lane`` sums the terms ``part``, ``part + split``,
    ``part + 2 split`` ... for unit ``lane`` of the slice, all gates and all rows of the tile: threads that work
    together read weights that lie together. Then the sums of the parts meet, and each (row, unit) is finished by one
    thread.

    Attributes:
        gates: G.
        units: U.
        width: Units of a slice.
        rows: Rows of a tile.
        split: Parts of a sum.
        part_depth: Terms of a part.
        copies: How many h there are: one, or one a gate where each has a dropout mask.
        element_bytes: Size of a weight.
    """

    gates: int
    units: int
    width: int
    rows: int
    split: int
    part_depth: int
    copies: int
    element_bytes: int

    @property
    def slices(self) -> int:
        """Slices, and workgroups."""
        return -(-self.units // self.width)

    @property
    def threads(self) -> int:
        """Threads of a workgroup: one for each unit and part, and for each unit and row."""
        return round_up(self.width * max(self.split, self.rows), WARP)

    @property
    def panels(self) -> Panels:
        """The order of the recurrent weights in memory."""
        return Panels(self.gates, self.units, self.units, self.width, self.gates)

    @property
    def depth(self) -> int:
        """Terms of a sum, padded so that all parts have as many."""
        return self.split * self.part_depth

    @property
    def kept(self) -> int:
        """Terms of a part, the first ones, whose weights the thread has in registers."""
        free = registers_of(self.threads) - OTHER_REGISTERS - self.rows * self.gates
        terms = max(0, min(free, MOST_KEPT)) // self.gates
        return self.part_depth if terms >= self.part_depth else terms // UNROLL * UNROLL

    @property
    def weights_size(self) -> int:
        """Elements of a slice's other weights in workgroup memory, [terms, width, gates]."""
        return (self.part_depth - self.kept) * self.split * self.width * self.gates

    @property
    def h_pitch(self) -> int:
        """Elements between rows of h in workgroup memory."""
        return self.depth

    @property
    def h_size(self) -> int:
        """Elements of h in workgroup memory, [copies, rows, pitch]."""
        return self.copies * self.rows * self.h_pitch

    @property
    def h_bytes(self) -> int:
        """Size of an element of h in workgroup memory."""
        return 4

    @property
    def parts_size(self) -> int:
        """Elements of the parts' sums in workgroup memory, [rows, gates, threads]."""
        return self.rows * self.gates * self.threads

    @property
    def sums_size(self) -> int:
        """Elements of the whole sums in workgroup memory, [rows, gates, width]."""
        return self.rows * self.gates * self.width

    @property
    def memory(self) -> int:
        """Bytes of workgroup memory."""
        weights = self.element_bytes * self.weights_size
        numbers = [self.h_bytes * self.h_size, 4 * self.parts_size, 4 * self.sums_size]
        return sum(round_up(part, SHARED_ALIGNMENT) for part in (weights, *numbers, CENSUS_BYTES))

    @classmethod
    def of(
        cls,
        limits: GpuLimits,
        gates: int,
        units: int,
        *,
        element_bytes: int,
        batch: int | None,
        copies: int,
        companions: int,
    ) -> "SliceTile | str":
        """Return the tile for a scan, or why there is none.

        Args:
            limits: What a workgroup may have, and how many run at once.
            gates: G.
            units: U.
            element_bytes: Size of a weight.
            batch: B, or None if it is open.
            copies: How many h there are.
            companions: Scans that may run at once, and share the multiprocessors.
        """
        if limits.multiprocessors == 0:
            return "workgroups would wait for each other, and nobody says how many run at once on this target"
        at_once = limits.multiprocessors // companions
        if at_once == 0:
            return f"the target is said to run {limits.multiprocessors} workgroups at once, for {companions} scans"
        width = max(LEAST_WIDTH, -(-units // at_once))
        threads = min(MOST_THREADS, limits.threads // WARP * WARP)
        part_depth = round_up(-(-units // max(1, threads // width)), UNROLL)
        split = -(-units // part_depth)
        most = OPEN_ROWS if batch is None else min(MOST_ROWS, max(1, batch))
        for rows in (8, 4, 2, 1):
            tile = cls(gates, units, width, rows, split, part_depth, copies, element_bytes)
            if rows < 2 * most and tile.threads <= limits.threads and tile.memory <= limits.memory:
                return tile
        weights = element_bytes * gates * units * width
        return (
            f"the recurrent weights of {units} units on {at_once} workgroups, {weights} bytes each, and their h do not"
            f" fit into {limits.memory} bytes of workgroup memory"
        )
