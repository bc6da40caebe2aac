"""Which activations of a cell are done in a loop of their own, and that the cell then leaves them out."""

import pytest
from xdsl.dialects.builtin import VectorType, f32
from xdsl.ir import Block

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.scan_op import YieldOp
from lstm_ir.passes.kernels.cell_vectors import build_cell, early_activations
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder

ROW = VectorType(f32, [5])


def _cell(*kinds, twice=()):
    """A cell that yields each gate's activation; gates in ``twice`` are yielded as they are, too."""
    cell = Block(arg_types=[ROW] * len(kinds))
    ops = [ActivateOp(ActivationAttr.get(kind), gate) for kind, gate in zip(kinds, cell.args, strict=True)]
    cell.add_ops([*ops, YieldOp(*ops, *(cell.args[gate] for gate in twice))])
    return cell, ops


@pytest.mark.parametrize(
    ("kinds", "early"),
    [
        (("sigmoid", "sigmoid", "tanh", "sigmoid"), [0, 1, 3]),
        (("tanh", "tanh", "tanh", "tanh"), [0, 1, 2, 3]),
        (("hard_sigmoid", "hard_sigmoid", "tanh", "hard_sigmoid"), []),  # shorter than storing and loading
        (("tanh",), []),
        (("sigmoid", "tanh"), []),
    ],
)
def test_functions_of_several_gates_come_first(kinds, early):
    cell, ops = _cell(*kinds)
    assert early_activations(cell, len(kinds)) == {gate: ops[gate] for gate in early}


def test_gates_that_something_else_reads_stay():
    cell, ops = _cell("sigmoid", "sigmoid", "sigmoid", twice=[1])
    assert early_activations(cell, 3) == {0: ops[0], 2: ops[2]}


def test_states_are_no_gates():
    cell, _ = _cell("sigmoid", "sigmoid")
    assert early_activations(cell, 1) == {}


def test_what_is_done_is_not_built_again():
    cell, ops = _cell("linear", "linear", "relu")
    b = KernelBuilder(Block(), 8)
    b.begin()
    arguments = [b.splat_number(float(number)) for number in range(3)]
    assert build_cell(b, cell, arguments, fma=True, done=ops)[:3] == arguments
    assert build_cell(b, cell, arguments, fma=True, done=ops[:2])[2] != arguments[2]
