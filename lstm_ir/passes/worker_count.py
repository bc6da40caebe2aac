"""How many workgroups run at once: a variable of the module, which the runtime sets when it loads it."""

from xdsl.dialects import arith, func
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp, UnitAttr, i32
from xdsl.ir import Block, Region, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from lstm_ir.dialect.iree_ops import GlobalLoadOp, GlobalOp, GlobalStoreOp
from lstm_ir.passes.structured import TensorBuilder

VARIABLE = "workers"
"""The variable's symbol."""
SETTER = "set_workers"
"""The function that sets it: (i32) -> ()."""
NO_WRAPPER = "iree.abi.stub"
"""IREE's mark of a function that is exported as it stands."""


def declare_workers(module: ModuleOp, default: int) -> None:
    """Give a module the variable and its setter, unless it has them.

    Args:
        module: The module.
        default: What holds until the setter is called.
    """
    block = module.body.block
    if any(isinstance(op, GlobalOp) and op.sym_name.data == VARIABLE for op in block.ops):
        return
    first = block.first_op
    assert first is not None
    variable = GlobalOp(VARIABLE, IndexType(), variable_from=IntegerAttr(default, IndexType()))
    Rewriter.insert_op(variable, InsertPoint.before(first))
    body = Block(arg_types=[i32])
    b = TensorBuilder.at_end(body)
    b.insert(GlobalStoreOp(b.do(arith.IndexCastOp(body.args[0], IndexType())), VARIABLE))
    b.insert(func.ReturnOp())
    setter = func.FuncOp(SETTER, ((i32,), ()), Region(body))
    # IREE need not wrap it: an integer is the VM's own. Wrapping takes as long to compile as a small layer's call.
    setter.attributes[NO_WRAPPER] = UnitAttr()
    Rewriter.insert_op(setter, InsertPoint.at_end(block))


def load_workers(b: TensorBuilder) -> SSAValue:
    """Return the number of workgroups that run at once."""
    return b.do(GlobalLoadOp(VARIABLE, IndexType(), is_immutable=False))
