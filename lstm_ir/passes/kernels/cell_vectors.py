"""The cell of a scan on vectors: a region on gate vectors of one row, run on a tile of its units."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Block, SSAValue

from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.scan_op import YieldOp
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder
from lstm_ir.passes.kernels.vector_activations import expand_vector_activation
from lstm_ir.passes.kernels.vector_functions import VectorFunctions


def build_cell(
    b: KernelBuilder,
    cell: Block,
    arguments: Sequence[SSAValue],
    *,
    fma: bool,
    functions: type[VectorFunctions] | None = None,
) -> list[SSAValue]:
    """Build the cell on vectors of ``b.lanes`` units.

    Args:
        b: Where to build.
        cell: The region's block, element-wise ops on vectors of all units.
        arguments: The gates and states of these units.
        fma: Whether the target has a fused multiply-add.
        functions: What exponentials and their like are made of; None: those of the element type.

    Returns:
        The new states.
    """
    values: dict[SSAValue, SSAValue] = dict(zip(cell.args, arguments, strict=True))
    for op in cell.ops:
        if isinstance(op, YieldOp):
            return [values[state] for state in op.states]
        if isinstance(op, ActivateOp):
            values[op.result] = expand_vector_activation(b, op.function, values[op.input], fma, functions)
            continue
        if isinstance(op, arith.ConstantOp) and isinstance(op.value, DenseIntOrFPElementsAttr):
            # A splat: what differs between units is no constant of a cell.
            values[op.result] = b.splat_number(float(op.value.get_attrs()[0].value.data))
            continue
        clone = b.insert(
            type(op).create(
                operands=[values[operand] for operand in op.operands],
                result_types=[b.vector for _ in op.results],
                properties=dict(op.properties),
                attributes=dict(op.attributes),
            )
        )
        values.update(zip(op.results, clone.results, strict=True))
    raise AssertionError("a cell ends in lstm.yield")
