"""The tensors of a scan's kernel: which ones it is handed, their sizes, and where in them a step lies."""

from collections.abc import Sequence
from typing import Any

from xdsl.dialects import arith
from xdsl.dialects.builtin import bf16, i1, i8
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import accumulator_type, as_float
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel import Kernel
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.kernels.panels import Panels, round_up
from lstm_ir.passes.kernels.sharing import Sharing, is_reverse
from lstm_ir.passes.kernels.vector_target import VectorTarget
from lstm_ir.passes.structured import Size, Tensor, TensorBuilder

ALIGNMENT = 16
"""Rows and parts of the scratch begin at multiples of this many elements, a cache line of f32."""


def one_after_another(sizes: IndexBuilder, parts: Sequence[Size]) -> tuple[list[Size], Size]:
    """Return where each part of a buffer begins, and the size of all, from the parts' sizes."""
    starts: list[Size] = [0]
    for part in parts:
        starts.append(sizes.plus(starts[-1], part))
    return starts[:-1], starts[-1]


class ScanTensors:
    """What a fused scan that still has its kernels reads, makes and needs room for.

    On the host, ``declare`` hands over tensors and sizes; inside the kernel, ``open`` names them.

    Args:
        name: Of the kernel.
        scan: The scan.
        target: The vector unit.
        host: Builds in front of the scan.
        sharing: What scans that share the kernel differ in.
    """

    def __init__(self, name: str, scan: ScanOp, target: VectorTarget, host: TensorBuilder, sharing: Sharing) -> None:
        assert scan.is_fused
        assert not scan.is_hoisted
        self.name, self.scan, self.host = name, scan, host
        self.storage = scan.storage_type
        self.element = as_float(accumulator_type(self.storage))
        self.target = target = target.of(self.element)
        self.sharing = sharing
        self.sizes = IndexBuilder(host.insertion_point)
        layout = describe(scan.input_map)
        assert layout is not None
        first, second, features = host.sizes(scan.input)
        assert isinstance(features, int)
        self.features = features
        self.batch, self.time = (second, first) if layout[0] else (first, second)
        self.gates, self.units = scan.gates, scan.units
        self.weights = self.storage if scan.weights is None else bf16
        # Both products write the same sums: if one has a left operand for each gate, both have their tiles.
        apart = scan.input_dropout is not None or scan.recurrent_dropout is not None
        self.panels, self.input_panels, self.bias_panels = (
            Panels.of(target, self.gates, self.units, terms, apart=apart, paired=terms > 0 and self.weights == bf16)
            for terms in (self.units, features, 0)
        )
        self.vectors = self.panels.lanes // target.lanes
        self.width = round_up(self.panels.padded_units, ALIGNMENT)
        self.line = self.gates * self.panels.padded_units
        self.padded_features = round_up(features, ALIGNMENT)

    # On the host.

    def declare(
        self,
        workgroups: Size,
        scratch: Size,
        further: Sequence[Size],
        updates: Sequence[SSAValue] = (),
    ) -> None:
        """Declare what the kernel works with.

        Args:
            workgroups: How many run.
            scratch: Elements of memory that they use.
            further: Sizes that it needs.
            updates: Tensors that it changes in place.
        """
        scan = self.scan
        reads = self._arguments()
        self.names = list(reads)
        # Which of the scans that share the kernel this is: values, though known here.
        flags = [scan.mask is not None] if self.sharing.may_have_mask else []
        flags += [is_reverse(scan, name) for name in self.sharing.turning]
        own = [self.host.index(int(flag)) for flag in flags]
        writes = [self._output(), *(Tensor((self.batch, self.units), self.storage) for _ in scan.init)]
        writes.append(Tensor((scratch,), self.element))
        self.kernel = Kernel(
            self.name,
            self.host,
            self.target.lanes,
            self.element,
            list(reads.values()),
            updates,
            writes,
            [*own, self.batch, self.time, scratch, *further],
            workgroups,
        )

    def _arguments(self) -> dict[str, SSAValue]:
        """Return the tensors that the kernel reads, by what they are."""
        scan = self.scan
        weights = {
            "kernel": (scan.kernels[0], self.input_panels, self.weights),
            "recurrent_kernel": (scan.recurrent_kernels[0], self.panels, self.weights),
            **({"bias": (scan.biases[0], self.bias_panels, self.storage)} if scan.biases else {}),
        }
        optional = {
            "input_dropout": scan.input_dropout,
            "recurrent_dropout": scan.recurrent_dropout,
            # Without a mask its place holds something that is never read.
            "mask": (scan.mask or scan.input) if self.sharing.may_have_mask else None,
        }
        return {
            "input": scan.input,
            **{name: self._as_panels(*what) for name, what in weights.items()},
            **{name: value for name, value in optional.items() if value is not None},
            **{f"init{number}": value for number, value in enumerate(scan.init)},
        }

    def _as_panels(self, value: SSAValue, panels: Panels, element: Attribute) -> SSAValue:
        return self.host.do(PanelsOp(value, self.gates, panels.shape, element, panels.paired))

    def _output(self) -> Tensor:
        if self.scan.output_map is None:
            return Tensor((self.batch, self.units), self.storage)
        layout = describe(self.scan.output_map)
        assert layout is not None
        leading = (self.time, self.batch) if layout[0] else (self.batch, self.time)
        return Tensor((*leading, self.units), self.storage)

    # In the kernel.

    def open(self) -> tuple[Any, ...]:
        """Name what was declared, inside the kernel; returns its scratch and the further sizes."""
        kernel, scan = self.kernel, self.scan
        b = self.b = kernel.b
        sizes = list(kernel.sizes)
        self.has_mask = b.compare(sizes.pop(0), "ne", 0) if self.sharing.may_have_mask else None
        self.turns = {name: b.compare(sizes.pop(0), "ne", 0) for name in self.sharing.turning}
        self.batch, self.time, scratch, *further = sizes
        self.places = self._name_places(kernel, self.names)
        steps = 1 if scan.output_map is None else self.time
        self.y = kernel.result(0, b.times(self.batch, steps, self.units))
        self.results = [kernel.result(1 + n, b.times(self.batch, self.units)) for n in range(len(scan.init))]
        return (kernel.result(1 + len(scan.init), scratch), *further)

    def _name_places(self, kernel: Kernel, names: Sequence[str]) -> dict[str, Place]:
        b = self.b
        rows = {"input_dropout": self.gates * self.features, "recurrent_dropout": self.gates * self.units}
        static = {
            "kernel": self.input_panels.size,
            "recurrent_kernel": self.panels.size,
            "bias": self.line,
        }
        places = {}
        for number, name in enumerate(names):
            if name in static:
                elements: Size = static[name]
            elif name in ("input", "mask"):
                elements = b.times(self.batch, self.time, self.features if name == "input" else 1)
            else:
                elements = b.times(self.batch, rows.get(name, self.units))
            places[name] = kernel.source(number, elements, i8 if name == "mask" else None)
        return places

    def step_of(self, start: Place, name: str, k: Size, row: Size, width: int) -> Place:
        """Return where visited step k of a row of the batch lies in a tensor, by the name of its index map."""
        b = self.b
        layout = describe(getattr(self.scan, name))
        assert layout is not None
        time_major, reverse = layout
        time = k
        if reverse or name in self.turns:
            time = b.minus(b.minus(self.time, 1), k)
        if name in self.turns:
            time = b.do(arith.SelectOp(self.turns[name], b.index(time), b.index(k)))
        leading = b.times(time, self.batch) if time_major else b.times(row, self.time)
        return b.at(start, b.times(b.plus(leading, row if time_major else time), width))

    def is_valid(self, k: Size, row: Size, name: str) -> SSAValue:
        """Return whether the mask counts a visited step of a row, by an index map; it does if there is none."""
        b = self.b
        assert self.has_mask is not None

        def look() -> SSAValue:
            value = b.load(self.step_of(self.places["mask"], name, k, row, 1))
            return b.do(arith.CmpiOp(value, b.integer(0, i8), "ne"))

        return b.choose(self.has_mask, look, lambda: b.integer(1, i1))
