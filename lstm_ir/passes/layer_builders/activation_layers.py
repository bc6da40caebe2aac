"""Activations that are layers of their own."""

from collections.abc import Callable, Sequence

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from lstm_ir.passes.activation_math import expand_activation
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import ScalarBuilder

Scalar = Callable[[ScalarBuilder, SSAValue], SSAValue]


def _each(b: LayerScope, x: SSAValue, function: Scalar) -> list[SSAValue]:
    axes = tuple(range(len(shape_of(x.type))))
    return b.elementwise([(x, axes)], b.sizes(x), [element_type(x.type)], lambda s, args: [function(s, args[0])])


def _positive(s: ScalarBuilder, x: SSAValue, bound: float = 0.0) -> SSAValue:
    return s.do(arith.CmpfOp(x, s.constant(bound, x.type), "ogt"))


@builds(ReLU)
def build_relu(b: LayerScope, layer: ReLU, call: Operands) -> list[SSAValue]:
    """Build min(max_value, x) above the threshold, a line below it; source: Keras's ``backend.relu``."""

    def relu(s: ScalarBuilder, x: SSAValue) -> SSAValue:
        zero = s.constant(0.0, x.type)
        threshold = s.constant(layer.threshold, x.type)
        if layer.threshold:
            result = s.do(arith.SelectOp(_positive(s, x, layer.threshold), x, zero))
        else:
            result = s.do(arith.MaximumfOp(x, zero))
        if layer.max_value is not None:
            capped = s.do(arith.MinimumfOp(result, s.constant(layer.max_value, x.type)))
            result = s.do(arith.MaximumfOp(capped, zero))
        if layer.negative_slope:
            below = s.do(arith.MaximumfOp(s.do(arith.SubfOp(threshold, x)), zero))
            slope = s.constant(layer.negative_slope, x.type)
            result = s.do(arith.SubfOp(result, s.do(arith.MulfOp(slope, below))))
        return result

    return _each(b, call.x, relu)


@builds(LeakyReLU)
def build_leaky_relu(b: LayerScope, layer: LeakyReLU, call: Operands) -> list[SSAValue]:
    """Build x where x > 0, else slope x."""

    def leaky(s: ScalarBuilder, x: SSAValue) -> SSAValue:
        below = s.do(arith.MulfOp(x, s.constant(layer.negative_slope, x.type)))
        return s.do(arith.SelectOp(_positive(s, x), x, below))

    return _each(b, call.x, leaky)


@builds(ELU)
def build_elu(b: LayerScope, layer: ELU, call: Operands) -> list[SSAValue]:
    """Build x where x > 0, else alpha (exp(x) - 1)."""

    def elu(s: ScalarBuilder, x: SSAValue) -> SSAValue:
        plain = expand_activation(s, ActivationAttr.get("elu"), x)
        below = s.do(arith.MulfOp(plain, s.constant(layer.alpha, x.type)))
        return s.do(arith.SelectOp(_positive(s, x), x, below))

    return _each(b, call.x, elu)


@builds(ThresholdedReLU)
def build_thresholded_relu(b: LayerScope, layer: ThresholdedReLU, call: Operands) -> list[SSAValue]:
    """Build x where x > theta, else 0."""

    def thresholded(s: ScalarBuilder, x: SSAValue) -> SSAValue:
        return s.do(arith.SelectOp(_positive(s, x, layer.theta), x, s.constant(0.0, x.type)))

    return _each(b, call.x, thresholded)


@builds(PReLU)
def build_prelu(b: LayerScope, layer: PReLU, call: Operands) -> list[SSAValue]:
    """Build x where x > 0, else alpha x with the alpha of the place."""
    alpha = b.weight("alpha")
    shape = shape_of(alpha.type)
    shared = tuple(axis - 1 for axis in sorted(layer.shared_axes))
    alpha = b.slice(alpha, [0] * len(shape), list(shape), drop=shared) if shared else alpha
    places = tuple(axis for axis in range(1, len(shape) + 1) if axis not in layer.shared_axes)

    def prelu(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        below = s.do(arith.MulfOp(args[0], args[1]))
        return [s.do(arith.SelectOp(_positive(s, args[0]), args[0], below))]

    axes = tuple(range(len(shape) + 1))
    return b.elementwise([(call.x, axes), (alpha, places)], b.sizes(call.x), [element_type(call.x.type)], prelu)


@builds(Softmax)
def build_softmax(b: LayerScope, layer: Softmax, call: Operands) -> list[SSAValue]:
    """Build a softmax of the last axis.

    Raises:
        UnsupportedError: If its input has a mask: Keras adds it to the values, which fails for a mask of steps.
    """
    if call.mask is not None:
        raise UnsupportedError(f"layer {layer.name!r}: a Softmax layer on an input with a mask is not supported")
    return [b.do(ActivateOp(ActivationAttr.get("softmax"), call.x))]
