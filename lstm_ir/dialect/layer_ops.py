"""Layer level: weights, and the layers that stand beside an LSTM (lstm_layer_op.py), as ops.

Shapes are written B batch, T time steps, I input features, U units. Masks are ``i8`` tensors, 0 where a step is to be
ignored.
"""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    AnyFloat,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
    VectorType,
    container_of,
    i8,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.shapes import check_element, check_shape, element_type, shape_of, shape_text

MERGE_MODES = ("concat", "sum", "mul", "ave")
"""How two sequences become one, by Keras's names."""


@irdl_op_definition
class WeightOp(IRDLOperation):
    """A weight of the model by its name; the values stand beside the IR until they are materialised.

    So the IR of a model stays small enough to read, and passes move names, not megabytes.
    """

    name = "lstm.weight"

    weight = prop_def(StringAttr)
    result = result_def(base(TensorType))

    traits = traits_def(Pure())
    assembly_format = "$weight attr-dict `:` type($result)"

    def __init__(self, weight: str, result_type: Attribute) -> None:
        super().__init__(properties={"weight": StringAttr(weight)}, result_types=[result_type])


@irdl_op_definition
class ReverseOp(IRDLOperation):
    """Reverse a sequence or a mask along its time axis (Bidirectional flips the backward layer's output so)."""

    name = "lstm.reverse"

    T: ClassVar = VarConstraint("T", base(TensorType))

    input = operand_def(T)
    axis = prop_def(IntegerAttr)
    result = result_def(T)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$input attr-dict `:` type($input)"

    def __init__(self, input: SSAValue, axis: int) -> None:
        super().__init__(operands=[input], properties={"axis": IntegerAttr(axis, i64)}, result_types=[input.type])

    def verify_(self) -> None:
        """Check that the axis is one of the batch and time axes."""
        shape = shape_of(self.input.type)
        if len(shape) not in (2, 3):
            raise VerifyException(f"lstm.reverse: input has shape {shape_text(shape)}, expected ?x?x? or ?x?")
        if self.axis.value.data not in (0, 1):
            raise VerifyException(
                f"lstm.reverse: axis {self.axis.value.data} is not one of the leading axes of {shape_text(shape)}"
            )


@irdl_op_definition
class MergeOp(IRDLOperation):
    """Merge two tensors of one shape as Keras's Bidirectional does: concat on the last axis, sum, mul or ave."""

    name = "lstm.merge"

    inputs = var_operand_def(base(TensorType))
    mode = prop_def(StringAttr)
    result = result_def(base(TensorType))

    traits = traits_def(Pure())
    assembly_format = "$mode $inputs attr-dict `:` type($inputs) `->` type($result)"

    def __init__(self, mode: str, inputs: Sequence[SSAValue]) -> None:
        first = inputs[0].type
        shape = list(shape_of(first))
        if mode == "concat":
            shape[-1] = sum(shape_of(v.type)[-1] for v in inputs)
        super().__init__(
            operands=[inputs],
            properties={"mode": StringAttr(mode)},
            result_types=[TensorType(element_type(first), shape)],
        )

    def verify_(self) -> None:
        """Check the mode and the shapes."""
        mode = self.mode.data
        if mode not in MERGE_MODES:
            raise VerifyException(f"lstm.merge: mode {mode!r} is not one of {', '.join(MERGE_MODES)}")
        if len(self.inputs) != 2:
            raise VerifyException(f"lstm.merge: expected 2 inputs, got {len(self.inputs)}")
        first, second = (shape_of(v.type) for v in self.inputs)
        if first[:-1] != second[:-1] or (mode != "concat" and first != second):
            raise VerifyException(
                f"lstm.merge {mode!r}: inputs {shape_text(first)} and {shape_text(second)} do not fit"
            )
        last = first[-1] + second[-1] if mode == "concat" else first[-1]
        check_shape(f"lstm.merge {mode!r}", "result", self.result.type, (*first[:-1], last))


