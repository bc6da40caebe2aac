"""ONNX's operators on windows of a sequence, and Pad, put together from a program's operations.

A window's elements are slices of the padded sequence, one for each place in the window: a convolution is one product of
all of them side by side, a pooling their sum or maximum.
"""

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_node import Node
from lstm_ir.layers.program import ProgramBuilder, Size, Tensor
from lstm_ir.layers.program.sizes import rounded_quotient

_LARGEST_WINDOW = 64
"""The most elements of a window: each is an operation of the program."""


class _Windows:
    """The windows of a node with one spatial axis, the last of three."""

    def __init__(self, node: Node, kernel: int) -> None:
        self.b, self.kernel = node.b, kernel
        x = node.tensor(0)
        if len(x.shape) != 3:
            raise UnsupportedError(f"its input has {len(x.shape)} axes; accepted: 3, of which one is spatial")
        if not 1 <= kernel <= _LARGEST_WINDOW:
            raise UnsupportedError(f"a window of {kernel}; accepted: up to {_LARGEST_WINDOW}")
        self.stride, self.dilation = (self._one(node, name, 1) for name in ("strides", "dilations"))
        if min(self.stride, self.dilation) < 1 or node.get("ceil_mode", 0):
            raise UnsupportedError("strides, dilations or ceil_mode: accepted: positive numbers, and ceil_mode=0")
        self.reach = (kernel - 1) * self.dilation
        self.length = x.shape[2]
        before, behind = self._pads(node)
        rest = self.length + before + behind - self.reach - 1
        self.count: Size = rounded_quotient(rest, self.stride) + 1
        if isinstance(self.count, int) and self.count < 1:
            raise ModelFileError("a window is longer than its input")
        # What lies before the first window may be open, and nothing: it is cut off what is padded with enough.
        self.is_padded = (before, behind) != (0, 0)
        self.padding = (before, behind) if isinstance(before, int) and isinstance(behind, int) else (self.reach,) * 2
        self.start = self.padding[0] - before

    @staticmethod
    def _one(node: Node, name: str, default: int) -> int:
        given = node.get(name, [default])
        if len(given) != 1:
            raise ModelFileError(f"attribute {name}={given}; expected one number")
        return int(given[0])

    def _pads(self, node: Node) -> tuple[Size, Size]:
        kind = node.get("auto_pad", "NOTSET")
        if kind == "NOTSET":
            before, behind = node.get("pads", [0, 0])
            if min(before, behind) < 0:
                raise UnsupportedError(f"attribute pads={[before, behind]}; accepted: no negative ones")
            return int(before), int(behind)
        if kind == "VALID":
            return 0, 0
        if kind not in ("SAME_UPPER", "SAME_LOWER"):
            raise ModelFileError(f"attribute auto_pad={kind!r}")
        steps = rounded_quotient(self.length + self.stride - 1, self.stride)
        whole = (steps - 1) * self.stride + self.reach + 1 - self.length
        if isinstance(whole, int):
            whole = max(whole, 0)
        elif self.reach + 1 < self.stride:
            raise UnsupportedError(
                f"auto_pad={kind} with strides that leave out elements of the open size {self.length}"
            )
        half = rounded_quotient(whole, 2)
        return (half, whole - half) if kind == "SAME_UPPER" else (whole - half, half)

    def parts(self, x: Tensor, number: float) -> list[Tensor]:
        """The first elements of all windows, the second ones ..., of what is padded with a number."""
        padded = _padded(self.b, x, 2, self.padding, number)
        first = [self.start + place * self.dilation for place in range(self.kernel)]
        return [self.b.slice(padded, 2, start, self.count, self.stride) for start in first]


def _padded(b: ProgramBuilder, x: Tensor, axis: int, pads: tuple[int, ...], number: float) -> Tensor:
    before, behind = ([b.full((*x.shape[:axis], size, *x.shape[axis + 1 :]), number)] if size else [] for size in pads)
    return b.concatenate([*before, x, *behind], axis)


def _conv(node: Node) -> list[Tensor]:
    b, weights = node.b, node.tensor(1)
    if len(weights.shape) != 3 or not all(isinstance(size, int) for size in weights.shape):
        raise UnsupportedError(f"its kernel has {len(weights.shape)} axes; accepted: 3, of which one is spatial")
    outputs, inputs, kernel = (int(str(size)) for size in weights.shape)
    if node.get("kernel_shape", [kernel]) != [kernel]:
        raise ModelFileError(f"attribute kernel_shape={node.get('kernel_shape', [])}; its kernel has {kernel}")
    groups = node.get("group", 1)
    if groups < 1 or outputs % groups or node.tensor(0).shape[1] != groups * inputs:
        raise ModelFileError(f"attribute group={groups} does not go with its input and kernel")
    windows = _Windows(node, kernel)
    parts = [b.transpose(part, (0, 2, 1)) for part in windows.parts(node.tensor(0), 0.0)]
    made = []
    for group in range(groups):
        own = [b.slice(part, 2, group * inputs, inputs) for part in parts]
        rows = b.slice(weights, 0, group * (outputs // groups), outputs // groups)
        matrix = b.reshape(b.transpose(rows, (2, 1, 0)), (kernel * inputs, outputs // groups))
        made.append(b.matmul(b.concatenate(own, 2), matrix))
    result = b.concatenate(made, 2)
    bias = node.given(2)
    if bias is not None:
        result = b.apply("add", result, bias)
    return [b.transpose(result, (0, 2, 1))]


def _max_pool(node: Node) -> list[Tensor]:
    windows = _Windows(node, _kernel(node))
    parts = windows.parts(node.tensor(0), float("-inf"))
    return [reduce(lambda left, right: node.b.apply("max", left, right), parts)]


def _average_pool(node: Node) -> list[Tensor]:
    b, windows = node.b, _Windows(node, _kernel(node))
    total = reduce(lambda left, right: b.apply("add", left, right), windows.parts(node.tensor(0), 0.0))
    if node.get("count_include_pad", 0) or not windows.is_padded:
        return [b.apply("div", total, np.asarray(windows.kernel, b.dtype))]
    ones = b.full((1, 1, windows.length), 1.0)
    counts = reduce(lambda left, right: b.apply("add", left, right), windows.parts(ones, 0.0))
    return [b.apply("div", total, counts)]


def _kernel(node: Node) -> int:
    given = node.get("kernel_shape", None)
    if given is None or len(given) != 1:
        raise UnsupportedError(f"attribute kernel_shape={given}; accepted: one number")
    return int(given[0])


def _pad(node: Node) -> list[Tensor]:
    node.accept_only(mode="constant")
    x, pads = node.tensor(0), node.numbers("pads", 1)
    value = node.known(2)
    number = float(value.reshape(())) if value is not None else float(node.get("value", 0.0))
    axes = node.sizes(3)
    at = list(range(len(x.shape))) if axes is None else [node.axis(int(axis), len(x.shape)) for axis in axes]
    if pads is None or len(pads) != 2 * len(at):
        raise ModelFileError(f"pads={pads} do not go with {len(at)} axes")
    for place, axis in enumerate(at):
        before, behind = pads[place], pads[place + len(at)]
        start, end = max(-before, 0), max(-behind, 0)
        x = node.b.slice(x, axis, start, x.shape[axis] - start - end)
        x = _padded(node.b, x, axis, (max(before, 0), max(behind, 0)), number)
    return [x]


WINDOWS: Mapping[str, Callable[[Node], list[Tensor]]] = {
    "Conv": _conv,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "Pad": _pad,
}
"""The readers by operator."""
