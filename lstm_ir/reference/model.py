"""A whole model in float64, with the masks that Keras carries from layer to layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.masking import Masking
from lstm_ir.layers.model import Sequential
from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.lstm import LSTMResult, run_bidirectional, run_lstm
from lstm_ir.reference.rounding import Float64, round_to


@dataclass(frozen=True)
class ReferenceResult:
    """What one run of a model gives, in float64.

    Attributes:
        outputs: the model's outputs in its own order.
        states: the final states by name: ``<layer>/h``, ``<layer>/c``, of a Bidirectional ``<layer>/forward/h`` ...
            ``<layer>/backward/c``; in model order.
    """

    outputs: list[Float64]
    states: dict[str, Float64]


def run_model(
    model: Sequential, x: Any, mask: Any = None, initial_state: Mapping[str, Any] | None = None
) -> ReferenceResult:
    """Run a built model outside training.

    The input is rounded to the first layer's compute dtype, weights to their layer's; between layers nothing is
    rounded. A `Masking` layer makes the mask anew from its input, as Keras does: it takes the place of ``mask``.

    Args:
        model: the model, built.
        x: its input.
        mask: as for `run_lstm`.
        initial_state: states by name, see `ReferenceResult.states`; a missing one is zeros.

    Raises:
        ArgumentError: a wrong shape, or a state that the model does not have.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    given = dict(initial_state or {})
    states: dict[str, Float64] = {}
    outputs = [round_to(x, model.layers[0].compute_dtype)]
    for layer in model.layers:
        value = outputs[0]
        if isinstance(layer, LSTM):
            result = run_lstm(layer, value, mask, _states_of(layer, layer.name, value, given))
            outputs = [result.output, result.h, result.c] if layer.return_state else [result.output]
            _record(states, layer.name, result)
            mask = mask if layer.return_sequences else None
        elif isinstance(layer, Bidirectional):
            copies = ((layer.forward_layer, "forward"), (layer.backward_layer, "backward"))
            initial = [
                state
                for copy, direction in copies
                for state in _states_of(copy, f"{layer.name}/{direction}", value, given)
            ]
            both = run_bidirectional(layer, value, mask, initial)
            outputs = list(both.outputs)
            if layer.return_state:
                outputs += [both.forward.h, both.forward.c, both.backward.h, both.backward.c]
            _record(states, f"{layer.name}/forward", both.forward)
            _record(states, f"{layer.name}/backward", both.backward)
            mask = mask if layer.return_sequences else None
        elif isinstance(layer, Masking):
            absent = round_to(layer.mask_value, layer.compute_dtype)
            mask = np.any(value != absent, axis=-1)
            outputs = [np.where(mask[..., np.newaxis], value, 0.0)]
        elif isinstance(layer, Dense):
            outputs = [_dense(layer, value)]
        elif isinstance(layer, ActivationLayer):
            outputs = [apply_activation(layer.activation, value, layer.compute_dtype)]
        elif not isinstance(layer, Dropout):
            raise UnsupportedError(f"layer {layer.name!r}: the reference has no {layer.keras_class_name}")
    if given:
        raise ArgumentError(f"initial_state: the model has no state {next(iter(given))!r}, it has {', '.join(states)}")
    return ReferenceResult(outputs, states)


def _states_of(layer: LSTM, prefix: str, x: Float64, given: dict[str, Any]) -> list[Any]:
    """Take a layer's two states out of ``given``."""
    layer.check_input_shape(x.shape)
    zeros = np.zeros((x.shape[1 if layer.time_major else 0], layer.units))
    return [given.pop(f"{prefix}/{state}", zeros) for state in ("h", "c")]


def _record(states: dict[str, Float64], prefix: str, result: LSTMResult) -> None:
    states[f"{prefix}/h"], states[f"{prefix}/c"] = result.h, result.c


def _dense(layer: Dense, x: Float64) -> Float64:
    layer.check_input_shape(x.shape)
    weights = [round_to(weight, layer.compute_dtype) for weight in layer.get_weights()]
    z = x @ weights[0]
    return apply_activation(layer.activation, z + weights[1] if layer.use_bias else z, layer.compute_dtype)
