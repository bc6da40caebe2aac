"""The tensors of a scan as a GPU kernel sees them, and where in them a step of a row lies."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import AffineMapAttr, BFloat16Type, Float16Type, Float32Type, i1, i8
from xdsl.ir import SSAValue

from lstm_ir.dialect.cell_ops import why_whole_row
from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.gpu.gpu_kernel import GpuKernel
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.kernels.panels import Panels
from lstm_ir.passes.structured import Size, Tensor, TensorBuilder
from lstm_ir.passes.weight_expression import expression_of


def why_not(scan: ScanOp) -> str | None:
    """Return why a scan cannot run as a kernel on a GPU, or None if nothing but its size may be in the way."""
    if not isinstance(scan.storage_type, Float32Type | Float16Type | BFloat16Type):
        return f"the kernels compute in f32, this scan in {scan.storage_type}"
    if any(expression_of(value) is None for value in scan.recurrent_kernels):
        return "its recurrent weights are computed at run time; a kernel reads them packed ahead of time"
    for op in scan.cell.block.ops:
        if (reason := why_whole_row(op)) is not None:
            return reason
    return None


class ScanTensors:
    """What the kernel of a hoisted scan reads and makes.

    Args:
        scan: The scan.
        host: Builds in front of the scan.
        panels: The order of the recurrent weights.
        may_have_mask: Whether some scan that shares the kernel has a mask.
    """

    def __init__(self, scan: ScanOp, host: TensorBuilder, panels: Panels, *, may_have_mask: bool) -> None:
        assert scan.is_fused
        assert scan.is_hoisted
        self.scan, self.host, self.panels, self.may_have_mask = scan, host, panels, may_have_mask
        self.sizes = IndexBuilder(host.insertion_point)
        layout = describe(scan.input_map)
        assert layout is not None
        first, second = host.size(scan.input, 0), host.size(scan.input, 1)
        self.batch, self.time = (second, first) if layout[0] else (first, second)
        self.gates, self.units, self.storage = scan.gates, scan.units, scan.storage_type

    def reads(self) -> dict[str, SSAValue]:
        """Return the tensors that the kernel reads, by what they are."""
        scan = self.scan
        weights = self.host.do(PanelsOp(scan.recurrent_kernels[0], self.gates, self.panels.shape, self.storage))
        # Without a mask its place holds something that is never read.
        mask = (scan.mask or scan.input) if self.may_have_mask else None
        optional = {"recurrent_dropout": scan.recurrent_dropout, "mask": mask}
        return {
            "input": scan.input,
            "recurrent_kernel": weights,
            **{name: value for name, value in optional.items() if value is not None},
            **{f"init{number}": value for number, value in enumerate(scan.init)},
        }

    def writes(self) -> list[Tensor]:
        """Return the tensors that the kernel makes: the output, and the states after the last step."""
        states = [Tensor((self.batch, self.units), self.storage) for _ in self.scan.init]
        if self.scan.output_map is None:
            return [states[0], *states]
        layout = describe(self.scan.output_map)
        assert layout is not None
        leading = (self.time, self.batch) if layout[0] else (self.batch, self.time)
        return [Tensor((*leading, self.units), self.storage), *states]

    def numbers(self) -> list[Size]:
        """Return the sizes that the kernel needs, and whether there is a mask."""
        has_mask = [self.host.index(int(self.scan.mask is not None))] if self.may_have_mask else []
        return [self.batch, self.time, *has_mask]

    def open(self, kernel: GpuKernel, names: Sequence[str]) -> None:
        """Name the tensors inside the kernel.

        Args:
            kernel: The kernel.
            names: What it reads, in order.
        """
        b = self.b = kernel.b
        batch, time, *has_mask = kernel.sizes
        self.has_mask = b.compare(has_mask[0], "ne", 0) if has_mask else None
        self.batch, self.time = batch, time
        row = b.times(batch, self.units)
        elements = {
            "input": b.times(batch, time, self.gates * self.units),
            "recurrent_kernel": self.panels.size,
            "recurrent_dropout": b.times(row, self.gates),
            "mask": b.times(batch, time),
        }
        self.places = {
            name: kernel.source(number, elements.get(name, row), i8 if name == "mask" else None)
            for number, name in enumerate(names)
        }
        steps = 1 if self.scan.output_map is None else time
        self.y = kernel.result(0, b.times(row, steps))
        self.results = [kernel.result(1 + number, row) for number in range(len(self.scan.init))]

    def number_at(self, place: Place) -> SSAValue:
        """Return an element as f32."""
        return self.b.cast(self.b.load(place), Float32Type())

    def rounded(self, value: SSAValue) -> SSAValue:
        """Return an f32 as the storage type holds it."""
        return self.b.cast(self.b.cast(value, self.storage), Float32Type())

    def write(self, value: SSAValue, place: Place) -> None:
        """Build the write of an f32 as the storage type holds it."""
        self.b.store(self.b.cast(value, self.storage), place)

    def step_of(self, start: Place, map_: AffineMapAttr, k: Size, row: Size, width: int) -> Place:
        """Return where visited step k of a row of the batch lies in a tensor with an index map."""
        b = self.b
        layout = describe(map_)
        assert layout is not None
        time_major, reverse = layout
        time = b.minus(b.minus(self.time, 1), k) if reverse else k
        leading = b.times(time, self.batch) if time_major else b.times(row, self.time)
        return b.at(start, b.times(b.plus(leading, row if time_major else time), width))

    def is_valid(self, map_: AffineMapAttr, k: Size, row: Size) -> SSAValue:
        """Return whether the mask counts a visited step of a row; it does if there is none."""
        b = self.b
        assert self.has_mask is not None

        def look() -> SSAValue:
            value = b.load(self.step_of(self.places["mask"], map_, k, row, 1))
            return b.do(arith.CmpiOp(value, b.integer(0, i8), "ne"))

        return b.choose(self.has_mask, look, lambda: b.integer(1, i1))

    def counts(self, k: Size, row: Size, begun: SSAValue | None, *, is_last: bool) -> SSAValue | None:
        """Return whether a row's output is its h after step k, not zeros; None where it always is.

        A masked step that holds repeats the output before it: h from the first valid step on, before it zeros.

        Args:
            k: The visited step.
            row: The row of the batch.
            begun: Whether the row has had a valid step, where there is a mask.
            is_last: Whether only the last output is kept.
        """
        scan = self.scan
        if scan.mask_map is None:
            return None
        if scan.masked_output.data == "hold" or (scan.zero_map is not None and not is_last):
            return begun
        return self.is_valid(scan.mask_map, k, row)

    def is_zeroed(self, k: Size, row: Size) -> SSAValue | None:
        """Return whether step k of a row is zeroed by itself; None where none is."""
        if self.scan.zero_map is None:
            return None
        return self.b.do(arith.XOrIOp(self.is_valid(self.scan.zero_map, k, row), self.b.integer(1, i1)))
