"""Masking, Dropout, Activation and Dense."""

from xdsl.dialects.builtin import i8
from xdsl.ir import SSAValue

from lstm_ir.dialect.dropout_ops import DropoutMaskOp
from lstm_ir.dialect.layer_ops import DenseOp, DropoutOp, MaskingOp, MergeOp
from lstm_ir.layers import ActivationLayer, Dense, Dropout, Masking
from lstm_ir.passes.layer_scope import Built, LayerScope, Operands, builds


@builds(Masking)
def build_masking(b: LayerScope, layer: Masking, call: Operands) -> Built:
    """Build the mask of the input's values, and the input with masked steps zeroed."""
    op = b.insert(MaskingOp(call.x, float(layer.mask_value), i8))
    return Built([op.results[0]], [op.results[1]])


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
