"""Layers that make one tensor of several."""

from collections.abc import Callable, Sequence
from functools import reduce

from xdsl.dialects import arith
from xdsl.dialects.builtin import i8
from xdsl.ir import Operation, SSAValue

from lstm_ir.dialect.layer_ops import MergeOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import Concatenate, Merge
from lstm_ir.passes.layer_scope import Built, LayerScope, Operands, builds
from lstm_ir.passes.structured import Places, ScalarBuilder, Size, Tensor

_OPERATIONS: dict[str, Callable[[SSAValue, SSAValue], Operation]] = {
    "add": arith.AddfOp,
    "ave": arith.AddfOp,
    "sub": arith.SubfOp,
    "mul": arith.MulfOp,
    "max": arith.MaximumfOp,
    "min": arith.MinimumfOp,
}


@builds(Merge)
def build_merge(b: LayerScope, layer: Merge, call: Operands) -> Built:
    """Build the merge of tensors, element by element, and of their masks."""
    rank = max(len(shape_of(x.type)) for x in call.inputs)
    sizes = _sizes(b, call.inputs, rank)
    operation = _OPERATIONS[layer.operation]
    inputs = [_repeated(b, x, sizes) for x in call.inputs]

    def merge(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        result = reduce(lambda first, second: s.do(operation(first, second)), args)
        if layer.operation == "ave":
            result = s.do(arith.DivfOp(result, s.constant(float(len(args)), result.type)))
        return [result]

    output = b.elementwise(inputs, sizes, [element_type(call.x.type)], merge)[0]
    given = [mask for mask in call.masks if mask is not None and layer.carries_mask]
    if not given or (layer.flavour == "keras3" and len(given) < len(call.masks)):
        return Built([output], [None])
    return Built([output], [_together(b, layer, given)])


def _sizes(b: LayerScope, inputs: Sequence[SSAValue], rank: int) -> tuple[Size, ...]:
    """Return the sizes of all inputs put together: of each axis one that is not 1."""
    sizes: list[Size] = [b.sizes(inputs[0])[0], *([1] * (rank - 1))]
    for x in inputs:
        own = b.sizes(x)
        for axis in range(1, len(own)):
            place = axis + rank - len(own)
            # A number is known to be right, a size of run time agrees with it.
            if own[axis] != 1 and (sizes[place] == 1 or isinstance(own[axis], int)):
                sizes[place] = own[axis]
    return tuple(sizes)


def _repeated(b: LayerScope, x: SSAValue, sizes: Sequence[Size]) -> tuple[SSAValue, Places]:
    """Return a tensor without the axes along which it is repeated, and the loops of those that are left."""
    own = b.sizes(x)
    extra = len(sizes) - len(own)
    drop = tuple(axis for axis in range(1, len(own)) if own[axis] == 1 and sizes[axis + extra] != 1)
    places = tuple(axis + extra if axis else 0 for axis in range(len(own)) if axis not in drop)
    return (b.slice(x, [0] * len(own), own, drop=drop) if drop else x), places


def _together(b: LayerScope, layer: Merge | Concatenate, masks: Sequence[SSAValue]) -> SSAValue:
    """Build the steps that all masks have (Keras 2) or any (Keras 3)."""
    if len(masks) == 1:
        return masks[0]
    if len({shape_of(mask.type) for mask in masks}) > 1:
        raise UnsupportedError(f"layer {layer.name!r}: its inputs' masks have different shapes, which is not supported")
    operation = arith.OrIOp if layer.flavour == "keras3" else arith.AndIOp
    sizes = b.sizes(masks[0])
    axes = tuple(range(len(sizes)))

    def merge(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [reduce(lambda first, second: s.do(operation(first, second)), args)]

    return b.elementwise([(mask, axes) for mask in masks], sizes, [i8], merge)[0]


@builds(Concatenate)
def build_concatenate(b: LayerScope, layer: Concatenate, call: Operands) -> Built:
    """Build the concatenation of tensors, and what becomes of their masks."""
    rank = len(shape_of(call.x.type))
    axis = layer.axis_of(rank)
    if len(call.inputs) == 2 and axis == rank - 1 and call.inputs[0].type == call.inputs[1].type:
        output = b.do(MergeOp("concat", call.inputs))
    else:
        output = concatenated(b, call.inputs, axis)
    if not layer.carries_mask or all(mask is None for mask in call.masks):
        return Built([output], [None])
    masks = [
        b.full(Tensor(b.sizes(x)[:2], i8), 1) if mask is None else mask
        for x, mask in zip(call.inputs, call.masks, strict=True)
    ]
    return Built([output], [concatenated(b, masks, 1) if axis == 1 and rank > 2 else _together(b, layer, masks)])


def concatenated(b: LayerScope, inputs: Sequence[SSAValue], axis: int) -> SSAValue:
    """Build tensors of one type behind each other."""
    if len(inputs) == 1:
        return inputs[0]
    sizes = list(b.sizes(inputs[0]))
    lengths = [b.size(x, axis) for x in inputs]
    total: Size = 0
    offsets: list[Size] = []
    for length in lengths:
        offsets.append(total)
        total = b.total(total, length)
    for x in inputs[1:]:  # a size that one input fixes
        sizes = [mine if isinstance(mine, int) else other for mine, other in zip(sizes, b.sizes(x), strict=True)]
    sizes[axis] = total
    result = b.empty(Tensor(tuple(sizes), element_type(inputs[0].type)))
    for x, offset in zip(inputs, offsets, strict=True):
        place: list[Size] = [0] * len(sizes)
        place[axis] = offset
        result = b.insert_slice(x, result, place, b.sizes(x))
    return result