@irdl_op_definition
class MaskingOp(IRDLOperation):
    """Keras's Masking: a step is masked if all its features equal ``mask_value``; masked steps become zeros.

    Input x [B, T, I] (or [T, B, I]); results: x with zeros at masked steps, and the mask of the two leading axes.
    """

    name = "lstm.masking"

    input = operand_def(base(TensorType))
    mask_value = prop_def(FloatAttr)
    output = result_def(base(TensorType))
    mask = result_def(base(TensorType))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$input attr-dict `:` type($input) `->` type($output) `,` type($mask)"

    def __init__(self, input: SSAValue, mask_value: float, mask_element: Attribute) -> None:
        super().__init__(
            operands=[input],
            properties={"mask_value": FloatAttr(mask_value, Float64Type())},
            result_types=[input.type, TensorType(mask_element, shape_of(input.type)[:-1])],
        )

    def verify_(self) -> None:
        """Check that the results follow the input."""
        shape = check_shape("lstm.masking", "input", self.input.type, (None, None, None))
        check_shape("lstm.masking", "output", self.output.type, shape)
        check_shape("lstm.masking", "mask", self.mask.type, shape[:-1])
        check_element("lstm.masking", "output", self.output.type, element_type(self.input.type))
        check_element("lstm.masking", "mask", self.mask.type, i8)


@irdl_op_definition
class DenseOp(IRDLOperation):
    """Keras's Dense: y = x K + b over the last axis. Input [..., I], kernel [I, U], bias [U], result [..., U]."""

    name = "lstm.dense"

    input = operand_def(base(TensorType))
    kernel = operand_def(base(TensorType))
    bias = opt_operand_def(base(TensorType))
    result = result_def(base(TensorType))

    traits = traits_def(Pure())
    assembly_format = (
        "$input `:` type($input) `kernel` `(` $kernel `:` type($kernel) `)` "
        "(`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict `->` type($result)"
    )

    def __init__(self, input: SSAValue, kernel: SSAValue, bias: SSAValue | None) -> None:
        *leading, _ = shape_of(input.type)
        units = shape_of(kernel.type)[-1]
        super().__init__(
            operands=[input, kernel, bias],
            result_types=[TensorType(element_type(input.type), (*leading, units))],
        )

    def verify_(self) -> None:
        """Check that kernel, bias and result follow the input."""
        shape = shape_of(self.input.type)
        _, units = check_shape("lstm.dense", "kernel", self.kernel.type, (shape[-1], None))
        if self.bias is not None:
            check_shape("lstm.dense", "bias", self.bias.type, (units,))
        check_shape("lstm.dense", "result", self.result.type, (*shape[:-1], units))


@irdl_op_definition
class ActivateOp(IRDLOperation):
    """Apply an activation to every element, or along the last axis for softmax and log_softmax.

    The operand is a float, a gate vector [U] in a cell, or a tensor [..., U].
    """

    name = "lstm.activate"

    T: ClassVar = VarConstraint("T", container_of(AnyFloat))

    function = prop_def(ActivationAttr)
    input = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())
    assembly_format = "$function $input attr-dict `:` type($input)"

    def __init__(self, function: ActivationAttr, input: SSAValue | Operation) -> None:
        value = SSAValue.get(input)
        super().__init__(operands=[value], properties={"function": function}, result_types=[value.type])

    def verify_(self) -> None:
        """Refuse a row-wise function on a single element."""
        if self.function.is_row_wise and not isinstance(self.input.type, TensorType | VectorType):
            raise VerifyException(f"lstm.activate {self.function.kind.data!r} needs a row, got {self.input.type}")


@irdl_op_definition
class DropoutOp(IRDLOperation):
    """Keras's Dropout layer. In training a mask is drawn instead (dropout_ops.py); at inference it is the identity."""

    name = "lstm.dropout"

    T: ClassVar = VarConstraint("T", AnyAttr())

    input = operand_def(T)
    rate = prop_def(FloatAttr)
    result = result_def(T)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$input attr-dict `:` type($input)"

    def __init__(self, input: SSAValue, rate: float) -> None:
        super().__init__(
            operands=[input], properties={"rate": FloatAttr(rate, Float64Type())}, result_types=[input.type]
        )
