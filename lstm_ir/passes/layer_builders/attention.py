"""Dot, Attention and AdditiveAttention."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.shapes import accumulator_type, element_type, shape_of
from lstm_ir.layers import AdditiveAttention, Attention, Dot
from lstm_ir.passes.activation_math import expand_activation
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.row_wise import build_row_wise
from lstm_ir.passes.structured import Axes, ScalarBuilder, Size, Tensor

_EXCLUDED = {"f16": 65504.0}
"""What is taken off the score of a step that does not count, by the element type; of others 1e9. Source: Keras."""


@builds(Dot)
def build_dot(b: LayerScope, layer: Dot, call: Operands) -> list[SSAValue]:
    """Build the sum of products over one axis of each input."""
    x, y = call.inputs
    ranks = len(shape_of(x.type)), len(shape_of(y.type))
    first, second = layer.axes_of(ranks)
    count = ranks[0] + ranks[1] - 3  # the loops of the result; the last one sums
    in_x = [0, *range(1, ranks[0] - 1)]
    in_x.insert(first, count)
    in_y = [0, *range(ranks[0] - 1, count)]
    in_y.insert(second, count)
    sizes: list[Size] = [0] * count
    for value, loops in ((x, in_x), (y, in_y)):
        for size, loop in zip(b.sizes(value), loops, strict=True):
            if loop < count:
                sizes[loop] = size
    output = _summed(b, (x, tuple(in_x)), (y, tuple(in_y)), tuple(sizes))
    return [output if count > 1 else b.expand(output, [[0, 1]], [sizes[0], 1])]


@builds(Attention)
def build_attention(b: LayerScope, layer: Attention, call: Operands) -> list[SSAValue]:
    """Build the value's steps weighed by what the query sees in the key's."""
    query, value, key = call.inputs[0], call.inputs[1], call.inputs[-1]
    sizes = (*b.sizes(query)[:2], b.size(key, 1))
    scores = _scores(b, layer, query, key, sizes)
    element = element_type(scores.type)
    mask = call.masks[1]
    if mask is not None:

        def exclude(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            less = s.do(arith.SubfOp(args[0], s.constant(_EXCLUDED.get(str(element), 1e9), element)))
            return [s.do(arith.SelectOp(_counts(s, args[1]), args[0], less))]

        scores = b.elementwise([(scores, (0, 1, 2)), (mask, (0, 2))], sizes, [element], exclude)[0]
    weights = build_row_wise(b, "softmax", scores)
    whole = (*sizes[:2], b.size(value, 2))
    output = _summed(b, (weights, (0, 1, 3)), (value, (0, 3, 2)), whole)
    if call.mask is not None:

        def keep(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.SelectOp(_counts(s, args[1]), args[0], s.constant(0.0, args[0].type)))]

        output = b.elementwise([(output, (0, 1, 2)), (call.mask, (0, 1))], whole, [element_type(output.type)], keep)[0]
    return [output]


def _scores(b: LayerScope, layer: Attention, query: SSAValue, key: SSAValue, sizes: tuple[Size, ...]) -> SSAValue:
    """Build the scores [B, Tq, Tv]."""
    numbers = {spec.name: b.weight(spec.name, spec.shape or (1,)) for spec in layer.weight_specs()}
    additive = isinstance(layer, AdditiveAttention)
    if not additive and layer.score_mode == "dot":
        scores = _summed(b, (query, (0, 1, 3)), (key, (0, 2, 3)), sizes)
        return _scaled(b, scores, numbers.get("scale"))
    inside = None if additive else numbers.get("scale")
    outside = numbers.get("scale") if additive else None
    accumulator = accumulator_type(element_type(query.type))
    inputs: list[tuple[SSAValue, Axes]] = [(query, (0, 1, 3)), (key, (0, 2, 3))]
    if inside is not None:
        inputs.append((b.slice(inside, [0], [1], drop=(0,)), ()))
    if outside is not None:
        inputs.append((outside, (3,)))

    def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        x, y, *scale, total = (s.cast(arg, accumulator) for arg in args)
        z = s.do(arith.AddfOp(x, y))
        if inside is not None:
            z = s.do(arith.MulfOp(scale[0], z))
        part = expand_activation(s, ActivationAttr.get("tanh"), z)
        if outside is not None:
            part = s.do(arith.MulfOp(scale[0], part))
        return [s.do(arith.AddfOp(total, part))]

    start = b.full(Tensor(sizes, accumulator), 0.0)
    scores = b.generic(inputs, [(start, (0, 1, 2))], "pppr", add)[0]
    return _scaled(b, _cast(b, scores, sizes), numbers.get("concat_score_weight"))


def _scaled(b: LayerScope, x: SSAValue, number: SSAValue | None) -> SSAValue:
    if number is None:
        return x
    axes = tuple(range(len(shape_of(x.type))))
    scalar = b.slice(number, [0], [1], drop=(0,))
    return b.elementwise(
        [(x, axes), (scalar, ())],
        b.sizes(x),
        [element_type(x.type)],
        lambda s, args: [s.do(arith.MulfOp(args[0], args[1]))],
    )[0]


def _summed(b: LayerScope, x: tuple[SSAValue, Axes], y: tuple[SSAValue, Axes], sizes: tuple[Size, ...]) -> SSAValue:
    """Build the sum over the last loop of products, in the type that the model computes in."""
    product = b.contract(x, y, sizes, tuple(range(len(sizes))), "p" * len(sizes) + "r")
    return _cast(b, product, sizes)


def _cast(b: LayerScope, x: SSAValue, sizes: tuple[Size, ...]) -> SSAValue:
    if element_type(x.type) == b.element:
        return x
    axes = tuple(range(len(sizes)))
    return b.elementwise([(x, axes)], sizes, [b.element], lambda s, args: [s.cast(args[0], b.element)])[0]


def _counts(s: ScalarBuilder, mask: SSAValue) -> SSAValue:
    return s.do(arith.CmpiOp(mask, s.integer(0, mask.type), "ne"))
