"""Pass lstm-lower-scan-gpu: scans of forms ``persistent`` and ``cooperative`` as one launch on a GPU."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.dialect.scan_op import KERNEL_FORMS, ScanOp
from lstm_ir.passes.kernels.gpu.cooperative import GpuCooperativeKernel
from lstm_ir.passes.kernels.gpu.gpu_forms import slice_of, tile_of
from lstm_ir.passes.kernels.gpu.persistent import GpuPersistentKernel
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits
from lstm_ir.passes.kernels.sharing import by_layer
from lstm_ir.passes.structured import TensorBuilder


@dataclass(frozen=True)
class LowerScanGpuPass(ModulePass):
    """Lower the scans whose form is ``persistent`` or ``cooperative`` for a GPU.

    Before: ``%y, %h, %c = lstm.scan ... recurrent_kernels(%R) ... {form = "persistent"}``
    After: ``stream.executable @scan0 ...``, ``%y, %h, %c = flow.dispatch @scan0::@scan0[%workgroups](...)``

    A persistent workgroup takes its rows of the batch through all steps; a cooperative one its units. Scans of one
    layer, with and without a mask, share a kernel, which is told whether there is one.

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
        for same in by_layer(scans):
            # The first has a mask if any has: what it needs serves all.
            for scan in same:
                kernel = self._kernel(f"scan{number}", scan, may_have_mask=same[0].mask is not None)
                results = kernel.lower()
                if scan is same[0]:
                    first = op.body.block.first_op
                    assert first is not None
                    Rewriter.insert_op(kernel.build(), InsertPoint.before(first))
                for before, after in zip(scan.results, results, strict=True):
                    before.replace_all_uses_with(after)
            number += 1
        for scan in reversed(scans):
            Rewriter.erase_op(scan)

    def _kernel(self, name: str, scan: ScanOp, *, may_have_mask: bool) -> GpuPersistentKernel | GpuCooperativeKernel:
        """Return the kernel of a scan's form.

        Raises:
            PassFailedException: If the scan does not fit.
        """
        limits = GpuLimits(self.threads, self.memory, self.multiprocessors, self.pointers, self.tensor_cores)
        assert scan.form is not None
        host = TensorBuilder.before(scan)
        if scan.form.data == "cooperative":
            share = slice_of(scan, limits)
            if not isinstance(share, str):
                return GpuCooperativeKernel(
                    name, scan, share, host, may_have_mask=may_have_mask, pointers=self.pointers
                )
            raise PassFailedException(f"{self.name}: scan {scan.layer.data!r}: {share}")
        tile = tile_of(scan, limits)
        if isinstance(tile, str):
            raise PassFailedException(f"{self.name}: scan {scan.layer.data!r}: {tile}")
        return GpuPersistentKernel(name, scan, tile, host, may_have_mask=may_have_mask)
