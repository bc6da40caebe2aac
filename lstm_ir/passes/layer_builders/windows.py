"""Layers that look at a window of steps: Conv1D, MaxPooling1D, AveragePooling1D."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from lstm_ir.dialect.shapes import accumulator_type, element_type, shape_of
from lstm_ir.layers import AveragePooling1D, Conv1D, MaxPooling1D
from lstm_ir.passes.layer_scope import LayerScope, Operands, builds
from lstm_ir.passes.structured import Body, ScalarBuilder, Size, Tensor


@dataclass(frozen=True)
class Windows:
    """Where the windows of a sequence lie: window o reads the padded steps o stride + k dilation, k < size."""

    size: int
    stride: int
    padding: str
    dilation: int = 1

    @property
    def reach(self) -> int:
        """The steps from a window's first to its last."""
        return (self.size - 1) * self.dilation

    def places(self, step: AffineExpr, k: AffineExpr) -> AffineExpr:
        """The padded step that a window reads."""
        return step * self.stride + k * self.dilation

    def count(self, b: LayerScope, steps: Size) -> Size:
        """Return how many windows a sequence has."""
        if self.padding == "valid":
            return b.total(b.quotient(b.difference(steps, self.reach + 1), self.stride), 1)
        return b.quotient(b.total(steps, self.stride - 1), self.stride)

    def margins(self, b: LayerScope, steps: Size) -> tuple[Size, Size]:
        """Return how many steps are added before a sequence, and in all; source: TensorFlow's padding."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.reach, self.reach
        if self.stride == 1:
            return self.reach // 2, self.reach
        last = b.product(b.difference(self.count(b, steps), 1), self.stride)
        needed = b.difference(b.total(last, self.reach + 1), steps)
        both = b.largest(needed, 0)
        return b.quotient(both, 2), both

    def padded(self, b: LayerScope, x: SSAValue, value: float) -> SSAValue:
        """Return a sequence [B, T, F] with its margins."""
        batch, steps, features = b.sizes(x)
        before, both = self.margins(b, steps)
        if both == 0:
            return x
        whole = b.full(Tensor((batch, b.total(steps, both), features), element_type(x.type)), value)
        return b.insert_slice(x, whole, [0, before, 0], [batch, steps, features])


@builds(Conv1D)
def build_conv1d(b: LayerScope, layer: Conv1D, call: Operands) -> list[SSAValue]:
    """Build a convolution as the product of all windows with the kernel."""
    windows = Windows(layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    batch, steps, features = b.sizes(call.x)
    assert isinstance(features, int)
    count = windows.count(b, steps)
    kernel = b.weight("kernel")
    x = windows.padded(b, call.x, 0.0)
    element = element_type(x.type)
    sizes = (batch, count, layer.kernel_size, features)
    step, k = AffineExpr.dimension(1), AffineExpr.dimension(2)
    seen = b.elementwise([(x, (0, windows.places(step, k), 3))], sizes, [element], lambda s, args: [args[0]])[0]
    if layer.groups == 1:
        product = b.matmul(b.collapse(seen, [[0, 1], [2, 3]]), b.collapse(kernel, [[0, 1], [2]]))
    else:
        product = _grouped(b, layer, seen, kernel)
    inputs = [(product, (0, 1))] + ([(b.weight("bias"), (1,))] if layer.use_bias else [])

    def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        value = args[0]
        if len(args) == 2:
            value = s.do(arith.AddfOp(value, s.cast(args[1], value.type)))
        return [s.cast(value, element)]

    rows = b.elementwise(inputs, b.sizes(product), [element], add)[0]
    return [b.activate(layer.activation, b.split_leading(rows, (batch, count)))]


def _grouped(b: LayerScope, layer: Conv1D, seen: SSAValue, kernel: SSAValue) -> SSAValue:
    """Build the products [B T, F] of windows [B, T, K, I] with a kernel [K, I/G, F], group by group."""
    batch, count, size, features = b.sizes(seen)
    assert isinstance(features, int)
    groups, part, filters = layer.groups, features // layer.groups, layer.filters // layer.groups
    apart = b.expand(seen, [[0], [1], [2], [3, 4]], [batch, count, size, groups, part])
    kernels = b.expand(kernel, [[0], [1], [2, 3]], [size, part, groups, filters])
    wide = accumulator_type(element_type(seen.type))

    def multiply(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        x, y = (s.cast(arg, wide) for arg in args[:2])
        return [s.do(arith.AddfOp(args[2], s.do(arith.MulfOp(x, y))))]

    start = b.full(Tensor((batch, count, groups, filters), wide), 0.0)
    product = b.generic(
        [(apart, (0, 1, 4, 2, 5)), (kernels, (4, 5, 2, 3))], [(start, (0, 1, 2, 3))], "pppprr", multiply
    )[0]
    return b.collapse(product, [[0, 1], [2, 3]])


@builds(MaxPooling1D)
def build_max_pooling(b: LayerScope, layer: MaxPooling1D, call: Operands) -> list[SSAValue]:
    """Build the largest step of each window."""
    windows = Windows(layer.pool_size, layer.strides, layer.padding)
    return [_pooled(b, windows, call.x, float("-inf"), lambda s, args: [s.do(arith.MaximumfOp(args[2], args[0]))])]


@builds(AveragePooling1D)
def build_average_pooling(b: LayerScope, layer: AveragePooling1D, call: Operands) -> list[SSAValue]:
    """Build the mean of the steps of each window that are no padding."""
    windows = Windows(layer.pool_size, layer.strides, layer.padding)

    def add(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.AddfOp(args[2], args[0]))]

    total = _pooled(b, windows, call.x, 0.0, add)
    element = element_type(total.type)
    sizes = b.sizes(total)
    if layer.padding == "valid":

        def mean(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return [s.do(arith.DivfOp(args[0], s.constant(float(layer.pool_size), element)))]

        return b.elementwise([(total, (0, 1, 2))], sizes, [element], mean)
    steps = b.sizes(call.x)[1]
    counts = _pooled(b, windows, b.full(Tensor((1, steps, 1), element), 1.0), 0.0, add)
    flat = b.collapse(counts, [[0, 1, 2]])

    def divide(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [s.do(arith.DivfOp(args[0], args[1]))]

    return b.elementwise([(total, (0, 1, 2)), (flat, (1,))], sizes, [element], divide)


def _pooled(b: LayerScope, windows: Windows, x: SSAValue, start: float, body: Body) -> SSAValue:
    """Build the reduction of all windows; ``body`` sees the step, a place holder and the result so far."""
    batch, steps, features = b.sizes(x)
    count = windows.count(b, steps)
    element = element_type(x.type)
    padded = windows.padded(b, x, start)
    window = b.empty(Tensor((windows.size,), element))  # says how long the loop over a window is
    result = b.full(Tensor((batch, count, features), element), start)
    place = windows.places(AffineExpr.dimension(1), AffineExpr.dimension(3))
    assert len(shape_of(x.type)) == 3
    return b.generic([(padded, (0, place, 2)), (window, (3,))], [(result, (0, 1, 2))], "pppr", body)[0]
