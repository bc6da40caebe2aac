"""Masking and masks from inputs, Dropout, Activation and Dense."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerType, i8
from xdsl.ir import SSAValue

from lstm_ir.dialect.dropout_ops import DropoutMaskOp
from lstm_ir.dialect.layer_ops import DenseOp, DropoutOp, MaskingOp, MergeOp
from lstm_ir.dialect.shapes import element_type
from lstm_ir.layers import ActivationLayer, AttachMask, Dense, Dropout, Masking
from lstm_ir.passes.layer_scope import Built, LayerScope, Operands, builds
from lstm_ir.passes.structured import ScalarBuilder


@builds(Masking)
def build_masking(b: LayerScope, layer: Masking, call: Operands) -> Built:
    """Build the mask of the input's values, and the input with masked steps zeroed."""
    op = b.insert(MaskingOp(call.x, float(layer.mask_value), i8))
    return Built([op.results[0]], [op.results[1]])


@builds(AttachMask)
def build_attach_mask(b: LayerScope, layer: AttachMask, call: Operands) -> Built:
    """Build the mask that the second input is, of the first one."""
    given = call.inputs[1]
    whole = isinstance(element_type(given.type), IntegerType)

    def differs(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        zero = s.integer(0, args[0].type) if whole else s.constant(0.0, args[0].type)
        test = arith.CmpiOp(args[0], zero, "ne") if whole else arith.CmpfOp(args[0], zero, "une")
        return [s.do(arith.ExtUIOp(s.do(test), i8))]

    mask = b.elementwise([(given, (0, 1))], b.sizes(given), [i8], differs)[0]
    return Built([call.x], [mask])


@builds(Dropout)
def build_dropout(b: LayerScope, layer: Dropout, call: Operands) -> list[SSAValue]:
    """Build a dropout; in training with its mask."""
    rate = float(layer.rate)
    seed = b.context.seed
    if seed is None or rate == 0.0:
        return [b.do(DropoutOp(call.x, rate))]
    # An even number, as of the input masks of recurrent layers.
    mask = b.do(DropoutMaskOp(seed, call.x, kind="per_step", rate=rate, stream=2 * next(b.context.streams)))
    return [b.do(MergeOp("mul", [call.x, mask]))]


@builds(ActivationLayer)
def build_activation(b: LayerScope, layer: ActivationLayer, call: Operands) -> list[SSAValue]:
    """Build an activation."""
    return [b.activate(layer.activation, call.x)]


@builds(Dense)
def build_dense(b: LayerScope, layer: Dense, call: Operands) -> list[SSAValue]:
    """Build an affine map of the last axis and its activation."""
    kernel = b.weight("kernel")
    bias = b.weight("bias") if layer.use_bias else None
    return [b.activate(layer.activation, b.do(DenseOp(call.x, kernel, bias)))]
