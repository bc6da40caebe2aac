"""Layers that move or repeat elements."""

import math

from xdsl.ir import SSAValue

from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.layers import Cropping1D, Flatten, Permute, RepeatVector, Reshape, UpSampling1D, ZeroPadding1D
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Size, Tensor


def _flat(b: LayerScope, x: SSAValue) -> SSAValue:
    """Build (batch, elements)."""
    rank = len(shape_of(x.type))
    if rank == 1:
        return b.expand(x, [[0, 1]], [b.size(x, 0), 1])
    return b.collapse(x, [[0], list(range(1, rank))])


@builds(Flatten)
def build_flatten(b: LayerScope, layer: Flatten, call: Operands) -> list[SSAValue]:
    """Build all axes but the batch as one."""
    return [_flat(b, call.x)]


@builds(Reshape)
def build_reshape(b: LayerScope, layer: Reshape, call: Operands) -> list[SSAValue]:
    """Build the elements of each sample in another shape."""
    flat = _flat(b, call.x)
    batch, elements = b.sizes(flat)
    known = math.prod(n for n in layer.target_shape if n != -1)
    sizes: list[Size] = [b.quotient(elements, known) if n == -1 else n for n in layer.target_shape]
    if len(sizes) == 1:
        return [flat]
    return [b.expand(flat, [[0], list(range(1, len(sizes) + 1))], [batch, *sizes])]


@builds(Permute)
def build_permute(b: LayerScope, layer: Permute, call: Operands) -> list[SSAValue]:
    """Build the axes in another order."""
    own = b.sizes(call.x)
    sizes = (own[0], *(own[axis] for axis in layer.dims))
    places = (0, *(layer.dims.index(axis) + 1 for axis in range(1, len(own))))
    return b.elementwise([(call.x, places)], sizes, [element_type(call.x.type)], lambda s, args: [args[0]])


@builds(RepeatVector)
def build_repeat_vector(b: LayerScope, layer: RepeatVector, call: Operands) -> list[SSAValue]:
    """Build a sequence of equal steps."""
    batch, features = b.sizes(call.x)
    element = element_type(call.x.type)
    return b.elementwise([(call.x, (0, 2))], (batch, layer.n, features), [element], lambda s, args: [args[0]])


@builds(UpSampling1D)
def build_up_sampling(b: LayerScope, layer: UpSampling1D, call: Operands) -> list[SSAValue]:
    """Build each step several times."""
    batch, steps, features = b.sizes(call.x)
    element = element_type(call.x.type)
    sizes = (batch, steps, layer.size, features)
    several = b.elementwise([(call.x, (0, 1, 3))], sizes, [element], lambda s, args: [args[0]])[0]
    return [b.collapse(several, [[0], [1, 2], [3]])]


@builds(Cropping1D)
def build_cropping(b: LayerScope, layer: Cropping1D, call: Operands) -> list[SSAValue]:
    """Build a sequence without its first and last steps."""
    batch, steps, features = b.sizes(call.x)
    left = b.difference(steps, sum(layer.cropping))
    return [b.slice(call.x, [0, layer.cropping[0], 0], [batch, left, features])]


@builds(ZeroPadding1D)
def build_zero_padding(b: LayerScope, layer: ZeroPadding1D, call: Operands) -> list[SSAValue]:
    """Build zeros before and behind a sequence."""
    batch, steps, features = b.sizes(call.x)
    whole = b.full(Tensor((batch, b.total(steps, sum(layer.padding)), features), element_type(call.x.type)), 0.0)
    return [b.insert_slice(call.x, whole, [0, layer.padding[0], 0], [batch, steps, features])]
