"""The cooperative kernel: workgroups share the units of every step and meet at a counter."""

from collections.abc import Iterator
from contextlib import contextmanager

from xdsl.dialects import arith, llvm, memref, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, i32, i64
from xdsl.ir import Block, Region, SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.kernels.scan_kernel import Carried, Part, ScanKernel
from lstm_ir.passes.kernels.scan_tensors import ALIGNMENT, one_after_another
from lstm_ir.passes.structured import Size, Tensor

PATIENCE = 2000
"""Looks at the counter before a workgroup takes over a range that nobody has begun: a few microseconds, longer than two
running workgroups are ever apart."""
COUNTER_SPACING = 16
"""i32 elements between counters, a cache line: workgroups do not disturb each other."""
_ACQUIRE = 4
"""LLVM's number of the memory ordering."""
_ADD, _MAXIMUM = 1, 6
"""MLIR's numbers of atomic changes: addi, maxs."""


class CooperativeKernel(ScanKernel):
    """One dispatch whose workgroups each own a range of unit tiles, of all rows.

    A round is one step (round 0 sets up the states). In each, a workgroup claims its own range; when it is done it
    waits for the counter of finished ranges, and after some patience claims ranges that nobody has begun. Counters only
    grow, so a claim of round n is an atomic maximum with n + 1. Nobody ever waits for a workgroup that does not run:
    a single one finishes the work alone.

    h alternates between two buffers: its next value is written while other workgroups still read the last one. The
    other states are touched by the range's owner only.
    """

    def lower(self, workers: SSAValue) -> list[SSAValue]:
        """Build the dispatch; see ``ScanKernel.lower``."""
        sizes = self.sizes
        # Scans that run at once share the cores: workgroups that spin must not keep each other from running.
        own = sizes.most(sizes.quotient(workers, self.scan.companions), 1)
        ranges = sizes.least(own, self.panels.tiles)
        tiles = sizes.quotient_up(self.panels.tiles, ranges)
        ranges = sizes.quotient_up(self.panels.tiles, tiles)
        steps = self.chunk_steps(self.batch)
        _, scratch = self._scratch(sizes, self.batch, ranges, steps)
        counters_size = sizes.times(sizes.plus(ranges, 1), COUNTER_SPACING)
        counters = self.host.full(Tensor((counters_size,), i32), 0)
        self.declare(ranges, scratch, [ranges, tiles, steps, counters_size], updates=[counters])
        return self.kernel.dispatch()[:-2]

    def build(self) -> ExecutableOp:
        """Build the kernel; see ``ScanKernel.build``."""
        memory, ranges, tiles, steps, counters_size = self.open()
        counters = self.kernel.source(len(self.kernel.reads) - 1, counters_size)
        self._build(ranges, tiles, steps, memory, counters)
        return self.kernel.executable()

    def _scratch(self, sizes: IndexBuilder, rows: Size, ranges: Size, steps: Size) -> tuple[list[Size], Size]:
        """Return where the parts of the scratch begin, and its size; alike on the host and in the kernel."""
        lines = sizes.times(rows, self.width)
        copies = self.gates if self.scan.input_dropout is not None else 1
        dropped = sizes.times(lines, self.gates) if self.scan.recurrent_dropout is not None else 0
        parts = [
            *(lines for _ in range(len(self.scan.init) + 1)),
            dropped,
            dropped,
            sizes.round_up(sizes.times(steps, rows, self.line), ALIGNMENT),
            # Each range has inputs and flags of its own: no workgroup reads what another one writes within a round.
            sizes.times(ranges, steps, rows, copies * self.padded_features),
            sizes.times(ranges, sizes.round_up(rows, ALIGNMENT)),
        ]
        return one_after_another(sizes, parts)

    def _build(self, ranges: Size, tiles: Size, steps: Size, memory: Place, counters: Place) -> None:
        b = self.b
        group = b.do(WorkgroupIdOp())
        starts, _ = self._scratch(b, self.batch, ranges, steps)
        here, there, *states, dropped_here, dropped_there, sums, inputs, begun = [b.at(memory, s) for s in starts]
        meeting = Meeting(b, counters, ranges)
        with b.loop(0, b.plus(self.time, 1)) as number, meeting.round(group, number) as share:
            is_odd = b.compare(b.remainder(number, 2), "ne", 0)

            def alternate(first: Place, second: Place) -> Place:
                chosen = arith.SelectOp(is_odd, b.index(first.index), b.index(second.index))
                return Place(first.buffer, b.do(chosen))

            drops = self.scan.recurrent_dropout is not None
            before = Carried(
                (alternate(here, there), *states), alternate(dropped_here, dropped_there) if drops else None
            )
            after = Carried(
                (alternate(there, here), *states), alternate(dropped_there, dropped_here) if drops else None
            )
            first = b.times(share, tiles)
            last = b.least(b.plus(first, tiles), self.panels.tiles)
            part = Part(0, self.batch, (first, last))
            flags = b.at(begun, b.times(share, b.round_up(self.batch, ALIGNMENT)))
            own = b.at(inputs, b.times(share, b.quotient(b.minus(starts[-1], starts[-2]), ranges)))

            def advance() -> None:
                self._step(part, b.minus(number, 1), steps, own, sums, before, after, flags)

            b.either(b.compare(number, "eq", 0), lambda: self.start(part, after, flags), advance)

    def _step(
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


class Meeting:
    """Counters at which workgroups share the ranges of a round.

    Args:
        b: Where to build.
        counters: i32, zero before the dispatch: finished ranges, then the last claimed round of each range.
        ranges: Number of ranges, and of workgroups.
    """

    def __init__(self, b: KernelBuilder, counters: Place, ranges: Size) -> None:
        self.b, self.counters, self.ranges = b, counters, ranges
        address = b.do(memref.ExtractAlignedPointerAsIndexOp.get(counters.buffer))
        self.finished = b.do(llvm.IntToPtrOp(b.do(arith.IndexCastOp(address, i64))))

    @contextmanager
    def round(self, group: SSAValue, number: SSAValue) -> Iterator[SSAValue]:
        """Build, in the ``with``, what is done for a range in a round; it gets the range.

        Args:
            group: The workgroup, which owns the range of its number.
            number: The round, counted from 0.
        """
        b = self.b
        stamp = b.do(arith.IndexCastOp(b.index(b.plus(number, 1)), i32))
        target = b.do(arith.MuliOp(stamp, b.do(arith.IndexCastOp(b.index(self.ranges), i32))))
        with b.loop(0, self.ranges) as turn:
            share = b.index(b.remainder(b.plus(group, turn), self.ranges))
            is_own = b.compare(turn, "eq", 0)
            self._wait(target, b.do(arith.SelectOp(is_own, b.index(0), b.index(PATIENCE))))
            with b.when(self._is_behind(target)):
                claim = b.times(b.plus(share, 1), COUNTER_SPACING)
                was = self._change(_MAXIMUM, stamp, claim)
                with b.when(b.do(arith.CmpiOp(was, stamp, "slt"))):
                    yield share
                    self._change(_ADD, b.integer(1, i32), 0)
        self._wait(target, None)

    def _is_behind(self, target: SSAValue) -> SSAValue:
        """Build a look at the counter of finished ranges: whether it is below a number."""
        finished = self.b.do(llvm.LoadOp(self.finished, i32, alignment=4, ordering=_ACQUIRE))
        return self.b.do(arith.CmpiOp(finished, target, "slt"))

    def _wait(self, target: SSAValue, looks: SSAValue | None) -> None:
        """Build the wait for the counter to reach a number, for some looks at most."""
        b = self.b
        types = [] if looks is None else [IndexType()]
        before, after = Block(arg_types=types), Block(arg_types=types)
        with b.inside(before):
            go_on = self._is_behind(target)
            if looks is not None:
                go_on = b.do(arith.AndIOp(b.compare(before.args[0], "ne", 0), go_on))
            b.insert(scf.ConditionOp(go_on, *before.args))
        with b.inside(after):
            b.insert(scf.YieldOp(*[b.index(b.minus(left, 1)) for left in after.args]))
        b.insert(scf.WhileOp([] if looks is None else [looks], types, Region(before), Region(after)))

    def _change(self, kind: int, value: SSAValue, index: Size) -> SSAValue:
        """Build the atomic change of a counter; returns what it was."""
        op = memref.AtomicRMWOp.build(
            operands=[value, self.counters.buffer, [self.b.index(index)]],
            properties={"kind": IntegerAttr(kind, i64)},
            result_types=[i32],
        )
        return self.b.do(op)
