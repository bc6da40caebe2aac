"""Recurrences of programs as scans: the cell's functions become its region."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import TensorType, VectorType, i8
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.cell_ops import CellProductOp
from lstm_ir.dialect.index_maps import step_map
from lstm_ir.dialect.scan_op import ScanOp, YieldOp
from lstm_ir.dialect.shapes import accumulator_type, element_type, shape_of
from lstm_ir.layers.program import Cell, Elementwise, Full, Recurrence, Value
from lstm_ir.layers.program.recurrence import CellProduct
from lstm_ir.passes.layer_builders.program_functions import build_cell_operation
from lstm_ir.passes.layer_scope import LayerScope
from lstm_ir.passes.structured import ScalarBuilder


def build_recurrence(b: LayerScope, operation: Recurrence, inputs: Sequence[SSAValue]) -> list[SSAValue]:
    """Build one direction; returns the sequence and the last states."""
    x, kernel, recurrent, bias = inputs[:4]
    states, given_mask, products = operation.parts(inputs)
    mask = None if given_mask is None else _mask(b, given_mask)
    has_bias = not isinstance(operation.inputs[3].operation, Full)  # as it is where the model has none
    visited = step_map(time_major=operation.time_major, reverse=operation.is_reverse)
    first, second, _ = shape_of(x.type)
    leading = (first, second) if operation.time_major == operation.output_time_major else (second, first)
    units = shape_of(states[0].type)[1]
    op = ScanOp(
        operation.name,
        x,
        [kernel],
        [recurrent],
        [bias] if has_bias else [],
        mask,
        states,
        _region(operation.cell, units, element_type(states[0].type), products),
        input_map=visited,
        mask_map=None if mask is None else visited,
        output_map=step_map(
            time_major=operation.output_time_major,
            reverse=operation.is_reverse and not operation.output_is_visited,
        ),
        masked_output="hold" if operation.holds else "zero",
        output_type=TensorType(b.element, (*leading, units)),
    )
    b.insert(op)
    return list(op.results)


def _mask(b: LayerScope, mask: SSAValue) -> SSAValue:
    """Build the mask in the type that scans read, of zeros and ones."""

    def as_byte(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        is_true = s.do(arith.CmpfOp(args[0], s.constant(0.0, args[0].type), "une"))
        return [s.do(arith.ExtUIOp(is_true, i8))]

    return b.elementwise([(mask, (0, 1))], b.sizes(mask), [i8], as_byte)[0]


def _region(cell: Cell, units: int, storage: Attribute, products: Sequence[SSAValue]) -> Region:
    vector = VectorType(accumulator_type(storage), [units])
    block = Block(arg_types=[vector] * (len(cell.gates) + len(cell.states)))
    s = ScalarBuilder(InsertPoint.at_end(block))
    values: dict[Value, SSAValue] = dict(zip((*cell.gates, *cell.states), block.args, strict=True))
    for operation, (result,) in cell.operations:
        if isinstance(operation, Full):
            values[result] = s.constant(operation.number, vector)
            continue
        if isinstance(operation, CellProduct):
            values[result] = s.do(CellProductOp(values[operation.inputs[0]], products[operation.place]))
            continue
        assert isinstance(operation, Elementwise)
        operands = [values[value] for value in operation.inputs]
        values[result] = build_cell_operation(s, operation.function, operation.numbers, operands)
    s.insert(YieldOp(*(values[result] for result in cell.results)))
    return Region(block)
