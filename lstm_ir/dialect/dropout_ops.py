"""Dropout as ops: masks drawn from a seed by counting, and what they are multiplied with.

A mask's element is 0 with probability ``rate``, else 1 / (1 - rate). Elements are drawn by a counter-based generator
(Threefry-2x32, Salmon et al. 2011) from the seed, the mask's ``stream`` and the element's place, so that a seed gives
the same masks on every target, whatever the order of evaluation.
"""

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, StringAttr, TensorType, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.shapes import check_shape, element_type, shape_of

KINDS = ("shared", "per_gate", "per_step")
"""What a mask of a sequence's features is drawn for: all gates and steps [B, I]; each gate [G, B, I]; each step, in the
layout of the input."""


@irdl_op_definition
class DropoutMaskOp(IRDLOperation):
    """Draw a mask for a tensor: ``shared`` and ``per_gate`` take batch and width from it, ``per_step`` all sizes.

    Operands: seed i32 [2]; like, [B, T, I] or [T, B, I] (``batch_axis`` says), or a state [B, U]. ``gates`` is G.
    """

    name = "lstm.dropout_mask"

    seed = operand_def(base(TensorType))
    like = operand_def(base(TensorType))
    kind = prop_def(StringAttr)
    rate = prop_def(FloatAttr)
    stream = prop_def(IntegerAttr)
    gates = prop_def(IntegerAttr)
    batch_axis = prop_def(IntegerAttr)
    result = result_def(base(TensorType))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$kind $seed `like` $like attr-dict `:` type($seed) `,` type($like) `->` type($result)"

    def __init__(
        self,
        seed: SSAValue,
        like: SSAValue,
        *,
        kind: str,
        rate: float,
        stream: int,
        gates: int = 1,
        batch_axis: int = 0,
    ) -> None:
        super().__init__(
            operands=[seed, like],
            properties={
                "kind": StringAttr(kind),
                "rate": FloatAttr(rate, Float64Type()),
                "stream": IntegerAttr(stream, i64),
                "gates": IntegerAttr(gates, i64),
                "batch_axis": IntegerAttr(batch_axis, i64),
            },
            result_types=[TensorType(element_type(like.type), _mask_shape(like.type, kind, gates, batch_axis))],
        )

    def verify_(self) -> None:
        """Check kind, rate and shapes."""
        who = "lstm.dropout_mask"
        if self.kind.data not in KINDS:
            raise VerifyException(f"{who}: kind {self.kind.data!r} is not one of {', '.join(KINDS)}")
        if not 0.0 <= self.rate.value.data < 1.0:
            raise VerifyException(f"{who}: rate {self.rate.value.data} is not in [0, 1)")
        check_shape(who, "seed", self.seed.type, (2,))
        expected = _mask_shape(self.like.type, self.kind.data, self.gates.value.data, self.batch_axis.value.data)
        check_shape(who, "result", self.result.type, expected)


def _mask_shape(like: Attribute, kind: str, gates: int, batch_axis: int) -> tuple[int, ...]:
    shape = shape_of(like)
    if kind == "per_step":
        return shape
    rows = (shape[batch_axis], shape[-1])
    return (gates, *rows) if kind == "per_gate" else rows


@irdl_op_definition
class DropOp(IRDLOperation):
    """Multiply a sequence [B, T, I] (or [T, B, I]) by a mask of every step, or by one of [B, I] for all steps."""

    name = "lstm.drop"

    input = operand_def(base(TensorType))
    mask = operand_def(base(TensorType))
    batch_axis = prop_def(IntegerAttr)
    result = result_def(base(TensorType))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$input `by` $mask attr-dict `:` type($input) `,` type($mask) `->` type($result)"

    def __init__(self, input: SSAValue, mask: SSAValue, *, batch_axis: int) -> None:
        super().__init__(
            operands=[input, mask],
            properties={"batch_axis": IntegerAttr(batch_axis, i64)},
            result_types=[input.type],
        )

    def verify_(self) -> None:
        """Check that the mask fits."""
        shape = check_shape("lstm.drop", "input", self.input.type, (None, None, None))
        mask = shape_of(self.mask.type)
        expected = shape if len(mask) == 3 else (shape[self.batch_axis.value.data], shape[-1])
        check_shape("lstm.drop", "mask", self.mask.type, expected)
