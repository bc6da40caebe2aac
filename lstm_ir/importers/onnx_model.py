"""An ONNX graph as a program: names, shapes, and a walk over its nodes."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_file import Array, array_of, parse
from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_operators import OPERATORS, Reader
from lstm_ir.importers.onnx_scan import read_scan
from lstm_ir.layers.program import (
    Elementwise,
    Gather,
    OpenSize,
    Operation,
    Program,
    ProgramBuilder,
    ProgramModel,
    Recurrence,
    Reshape,
    SameSizeError,
    Scan,
    Size,
    Slice,
    Tensor,
    Transpose,
    Value,
)
from lstm_ir.layers.program.builder import LARGEST_KNOWN

_FLOATS = {1: np.dtype(np.float32), 10: np.dtype(np.float16), 11: np.dtype(np.float64)}
_INTEGERS = (6, 7)  # int32, int64
_BOOL = 9
_OLDEST_OPSET = 7
_MOST_COMPUTED = 16
"""How often the arrays of a model may be computed anew ahead of time; exporters cut and join weights a few times."""


def is_onnx_file(path: Path) -> bool:
    """Whether a file is called as ONNX models are: protobuf has no signature."""
    return path.suffix.lower() == ".onnx"


def read_onnx(path: str | os.PathLike[str]) -> ProgramModel:
    """Read an ONNX file as a model; inputs and outputs keep their names and shapes.

    Args:
        path: the file; external data are read from files in the same folder.

    Raises:
        ModelFileError: the file is none, is damaged, or contradicts itself.
        UnsupportedError: a node that cannot be compiled faithfully; the message names it.
        ModuleNotFoundError: the package onnx is not installed.
    """
    file = Path(path)
    return onnx_program(parse(file), file.stem, file.parent)


def onnx_program(model: Any, name: str, folder: Path | None = None) -> ProgramModel:
    """Read an ``onnx.ModelProto`` as a model.

    Args:
        model: the ModelProto.
        name: the name of the model.
        folder: where external data may lie; None has none.

    Raises:
        ModelFileError: it contradicts itself.
        UnsupportedError: a node that cannot be compiled faithfully; the message names it.
    """
    same: dict[str, str] = {}
    while True:
        try:
            return ProgramModel(_Reader(model, name, folder, same).read())
        except SameSizeError as error:
            # Exporters name sizes apart that the nodes want equal: they are one from the start, then.
            first, second = error.pair
            same[second] = first


class _Reader:
    """Reads a model once.

    Args:
        model: the ModelProto.
        name: the name of the program.
        folder: where external data may lie.
        same: open sizes that are another one.
    """

    def __init__(self, model: Any, name: str, folder: Path | None, same: Mapping[str, str]) -> None:
        self.graph, self.name, self.folder, self.same = model.graph, name, folder, same
        self.opset = self._opset(model)
        if model.functions:
            raise UnsupportedError(f"the model has functions of its own, such as {model.functions[0].name!r}")
        self.tensors: dict[str, Tensor] = {}
        self.computed = 0
        self.instead: Mapping[str, Reader] = {}

    @staticmethod
    def _opset(model: Any) -> int:
        for entry in model.opset_import:
            if entry.domain in ("", "ai.onnx"):
                if entry.version < _OLDEST_OPSET:
                    raise UnsupportedError(f"opset {entry.version}; accepted: {_OLDEST_OPSET} and later")
                return int(entry.version)
        raise ModelFileError("the model does not say which opset of ONNX it is of")

    def read(self) -> Program:
        arrays: dict[str, Array] = {}
        for tensor in self.graph.initializer:
            arrays[tensor.name] = array_of(tensor, self.folder)
        if self.graph.sparse_initializer:
            raise UnsupportedError("the model has sparse arrays")
        given = [item for item in self.graph.input if item.name not in arrays]
        self.builder = ProgramBuilder(self._dtype(arrays, given))
        self.builder.held = _elements(arrays.values())
        self.tensors.update(arrays)
        inputs = {item.name: self._input(item) for item in given}
        if not inputs:
            raise UnsupportedError("the model has no inputs")
        self.tensors.update(inputs)
        bools = [item.name for item in given if item.type.tensor_type.elem_type == _BOOL]
        self.tensors.update((name, self.builder.apply("nonzero", inputs[name])) for name in bools)
        for place, proto in enumerate(self.graph.node):
            self._node(proto, place)
        outputs: dict[str, Value] = {}
        for item in self.graph.output:
            outputs[item.name] = self._output(item)
        if not outputs:
            raise ModelFileError("the model has no outputs")
        return self._program(inputs, outputs, bools)

    def _dtype(self, arrays: Mapping[str, Array], inputs: list[Any]) -> np.dtype[Any]:
        """The one dtype of floats: of the inputs, or if they are integers, of the arrays."""
        kinds = {_FLOATS[i.type.tensor_type.elem_type] for i in inputs if i.type.tensor_type.elem_type in _FLOATS}
        kinds = kinds or {array.dtype for array in arrays.values() if array.dtype.kind == "f"}
        if len(kinds) > 1:
            raise UnsupportedError(f"floats of several types: {', '.join(sorted(map(str, kinds)))}; accepted: one")
        return np.dtype(str(kinds.pop())) if kinds else np.dtype(np.float32)

    def _input(self, item: Any) -> Value:
        tensor = item.type.tensor_type
        if not item.type.HasField("tensor_type") or not tensor.HasField("shape"):
            raise UnsupportedError(f"input {item.name!r}: not a tensor of a known rank")
        if tensor.elem_type not in _FLOATS and tensor.elem_type not in (*_INTEGERS, _BOOL):
            raise UnsupportedError(f"input {item.name!r}: its element type; accepted: floats, int32, int64 and bool")
        shape: list[Size] = []
        for axis, dim in enumerate(tensor.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                shape.append(int(dim.dim_value))
            else:
                own = dim.dim_param or f"{item.name}.{axis}"
                while own in self.same:
                    own = self.same[own]
                shape.append(OpenSize.named(own))
        return Value(tuple(shape), is_integer=tensor.elem_type not in _FLOATS)

    def _node(self, proto: Any, place: int) -> None:
        label = proto.name or f"number {place}"
        who = f"node {label!r} ({proto.op_type})"
        if proto.domain not in ("", "ai.onnx"):
            raise UnsupportedError(f"{who}: operators of domain {proto.domain!r} cannot be compiled")
        reader = self._reader_of(proto.op_type)
        if reader is None:
            raise UnsupportedError(f"{who}: the operator {proto.op_type} cannot be compiled")
        missing = [name for name in proto.input if name and name not in self.tensors]
        if missing:
            raise ModelFileError(f"{who}: nothing before it makes its input {missing[0]!r}")
        node = Node(proto, who, self.opset, self.builder, self.folder, [self.tensors.get(n) for n in proto.input])
        try:
            results = reader(node)
        except SameSizeError:
            raise
        except LstmIrError as error:
            raise type(error)(str(error) if who in str(error) else f"{who}: {error}") from None
        except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError) as error:
            raise ModelFileError(f"{who}: its attributes or inputs contradict each other: {error}") from None
        self._count_known(who, proto.op_type, results)
        used = [name for name in proto.output if name]
        for name in used:
            if name in self.tensors:
                raise ModelFileError(f"{who}: the tensor {name!r} is made twice")
        if len(proto.output) > len(results) and any(proto.output[len(results) :]):
            raise UnsupportedError(f"{who}: its output {proto.output[len(results)]!r} cannot be compiled")
        self.tensors.update((n, tensor) for n, tensor in zip(proto.output, results, strict=False) if n)

    def _count_known(self, who: str, op_type: str, results: Iterable[Tensor]) -> None:
        """Count what is computed ahead of time, which a small file may ask very much of in small portions."""
        known = _elements(tensor for tensor in results if isinstance(tensor, np.ndarray))
        if op_type == "Constant":
            self.builder.held += known
            return
        self.computed += known
        if self.computed > _MOST_COMPUTED * max(LARGEST_KNOWN, self.builder.held):
            raise ModelFileError(f"{who}: the constants that are computed up to here have {self.computed} elements")

    def _reader_of(self, op_type: str) -> Reader | None:
        if op_type == "Scan":
            return lambda node: read_scan(node, self._inside)
        if op_type == "If":
            return self._if
        return self.instead.get(op_type) or OPERATORS.get(op_type)

    def _if(self, node: Node) -> list[Tensor]:
        """The branch of an If whose condition is known."""
        condition = node.known(0)
        if condition is None or condition.size != 1:
            raise ModelFileError("its condition is missing, or is not one")
        wanted = "then_branch" if condition.any() else "else_branch"
        graphs = [attribute.g for attribute in node.proto.attribute if attribute.name == wanted]
        if not graphs:
            raise ModelFileError(f"it has no {wanted}")
        return self._inside(graphs[0], self.builder, {}, {})

    def _inside(
        self, graph: Any, builder: ProgramBuilder, given: Mapping[str, Tensor], instead: Mapping[str, Reader]
    ) -> list[Tensor]:
        """The outputs of a graph inside a node, which sees the tensors outside.

        Args:
            graph: The graph.
            builder: Takes what it computes.
            given: Its inputs by name.
            instead: Readers of operators instead of the usual ones.
        """
        outside = self.tensors, self.builder, self.instead
        arrays = {tensor.name: array_of(tensor, self.folder) for tensor in graph.initializer}
        builder.held = self.builder.held + _elements(arrays.values())
        # A program of its own sees constants only.
        seen = (
            outside[0]
            if builder is self.builder
            else {name: tensor for name, tensor in outside[0].items() if isinstance(tensor, np.ndarray)}
        )
        self.tensors, self.builder, self.instead = {**seen, **arrays, **given}, builder, {**self.instead, **instead}
        try:
            for place, proto in enumerate(graph.node):
                self._node(proto, place)
            missing = [item.name for item in graph.output if item.name not in self.tensors]
            if missing:
                raise ModelFileError(f"nothing makes the output {missing[0]!r} of the graph inside")
            return [self.tensors[item.name] for item in graph.output]
        finally:
            self.tensors, self.builder, self.instead = outside

    def _output(self, item: Any) -> Value:
        if item.name not in self.tensors:
            raise ModelFileError(f"output {item.name!r}: nothing makes it")
        tensor = self.tensors[item.name]
        value = self.builder.value(tensor, item.name)
        if value.is_integer or value.is_bool:
            kind = "integers" if value.is_integer else "truth values"
            raise UnsupportedError(f"output {item.name!r}: holds {kind}; accepted: floats")
        if value.operation is None:
            (value,) = self.builder.emit(Elementwise((value,), "copy"), value.shape)
        return value

    def _program(self, inputs: dict[str, Value], outputs: dict[str, Value], bools: list[str]) -> Program:
        batch = self._batch(inputs)
        axes: dict[str, int] = {}
        for name, value in {**inputs, **outputs}.items():
            for axis, size in enumerate(value.shape):
                if isinstance(size, OpenSize) and size.name == batch and name not in axes:
                    axes[name] = axis
        limits = dict.fromkeys(bools, 2)
        for operation, _ in self.builder.operations:
            if isinstance(operation, Gather):
                size = operation.inputs[0].shape[operation.axis]
                source = operation.inputs[1]
                while source.is_integer and _is_moved(source.operation):
                    source = source.operation.inputs[0]  # type: ignore[union-attr]  # it is one then
                for name, value in inputs.items():
                    if value is source and isinstance(size, int):
                        limits[name] = min(limits.get(name, size), size)
        return Program(self.name, inputs, tuple(self._used(outputs)), outputs, batch, axes, limits)

    def _used(self, outputs: Mapping[str, Value]) -> list[Any]:
        """The operations that outputs depend on."""
        wanted = set(outputs.values())
        kept = []
        for operation, results in reversed(self.builder.operations):
            if any(value in wanted for value in results):
                kept.append((operation, results))
                wanted.update(operation.inputs)
        return kept[::-1]

    def _batch(self, inputs: Mapping[str, Value]) -> str | None:
        """The open size that counts rows: the LSTMs' batch, or else the first open size of the inputs."""
        for operation, _ in self.builder.operations:
            if isinstance(operation, Scan | Recurrence):
                size = operation.inputs[0].shape[1 if operation.time_major else 0]
                if isinstance(size, OpenSize) and size.name is not None:
                    return size.name
                return None
        names = [size.name for value in inputs.values() for size in value.shape if isinstance(size, OpenSize)]
        return names[0] if names else None


def _is_moved(operation: Operation | None) -> bool:
    """Whether an operation hands on the elements of its only input as they are."""
    if isinstance(operation, Elementwise):
        return operation.function == "copy"
    return isinstance(operation, Reshape | Transpose | Slice)


def _elements(arrays: Iterable[Array]) -> int:
    return sum(array.size for array in arrays)
