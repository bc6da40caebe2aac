"""Collects the nodes and constants of an ONNX graph."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.layers.shapes import Shape

Array = NDArray[Any]

OPSET = 17
"""The version of ONNX's operators that is written: the first with LayerNormalization."""
IR_VERSION = 8
"""The version of the file format that goes with it."""
LAST = np.iinfo(np.int64).max
"""As the end of a Slice: the end of the axis."""
BEFORE_FIRST = np.iinfo(np.int64).min
"""As the end of a Slice with a negative step: before the start of the axis."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph.

    Attributes:
        name: its name.
        shape: its sizes, None where they are open.
    """

    name: str
    shape: Shape

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)


@dataclass
class Body:
    """The graph inside a Scan: what it reads for each step, its nodes, what it returns."""

    inputs: list[str] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class OnnxGraph:
    """Nodes and constants; every result has a name of its own.

    Args:
        dtype: NumPy's name of the floats that the graph computes in.
        taken: names that results do not get: those of the graph's inputs and outputs.
    """

    def __init__(self, dtype: str, taken: Sequence[str] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.prefix = ""
        self._used = set(taken)
        self._shared: dict[tuple[bytes, str, tuple[int, ...]], str] = {}

    # names

    def free(self, wanted: str) -> str:
        """Return a name that nothing has, numbered if need be."""
        candidates = chain([wanted], (f"{wanted}_{number}" for number in count(1)))
        name = next(candidate for candidate in candidates if candidate not in self._used)
        self._used.add(name)
        return name

    @contextmanager
    def within(self, path: str) -> Iterator[None]:
        """Start the names of what is added with the path of a layer."""
        before, self.prefix = self.prefix, path
        try:
            yield
        finally:
            self.prefix = before

    # nodes

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one result; returns its name."""
        return self.add_many(op, inputs, 1, **attributes)[0]

    def add_many(self, op: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node; returns the names of its results."""
        from onnx import helper

        name = self.free(f"{self.prefix}/{op}" if self.prefix else op)
        names = [name] if outputs == 1 else [self.free(f"{name}.{number}") for number in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name, **attributes))
        return names

    def rename(self, name: str, wanted: str) -> None:
        """Give a tensor an additional name: that of an output of the graph."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [name], [wanted], self.free(f"{wanted}/Identity")))

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Collect nodes in a graph inside; constants, and tensors that exist already, can be read there by name."""
        outer, inside = self.nodes, Body()
        self.nodes = inside.nodes
        try:
            yield inside
        finally:
            self.nodes = outer

    # constants

    def constant(self, array: Array, name: str) -> str:
        """Add an array; returns its name, which is that of an equal one if there is one already."""
        contiguous = np.ascontiguousarray(array).reshape(array.shape)
        key = (sha256(contiguous.reshape(-1).view(np.uint8).data).digest(), str(array.dtype), array.shape)
        if key not in self._shared:
            self._shared[key] = self.free(name)
            self.constants[self._shared[key]] = contiguous
        return self._shared[key]

    def floats(self, array: Any, name: str = "constant") -> str:
        """Add floats, in the graph's dtype."""
        return self.constant(np.asarray(array, self.dtype), name)

    def integers(self, values: Sequence[int] | int) -> str:
        """Add int64."""
        return self.constant(np.asarray(values, np.int64), "integers")

    # what several layers need

    def transpose(self, x: str, *order: int) -> str:
        """Axes in another order."""
        return x if list(order) == sorted(order) else self.add("Transpose", x, perm=list(order))

    def reshape(self, x: str, *sizes: int) -> str:
        """The same elements in another shape: 0 keeps the size of that axis, one may be -1."""
        return self.add("Reshape", x, self.integers(sizes))

    def slice(self, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """A range of one axis."""
        return self.add("Slice", x, *(self.integers([number]) for number in (start, end, axis, step)))

    def flip(self, x: str, axis: int) -> str:
        """An axis from its end to its start."""
        return self.slice(x, axis, -1, BEFORE_FIRST, -1)

    def unsqueeze(self, x: str, *axes: int) -> str:
        """Axes of size 1 put in at these places."""
        return self.add("Unsqueeze", x, self.integers(axes)) if axes else x

    def squeeze(self, x: str, *axes: int) -> str:
        """Without these axes, of size 1."""
        return self.add("Squeeze", x, self.integers(axes))

    def sizes(self, x: str, start: int, end: int | None = None) -> str:
        """Some sizes of a tensor, int64."""
        ends = {} if end is None else {"end": end}
        return self.add("Shape", x, start=start, **ends)

    def cast(self, x: str, dtype: str) -> str:
        """Elements of another type, by NumPy's name."""
        return self.add("Cast", x, to=element_type(dtype))


def element_type(dtype: str) -> int:
    """Return ONNX's number of an element type by NumPy's name."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
