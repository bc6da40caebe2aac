"""Tensors from and to memory that the caller owns: ops of IREE's ``hal`` dialect, as IREE 3.13 spells them."""

from collections.abc import Sequence

from xdsl.dialects.builtin import IndexType, TensorType
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure

from lstm_ir.dialect.dispatch_ops import DevicePromiseAttr


@irdl_attr_definition
class BufferType(ParametrizedAttribute, TypeAttribute):
    """A piece of a device's memory, without type or shape: ``!hal.buffer``."""

    name = "hal.buffer"


@irdl_attr_definition
class FenceType(ParametrizedAttribute, TypeAttribute):
    """What a device signals when something is done: ``!hal.fence``. An empty one tells nobody."""

    name = "hal.fence"


@irdl_op_definition
class TensorImportOp(IRDLOperation):
    """Take a buffer for a tensor: ``hal.tensor.import``. Nothing is checked, and the memory is only read."""

    name = "hal.tensor.import"

    source = operand_def(BufferType)
    target_dims = var_operand_def(IndexType)
    wait_fence = opt_operand_def()
    byte_offset = opt_operand_def(IndexType)
    target_encoding = prop_def(TensorType)
    target = result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, dims: Sequence[SSAValue], type: Attribute) -> None:
        super().__init__(operands=[source, dims, None, None], properties={"target_encoding": type}, result_types=[type])


@irdl_op_definition
class TensorAliasOp(IRDLOperation):
    """Have a tensor written to a buffer: ``hal.tensor.alias``. Its value lies there once it is computed."""

    name = "hal.tensor.alias"

    source = operand_def(base(TensorType))
    source_dims = var_operand_def(IndexType)
    storage = operand_def(BufferType)
    wait_fence = opt_operand_def()
    result = result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure())

    def __init__(self, source: SSAValue, dims: Sequence[SSAValue], storage: SSAValue) -> None:
        super().__init__(operands=[source, dims, storage, None], result_types=[source.type])


@irdl_op_definition
class TensorBarrierOp(IRDLOperation):
    """Signal a fence once tensors are computed: ``hal.tensor.barrier``. Nobody waits here."""

    name = "hal.tensor.barrier"

    sources = var_operand_def(base(TensorType))
    signal_fence = operand_def(FenceType)
    joined = var_result_def(base(TensorType))

    def __init__(self, sources: Sequence[SSAValue], fence: SSAValue) -> None:
        super().__init__(operands=[sources, fence], result_types=[[source.type for source in sources]])


Hal = Dialect("hal", [TensorImportOp, TensorAliasOp, TensorBarrierOp], [BufferType, FenceType, DevicePromiseAttr])
