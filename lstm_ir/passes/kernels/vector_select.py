"""Comparison and selection lane by lane: ``arith.cmpf`` and ``arith.select`` as MLIR has them.

xDSL's classes of these names know single conditions only.
"""

from xdsl.dialects import arith
from xdsl.dialects.builtin import I1, I64, AnyFloat, IntegerAttr, VectorType, i1
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure


@irdl_op_definition
class VectorCmpfOp(IRDLOperation):
    """Compare two vectors; the result says of each lane whether the predicate holds."""

    name = "arith.cmpf"

    lhs = operand_def(VectorType[AnyFloat])
    rhs = operand_def(VectorType[AnyFloat])
    predicate = prop_def(IntegerAttr[I64])
    fastmath = prop_def(arith.FastMathFlagsAttr)
    result = result_def(VectorType[I1])

    traits = traits_def(Pure())

    def __init__(self, lhs: SSAValue, rhs: SSAValue, predicate: str) -> None:
        assert isinstance(lhs.type, VectorType)
        # By name to the number: as the op on single floats has it.
        named = arith.CmpfOp(lhs, rhs, predicate)
        super().__init__(
            operands=[lhs, rhs],
            properties=dict(named.properties),
            result_types=[VectorType(i1, lhs.type.get_shape())],
        )
        named.erase()


@irdl_op_definition
class VectorSelectOp(IRDLOperation):
    """Take each lane of one of two vectors."""

    name = "arith.select"

    condition = operand_def(VectorType[I1])
    lhs = operand_def(VectorType[AnyFloat])
    rhs = operand_def(VectorType[AnyFloat])
    result = result_def(VectorType[AnyFloat])

    traits = traits_def(Pure())

    def __init__(self, condition: SSAValue, lhs: SSAValue, rhs: SSAValue) -> None:
        super().__init__(operands=[condition, lhs, rhs], result_types=[lhs.type])
