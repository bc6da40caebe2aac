"""The cooperative kernel: workgroups share the units of every step and meet at a counter."""

from collections.abc import Iterator
from contextlib import contextmanager

from xdsl.dialects import arith, llvm, memref, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, i32, i64
from xdsl.ir import Block, Region, SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, WorkgroupIdOp
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.kernels.rounds import RoundKernel, Split
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


class CooperativeKernel(RoundKernel):
    """One dispatch whose workgroups each own a range of unit tiles, of all rows, and meet after every round.

    In each round, a workgroup claims its own range; when it is done it waits for the counter of finished ranges, and
    after some patience claims ranges that nobody has begun. Counters only grow, so a claim of round n is an atomic
    maximum with n + 1. Nobody ever waits for a workgroup that does not run: a single one finishes the work alone.
    """

    def lower(self, workers: SSAValue) -> list[SSAValue]:
        """Build the dispatch; see ``ScanKernel.lower``."""
        sizes = self.sizes
        split = self.split(workers)
        _, scratch = self.scratch(sizes, split)
        counters_size = sizes.times(sizes.plus(split.ranges, 1), COUNTER_SPACING)
        counters = self.host.full(Tensor((counters_size,), i32), 0)
        self.declare(split.ranges, scratch, [split.ranges, split.tiles, split.steps, counters_size], updates=[counters])
        return self.kernel.dispatch()[:-2]

    def build(self) -> ExecutableOp:
        """Build the kernel; see ``ScanKernel.build``."""
        memory, *numbers, counters_size = self.open()
        split = Split(self.batch, *numbers)
        counters = self.kernel.result(len(self.kernel.writes), counters_size)
        b = self.b
        group = b.do(WorkgroupIdOp())
        starts, _ = self.scratch(b, split)
        meeting = Meeting(b, counters, split.ranges)
        with b.loop(0, b.plus(self.time, 1)) as number, meeting.round(group, number) as share:
            self.round(number, 0, share, split, memory, starts)
        return self.kernel.executable()


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
