"""Pass lstm-lower-scan-gpu: scans of forms ``persistent`` and ``cooperative`` as one launch on a GPU."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.dialect.scan_op import KERNEL_FORMS, ScanOp
from lstm_ir.passes.kernels.gpu.cooperative import GpuCooperativeKernel
from lstm_ir.passes.kernels.gpu.gpu_forms import large_batch_of, slice_of, tile_of
from lstm_ir.passes.kernels.gpu.persistent import GpuPersistentKernel
from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.tensor_persistent import persistent_kernel
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits, ThreadTile
from lstm_ir.passes.kernels.sharing import by_layer
from lstm_ir.passes.structured import TensorBuilder


@dataclass(frozen=True)
class LowerScanGpuPass(ModulePass):
    """Lower the scans whose form is ``persistent`` or ``cooperative`` for a GPU.

    Before: ``%y, %h, %c = lstm.scan ... recurrent_kernels(%R) ... {form = "persistent"}``
    After: ``stream.executable @scan0 ...``, ``%y, %h, %c = flow.dispatch @scan0::@scan0[%workgroups](...)``

    A persistent workgroup takes its rows of the batch through all steps; a cooperative one its units. Scans of one
    layer, with and without a mask, share a kernel, which is told whether there is one. Where the batch is open and
    another kernel is for large ones, the two dispatches are the branches of an ``scf.if``.

    Options: ``threads``: threads of a workgroup at most. ``memory``: bytes of workgroup memory at most.
    ``multiprocessors``: workgroups that run at once. ``pointers``: whether kernels may use LLVM's pointers.
    ``tensor-cores``: types whose matrices subgroups multiply, f16 and bf16.

    Raises:
        PassFailedException: If a scan does not fit.
    """

    name = "lstm-lower-scan-gpu"

    threads: int
    memory: int
    multiprocessors: int = 0
    pointers: bool = False
    tensor_cores: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        scans = [inner for inner in op.walk() if isinstance(inner, ScanOp)]
        scans = [scan for scan in scans if scan.form is not None and scan.form.data in KERNEL_FORMS]
        number = sum(isinstance(inner, ExecutableOp) for inner in op.body.block.ops)
        limits = GpuLimits(self.threads, self.memory, self.multiprocessors, self.pointers, self.tensor_cores)
        for same in by_layer(scans):
            # The first has a mask if any has: what it needs serves all.
            for scan in same:
                dispatched = _Dispatched(scan, limits, number, may_have_mask=same[0].mask is not None)
                results = dispatched.lower()
                if scan is same[0]:
                    for kernel in dispatched.kernels:
                        first = op.body.block.first_op
                        assert first is not None
                        Rewriter.insert_op(kernel.build(), InsertPoint.before(first))
                for before, after in zip(scan.results, results, strict=True):
                    before.replace_all_uses_with(after)
            number += len(dispatched.kernels)
        for scan in reversed(scans):
            Rewriter.erase_op(scan)


class _Dispatched:
    """One scan's dispatch, or two of which the batch chooses one at run time; and their kernels, yet to be built."""

    def __init__(self, scan: ScanOp, limits: GpuLimits, number: int, *, may_have_mask: bool) -> None:
        self.scan, self.limits, self.number, self.may_have_mask = scan, limits, number, may_have_mask
        self.kernels: list[GpuPersistentKernel | GpuCooperativeKernel] = []

    def lower(self) -> Sequence[SSAValue]:
        """Build what replaces the scan in front of it; returns the values of its results.

        Raises:
            PassFailedException: If the scan does not fit.
        """
        host, scan = TensorBuilder.before(self.scan), self.scan
        assert scan.form is not None
        tile = (slice_of if scan.form.data == "cooperative" else tile_of)(scan, self.limits)
        if isinstance(tile, str):
            raise PassFailedException(f"{LowerScanGpuPass.name}: scan {scan.layer.data!r}: {tile}")
        large = large_batch_of(scan, self.limits)
        if large is None:
            return self._dispatch(tile, host)
        least, other = large
        batch = host.index(host.size(scan.init[0], 0))
        is_large = host.do(arith.CmpiOp(batch, host.index(least), "sge"))
        types = [value.type for value in scan.results]
        return host.insert(scf.IfOp(is_large, types, self._branch(other), self._branch(tile))).results

    def _branch(self, tile: ThreadTile | SliceTile) -> Region:
        block = Block()
        inside = TensorBuilder.at_end(block)
        inside.insert(scf.YieldOp(*self._dispatch(tile, inside)))
        return Region(block)

    def _dispatch(self, tile: ThreadTile | SliceTile, host: TensorBuilder) -> list[SSAValue]:
        name = f"scan{self.number + len(self.kernels)}"
        kernel: GpuPersistentKernel | GpuCooperativeKernel
        if isinstance(tile, SliceTile):
            kernel = GpuCooperativeKernel(
                name, self.scan, tile, host, may_have_mask=self.may_have_mask, pointers=self.limits.pointers
            )
        else:
            kernel = persistent_kernel(name, self.scan, tile, host, may_have_mask=self.may_have_mask)
        self.kernels.append(kernel)
        return kernel.lower()
