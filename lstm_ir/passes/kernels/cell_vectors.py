"""The cell of a scan on vectors: a region on gate vectors of one row, run on a tile of its units."""

from collections import Counter
from collections.abc import Collection, Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Block, SSAValue

from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.scan_op import YieldOp
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder
from lstm_ir.passes.kernels.vector_activations import expand_vector_activation
from lstm_ir.passes.kernels.vector_functions import VectorFunctions

SHORT = frozenset({"linear", "relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_sigmoid_keras3"})
"""Activations of a few instructions, which cost less than storing and loading a gate once more."""


def early_activations(cell: Block, gates: int) -> dict[int, ActivateOp]:
    """Return, by gate, the activations that are better done in a loop of their own, before the rest of the cell.

    Those of a function that several gates have, of the gate alone: the function's constants then stay in registers, and
    the way from the gates to the new states is shorter, so that more of them are under way at once.

    Args:
        cell: The region's block.
        gates: How many of its arguments are gates; they come first.
    """
    direct = {
        gate: op
        for gate, argument in enumerate(cell.args[:gates])
        if len(uses := list(argument.uses)) == 1 and isinstance(op := uses[0].operation, ActivateOp)
    }
    kinds = Counter(op.function for op in direct.values())
    return {gate: op for gate, op in direct.items() if kinds[op.function] > 1 and op.function.kind.data not in SHORT}


def build_cell(
    b: KernelBuilder,
    cell: Block,
    arguments: Sequence[SSAValue],
    *,
    fma: bool,
    functions: type[VectorFunctions] | None = None,
    done: Collection[ActivateOp] = (),
) -> list[SSAValue]:
    """Build the cell on vectors of ``b.lanes`` units.

    Args:
        b: Where to build.
        cell: The region's block, element-wise ops on vectors of all units.
        arguments: The gates and states of these units.
        fma: Whether the target has a fused multiply-add.
        functions: What exponentials and their like are made of; None: those of the element type.
        done: Activations that the arguments have been through.

    Returns:
        The new states.
    """
    values: dict[SSAValue, SSAValue] = dict(zip(cell.args, arguments, strict=True))
    for op in cell.ops:
        if isinstance(op, YieldOp):
            return [values[state] for state in op.states]
        if isinstance(op, ActivateOp) and op in done:
            values[op.result] = values[op.input]
            continue
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
