"""The few ops of IREE's own dialects that the target level needs, as IREE 3.13 spells them in generic form."""

from xdsl.dialects.builtin import IndexType, StringAttr, SymbolRefAttr, TensorType, UnitAttr
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure, SymbolOpInterface

from lstm_ir.dialect.dispatch_ops import DispatchOp


@irdl_op_definition
class GlobalOp(IRDLOperation):
    """A module's constant: ``util.global``; its value is attached when the module is handed to IREE. Or a variable."""

    name = "util.global"

    sym_name = prop_def(StringAttr)
    sym_visibility = prop_def(StringAttr)
    type = prop_def(Attribute)
    initial_value = opt_prop_def(Attribute)
    is_mutable = opt_prop_def(UnitAttr)

    traits = traits_def(SymbolOpInterface())

    def __init__(self, sym_name: str, type: Attribute, *, variable_from: Attribute | None = None) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(sym_name),
                "sym_visibility": StringAttr("private"),
                "type": type,
                "initial_value": variable_from,
                "is_mutable": None if variable_from is None else UnitAttr(),
            }
        )


@irdl_op_definition
class GlobalLoadOp(IRDLOperation):
    """Read a module's constant: ``util.global.load``."""

    name = "util.global.load"

    global_ = prop_def(SymbolRefAttr, prop_name="global")
    is_immutable = opt_prop_def(UnitAttr)
    result = result_def()

    traits = traits_def(Pure())

    def __init__(self, sym_name: str, type: Attribute, *, is_immutable: bool = True) -> None:
        super().__init__(
            properties={"global": SymbolRefAttr(sym_name), "is_immutable": UnitAttr() if is_immutable else None},
            result_types=[type],
        )


@irdl_op_definition
class GlobalStoreOp(IRDLOperation):
    """Write a module's variable: ``util.global.store``."""

    name = "util.global.store"

    value = operand_def()
    global_ = prop_def(SymbolRefAttr, prop_name="global")

    def __init__(self, value: SSAValue, sym_name: str) -> None:
        super().__init__(operands=[value], properties={"global": SymbolRefAttr(sym_name)})


@irdl_op_definition
class TensorReshapeOp(IRDLOperation):
    """Give a tensor another shape of the same size without touching memory: ``flow.tensor.reshape``."""

    name = "flow.tensor.reshape"

    source = operand_def(base(TensorType))
    source_dims = var_operand_def(IndexType)
    result_dims = var_operand_def(IndexType)
    result = result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure())

    def __init__(
        self, source: SSAValue, source_dims: list[SSAValue], result_dims: list[SSAValue], type: Attribute
    ) -> None:
        super().__init__(operands=[source, source_dims, result_dims], result_types=[type])


@irdl_op_definition
class OptimizationBarrierOp(IRDLOperation):
    """Hide from IREE's optimisations what a value is: ``util.optimization_barrier``."""

    name = "util.optimization_barrier"

    operand = operand_def()
    result = result_def()

    def __init__(self, operand: SSAValue) -> None:
        super().__init__(operands=[operand], result_types=[operand.type])


Util = Dialect("util", [GlobalOp, GlobalLoadOp, GlobalStoreOp, OptimizationBarrierOp])
Flow = Dialect("flow", [DispatchOp, TensorReshapeOp])
