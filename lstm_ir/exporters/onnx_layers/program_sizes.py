"""Sizes of a program that are known at run time only, computed in the graph from the shapes of its inputs."""

from collections.abc import Mapping, Sequence

from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.layers.program import OpenSize, Program, Size, Value
from lstm_ir.layers.program.sizes import Quotient


class ProgramSizes:
    """Makes tensors of int64 of a program's sizes, each once.

    Args:
        g: the graph.
        program: the program.
        names: the tensors of its inputs.
    """

    def __init__(self, g: OnnxGraph, program: Program, names: Mapping[Value, str]) -> None:
        self.g = g
        self.places: dict[str, tuple[str, int]] = {}
        for value in program.inputs.values():
            for axis, size in enumerate(value.shape):
                if isinstance(size, OpenSize) and size.name is not None:
                    self.places.setdefault(size.name, (names[value], axis))
        self.known: dict[OpenSize, str] = {}

    def size(self, size: Size) -> str:
        """One size, a tensor of one element."""
        if isinstance(size, int):
            return self.g.integers([size])
        if size not in self.known:
            self.known[size] = self._sum(size)
        return self.known[size]

    def shape(self, shape: Sequence[Size], *, free_one: bool = False) -> str:
        """A shape; where ``free_one``, -1 stands for an open size that is the only one."""
        sizes = list(shape)
        open_axes = [axis for axis, size in enumerate(sizes) if isinstance(size, OpenSize)]
        if free_one and len(open_axes) == 1:
            sizes[open_axes[0]] = -1
        if all(isinstance(size, int) for size in sizes):
            return self.g.integers([size for size in sizes if isinstance(size, int)])
        return self.g.add("Concat", *(self.size(size) for size in sizes), axis=0)

    def _sum(self, size: OpenSize) -> str:
        total: str | None = None
        for names, factor in size.terms:
            product: str | None = None if factor == 1 and names else self.g.integers([factor])
            for name in names:
                if isinstance(name, Quotient):
                    own = self.g.add("Div", self.size(name.dividend), self.g.integers([name.divisor]))
                else:
                    tensor, axis = self.places[name]
                    own = self.g.sizes(tensor, axis, axis + 1)
                product = own if product is None else self.g.add("Mul", product, own)
            assert product is not None
            total = product if total is None else self.g.add("Add", total, product)
        assert total is not None
        return total
