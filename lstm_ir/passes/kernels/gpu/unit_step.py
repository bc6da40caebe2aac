"""What a thread does with one unit of one row, whichever form has summed its gates: the cell, the mask, the output."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, vector
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.cell_vectors import build_cell
from lstm_ir.passes.kernels.gpu.gpu_math import GpuMath
from lstm_ir.passes.kernels.gpu.scan_tensors import ScanTensors
from lstm_ir.passes.kernels.kernel_builder import Place
from lstm_ir.passes.structured import Size


@dataclass(frozen=True)
class Element:
    """One unit of one row of the batch.

    Attributes:
        row: The row; one that is there where it is beyond the last one.
        unit: The unit; one that is there where it is beyond the last one.
        is_there: Whether both are; None if always.
    """

    row: Size
    unit: Size
    is_there: SSAValue | None


class UnitStep:
    """Builds the steps of single units of a scan.

    Args:
        scan: The scan, its projection hoisted.
        tensors: Its tensors, open.
    """

    def __init__(self, scan: ScanOp, tensors: ScanTensors) -> None:
        self.scan, self.tensors, self.b = scan, tensors, tensors.b

    def at(self, element: Element) -> Size:
        """Return where an element lies in a tensor [B, U]."""
        return self.b.plus(self.b.times(element.row, self.tensors.units), element.unit)

    def start(self, element: Element) -> list[SSAValue]:
        """Return the states before the first step."""
        tensors, at = self.tensors, self.at(element)
        return [tensors.number_at(self.b.at(tensors.places[f"init{n}"], at)) for n in range(len(self.scan.init))]

    def drops(self, row: Size, unit: Size) -> list[SSAValue]:
        """Return what h is multiplied by for each gate; nothing without dropout masks."""
        tensors, b = self.tensors, self.b
        if "recurrent_dropout" not in tensors.places:
            return []
        rows = [b.plus(b.times(gate, tensors.batch), row) for gate in range(tensors.gates)]
        return [
            tensors.number_at(b.at(tensors.places["recurrent_dropout"], b.times(line, tensors.units), unit))
            for line in rows
        ]

    def projected(self, element: Element, k: SSAValue) -> list[SSAValue]:
        """Return the input's part of the gates at visited step k."""
        tensors, b = self.tensors, self.b
        width = tensors.gates * tensors.units
        line = tensors.step_of(tensors.places["input"], self.scan.input_map, k, element.row, width)
        return [tensors.number_at(b.at(line, gate * tensors.units, element.unit)) for gate in range(tensors.gates)]

    def valid(self, element: Element, k: SSAValue) -> SSAValue | None:
        """Return whether the mask counts visited step k; None without a mask."""
        return None if self.scan.mask_map is None else self.tensors.is_valid(self.scan.mask_map, k, element.row)

    def advance(
        self, gates: Sequence[SSAValue], old: Sequence[SSAValue], valid: SSAValue | None, begun: SSAValue
    ) -> tuple[list[SSAValue], SSAValue]:
        """Return the states after a step as the storage type holds them, and ``begun``.

        Args:
            gates: The gates, before the cell.
            old: The states before the step.
            valid: Whether the mask counts it; None without a mask.
            begun: An f32 that is not 0 where an earlier step counted.
        """
        b = self.b
        values = [b.splat(value) for value in (*gates, *old)]
        cell = build_cell(b, self.scan.cell.block, values, fma=True, functions=GpuMath)
        new = [self.tensors.rounded(b.do(vector.ExtractOp(value, [0], f32))) for value in cell]
        if valid is None:
            return new, begun
        new = [b.do(arith.SelectOp(valid, value, was)) for value, was in zip(new, old, strict=True)]
        return new, b.do(arith.SelectOp(valid, b.number(1.0), begun))

    def write_output(self, element: Element, k: SSAValue, h: SSAValue, begun: SSAValue) -> None:
        """Build the write of a sequence's output after visited step k; nothing where only the last one is kept."""
        tensors, scan, b = self.tensors, self.scan, self.b
        if scan.output_map is None:
            return
        output = self._masked(h, tensors.counts(k, element.row, self._has_begun(begun), is_last=False))
        zeroed = tensors.is_zeroed(k, element.row)
        if zeroed is not None:
            output = b.do(arith.SelectOp(zeroed, b.number(0.0), output))
        self.write(element, output, tensors.step_of(tensors.y, scan.output_map, k, element.row, tensors.units))

    def finish(self, element: Element, states: Sequence[SSAValue], begun: SSAValue) -> None:
        """Build the results after the last step: the states, and the output where only the last one is kept."""
        for number, state in enumerate(states):
            self.write_state(element, number, state)
        if self.scan.output_map is None:
            self.write_last_output(element, states[0], begun)

    def write_state(self, element: Element, number: int, value: SSAValue) -> None:
        """Build the write of a state where the results have it."""
        row = self.b.times(element.row, self.tensors.units)
        self.write(element, value, self.b.at(self.tensors.results[number], row))

    def write_last_output(self, element: Element, h: SSAValue, begun: SSAValue) -> None:
        """Build the write of the only output that is kept."""
        tensors, b = self.tensors, self.b
        counts = tensors.counts(b.minus(tensors.time, 1), element.row, self._has_begun(begun), is_last=True)
        self.write(element, self._masked(h, counts), b.at(tensors.y, b.times(element.row, tensors.units)))

    def write(self, element: Element, value: SSAValue, line: Place) -> None:
        """Build the write of a value into the line of a row."""
        b = self.b
        place = b.at(line, element.unit)
        if element.is_there is None:
            self.tensors.write(value, place)
            return
        with b.when(element.is_there):
            self.tensors.write(value, place)

    def all_of(self, tests: Sequence[SSAValue]) -> SSAValue | None:
        """Return whether all tests hold; None if there are none."""
        if not tests:
            return None
        whole = tests[0]
        for test in tests[1:]:
            whole = self.b.do(arith.AndIOp(whole, test))
        return whole

    def _has_begun(self, begun: SSAValue) -> SSAValue:
        return self.b.do(arith.CmpfOp(begun, self.b.number(0.0), "one"))

    def _masked(self, value: SSAValue, counts: SSAValue | None) -> SSAValue:
        return value if counts is None else self.b.do(arith.SelectOp(counts, value, self.b.number(0.0)))
