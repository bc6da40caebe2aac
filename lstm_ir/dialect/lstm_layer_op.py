"""Layer level: a whole Keras LSTM layer as one op, with its semantics as attributes.

B is batch, T time steps, I input features, U units. Gates lie on the last axis in Keras's order i, f, c, o, each U
wide. Masks are ``i8`` tensors, 0 where a step is to be ignored.
"""

from dataclasses import dataclass

from xdsl.dialects.builtin import (
    Float64Type,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    i8,
    i64,
)
from xdsl.ir import Attribute, SSAValue
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
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.dropout_ops import KINDS
from lstm_ir.dialect.shapes import check_element, check_shape, element_type, shape_of


@dataclass(frozen=True)
class LayerDropout:
    """Dropout of one layer in training: the seed i32 [2], rates, what a mask is drawn for, and the masks' number."""

    seed: SSAValue
    rate: float
    recurrent_rate: float
    kind: str
    stream: int

    def properties(self) -> dict[str, Attribute]:
        """Return the op's properties."""
        return {
            "dropout": FloatAttr(self.rate, Float64Type()),
            "recurrent_dropout": FloatAttr(self.recurrent_rate, Float64Type()),
            "dropout_kind": StringAttr(self.kind),
            "stream": IntegerAttr(self.stream, i64),
        }


@irdl_op_definition
class LayerOp(IRDLOperation):
    """A whole Keras LSTM layer.

    Operands: input x [B, T, I] ([T, B, I] if ``time_major``), kernel K [I, 4U], recurrent_kernel R [U, 4U],
    bias b [4U], mask [B, T] ([T, B]), initial states h0, c0 [B, U], seed i32 [2]. With z = x_t K + h R + b, split into
    zi, zf, zc, zo:

        i, f, o = ract(zi), ract(zf), ract(zo);  c' = f c + i act(zc);  h' = o act(c')

    Results: output [B, U], or the sequence [B, T, U] ([T, B, U]) if ``return_sequences``; the last h and c, [B, U].
    With a seed the layer runs as in training: x and h are multiplied by dropout masks where they enter the products,
    by ``dropout`` and ``recurrent_dropout`` (rates), ``dropout_kind`` and ``stream`` (see dropout_ops.py).
    Source: the Keras LSTM layer; Hochreiter and Schmidhuber 1997, Gers et al. 2000 (forget gate).
    """

    name = "lstm.layer"

    input = operand_def(base(TensorType))
    kernel = operand_def(base(TensorType))
    recurrent_kernel = operand_def(base(TensorType))
    bias = opt_operand_def(base(TensorType))
    mask = opt_operand_def(base(TensorType))
    h0 = operand_def(base(TensorType))
    c0 = operand_def(base(TensorType))
    seed = opt_operand_def(base(TensorType))

    layer = prop_def(StringAttr)
    activation = prop_def(ActivationAttr)
    recurrent_activation = prop_def(ActivationAttr)
    go_backwards = opt_prop_def(UnitAttr)
    time_major = opt_prop_def(UnitAttr)
    return_sequences = opt_prop_def(UnitAttr)
    zero_output_for_mask = opt_prop_def(UnitAttr)
    unroll = opt_prop_def(UnitAttr)
    dropout = opt_prop_def(FloatAttr)
    recurrent_dropout = opt_prop_def(FloatAttr)
    dropout_kind = opt_prop_def(StringAttr)
    stream = opt_prop_def(IntegerAttr)

    output = result_def(base(TensorType))
    h = result_def(base(TensorType))
    c = result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())
    assembly_format = (
        "$input `:` type($input) `kernel` `(` $kernel `:` type($kernel) `)` "
        "`recurrent_kernel` `(` $recurrent_kernel `:` type($recurrent_kernel) `)` "
        "(`bias` `(` $bias^ `:` type($bias) `)`)? (`mask` `(` $mask^ `:` type($mask) `)`)? "
        "`initial_state` `(` $h0 `,` $c0 `:` type($h0) `,` type($c0) `)` "
        "(`seed` `(` $seed^ `:` type($seed) `)`)? attr-dict "
        "`->` type($output) `,` type($h) `,` type($c)"
    )

    def __init__(
        self,
        layer: str,
        input: SSAValue,
        kernel: SSAValue,
        recurrent_kernel: SSAValue,
        bias: SSAValue | None,
        mask: SSAValue | None,
        h0: SSAValue,
        c0: SSAValue,
        *,
        activation: ActivationAttr,
        recurrent_activation: ActivationAttr,
        go_backwards: bool = False,
        time_major: bool = False,
        return_sequences: bool = False,
        zero_output_for_mask: bool = False,
        unroll: bool = False,
        dropout: "LayerDropout | None" = None,
    ) -> None:
        first, second, _ = shape_of(input.type)
        batch, units = shape_of(h0.type)
        shape = (first, second, units) if return_sequences else (batch, units)
        flags = {
            "go_backwards": go_backwards,
            "time_major": time_major,
            "return_sequences": return_sequences,
            "zero_output_for_mask": zero_output_for_mask,
            "unroll": unroll,
        }
        super().__init__(
            operands=[input, kernel, recurrent_kernel, bias, mask, h0, c0, None if dropout is None else dropout.seed],
            properties={
                "layer": StringAttr(layer),
                "activation": activation,
                "recurrent_activation": recurrent_activation,
                **{key: UnitAttr() for key, value in flags.items() if value},
                **({} if dropout is None else dropout.properties()),
            },
            result_types=[TensorType(element_type(input.type), shape), h0.type, c0.type],
        )

    def verify_(self) -> None:
        """Check every operand and result against the shapes of the class's description."""
        who = f"lstm.layer {self.layer.data!r}"
        batch, units = check_shape(who, "initial state h0", self.h0.type, (None, None))
        if self.time_major is None:
            _, time, features = check_shape(who, "input", self.input.type, (batch, None, None))
            leading = (batch, time)
        else:
            time, _, features = check_shape(who, "input", self.input.type, (None, batch, None))
            leading = (time, batch)
        check_shape(who, "initial state c0", self.c0.type, (batch, units))
        check_shape(who, "kernel", self.kernel.type, (features, 4 * units))
        check_shape(who, "recurrent_kernel", self.recurrent_kernel.type, (units, 4 * units))
        if self.bias is not None:
            check_shape(who, "bias", self.bias.type, (4 * units,))
        if self.mask is not None:
            check_shape(who, "mask", self.mask.type, leading)
        output = (*leading, units) if self.return_sequences else (batch, units)
        check_shape(who, "output", self.output.type, output)
        check_shape(who, "h", self.h.type, (batch, units))
        check_shape(who, "c", self.c.type, (batch, units))
        weights = [self.kernel, self.recurrent_kernel, *([] if self.bias is None else [self.bias])]
        shared = (self.input, *weights, self.h0, self.c0, self.output, self.h, self.c)
        dtypes = {str(element_type(value.type)) for value in shared}
        if len(dtypes) != 1:
            raise VerifyException(
                f"{who}: operands and results must share one element type, got {', '.join(sorted(dtypes))}"
            )
        if self.mask is not None:
            check_element(who, "mask", self.mask.type, i8)
        if self.seed is not None:
            check_shape(who, "seed", self.seed.type, (2,))
            if self.dropout_kind is None or self.dropout_kind.data not in KINDS or self.stream is None:
                raise VerifyException(f"{who}: a seed needs stream and dropout_kind, one of {', '.join(KINDS)}")
