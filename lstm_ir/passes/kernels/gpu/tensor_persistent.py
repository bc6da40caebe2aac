"""The persistent kernel on tensor cores: a workgroup takes 16 rows of the batch through all steps."""

from collections.abc import Sequence

from xdsl.ir import SSAValue

from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.gpu.persistent import GpuPersistentKernel, Pair
from lstm_ir.passes.kernels.gpu.tensor_product import TensorProduct
from lstm_ir.passes.kernels.gpu.tensor_tile import TensorRows
from lstm_ir.passes.kernels.gpu.thread_tile import ThreadTile
from lstm_ir.passes.structured import Size, TensorBuilder


class GpuTensorPersistentKernel(GpuPersistentKernel):
    """A persistent kernel whose product is that of a slice with all units."""

    tile: TensorRows

    def open(self) -> None:
        """Build what is there before the first step: workgroup memory, and the weights that stay."""
        self.product = TensorProduct(self.kernel, self.tensors, self.tile.matrices)
        self.matrices = self.product.fill(0)

    def take(self, pair: Pair, values: Sequence[SSAValue], buffer: Size) -> None:
        """Build the write of a pair's h to workgroup memory."""
        self.product.take(pair.r, pair.place, values)

    def gates(self, h: Size) -> list[list[SSAValue]]:
        """Build h R of each pair and gate, from the h that all have written and met since."""
        self.product.multiply(self.matrices)
        return [self.product.gates(pair.r) for pair in self.pairs]


def persistent_kernel(
    name: str, scan: ScanOp, tile: ThreadTile, host: TensorBuilder, *, may_have_mask: bool
) -> GpuPersistentKernel:
    """Return the persistent kernel of a tile; see ``GpuPersistentKernel``."""
    kind = GpuTensorPersistentKernel if isinstance(tile, TensorRows) else GpuPersistentKernel
    return kind(name, scan, tile, host, may_have_mask=may_have_mask)
