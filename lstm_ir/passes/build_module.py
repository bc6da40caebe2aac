"""Layer descriptions to a module at layer level: one entry point without a mask, one with, over the same weights."""

import itertools
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
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    i8,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.dropout_ops import DropoutMaskOp
from lstm_ir.dialect.layer_ops import ActivateOp, DenseOp, DropoutOp, MaskingOp, MergeOp, ReverseOp, WeightOp
from lstm_ir.dialect.lstm_layer_op import LayerDropout, LayerOp
from lstm_ir.dialect.shapes import DYNAMIC
from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import (
    LSTM,
    Activation,
    ActivationLayer,
    Bidirectional,
    Dense,
    Dropout,
    InputLayer,
    Layer,
    Masking,
    Sequential,
)
from lstm_ir.passes.model_interface import Interface, Port, interface_of

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
    """

    module: ModuleOp
    weights: Mapping[str, npt.NDArray[Any]]
    interface: Interface


def build_module(
    model: Sequential, *, batch: int | None = None, time: int | None = None, training: bool = False
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
    entries: list[Operation] = [_EntryBuilder(model, interface, masked=False).build("call")]
    if interface.mask is not None:
        entries.append(_EntryBuilder(model, interface, masked=True).build("call_masked"))
    module = ModuleOp(entries, sym_name=StringAttr(MODULE_NAME))
    return LayerModule(module, _weights(model), interface)


def _weights(model: Sequential) -> dict[str, npt.NDArray[Any]]:
    values: dict[str, npt.NDArray[Any]] = {}
    for layer in model.layers:
        for spec, value in zip(layer.weight_specs(), layer.get_weights(), strict=True):
            values[f"{layer.name}/{spec.name}"] = value
    return values


def tensor_type(port: Port) -> TensorType[Attribute]:
    """Return the type of an interface tensor."""
    return TensorType(ELEMENT_TYPES[port.dtype], [DYNAMIC if size is None else size for size in port.shape])


def activation_attr(activation: Activation) -> ActivationAttr:
    """Return a description's activation as an attribute."""
    return ActivationAttr.get(activation.name, activation.alpha)


def dropout_kind(layer: LSTM) -> str:
    """Return what Keras draws a layer's input masks for: ``per_gate``, ``shared`` by the gates, or ``per_step``.

    Source: the Keras layers. ``implementation`` 1 computes four products and has a mask for each. tf.keras's v2 layer
    drops whole sequences at once where it takes its fused route.
    """
    fused = (
        layer.flavour == "keras2"
        and layer.activation.name == "tanh"
        and layer.recurrent_activation.name == "sigmoid"
        and layer.recurrent_dropout == 0
        and layer.use_bias
        and not layer.unroll
    )
    if fused:
        return "per_step"
    return "per_gate" if layer.implementation == 1 else "shared"


