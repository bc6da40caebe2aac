"""Words of global memory that workgroups hand to each other while they run."""

from collections.abc import Callable

from xdsl.dialects import arith, llvm, memref, scf
from xdsl.dialects.builtin import IntegerAttr, i32, i64
from xdsl.ir import Block, Region, SSAValue

from lstm_ir.passes.kernels.gpu.gpu_kernel import GLOBAL, GpuKernel
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.structured import Size

_ADD, _AND, _OR = 1, 2, 14
"""MLIR's numbers of atomic changes: addi, andi, ori."""
_RELAXED = 2
"""LLVM's number of the memory ordering: each word by itself, which is all that is asked for."""


class Words:
    """i32 words that are read and written as wholes, past what a multiprocessor keeps of them.

    A write takes two atomic changes here, and is seen as 0 between them: 0 must mean nothing.

    Args:
        b: Where to build.
        start: The first word.
    """

    def __init__(self, b: KernelBuilder, start: Place) -> None:
        self.b, self.start = b, start

    def add(self, value: SSAValue, index: Size) -> SSAValue:
        """Build an addition to a word; returns what it was."""
        return self._change(_ADD, value, index)

    def set_bits(self, value: SSAValue, index: Size) -> SSAValue:
        """Build the setting of a word's bits; returns what it was."""
        return self._change(_OR, value, index)

    def read(self, index: Size) -> SSAValue:
        """Build a look at a word."""
        return self._change(_OR, self.b.integer(0, i32), index)

    def write(self, value: SSAValue, index: Size) -> None:
        """Build a write of a word that nobody else writes."""
        self._change(_AND, self.b.integer(0, i32), index)
        self._change(_OR, value, index)

    def _change(self, kind: int, value: SSAValue, index: Size) -> SSAValue:
        place = self.b.at(self.start, index)
        op = memref.AtomicRMWOp.build(
            operands=[value, place.buffer, [self.b.index(place.index)]],
            properties={"kind": IntegerAttr(kind, i64)},
            result_types=[i32],
        )
        return self.b.do(op)


class PointerWords(Words):
    """Words for compilers that know LLVM's pointers: a read is a load and a write a store, both relaxed.

    Args:
        kernel: The kernel.
        start: The first word.
    """

    def __init__(self, kernel: GpuKernel, start: Place) -> None:
        super().__init__(kernel.b, start)
        self.memory = kernel.addressed(start, GLOBAL)

    def read(self, index: Size) -> SSAValue:
        """Build a look at a word."""
        return self.b.do(llvm.LoadOp(self.memory.pointer(index), i32, alignment=4, ordering=_RELAXED))

    def write(self, value: SSAValue, index: Size) -> None:
        """Build a write of a word that nobody else writes."""
        self.b.insert(llvm.StoreOp(value, self.memory.pointer(index), alignment=4, ordering=_RELAXED))


def wait_until(
    b: KernelBuilder, look: Callable[[], tuple[SSAValue, list[SSAValue]]], looks: int | None = None
) -> list[SSAValue]:
    """Build looks until one finds what it looks for.

    Args:
        b: Where to build.
        look: Builds a look; returns whether it found nothing yet, and what it saw.
        looks: How many looks at most, with what the last one saw as the result; None for no end.

    Returns:
        What the last look saw.
    """
    counted = [] if looks is None else [b.integer(looks, i32)]
    before = Block(arg_types=[i32 for _ in counted])
    with b.inside(before):
        go_on, seen = look()
        if looks is not None:
            go_on = b.do(arith.AndIOp(go_on, b.do(arith.CmpiOp(before.args[0], b.integer(0, i32), "ne"))))
        b.insert(scf.ConditionOp(go_on, *before.args, *seen))
    types = [*before.arg_types, *(value.type for value in seen)]
    after = Block(arg_types=types)
    with b.inside(after):
        left = [b.do(arith.SubiOp(after.args[0], b.integer(1, i32)))] if counted else []
        b.insert(scf.YieldOp(*left))
    results = b.insert(scf.WhileOp(counted, types, Region(before), Region(after))).results
    return list(results[len(counted) :])
