"""The cell of a scan in tensor code: a region on gate vectors of one row, run on all rows."""

from collections.abc import Callable, Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, VectorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from lstm_ir.dialect.cell_ops import CellProductOp, why_whole_row
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.scan_op import YieldOp
from lstm_ir.dialect.shapes import element_type
from lstm_ir.passes.row_wise import build_row_wise
from lstm_ir.passes.structured import Axes, ScalarBuilder, Size, TensorBuilder

Epilogue = Callable[[ScalarBuilder, Sequence[SSAValue], Sequence[SSAValue]], Sequence[SSAValue]]
"""Builds the results of one element from the cell's new states and from the elements of further tensors."""


class CellLowering:
    """Runs of element-wise ops become one structured op each; what looks at a whole row, its own.

    Args:
        b: Where to build.
        cell: The region's block.
        arguments: Tensors [B, U] for the block's arguments, gates and states.
        sizes: B and U.
        accumulator: The element type that the cell computes in.
    """

    def __init__(
        self,
        b: TensorBuilder,
        cell: Block,
        arguments: Sequence[SSAValue],
        sizes: tuple[Size, Size],
        accumulator: Attribute,
    ) -> None:
        self.b, self.cell, self.sizes, self.accumulator = b, cell, sizes, accumulator
        self.tensors: dict[SSAValue, SSAValue] = dict(zip(cell.args, arguments, strict=True))

    def build(
        self, elements: Sequence[Attribute], epilogue: Epilogue, extra: Sequence[tuple[SSAValue, Axes]]
    ) -> list[SSAValue]:
        """Build the cell and what follows it element by element.

        Args:
            elements: The element types of the results, tensors [B, U].
            epilogue: Builds the results.
            extra: Further tensors for it, with the loops (rows, units) that index them.
        """
        terminator = self.cell.last_op
        assert isinstance(terminator, YieldOp)
        run: list[Operation] = []
        for op in self.cell.ops:
            if why_whole_row(op) is not None:
                self._materialize(run, op)
                run = []
            elif op is not terminator:
                run.append(op)
        return self._elementwise(run, terminator.states, elements, epilogue, extra)

    def _materialize(self, run: Sequence[Operation], row_wise: Operation) -> None:
        """Build the run, keeping what is read after it; then the row-wise op."""
        results = [result for op in run for result in op.results if not _is_constant(op)]
        kept = [value for value in results if any(use.operation not in run for use in value.uses)]
        if kept:
            built = self._elementwise(run, kept, [self.accumulator] * len(kept), lambda _, values, __: values, ())
            self.tensors.update(zip(kept, built, strict=True))
        row = self._tensor(row_wise.operands[0])
        if isinstance(row_wise, CellProductOp):
            built_row = self.b.matmul(row, row_wise.weights)
        else:
            assert isinstance(row_wise, ActivateOp)
            built_row = build_row_wise(self.b, row_wise.function.kind.data, row)
        self.tensors[row_wise.results[0]] = built_row

    def _tensor(self, value: SSAValue) -> SSAValue:
        """Return a cell value as a tensor [B, U] in the accumulator type."""
        built = self.tensors[value]
        wanted = self.accumulator
        if element_type(built.type) == wanted:
            return built
        return self.b.elementwise([(built, (0, 1))], self.sizes, [wanted], lambda s, args: [s.cast(args[0], wanted)])[0]

    def _elementwise(
        self,
        run: Sequence[Operation],
        wanted: Sequence[SSAValue],
        elements: Sequence[Attribute],
        epilogue: Epilogue,
        extra: Sequence[tuple[SSAValue, Axes]],
    ) -> list[SSAValue]:
        """Build one structured op that runs the ops on single elements, and hands the wanted values on."""
        inside = {result for op in run for result in op.results}
        operands = (operand for op in run for operand in op.operands)
        read = dict.fromkeys(value for value in (*operands, *wanted) if value not in inside)
        # A constant may have been visited in an earlier run; it is cheaper to repeat it than to store it.
        constants = [value.owner for value in read if isinstance(value.owner, Operation) and _is_constant(value.owner)]
        inputs = [value for value in read if value not in {op.results[0] for op in constants}]

        def body(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            scalars = {value: s.cast(arg, self.accumulator) for value, arg in zip(inputs, args, strict=False)}
            for op in (*constants, *run):
                clone = s.insert(_scalar_op(op, scalars))
                scalars.update(zip(op.results, clone.results, strict=True))
            return epilogue(s, [scalars[value] for value in wanted], args[len(inputs) :])

        tensors = [*((self.tensors[value], (0, 1)) for value in inputs), *extra]
        return self.b.elementwise(tensors, self.sizes, elements, body)


def _is_constant(op: Operation) -> bool:
    return isinstance(op, arith.ConstantOp)


def _scalar_op(op: Operation, values: dict[SSAValue, SSAValue]) -> Operation:
    """Return an op on vectors as the same op on one element."""
    types = [t.get_element_type() if isinstance(t, VectorType) else t for t in op.result_types]
    properties = dict(op.properties)
    if isinstance(op, arith.ConstantOp) and isinstance(op.value, DenseIntOrFPElementsAttr):
        properties["value"] = op.value.get_attrs()[0]
    return type(op).create(
        operands=[values[operand] for operand in op.operands],
        result_types=types,
        properties=properties,
        attributes=dict(op.attributes),
    )