class _EntryBuilder:
    """Builds one entry point: (inputs, [mask], states, storage of the new states) to (outputs, new states)."""

    def __init__(self, model: Sequential, interface: Interface, *, masked: bool) -> None:
        self.model, self.interface = model, interface
        mask = interface.mask if masked else None
        ports = [*interface.inputs, *(port for port in (mask, interface.seed) if port is not None)]
        count = len(ports)
        ports += [*interface.states, *interface.states]
        self.block = Block(arg_types=[tensor_type(port) for port in ports])
        states = len(interface.states)
        self.input = self.block.args[0]
        self.mask: SSAValue | None = self.block.args[1] if masked else None
        self.seed: SSAValue | None = self.block.args[count - 1] if interface.seed is not None else None
        self.streams = itertools.count()
        self.states_in = {
            port.name: value
            for port, value in zip(interface.states, self.block.args[count : count + states], strict=True)
        }
        self.storage_start = count + states
        self.states_out: dict[str, SSAValue] = {}
        self.element = ELEMENT_TYPES[interface.inputs[0].dtype]
        for port, value in zip(ports[: self.storage_start], self.block.args, strict=False):
            value.name_hint = _hint(port.name)

    def build(self, name: str) -> func.FuncOp:
        values: list[SSAValue] = [self.input]
        for layer in self.model.layers:
            values = self._layer(layer, values[0])
        results = [*values, *(self.states_out[port.name] for port in self.interface.states)]
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

    def _add(self, layer: Layer, op: Operation) -> list[SSAValue]:
        op.location = NameLoc(StringAttr(layer.name), NoneAttr())
        self.block.add_op(op)
        return list(op.results)

    def _weight(self, layer: Layer, path: str, shape: tuple[int, ...]) -> SSAValue:
        value = self._add(layer, WeightOp(path, TensorType(self.element, shape)))[0]
        value.name_hint = _hint(path.rsplit("/", maxsplit=1)[-1])
        return value

    def _layer(self, layer: Layer, x: SSAValue) -> list[SSAValue]:
        """Build one layer on its input; returns its outputs, and keeps track of the mask."""
        match layer:
            case InputLayer():
                return [x]
            case Masking():
                output, self.mask = self._add(layer, MaskingOp(x, float(layer.mask_value), i8))
                return [output]
            case Dropout():
                return self._dropout(layer, x)
            case ActivationLayer():
                return self._activate(layer, layer.activation, x)
            case Dense():
                return self._dense(layer, x)
            case LSTM():
                outputs = self._lstm(layer, layer.name, layer, x)
                if not layer.return_sequences:
                    self.mask = None
                return outputs if layer.return_state else outputs[:1]
            case Bidirectional():
                return self._bidirectional(layer, x)
            case _:
                raise UnsupportedError(f"layer {layer.name!r}: class {type(layer).__name__} cannot be compiled")

    def _dropout(self, layer: Dropout, x: SSAValue) -> list[SSAValue]:
        rate = float(layer.rate)
        if self.seed is None or rate == 0.0:
            return self._add(layer, DropoutOp(x, rate))
        # An even number, as of the input masks of recurrent layers.
        mask = DropoutMaskOp(self.seed, x, kind="per_step", rate=rate, stream=2 * next(self.streams))
        return self._add(layer, MergeOp("mul", [x, self._add(layer, mask)[0]]))

    def _activate(self, layer: Layer, activation: Activation, x: SSAValue) -> list[SSAValue]:
        if activation.name == "linear":
            return [x]
        return self._add(layer, ActivateOp(activation_attr(activation), x))

    def _dense(self, layer: Dense, x: SSAValue) -> list[SSAValue]:
        weights = [self._weight(layer, f"{layer.name}/{spec.name}", spec.shape) for spec in layer.weight_specs()]
        y = self._add(layer, DenseOp(x, weights[0], weights[1] if layer.use_bias else None))[0]
        return self._activate(layer, layer.activation, y)

    def _lstm(self, owner: Layer, path: str, layer: LSTM, x: SSAValue) -> list[SSAValue]:
        """Build one direction; returns output, h and c."""
        weights = [self._weight(owner, f"{path}/{spec.name}", spec.shape) for spec in layer.weight_specs()]
        op = LayerOp(
            path,
            x,
            weights[0],
            weights[1],
            weights[2] if layer.use_bias else None,
            self.mask,
            self.states_in[f"{path}/h"],
            self.states_in[f"{path}/c"],
            activation=activation_attr(layer.activation),
            recurrent_activation=activation_attr(layer.recurrent_activation),
            go_backwards=bool(layer.go_backwards),
            time_major=bool(layer.time_major),
            return_sequences=bool(layer.return_sequences),
            zero_output_for_mask=bool(layer.zero_output_for_mask),
            unroll=bool(layer.unroll),
            dropout=self._layer_dropout(layer),
        )
        output, h, c = self._add(owner, op)
        self.states_out[f"{path}/h"], self.states_out[f"{path}/c"] = h, c
        return [output, h, c]

    def _layer_dropout(self, layer: LSTM) -> LayerDropout | None:
        if self.seed is None or not (layer.dropout or layer.recurrent_dropout):
            return None
        kind = dropout_kind(layer)
        return LayerDropout(self.seed, float(layer.dropout), float(layer.recurrent_dropout), kind, next(self.streams))

    def _bidirectional(self, layer: Bidirectional, x: SSAValue) -> list[SSAValue]:
        forward, *forward_states = self._lstm(layer, f"{layer.name}/forward", layer.forward_layer, x)
        backward, *backward_states = self._lstm(layer, f"{layer.name}/backward", layer.backward_layer, x)
        if layer.forward_layer.return_sequences:
            axis = 0 if layer.forward_layer.time_major else 1
            backward = self._add(layer, ReverseOp(backward, axis))[0]
        else:
            self.mask = None
        both = [forward, backward]
        outputs = both if layer.merge_mode is None else self._add(layer, MergeOp(layer.merge_mode, both))
        if layer.forward_layer.return_state:
            outputs = [*outputs, *forward_states, *backward_states]
        return outputs


def _hint(name: str) -> str:
    """Return a name as an SSA name hint."""
    text = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    return text if not text[:1].isdigit() else f"_{text}"
