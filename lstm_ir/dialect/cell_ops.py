"""Ops of cells that look at a whole row of units, and which ops do."""

from xdsl.dialects.builtin import TensorType, VectorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, operand_def, result_def, traits_def
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.shapes import check_shape


@irdl_op_definition
class CellProductOp(IRDLOperation):
    """Multiply a vector of a cell [U] by weights [U, U] of the scan's surroundings: what a step's one product cannot.

    A GRU that resets before the product needs it: its new value depends on (r h) R, and r on h.
    """

    name = "lstm.cell_product"

    input = operand_def(base(VectorType))
    weights = operand_def(base(TensorType))
    result = result_def(base(VectorType))

    traits = traits_def(Pure())
    assembly_format = "$input `by` $weights attr-dict `:` type($input) `,` type($weights) `->` type($result)"

    def __init__(self, input: SSAValue, weights: SSAValue) -> None:
        super().__init__(operands=[input, weights], result_types=[input.type])

    def verify_(self) -> None:
        """Check that the weights take the vector to one of its length."""
        assert isinstance(self.input.type, VectorType)
        (units,) = self.input.type.get_shape()
        check_shape("lstm.cell_product", "weights", self.weights.type, (units, units))
        if self.result.type != self.input.type:
            raise VerifyException(f"lstm.cell_product: result is {self.result.type}, expected {self.input.type}")


def why_whole_row(op: Operation) -> str | None:
    """Return what of an op of a cell needs a whole row of units at once, or None if it goes unit by unit."""
    if isinstance(op, CellProductOp):
        return "a product inside the cell needs a whole row of units at once"
    if isinstance(op, ActivateOp) and op.function.is_row_wise:
        return f"{op.function.kind.data} needs a whole row of units at once"
    return None
