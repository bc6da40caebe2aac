"""Which workgroups of a dispatch run at once, found out as they begin: those may wait for each other."""

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, i32
from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.gpu.words import Words, wait_until
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder

PATIENCE = 4096
"""Looks at the number of workgroups that have begun, before those that have not are left out: milliseconds on a GPU,
where all begin within microseconds unless something else runs there."""
CLOSED = 1 << 30
"""The bit of the count that says that nobody else takes part."""
SPACING = 32
"""Words between those of the census, and behind them: a cache line."""
CENSUS_WORDS = 2 * SPACING
"""Words of global memory that a census needs, zeros before."""


@dataclass(frozen=True)
class Census:
    """What a workgroup knows once the census is closed.

    Attributes:
        number: Its number among those that take part; not below ``count`` where it does not.
        count: How many take part, at least one.
    """

    number: SSAValue
    count: SSAValue


def take_census(kernel: GpuKernel, words: Words, workgroups: int) -> Census:
    """Build the census.

    Each workgroup draws a number when it begins. The first one waits for the others, not for long, and closes the
    census; all that have begun by then take part, and whoever begins later finds it closed and has nothing to do.
    Nobody waits for a workgroup that has not begun, so nothing hangs where not all can run at once (Sorensen et al.,
    "Portable inter-workgroup barrier synchronisation for GPUs", OOPSLA 2016).

    Args:
        kernel: The kernel.
        words: Global memory, zeros before the dispatch; the first ``CENSUS_WORDS`` are the census's.
        workgroups: Workgroups of the dispatch.
    """
    b = kernel.b
    told = kernel.shared(1, i32)
    count, participants = 0, SPACING

    def integer(value: int) -> SSAValue:
        return b.integer(value, i32)

    def are_missing() -> tuple[SSAValue, list[SSAValue]]:
        return b.do(arith.CmpiOp(words.read(count), integer(workgroups), "slt")), []

    def is_open() -> tuple[SSAValue, list[SSAValue]]:
        found = words.read(participants)
        return b.do(arith.CmpiOp(found, integer(0), "eq")), [found]

    is_first_thread = b.compare(kernel.thread(), "eq", 0)
    with b.when(is_first_thread):
        b.store(words.add(integer(1), count), told)
    kernel.meet()
    number = b.load(told)
    # All threads look, though one would do: loops where only some threads are have ended too early on lavapipe.
    with b.when(b.do(arith.CmpiOp(number, integer(0), "eq"))):
        wait_until(b, are_missing, PATIENCE)
        with b.when(is_first_thread):
            words.add(words.set_bits(integer(CLOSED), count), participants)
    (found,) = wait_until(b, is_open)
    return Census(_index(b, number), _index(b, found))


def _index(b: KernelBuilder, value: SSAValue) -> SSAValue:
    return b.do(arith.IndexCastOp(value, IndexType()))
