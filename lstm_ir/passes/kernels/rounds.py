"""What kernels have in common whose workgroups share the units of every step: a round of their work."""

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.kernels.scan_kernel import Carried, Part, ScanKernel
from lstm_ir.passes.kernels.scan_tensors import ALIGNMENT, one_after_another
from lstm_ir.passes.structured import Size


@dataclass(frozen=True)
class Split:
    """How a round is split.

    Attributes:
        rows: Rows of a block of the batch; the last one may have fewer.
        ranges: Ranges of unit tiles of a block, independent of each other within a round.
        tiles: Unit tiles of a range; the last one may have fewer.
        steps: Steps of a chunk, whose inputs are projected at once.
    """

    rows: Size
    ranges: Size
    tiles: Size
    steps: Size


class RoundKernel(ScanKernel):
    """A scan in rounds: round 0 sets up the states, round n is visited step n - 1, the last one writes the results.

    Within a round, ranges of unit tiles of all rows are independent: h alternates between two buffers, so that its next
    value is written while others still read the last one; the other states are touched by their range only.
    """

    def split(self, workers: SSAValue) -> Split:
        """Return how rounds are split, on the host: all rows are one block, and each worker has a range."""
        sizes = self.sizes
        # Scans that run at once share the cores: workgroups that spin must not keep each other from running.
        own = sizes.most(sizes.quotient(workers, self.scan.companions), 1)
        ranges = sizes.least(own, self.panels.tiles)
        tiles = sizes.quotient_up(self.panels.tiles, ranges)
        return Split(self.batch, sizes.quotient_up(self.panels.tiles, tiles), tiles, self.chunk_steps(self.batch))

    def scratch(self, sizes: IndexBuilder, split: Split) -> tuple[list[Size], Size]:
        """Return where the parts of a block's scratch begin, and its size; alike on the host and in the kernel."""
        rows = split.rows
        lines = sizes.times(rows, self.width)
        copies = self.gates if self.scan.input_dropout is not None else 1
        dropped = sizes.times(lines, self.gates) if self.scan.recurrent_dropout is not None else 0
        parts = [
            *(lines for _ in range(len(self.scan.init) + 1)),
            dropped,
            dropped,
            sizes.round_up(sizes.times(split.steps, rows, self.line), ALIGNMENT),
            # Each range has inputs and flags of its own: no workgroup reads what another one writes within a round.
            sizes.times(split.ranges, split.steps, rows, copies * self.padded_features),
            sizes.times(split.ranges, sizes.round_up(rows, ALIGNMENT)),
        ]
        return one_after_another(sizes, parts)

    def round(
        self, number: SSAValue, block: Size, share: SSAValue, split: Split, memory: Place, starts: list[Size]
    ) -> None:
        """Build a range's share of a round.

        Args:
            number: The round.
            block: The block of rows.
            share: The range of its units.
            split: How rounds are split.
            memory: The block's scratch.
            starts: Where its parts begin.
        """
        b = self.b
        here, there, *states, dropped_here, dropped_there, sums, inputs, begun = [b.at(memory, s) for s in starts]
        is_odd = b.compare(b.remainder(number, 2), "ne", 0)

        def alternate(first: Place, second: Place) -> Place:
            chosen = arith.SelectOp(is_odd, b.index(first.index), b.index(second.index))
            return Place(first.buffer, b.do(chosen))

        drops = self.scan.recurrent_dropout is not None
        before = Carried((alternate(here, there), *states), alternate(dropped_here, dropped_there) if drops else None)
        after = Carried((alternate(there, here), *states), alternate(dropped_there, dropped_here) if drops else None)
        first = b.times(share, split.tiles)
        last = b.least(b.plus(first, split.tiles), self.panels.tiles)
        row = b.times(block, split.rows)
        rows = self.batch if row == 0 else b.least(split.rows, b.minus(self.batch, row))
        part = Part(row, rows, (first, last))
        flags = b.at(begun, b.times(share, b.round_up(split.rows, ALIGNMENT)))
        own = b.at(inputs, b.times(share, b.quotient(b.minus(starts[-1], starts[-2]), split.ranges)))

        def advance() -> None:
            self._advance(part, b.minus(number, 1), split.steps, own, sums, before, after, flags)

        b.either(b.compare(number, "eq", 0), lambda: self.start(part, after, flags), advance)

    def _advance(
        self,
        part: Part,
        k: Size,
        steps: Size,
        inputs: Place,
        sums: Place,
        before: Carried,
        after: Carried,
        begun: Place,
    ) -> None:
        b = self.b
        place = b.remainder(k, steps)
        with b.when(b.compare(place, "eq", 0)):
            self.project(part, k, b.least(steps, b.minus(self.time, k)), inputs, sums)
        self.step(part, k, b.at(sums, b.times(place, part.rows, self.line)), before, after, begun)
        with b.when(b.compare(k, "eq", b.minus(self.time, 1))):
            self.finish(part, after, begun)
