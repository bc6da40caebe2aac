"""Matrices that the threads of a subgroup hold together, and their products, as IREE 3.13 spells them."""

from xdsl.dialects.builtin import IndexType, IntegerAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.printer import Printer
from xdsl.traits import Pure

MATRIX = 16
"""Rows and columns of every matrix."""


@irdl_attr_definition
class MatrixType(ParametrizedAttribute, TypeAttribute):
    """A 16 by 16 matrix that a subgroup holds: ``!gpu.mma_matrix<16x16xf16, "AOp">``.

    ``role`` is AOp for a left operand, BOp for a right one, COp for a sum.
    """

    name = "gpu.mma_matrix"

    element: Attribute
    role: StringAttr

    def __init__(self, element: Attribute, role: str) -> None:
        super().__init__(element, StringAttr(role))

    def print_parameters(self, printer: Printer) -> None:
        """Print what stands behind the name."""
        printer.print_string(f"<{MATRIX}x{MATRIX}x")
        printer.print_attribute(self.element)
        printer.print_string(", ")
        printer.print_attribute(self.role)
        printer.print_string(">")


@irdl_op_definition
class MatrixLoadOp(IRDLOperation):
    """Read a matrix whose rows lie so many elements apart."""

    name = "gpu.subgroup_mma_load_matrix"

    source = operand_def()
    indices = var_operand_def(IndexType)
    lead_dimension = prop_def(IntegerAttr, prop_name="leadDimension")
    result = result_def(MatrixType)

    def __init__(self, source: SSAValue, index: SSAValue, pitch: int, type_: MatrixType) -> None:
        super().__init__(
            operands=[source, [index]],
            properties={"leadDimension": IntegerAttr(pitch, IndexType())},
            result_types=[type_],
        )


@irdl_op_definition
class MatrixStoreOp(IRDLOperation):
    """Write a matrix whose rows lie so many elements apart."""

    name = "gpu.subgroup_mma_store_matrix"

    value = operand_def(MatrixType)
    target = operand_def()
    indices = var_operand_def(IndexType)
    lead_dimension = prop_def(IntegerAttr, prop_name="leadDimension")

    def __init__(self, value: SSAValue, target: SSAValue, index: SSAValue, pitch: int) -> None:
        super().__init__(
            operands=[value, target, [index]], properties={"leadDimension": IntegerAttr(pitch, IndexType())}
        )


@irdl_op_definition
class MatrixConstantOp(IRDLOperation):
    """A matrix of one number."""

    name = "gpu.subgroup_mma_constant_matrix"

    value = operand_def()
    result = result_def(MatrixType)

    traits = traits_def(Pure())

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[MatrixType(value.type, "COp")])


@irdl_op_definition
class MatrixMultiplyOp(IRDLOperation):
    """Add the product of two matrices to a third."""

    name = "gpu.subgroup_mma_compute"

    left = operand_def(MatrixType)
    right = operand_def(MatrixType)
    total = operand_def(MatrixType)
    result = result_def(MatrixType)

    traits = traits_def(Pure())

    def __init__(self, left: SSAValue, right: SSAValue, total: SSAValue) -> None:
        super().__init__(operands=[left, right, total], result_types=[total.type])
