"""How the float64 reference of a layer is registered.

A reference function takes the layer and a `ReferenceCall`, and returns the layer's outputs in float64::

    @reference(Flatten)
    def run_flatten(layer: Flatten, call: ReferenceCall) -> list[Float64]:
        return [call.x.reshape(len(call.x), -1)]

Masks pass through by the layer's ``mask_rule``; a mask that a layer makes itself comes from its ``compute_mask``, or
from the function, which then returns `Masked`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.base import Layer
from lstm_ir.reference.rounding import Float64, round_to


@dataclass
class ReferenceCall:
    """What one call of a layer is given.

    Attributes:
        inputs: the arrays that it is called on, in float64.
        masks: the mask of each, true where a step counts; None where there is none.
        initial_state: what a recurrent layer starts from, h and c of every cell.
        states: takes the final states, h and c of every cell.
        sees_mask: whether the layer is given the masks, which go on behind it in any case.
    """

    inputs: list[Float64]
    masks: list[Any]
    initial_state: list[Any] = field(default_factory=list)
    states: list[Float64] = field(default_factory=list)
    sees_mask: bool = True

    @property
    def x(self) -> Float64:
        """The first input."""
        return self.inputs[0]

    @property
    def mask(self) -> Any:
        """The first input's mask, if the layer is given it."""
        return self.masks[0] if self.sees_mask else None


@dataclass(frozen=True)
class Masked:
    """Outputs of a call, with the masks that the layer made for them."""

    outputs: list[Float64]
    masks: list[Any]


Run = Callable[[Any, ReferenceCall], "list[Float64] | Masked"]

_REFERENCES: dict[type[Layer], Run] = {}


def reference(*classes: type[Layer]) -> Callable[[Run], Run]:
    """Register a reference function for layer classes; a class derived from one of them runs alike."""

    def register(function: Run) -> Run:
        for cls in classes:
            _REFERENCES[cls] = function
        return function

    return register


def run_layer(layer: Layer, call: ReferenceCall) -> tuple[list[Float64], list[Any]]:
    """Run one call; returns the outputs and their masks.

    Raises:
        ArgumentError: a shape that the layer does not take.
        UnsupportedError: the layer has no reference.
    """
    function = next((_REFERENCES[cls] for cls in type(layer).__mro__ if cls in _REFERENCES), None)
    if function is None:
        raise UnsupportedError(f"layer {layer.name!r}: the reference has no {layer.keras_class_name}")
    layer.check_input_shape(call.x.shape)
    outputs = function(layer, call)
    if isinstance(outputs, Masked):
        return outputs.outputs, outputs.masks
    rule = layer.mask_rule
    if rule == "carry":
        return outputs, [call.masks[0] if carries else None for carries in layer.masked_outputs()]
    if rule == "drop":
        return outputs, [None for _ in outputs]
    single = len(call.inputs) == 1
    made = layer.compute_mask(call.x if single else call.inputs, call.mask if single else call.masks)
    return outputs, list(made) if isinstance(made, list) else [made for _ in outputs]


def weights_of(layer: Layer) -> list[Float64]:
    """The layer's weights, rounded to its compute dtype."""
    return [round_to(weight, layer.compute_dtype) for weight in layer.get_weights()]
