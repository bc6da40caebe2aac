"""The step kernel: one dispatch a step; its end is where workgroups meet."""

from abc import abstractmethod
from dataclasses import replace

from xdsl.dialects import scf
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.rounds import RoundKernel, Split
from lstm_ir.passes.structured import Size, TensorBuilder


class StepKernel(RoundKernel):
    """One dispatch a round; each workgroup has a block of rows, and of that a range of unit tiles.

    The dispatch of round 0 makes the results and the scratch, the others update them in place. The states that the scan
    starts from are only read, by round 0: a tensor of the caller must not be updated.
    """

    def lower(self, workers: SSAValue) -> list[SSAValue]:
        """Build the dispatches; see ``ScanKernel.lower``."""
        sizes = self.sizes
        split, blocks = self._blocks(workers)
        _, each = self.scratch(sizes, split)
        # The round: its value is that of round 0; every other dispatch is handed its own.
        self.number = self.host.index(0)
        numbers = [self.number, split.rows, split.ranges, split.tiles, split.steps]
        self.declare(sizes.times(blocks, split.ranges), sizes.times(blocks, each), numbers)
        return self.steps(self.kernel.dispatch())[:-1]

    def build(self) -> ExecutableOp:
        """Build the kernel; see ``ScanKernel.build``."""
        memory, number, *numbers = self.open()
        split, b = Split(*numbers), self.b
        group = b.do(WorkgroupIdOp())
        starts, each = self.scratch(b, split)
        block, share = b.quotient(group, split.ranges), b.index(b.remainder(group, split.ranges))
        self.round(number, block, share, split, b.at(memory, b.times(block, each)), starts)
        return self.kernel.executable()

    @abstractmethod
    def steps(self, current: list[SSAValue]) -> list[SSAValue]:
        """Build rounds 1 to T on the tensors that round 0 has made; returns them after the last one."""

    def chain(self, at: TensorBuilder, first: Size, count: int, current: list[SSAValue]) -> list[SSAValue]:
        """Build some rounds one after the other on tensors as the round before has left them; returns them after."""
        numbers = IndexBuilder(at.insertion_point)
        # In the place of the states to start from, which round 0 alone reads, stands something else: IREE 3.13 cannot
        # schedule a fill that two host loops with work between them hand to their dispatches.
        unread = dict.fromkeys(self.scan.init, self.scan.input)
        for step in range(count):
            number = at.index(numbers.plus(first, step))
            current = self.kernel.dispatch(at, {self.number: number, **unread}, current)
        return current

    def repeat(self, end: Size, count: int, current: list[SSAValue]) -> list[SSAValue]:
        """Build a host loop over chains of ``count`` rounds, from round 1 up to before an end; returns as ``chain``."""
        host = self.host
        block = Block(arg_types=[IndexType(), *(value.type for value in current)])
        inner = TensorBuilder.at_end(block)
        inner.insert(scf.YieldOp(*self.chain(inner, block.args[0], count, list(block.args[1:]))))
        loop = scf.ForOp(host.index(1), host.index(end), host.index(count), current, block)
        return list(host.insert(loop).results)

    def _blocks(self, workers: SSAValue) -> tuple[Split, Size]:
        """Return how rounds are split, and the number of blocks: workers that units leave over share the rows."""
        sizes = self.sizes
        split = self.split(workers)
        spare = sizes.most(sizes.quotient(workers, sizes.times(split.ranges, self.scan.companions)), 1)
        rows = sizes.quotient_up(self.batch, sizes.least(spare, self.batch))
        return replace(split, rows=rows, steps=self.chunk_steps(rows)), sizes.quotient_up(self.batch, rows)
