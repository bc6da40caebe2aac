"""A model as an ONNX graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import lstm_ir.exporters.onnx_layers  # noqa: F401  # registers the exports of the layers
from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.exporters.onnx_graph import OnnxGraph, Tensor, element_type
from lstm_ir.exporters.registry import ExportCall, export_layer
from lstm_ir.layers.graph import Call, Model, Recurrence
from lstm_ir.layers.program import OpenSize, ProgramModel
from lstm_ir.passes.model_interface import Interface, Port, compute_dtype, interface_of

_DTYPES = ("float16", "float32", "float64")


class OnnxModel:
    """The graph of a model, and what it takes and returns.

    Inputs and outputs have the names, shapes and dtypes that the compiled model's have. A stateful layer's state is an
    input ``<state>/initial`` and an output ``<state>/final``; other layers start from zeros. A mask is an input of
    bool, if there is to be one.

    Args:
        model: A built model.
        with_masks: Whether masks are inputs; else all steps count.

    Attributes:
        g: The graph's nodes and constants.
        inputs: Its inputs.
        outputs: Its outputs.

    Raises:
        ArgumentError: Masks are asked for, and the model takes none.
        UnsupportedError: A layer, or the model's dtype, cannot be exported.
    """

    def __init__(self, model: Model, *, with_masks: bool = False) -> None:
        dtype = compute_dtype(model)
        if dtype not in _DTYPES:
            layer = model.layers[0]
            raise UnsupportedError(
                f"layer {layer.name!r}: dtype {layer.dtype_policy.name!r} computes in {dtype}, ONNX's LSTM in "
                f"{', '.join(_DTYPES)}"
            )
        self.model = model
        interface = interface_of(model)
        if with_masks and not interface.masks:
            raise ArgumentError(f"with_masks: the model takes no mask: {interface.mask_reason}")
        stateful = {scan.state for scan in model.recurrences() if getattr(scan.call.layer, "stateful", False)}
        self.masks = interface.masks if with_masks else ()
        self.states = tuple(port for port in interface.states if port.name.rpartition("/")[0] in stateful)
        self._interface = interface
        self._axis_names = _program_axis_names(model) if isinstance(model, ProgramModel) else {}
        self.inputs = [self._value(port, port.name) for port in interface.inputs]
        self.inputs += [self._value(port, port.name, "bool") for port in self.masks]
        self.inputs += [self._value(port, f"{port.name}/initial") for port in self.states]
        self.outputs = [self._value(port, port.name) for port in interface.outputs]
        self.outputs += [self._value(port, f"{port.name}/final") for port in self.states]
        taken = [value.name for value in (*self.inputs, *self.outputs)]
        if len(set(taken)) != len(taken):
            twice = next(name for name in taken if taken.count(name) > 1)
            raise UnsupportedError(f"model {model.name!r}: two of its inputs and outputs would be named {twice!r}")
        self.g = OnnxGraph(dtype, taken)
        self._build(interface)

    def _value(self, port: Port, name: str, dtype: str | None = None) -> Any:
        """The declaration of an input or output; open sizes have names."""
        from onnx import helper

        sizes: list[int | str | None] = list(port.shape)
        for axis, size in enumerate(port.shape):
            if size is not None:
                continue
            if name in self._axis_names:
                sizes[axis] = self._axis_names[name][axis]
            elif axis == port.batch_axis:
                sizes[axis] = "batch"
            elif axis == port.time_axis:
                sizes[axis] = "time" if port.length is None else f"time_{port.length}"
        return helper.make_tensor_value_info(name, element_type(dtype or port.dtype), sizes)

    def _build(self, interface: Interface) -> None:
        g, model = self.g, self.model
        shapes = model.tensor_shapes()
        tensors = {given.name: given.name for given in model.inputs}
        integers = {
            given.name for given, port in zip(model.inputs, interface.inputs, strict=True) if port.dtype == "int32"
        }
        masks: dict[str, str | None] = dict.fromkeys(tensors)
        for port in self.masks:
            masks[port.of if port.of is not None else model.inputs[0].name] = port.name
        states = {port.name: f"{port.name}/initial" for port in self.states}
        scans: dict[str, list[Recurrence]] = {}
        for scan in model.recurrences():
            scans.setdefault(scan.call.name, []).append(scan)
        for call in model.calls:
            own = scans.get(call.name, [])
            exported = ExportCall(
                call.name,
                [Tensor(self._typed(call, tensors[t], t in integers), shapes[t]) for t in call.inputs],
                [shapes[t] for t in call.outputs],
                [masks[t] for t in call.inputs],
                self._initial_state(call, own, tensors, states),
                sees_mask=call.sees_mask,
            )
            outputs, made = export_layer(g, call.layer, exported)
            tensors.update(zip(call.outputs, outputs, strict=True))
            masks.update(zip(call.outputs, made, strict=True))
            names = [f"{scan.state}/{part}" for scan in own for part in scan.layer.state_names]
            states.update((name, final) for name, final in zip(names, exported.states, strict=True) if name in states)
        for port, tensor in zip(interface.outputs, model.outputs, strict=True):
            g.rename(self._typed_output(tensors[tensor], tensor in integers), port.name)
        for port in self.states:
            g.rename(states[port.name], f"{port.name}/final")

    def _typed(self, call: Call, name: str, is_integer: bool) -> str:
        """A tensor in the type that its reader wants: numbers that name something, or floats."""
        wants = call.layer.takes_integers
        if wants == is_integer or isinstance(self.model, ProgramModel):
            return name
        return self.g.cast(name, "int32" if wants else str(self.g.dtype))

    def _typed_output(self, name: str, is_integer: bool) -> str:
        return self.g.cast(name, str(self.g.dtype)) if is_integer else name

    @staticmethod
    def _initial_state(
        call: Call, scans: Sequence[Recurrence], tensors: Mapping[str, str], states: Mapping[str, str]
    ) -> list[str | None]:
        if call.initial_state:
            return [tensors[tensor] for tensor in call.initial_state]
        return [states.get(f"{scan.state}/{part}") for scan in scans for part in scan.layer.state_names]

    def nodes(self) -> list[Any]:
        """The nodes that outputs depend on."""
        wanted = {value.name for value in self.outputs}
        kept = []
        for node in reversed(self.g.nodes):
            if wanted.intersection(node.output):
                kept.append(node)
                wanted.update(reads(node))
        return kept[::-1]


def reads(node: Any) -> set[str]:
    """What a node reads, graphs inside it included."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names |= reads(inner)
    return names


def _program_axis_names(model: ProgramModel) -> dict[str, list[str | None]]:
    """The names of the open sizes of a program's inputs and outputs."""
    program = model.program
    return {
        name: [str(size) if isinstance(size, OpenSize) else None for size in value.shape]
        for name, value in {**program.inputs, **program.outputs}.items()
    }
