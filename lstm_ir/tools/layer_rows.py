"""A model's layers in the words of a table: class, output shape, parameters and the settings that tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lstm_ir.layers import (
    RNN,
    Activation,
    ActivationLayer,
    Bidirectional,
    Call,
    Dense,
    Dropout,
    Layer,
    Masking,
    Model,
    RecurrentLayer,
    Sequential,
)

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one direction of a Bidirectional.

    Attributes:
        name: Its name.
        class_name: Its Keras class.
        output_shapes: The shapes of what it returns.
        parameters: The number of its weights' scalars; None for a part, whose whole has them.
        settings: What tells it from others of its class.
        is_part: Whether it belongs to the row above.
    """

    name: str
    class_name: str
    output_shapes: tuple[Shape, ...]
    parameters: int | None
    settings: dict[str, Any]
    is_part: bool = False


def layer_rows(model: Model) -> Iterator[LayerRow]:
    """Yield a row for every layer of a built model."""
    shapes = model.tensor_shapes()
    for call in model.calls:
        layer = call.layer
        parameters = layer.count_params() if call.number == 0 else None
        outputs = tuple(shapes[name] for name in call.outputs)
        yield LayerRow(call.name, layer.keras_class_name, outputs, parameters, _call_settings(model, call))
        if isinstance(layer, Bidirectional):
            before = shapes[call.inputs[0]]
            for direction, part in (("forward", layer.forward_layer), ("backward", layer.backward_layer)):
                own = _shapes(part.compute_output_shape(before))
                yield LayerRow(direction, part.keras_class_name, own, None, _settings(part), is_part=True)


def _call_settings(model: Model, call: Call) -> dict[str, Any]:
    """The layer's settings; of a graph that is no chain also what it is called on."""
    settings = _settings(call.layer) if call.number == 0 else {"again": call.path}
    if isinstance(model, Sequential):
        return settings
    settings |= {"of": " ".join(call.inputs)}
    return settings | {"initial_state": " ".join(call.initial_state)} if call.initial_state else settings


def settings_text(settings: dict[str, Any]) -> str:
    """Return settings for people: flags by their name, others as ``name=value``."""
    return ", ".join(name if value is True else f"{name}={value}" for name, value in settings.items())


def _shapes(shape: Any) -> tuple[Shape, ...]:
    return tuple(map(tuple, shape)) if isinstance(shape, list) else (tuple(shape),)


def _settings(layer: Layer) -> dict[str, Any]:
    match layer:
        case RecurrentLayer():
            return _recurrent_settings(layer)
        case RNN():
            cells = " ".join(f"{cell.keras_class_name}({cell.units})" for cell in layer.cells)
            return {"cells": cells, "direction": _direction(layer), **_flags(layer)}
        case Bidirectional():
            return {"merge_mode": layer.merge_mode}
        case Masking():
            return {"mask_value": layer.mask_value}
        case Dense():
            bias = {} if layer.use_bias else {"use_bias": False}
            return {"activation": _activation(layer.activation), **bias}
        case Dropout():
            return {"rate": layer.rate, "off outside training": True}
        case ActivationLayer():
            return {"activation": _activation(layer.activation)}
        case _:
            return {}


def _recurrent_settings(layer: RecurrentLayer) -> dict[str, Any]:
    settings: dict[str, Any] = {"units": layer.units, "activation": _activation(layer.activation)}
    if layer.has_gates:
        settings["recurrent_activation"] = _activation(layer.recurrent_activation)
    settings |= {"direction": _direction(layer), **_flags(layer)}
    return settings if layer.use_bias else settings | {"use_bias": False}


def _direction(layer: RecurrentLayer | RNN) -> str:
    return "backward" if layer.go_backwards else "forward"


def _flags(layer: RecurrentLayer | RNN) -> dict[str, Any]:
    flags = ("return_sequences", "return_state", "stateful", "unroll", "time_major", "zero_output_for_mask")
    return {flag: True for flag in flags if getattr(layer, flag)}


def _activation(activation: Activation) -> str:
    return activation.name if activation.alpha is None else f"{activation.name}({activation.alpha:g})"
