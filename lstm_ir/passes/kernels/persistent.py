"""The persistent kernel: a workgroup owns rows of the batch and takes them through all steps."""

from xdsl.ir import SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.kernels.scan_kernel import Carried, Part, ScanKernel
from lstm_ir.passes.kernels.scan_tensors import ALIGNMENT, one_after_another
from lstm_ir.passes.structured import Size


class PersistentKernel(ScanKernel):
    """One dispatch over blocks of rows; its time loop is inside, nothing is shared between workgroups.

    For a chunk of steps at a time: the inputs' projection, then the steps. A step replaces the states in place.
    """

    def lower(self, workers: SSAValue) -> list[SSAValue]:
        """Build the dispatch; see ``ScanKernel.lower``."""
        sizes = self.sizes
        workgroups = sizes.least(workers, self.batch)
        rows = sizes.quotient_up(self.batch, workgroups)
        steps = self.chunk_steps(rows)
        _, each = self._scratch(sizes, rows, steps)
        self.declare(workgroups, sizes.times(each, workgroups), [rows, steps])
        return self.kernel.dispatch()[:-1]

    def build(self) -> ExecutableOp:
        """Build the kernel; see ``ScanKernel.build``."""
        self._build(*self.open())
        return self.kernel.executable()

    def _scratch(self, sizes: IndexBuilder, rows: Size, steps: Size) -> tuple[list[Size], Size]:
        """Return where the parts of a workgroup's scratch begin, and its size; alike on the host and in the kernel."""
        lines = sizes.times(rows, self.width)
        copies = self.gates if self.scan.input_dropout is not None else 1
        parts = [
            *(lines for _ in self.scan.init),
            sizes.times(lines, self.gates) if self.scan.recurrent_dropout is not None else 0,
            sizes.round_up(sizes.times(steps, rows, self.line), ALIGNMENT),
            sizes.times(steps, rows, copies * self.padded_features),
            sizes.round_up(rows, ALIGNMENT),
        ]
        return one_after_another(sizes, parts)

    def _build(self, memory: Place, rows: Size, steps: Size) -> None:
        b = self.b
        group = b.do(WorkgroupIdOp())
        starts, size = self._scratch(b, rows, steps)
        mine = b.at(memory, b.times(group, size))
        *states, dropped, sums, inputs, begun = [b.at(mine, start) for start in starts]
        carried = Carried(tuple(states), None if self.scan.recurrent_dropout is None else dropped)
        first = b.times(group, rows)
        part = Part(first, b.least(rows, b.minus(self.batch, first)), (0, self.panels.tiles))
        self.start(part, carried, begun)
        with b.loop(0, self.time, steps) as t0:
            count = b.least(steps, b.minus(self.time, t0))
            self.project(part, t0, count, inputs, sums)
            with b.loop(0, count) as s:
                step_sums = b.at(sums, b.times(s, part.rows, self.line))
                self.step(part, b.plus(t0, s), step_sums, carried, carried, begun)
        self.finish(part, carried, begun)
