"""One hand-authored dispatch on a GPU: workgroups of threads, and memory that they share."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, llvm, memref
from xdsl.dialects.builtin import FixedBitwidthType, IntAttr, IntegerAttr, MemRefType, StridedLayoutAttr, f32, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.dispatch_ops import ExecutableOp, SubspanOp
from lstm_ir.dialect.gpu_ops import BarrierOp, ThreadIdOp, TranslationInfoAttr, WorkgroupMemoryAttr
from lstm_ir.dialect.iree_ops import OptimizationBarrierOp
from lstm_ir.dialect.shapes import DYNAMIC
from lstm_ir.passes.kernels.gpu.thread_tile import SHARED_ALIGNMENT
from lstm_ir.passes.kernels.kernel import Kernel
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.structured import Size, Tensor, TensorBuilder

GLOBAL, SHARED = 1, 3
"""LLVM's numbers of the address spaces of global and of workgroup memory on NVIDIA's GPUs."""


@dataclass(frozen=True)
class Addressed:
    """Memory as LLVM's pointers see it.

    Attributes:
        b: Builds the pointers.
        start: Its address, i64.
        element_bytes: Size of an element.
        space: LLVM's number of its address space.
    """

    b: KernelBuilder
    start: SSAValue
    element_bytes: int
    space: int

    def pointer(self, index: Size) -> SSAValue:
        """Return the pointer to an element."""
        b = self.b
        offset = b.do(arith.IndexCastOp(b.index(b.times(index, self.element_bytes)), i64))
        address = b.do(arith.AddiOp(self.start, offset))
        type_ = llvm.LLVMPointerType(IntAttr(self.space))
        # xDSL's constructor knows no address spaces.
        return b.do(llvm.IntToPtrOp.create(operands=[address], result_types=[type_]))


class GpuKernel(Kernel):
    """A kernel under construction whose workgroups have many threads.

    Tensors begin at an offset that nobody knows when compiling. IREE packs constants and results into one buffer each,
    and gives a binding with an offset another type than one without; in SPIR-V neither converts to the other. An offset
    that comes from outside makes all bindings alike.

    Args:
        name: As in ``Kernel``.
        host: As in ``Kernel``.
        reads: As in ``Kernel``.
        writes: As in ``Kernel``.
        sizes: As in ``Kernel``.
        workgroups: As in ``Kernel``.
        threads: Threads of a workgroup.
        updates: As in ``Kernel``.
    """

    def __init__(
        self,
        name: str,
        host: TensorBuilder,
        reads: Sequence[SSAValue],
        writes: Sequence[Tensor],
        sizes: Sequence[Size],
        workgroups: Size,
        threads: int,
        updates: Sequence[SSAValue] = (),
    ) -> None:
        nought = host.do(OptimizationBarrierOp(host.index(0)))
        super().__init__(name, host, 1, f32, reads, updates, writes, [nought, *sizes], workgroups)
        self._nought, *self.sizes = self.sizes
        self.threads = threads

    def thread(self) -> SSAValue:
        """Return the number of the thread in its workgroup."""
        return self.b.do(ThreadIdOp())

    def meet(self) -> None:
        """Build the place where all threads of a workgroup wait for each other, and see what the others wrote."""
        self.b.insert(BarrierOp())

    def shared(self, elements: int, element: Attribute = f32) -> Place:
        """Return the beginning of memory that the threads of a workgroup share."""
        type_ = MemRefType(element, [elements], memory_space=WorkgroupMemoryAttr())
        return Place(self.b.do(memref.AllocOp([], [], type_, IntegerAttr(SHARED_ALIGNMENT, i64))), 0)

    def addressed(self, start: Place, space: int = SHARED) -> "Addressed":
        """Return memory by its address; for compilers that know LLVM's pointers."""
        b, element = self.b, start.element
        assert isinstance(element, FixedBitwidthType)
        # Where a tensor begins in its buffer is no part of the buffer's pointer.
        begin = b.insert(memref.ExtractStridedMetaDataOp(start.buffer)).offset
        pointer = b.do(memref.ExtractAlignedPointerAsIndexOp.get(start.buffer))
        address = b.plus(pointer, b.times(b.plus(begin, start.index), element.size))
        return Addressed(b, b.do(arith.IndexCastOp(b.index(address), i64)), element.size, space)

    def executable(self) -> ExecutableOp:
        """Return the executable; see ``Kernel.executable``."""
        executable = super().executable()
        for function in executable.kernels.body.block.ops:
            assert isinstance(function, FuncOp)
            function.attributes["translation_info"] = TranslationInfoAttr([self.threads, 1, 1])
        return executable

    def _place(self, binding: SSAValue, element: Attribute, elements: Size) -> Place:
        dynamic = [elements] if isinstance(elements, SSAValue) else []
        size = elements if isinstance(elements, int) else DYNAMIC
        type_ = MemRefType(element, [size], StridedLayoutAttr([1], None))
        return Place(self.b.do(SubspanOp(binding, self.b.index(self._nought), dynamic, type_)), 0)
