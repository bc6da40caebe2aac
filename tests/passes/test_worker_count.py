"""The variable that says how many workgroups run at once."""

import numpy as np
import pytest
from xdsl.dialects.builtin import IndexType
from xdsl.dialects.func import FuncOp
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.iree_ops import GlobalLoadOp, GlobalOp
from lstm_ir.passes.emission import constants, emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu
from lstm_ir.passes.structured import TensorBuilder
from lstm_ir.passes.worker_count import SETTER, VARIABLE, declare_workers, load_workers

CALL = """builtin.module @lstm_ir {
  func.func @call() -> index {
    %n = arith.constant 7 : index
    func.return %n : index
  }
}"""


@pytest.fixture
def module(parse_module):
    """A function that returns the number of workers."""
    module = parse_module(CALL)
    declare_workers(module, 3)
    entry = next(op for op in module.body.block.ops if isinstance(op, FuncOp) and op.sym_name.data == "call")
    constant, returned = entry.body.block.ops
    number = load_workers(TensorBuilder(InsertPoint.before(returned)))
    constant.results[0].replace_all_uses_with(number)
    constant.detach()
    module.verify()
    return module


def _symbols(module, kind):
    return [op.sym_name.data for op in module.body.block.ops if isinstance(op, kind)]


def test_declared_once(module):
    declare_workers(module, 5)
    assert _symbols(module, GlobalOp) == [VARIABLE]
    assert sorted(_symbols(module, FuncOp)) == ["call", SETTER]
    variable = next(op for op in module.body.block.ops if isinstance(op, GlobalOp))
    # The first number holds.
    assert variable.initial_value.value.data == 3
    assert variable.is_mutable is not None


def test_every_load_reads_the_variable_anew(module):
    loads = [op for op in module.walk() if isinstance(op, GlobalLoadOp)]
    assert [load.result.type for load in loads] == [IndexType()]
    assert all(load.is_immutable is None for load in loads)


def test_the_variable_is_no_weight(module):
    assert constants(module, {}) == {}


def test_the_setter_sets_what_calls_read(module, load_vmfb):
    program = load_vmfb(compile_bytecode(emit_bytecode(module, {}), flags_for_cpu("host")))
    assert program("call") == [3]
    program.module[SETTER](np.int32(8).item())
    assert program("call") == [8]
    assert program("call") == [8]
    # Another load of the same code has a variable of its own.
    again = load_vmfb(compile_bytecode(emit_bytecode(module, {}), flags_for_cpu("host")))
    assert again("call") == [3]
