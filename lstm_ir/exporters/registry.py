"""How the export of a layer to ONNX is registered.

A function takes the graph, the layer and an `ExportCall`, and returns the names of the layer's outputs::

    @exports(Flatten)
    def export_flatten(g: OnnxGraph, layer: Flatten, call: ExportCall) -> list[str]:
        return [g.add("Flatten", call.x, axis=1)]

Masks are tensors of bool. They pass through by the layer's ``mask_rule``; a function of a layer that makes one itself
returns `Masked`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph, Tensor
from lstm_ir.layers.base import Layer
from lstm_ir.layers.shapes import Shape


@dataclass
class ExportCall:
    """What one call of a layer is given.

    Attributes:
        path: the name of the layer, with which those of its weights start.
        inputs: the tensors that it is called on.
        output_shapes: the shapes of what it returns.
        masks: the mask of each input, None where there is none.
        initial_state: what a recurrent layer starts from, the states of every cell; None is zeros.
        states: takes the final states of every cell.
        sees_mask: whether the layer is given the masks, which go on behind it in any case.
    """

    path: str
    inputs: list[Tensor]
    output_shapes: list[Shape]
    masks: list[str | None]
    initial_state: list[str | None] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    sees_mask: bool = True

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0].name

    @property
    def shape(self) -> Shape:
        """The first input's shape."""
        return self.inputs[0].shape

    @property
    def mask(self) -> str | None:
        """The first input's mask, if the layer is given it."""
        return self.masks[0] if self.sees_mask else None


@dataclass(frozen=True)
class Masked:
    """Outputs of a call, with the masks that the layer made for them."""

    outputs: list[str]
    masks: list[str | None]


Export = Callable[[OnnxGraph, Any, ExportCall], "list[str] | Masked"]

_EXPORTS: dict[type[Layer], Export] = {}


def exports(*classes: type[Layer]) -> Callable[[Export], Export]:
    """Register a function for layer classes; a class derived from one of them is exported alike."""

    def register(function: Export) -> Export:
        for cls in classes:
            _EXPORTS[cls] = function
        return function

    return register


def export_layer(g: OnnxGraph, layer: Layer, call: ExportCall) -> tuple[list[str], Sequence[str | None]]:
    """Add one call; returns the names of the outputs and of their masks.

    Raises:
        UnsupportedError: there is no export of the layer.
    """
    function = next((_EXPORTS[cls] for cls in type(layer).__mro__ if cls in _EXPORTS), None)
    if function is None:
        raise UnsupportedError(f"layer {call.path!r}: {layer.keras_class_name} cannot be exported to ONNX")
    with g.within(call.path):
        outputs = function(g, layer, call)
    if isinstance(outputs, Masked):
        return outputs.outputs, outputs.masks
    if layer.mask_rule == "carry":
        return outputs, [call.masks[0] if carries else None for carries in layer.masked_outputs()]
    assert layer.mask_rule == "drop" or not any(call.masks), f"{layer.keras_class_name} makes a mask of its own"
    return outputs, [None for _ in outputs]


def weights_of(g: OnnxGraph, layer: Layer) -> list[Array]:
    """The layer's weights, in the graph's dtype."""
    return [np.asarray(weight, g.dtype) for weight in layer.get_weights()]
