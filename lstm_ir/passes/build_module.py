"""Layer descriptions to a module at layer level: one entry point without masks, one with, over the same weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    BFloat16Type,
    DictionaryAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    i8,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

import lstm_ir.passes.layer_builders  # noqa: F401  # registers the layers' build functions
from lstm_ir.dialect.shapes import DYNAMIC
from lstm_ir.layers import Model
from lstm_ir.passes.layer_scope import EntryContext, LayerScope, Operands, build_call, name_hint
from lstm_ir.passes.model_interface import Interface, Port, compute_dtype, interface_of

MODULE_NAME = "lstm_ir"
"""The name of every VM module that we make."""

ELEMENT_TYPES: dict[str, Attribute] = {
    "bfloat16": BFloat16Type(),
    "float16": Float16Type(),
    "float32": Float32Type(),
    "float64": Float64Type(),
    "int8": i8,
    "int32": i32,
}
"""MLIR's types by NumPy's names."""


@dataclass(frozen=True)
class LayerModule:
    """A model at layer level.

    Attributes:
        module: The IR.
        weights: The values of its ``lstm.weight`` ops, by name, in the variable dtype of their layer.
        interface: What the entry points take and return.
        dtype: NumPy's name of the type that the model computes in.
    """

    module: ModuleOp
    weights: Mapping[str, npt.NDArray[Any]]
    interface: Interface
    dtype: str


def build_module(
    model: Model, *, batch: int | None = None, time: int | None = None, training: bool = False
) -> LayerModule:
    """Build the layer-level module of a built model.

    Args:
        model: A built model.
        batch: Fix the batch to this size; None leaves it to run time.
        time: Fix the number of steps; None leaves it to run time.
        training: Whether dropout is active; then the entry points take a seed.

    Raises:
        UnsupportedError: If a layer cannot be compiled faithfully.
    """
    interface = interface_of(model, batch, time, training=training)
    dtype = compute_dtype(model)
    entries: list[Operation] = [_EntryBuilder(model, interface, dtype, masked=False).build("call")]
    if interface.masks:
        entries.append(_EntryBuilder(model, interface, dtype, masked=True).build("call_masked"))
    module = ModuleOp(entries, sym_name=StringAttr(MODULE_NAME))
    return LayerModule(module, _weights(model), interface, dtype)


def _weights(model: Model) -> dict[str, npt.NDArray[Any]]:
    values: dict[str, npt.NDArray[Any]] = {}
    for path, layer in model.layers_by_path.items():
        for name, value in layer.code_weights().items():
            values[f"{path}/{name}"] = value
    return values


def tensor_type(port: Port) -> TensorType[Attribute]:
    """Return the type of an interface tensor."""
    return TensorType(ELEMENT_TYPES[port.dtype], [DYNAMIC if size is None else size for size in port.shape])


class _EntryBuilder:
    """Builds one entry point: (inputs, [masks], states, storage of the new states) to (outputs, new states)."""

    def __init__(self, model: Model, interface: Interface, dtype: str, *, masked: bool) -> None:
        self.model, self.interface = model, interface
        masks = interface.masks if masked else ()
        seed = () if interface.seed is None else (interface.seed,)
        ports = [*interface.inputs, *masks, *seed, *interface.states]
        self.storage_start = len(ports)
        self.block = Block(arg_types=[tensor_type(port) for port in (*ports, *interface.states)])
        for port, value in zip(ports, self.block.args, strict=False):
            value.name_hint = name_hint(port.name)
        names = [given.name for given in model.inputs]
        self.tensors: dict[str, SSAValue] = dict(zip(names, self.block.args, strict=False))
        self.masks: dict[str, SSAValue | None] = dict.fromkeys(self.tensors)
        first = len(interface.inputs)
        for port, value in zip(masks, self.block.args[first : first + len(masks)], strict=True):
            self.masks[port.of if port.of is not None else interface.inputs[0].name] = value
        states = self.block.args[self.storage_start - len(interface.states) : self.storage_start]
        self.context = EntryContext(
            ELEMENT_TYPES[dtype],
            {port.name: value for port, value in zip(interface.states, states, strict=True)},
            self.block.args[first + len(masks)] if interface.seed is not None else None,
        )

    def build(self, name: str) -> func.FuncOp:
        for call in self.model.calls:
            operands = Operands(
                [self.tensors[tensor] for tensor in call.inputs],
                [self.masks[tensor] for tensor in call.inputs],
                [self.tensors[tensor] for tensor in call.initial_state],
            )
            built = build_call(LayerScope(self.block, call, self.context), operands)
            self.tensors.update(zip(call.outputs, built.outputs, strict=True))
            self.masks.update(zip(call.outputs, built.masks, strict=True))
        values = [self.tensors[tensor] for tensor in self.model.outputs]
        results = [*values, *(self.context.states[port.name] for port in self.interface.states)]
        self.block.add_op(func.ReturnOp(*results))
        function = func.FuncOp(
            name,
            ([arg.type for arg in self.block.args], [value.type for value in results]),
            Region(self.block),
        )
        # The runtime hands in the storage of the new states, so that a state can be updated in place.
        first = len(values)
        function.arg_attrs = ArrayAttr(
            DictionaryAttr({})
            if number < self.storage_start
            else DictionaryAttr({"iree.abi.output": IntegerAttr(first + number - self.storage_start, IndexType())})
            for number in range(len(self.block.args))
        )
        return function
