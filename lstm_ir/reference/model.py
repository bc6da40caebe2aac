"""A whole model in float64, with the masks that Keras carries from layer to layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lstm_ir.reference.layers  # noqa: F401  # registers the references of the layers
from lstm_ir.errors import ArgumentError
from lstm_ir.layers.graph import Call, Model, Recurrence
from lstm_ir.reference.registry import ReferenceCall, run_layer
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
    model: Model, x: Any, mask: Any = None, initial_state: Mapping[str, Any] | None = None
) -> ReferenceResult:
    """Run a built model outside training.

    The inputs are rounded to the first layer's compute dtype (integers are taken as they are), weights to their
    layer's; between layers nothing is rounded. A `Masking` layer makes the mask anew from its input, as Keras does: it
    takes the place of ``mask``.

    Args:
        model: the model, built.
        x: its input; of a model with several a list in their order, or a mapping by name.
        mask: as for `run_lstm`; of a model with several inputs a list in their order, or a mapping by the input's name.
        initial_state: states by name, see `ReferenceResult.states`; a missing one is zeros.

    Raises:
        ArgumentError: a wrong shape or count, or a state that the model does not have.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    names = [given.name for given in model.inputs]
    dtype = model.layers[0].compute_dtype
    values = {
        name: np.asarray(value, np.float64) if np.asarray(value).dtype.kind in "iub" else round_to(value, dtype)
        for name, value in _by_name(names, x, "x").items()
    }
    masks = dict.fromkeys(names) | _by_name(names, mask, "mask", partial=True)
    given = dict(initial_state or {})
    states: dict[str, Float64] = {}
    scans: dict[str, list[Recurrence]] = {}
    for recurrence in model.recurrences():
        scans.setdefault(recurrence.call.name, []).append(recurrence)
    for call in model.calls:
        own = scans.get(call.name, [])
        start = _initial_state(call, own, values, given, states)
        given_masks = [masks[t] for t in call.inputs]
        run = ReferenceCall([values[t] for t in call.inputs], given_masks, start, sees_mask=call.sees_mask)
        outputs, made = run_layer(call.layer, run)
        values.update(zip(call.outputs, outputs, strict=True))
        masks.update(zip(call.outputs, made, strict=True))
        if not call.initial_state:
            names = [name for recurrence in own for name in recurrence.state_names]
            states.update(zip(names, run.states, strict=True))
    if given:
        raise ArgumentError(f"initial_state: the model has no state {next(iter(given))!r}, it has {', '.join(states)}")
    return ReferenceResult([values[tensor] for tensor in model.outputs], states)


def _initial_state(
    call: Call,
    scans: Sequence[Recurrence],
    values: Mapping[str, Float64],
    given: dict[str, Any],
    states: Mapping[str, Float64],
) -> list[Any]:
    """What a call starts from: tensors of the graph, what its layer was left with, what the caller gave, or zeros."""
    if call.initial_state:
        return [values[tensor] for tensor in call.initial_state]
    start: list[Any] = []
    for scan in scans:
        x = values[call.inputs[0]]
        call.layer.check_input_shape(x.shape)
        zeros = np.zeros((x.shape[1 if scan.layer.time_major else 0], scan.layer.units))
        for name in scan.state_names:
            start.append(states[name] if name in states else given.pop(name, zeros))
    return start


def _by_name(names: Sequence[str], value: Any, argument: str, *, partial: bool = False) -> dict[str, Any]:
    if partial and value is None:
        return {}
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        missing = [] if partial else [name for name in names if name not in value]
        if unknown or missing:
            raise ArgumentError(f"{argument}: got {', '.join(value)}, the model's inputs are {', '.join(names)}")
        return dict(value)
    if len(names) == 1:
        return {names[0]: value}
    if not isinstance(value, list | tuple) or len(value) != len(names):
        raise ArgumentError(f"{argument}: expected {len(names)} arrays, for {', '.join(names)}")
    return dict(zip(names, value, strict=True))
