"""Recurrence level: gates of weights, side by side or apart, and the projection of all steps at once.

B is batch, T time, I features, U units, G the number of gates (4 for an LSTM), in the order i, f, c, o. The recurrence
itself is in scan_op.py.
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    IntegerAttr,
    TensorType,
    i64,
)
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.shapes import accumulator_type, check_shape, element_type, shape_of


@irdl_op_definition
class GateOp(IRDLOperation):
    """One gate's columns of a weight whose last axis holds ``of`` gates side by side: [..., G U] to [..., U]."""

    name = "lstm.gate"

    packed = operand_def(base(TensorType))
    index = prop_def(IntegerAttr)
    of = prop_def(IntegerAttr)
    result = result_def(base(TensorType))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$packed attr-dict `:` type($packed) `->` type($result)"

    def __init__(self, packed: SSAValue | Operation, index: int, of: int) -> None:
        value = SSAValue.get(packed)
        *leading, columns = shape_of(value.type)
        super().__init__(
            operands=[value],
            properties={"index": IntegerAttr(index, i64), "of": IntegerAttr(of, i64)},
            result_types=[TensorType(element_type(value.type), (*leading, columns // of))],
        )

    def verify_(self) -> None:
        """Check the index and that the gates have one width."""
        *leading, columns = shape_of(self.packed.type)
        index, of = self.index.value.data, self.of.value.data
        if not 0 <= index < of or columns % of:
            raise VerifyException(f"lstm.gate: no gate {index} of {of} in {columns} columns")
        check_shape("lstm.gate", "result", self.result.type, (*leading, columns // of))


@irdl_op_definition
class PackOp(IRDLOperation):
    """Pack the weights of several gates side by side on the last axis: G times [..., U] to [..., G U]."""

    name = "lstm.pack"

    gates = var_operand_def(base(TensorType))
    result = result_def(base(TensorType))

    traits = traits_def(Pure())
    assembly_format = "$gates attr-dict `:` type($gates) `->` type($result)"

    def __init__(self, gates: Sequence[SSAValue]) -> None:
        *leading, _ = shape_of(gates[0].type)
        columns = sum(shape_of(gate.type)[-1] for gate in gates)
        super().__init__(
            operands=[gates],
            result_types=[TensorType(element_type(gates[0].type), (*leading, columns))],
        )

    def verify_(self) -> None:
        """Check that the gates fit side by side."""
        if not self.gates:
            raise VerifyException("lstm.pack: expected at least one gate")
        *leading, _ = shape_of(self.gates[0].type)
        columns = 0
        for gate in self.gates:
            columns += check_shape("lstm.pack", "gate", gate.type, (*leading, None))[-1]
        check_shape("lstm.pack", "result", self.result.type, (*leading, columns))


@irdl_op_definition
class ProjectOp(IRDLOperation):
    """The part of the gates that does not depend on the state, for all steps at once: p = x K + b.

    With dropout [G, B, I], gate g sees x multiplied by a mask of its own.

    Input x [B, T, I] or [T, B, I], kernel [I, G U], bias [G U]; result [B, T, G U] or [T, B, G U]: the layout stays.
    """

    name = "lstm.project"

    input = operand_def(base(TensorType))
    kernel = operand_def(base(TensorType))
    bias = opt_operand_def(base(TensorType))
    dropout = opt_operand_def(base(TensorType))
    batch_axis = opt_prop_def(IntegerAttr)
    result = result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())
    assembly_format = (
        "$input `:` type($input) `kernel` `(` $kernel `:` type($kernel) `)` "
        "(`bias` `(` $bias^ `:` type($bias) `)`)? (`dropout` `(` $dropout^ `:` type($dropout) `)`)? "
        "attr-dict `->` type($result)"
    )

    def __init__(
        self,
        input: SSAValue,
        kernel: SSAValue,
        bias: SSAValue | None,
        dropout: SSAValue | None = None,
        batch_axis: int = 0,
    ) -> None:
        *leading, _ = shape_of(input.type)
        columns = shape_of(kernel.type)[-1]
        accumulator = accumulator_type(element_type(input.type))
        super().__init__(
            operands=[input, kernel, bias, dropout],
            properties={} if dropout is None else {"batch_axis": IntegerAttr(batch_axis, i64)},
            result_types=[TensorType(accumulator, (*leading, columns))],
        )

    def verify_(self) -> None:
        """Check kernel, bias and result against the input."""
        first, second, features = check_shape("lstm.project", "input", self.input.type, (None, None, None))
        _, columns = check_shape("lstm.project", "kernel", self.kernel.type, (features, None))
        if self.bias is not None:
            check_shape("lstm.project", "bias", self.bias.type, (columns,))
        if self.dropout is not None:
            check_shape("lstm.project", "dropout", self.dropout.type, (None, None, features))
            if self.batch_axis is None:
                raise VerifyException("lstm.project: dropout needs batch_axis")
        check_shape("lstm.project", "result", self.result.type, (first, second, columns))
