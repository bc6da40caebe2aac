"""BatchNormalization and LayerNormalization."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.shapes import accumulator_type, element_type, shape_of
from lstm_ir.layers import BatchNormalization, LayerNormalization
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Axes, Places, ScalarBuilder, Tensor


@builds(BatchNormalization)
def build_batch_normalization(b: LayerScope, layer: BatchNormalization, call: Operands) -> list[SSAValue]:
    """Build x s + (beta - mean s) with s = gamma / sqrt(variance + epsilon), s computed once a feature."""
    x = call.x
    rank = len(shape_of(x.type))
    axes = layer.axes_of(rank)
    mean, variance = b.weight("moving_mean"), b.weight("moving_variance")
    gamma = [b.weight("gamma")] if layer.scale else []
    beta = [b.weight("beta")] if layer.center else []
    wide = accumulator_type(b.element)

    def factors(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        values = [s.cast(arg, wide) for arg in args]
        factor = _inverse_root(s, values[1], layer.epsilon, wide)
        rest = values[2:]
        if layer.scale:
            factor = s.do(arith.MulfOp(factor, rest.pop(0)))
        shift = s.do(arith.MulfOp(values[0], factor))
        shift = s.do(arith.SubfOp(rest[0], shift)) if rest else s.do(arith.NegfOp(shift))
        return [factor, shift]

    weights: list[tuple[SSAValue, Places]] = [(w, (0,)) for w in (mean, variance, *gamma, *beta)]
    factor, shift = b.elementwise(weights, b.sizes(mean), [wide, wide], factors)

    def apply(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        product = s.do(arith.MulfOp(s.cast(args[0], wide), args[1]))
        return [s.cast(s.do(arith.AddfOp(product, args[2])), b.element)]

    whole = tuple(range(rank))
    return b.elementwise([(x, whole), (factor, axes), (shift, axes)], b.sizes(x), [b.element], apply)


@builds(LayerNormalization)
def build_layer_normalization(b: LayerScope, layer: LayerNormalization, call: Operands) -> list[SSAValue]:
    """Build (x - mean) / sqrt(variance + epsilon) gamma + beta, both sums in f32 for the half types."""
    x = call.x
    sizes = b.sizes(x)
    whole: Axes = tuple(range(len(sizes)))
    axes = layer.axes_of(len(sizes))
    kept: Axes = tuple(axis for axis in whole if axis not in axes)
    loops = "".join("r" if axis in axes else "p" for axis in whole)
    wide = accumulator_type(element_type(x.type))
    rows = Tensor(tuple(sizes[axis] for axis in kept), wide)
    count = 1
    for axis in axes:
        size = sizes[axis]
        assert isinstance(size, int)  # the weights have these sizes
        count *= size

    def average(values: SSAValue) -> SSAValue:
        def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.AddfOp(args[1], s.cast(args[0], wide)))]

        def divide(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.DivfOp(args[0], s.constant(float(count), wide)))]

        total = b.generic([(values, whole)], [(b.full(rows, 0.0), kept)], loops, add)[0]
        places = tuple(range(len(kept)))
        return b.elementwise([(total, places)], rows.sizes, [wide], divide)[0]

    def square(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        distance = s.do(arith.SubfOp(s.cast(args[0], wide), args[1]))
        return [s.do(arith.MulfOp(distance, distance))]

    def apply(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        distance = s.do(arith.SubfOp(s.cast(args[0], wide), args[1]))
        result = s.do(arith.MulfOp(distance, _inverse_root(s, args[2], layer.epsilon, wide)))
        rest = list(args[3:])
        if layer.scale:
            result = s.do(arith.MulfOp(result, s.cast(rest.pop(0), wide)))
        if rest:
            result = s.do(arith.AddfOp(result, s.cast(rest[0], wide)))
        return [s.cast(result, b.element)]

    mean = average(x)
    squares = b.elementwise([(x, whole), (mean, kept)], sizes, [wide], square)[0]
    weights = [(b.weight(name), axes) for name, there in (("gamma", layer.scale), ("beta", layer.center)) if there]
    inputs: list[tuple[SSAValue, Places]] = [(x, whole), (mean, kept), (average(squares), kept), *weights]
    return b.elementwise(inputs, sizes, [b.element], apply)


def _inverse_root(s: ScalarBuilder, value: SSAValue, epsilon: float, type_: Attribute) -> SSAValue:
    root = s.do(math_dialect.SqrtOp(s.do(arith.AddfOp(value, s.constant(epsilon, type_)))))
    return s.do(arith.DivfOp(s.constant(1.0, type_), root))
