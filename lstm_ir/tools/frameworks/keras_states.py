"""The states of a whole Keras model: given to its recurrent layers as they are called, and read from them.

Keras has no argument for them on a model. A stateful layer keeps its own, which are set and read. Any other layer is
called with ``initial_state`` and told to return its states, by a function that stands before its ``call``.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lstm_ir.tools.frameworks.opened_model import CannotAskError


class ModelStates:
    """The recurrent layers of a model that Keras loaded.

    Args:
        model: The model.
        recurrences: Of each layer that has states in our module: ``layer``, its path (``encoder/lstm``); ``part``,
            ``forward`` or ``backward`` of a Bidirectional, else empty; ``cells``, of each cell the names of its states
            in order; ``calls``, how many calls have states of their own.
        tensor: Makes a tensor of an array and a dtype.
        has_lists: Whether a stack of cells takes the states of a cell with one as a list too, as Keras 3 has it.
    """

    def __init__(
        self,
        model: Any,
        recurrences: Sequence[Mapping[str, Any]],
        tensor: Callable[..., Any],
        *,
        has_lists: bool,
    ) -> None:
        self.tensor = tensor
        layers = _layers_by_path(model)
        self.slots: list[_Slot] = []
        for entry in recurrences:
            whole = layers[entry["layer"]]
            layer = getattr(whole, f"{entry['part']}_layer") if entry["part"] else whole
            slot = _Slot(whole, layer, [list(names) for names in entry["cells"]], int(entry["calls"]), has_lists)
            if not slot.is_stateful:
                slot.stand_before_call(tensor)
            self.slots.append(slot)

    @contextmanager
    def starting_from(self, states: Mapping[str, Any]) -> Iterator["_Run"]:
        """Have a call start from states, by name; from zeros without any."""
        for slot in self.slots:
            slot.prepare([states[name] for name in slot.names] if states else None, self.tensor)
        yield _Run(self.slots, bool(states))


class _Run:
    """One call of the model, and what its layers ended with."""

    def __init__(self, slots: Sequence["_Slot"], has_states: bool) -> None:
        self.slots, self.has_states = slots, has_states

    def final_states(self) -> tuple[dict[str, Any], str | None]:
        """Return the states by name, and why some are missing."""
        found: dict[str, Any] = {}
        reasons: list[str] = []
        for slot in self.slots:
            final = slot.final()
            if final is not None:
                found.update(zip(slot.names, final, strict=True))
            else:
                reasons.append(slot.why_none())
        return found, reasons[0] if reasons else None


class _Slot:
    """One recurrent layer, or one direction of a Bidirectional."""

    def __init__(self, whole: Any, layer: Any, cells: list[list[str]], calls: int, has_lists: bool) -> None:
        self.whole, self.layer, self.cells, self.calls, self.has_lists = whole, layer, cells, calls, has_lists
        self.names = [name for names in cells for name in names]
        self.is_stateful = bool(getattr(layer, "stateful", False))
        self.start: list[Any] | None = None
        self.recorded: list[Any] | None = None

    def prepare(self, start: list[Any] | None, tensor: Callable[..., Any]) -> None:
        self.recorded = None
        if self.is_stateful:
            variables = _flat(self.layer.states)
            if any(variable is None for variable in variables):
                raise CannotAskError(f"layer {self.layer.name!r} has not recorded a state yet")
            for position, variable in enumerate(variables):
                value = np.zeros(tuple(variable.shape)) if start is None else start[position]
                variable.assign(tensor(value, _name(variable.dtype)))
            return
        if start is not None and self.calls > 1:
            raise CannotAskError(f"layer {self.layer.name!r} is called {self.calls} times, each with states of its own")
        if start is not None and hasattr(self.whole, "_can_attempt_fused_lstm"):
            # Keras 3 may run both directions as one, past the layers that take the states.
            self.whole._can_attempt_fused_lstm = lambda *_, **__: False
        self.start = start

    def stand_before_call(self, tensor: Callable[..., Any]) -> None:
        layer, original = self.layer, self.layer.call
        signature = inspect.signature(original)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            first = next(iter(bound.arguments.values()))
            if bound.arguments.get("initial_state") is not None or isinstance(first, list | tuple):
                return original(*args, **kwargs)  # it starts from a tensor of the graph
            if self.start is not None:
                given = [tensor(state, _name(layer.compute_dtype)) for state in self.start]
                bound.arguments["initial_state"] = self.nested(given)
            returns_state = layer.return_state
            layer.return_state = True
            try:
                result = original(*bound.args, **bound.kwargs)
            finally:
                layer.return_state = returns_state
            self.recorded = _flat(list(result)[1:])
            return result if returns_state else result[0]

        layer.call = call

    def nested(self, states: list[Any]) -> Any:
        """Return states as the layer takes them: those of a stack of cells by cell."""
        if getattr(getattr(self.layer, "cell", None), "cells", None) is None:
            return states
        rest = iter(states)
        by_cell = [[next(rest) for _ in names] for names in self.cells]
        return [own[0] if len(own) == 1 and not self.has_lists else own for own in by_cell]

    def final(self) -> list[Any] | None:
        if self.is_stateful:
            return [variable + 0 for variable in _flat(self.layer.states)]
        return self.recorded if self.calls == 1 else None

    def why_none(self) -> str:
        if self.calls > 1:
            return f"layer {self.layer.name!r} is called {self.calls} times, each with states of its own"
        return f"Keras runs both directions of {self.whole.name!r} as one, without telling their states"


def _layers_by_path(model: Any, scope: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for layer in model.layers:
        path = f"{scope}{layer.name}"
        found |= _layers_by_path(layer, f"{path}/") if hasattr(layer, "layers") else {path: layer}
    return found


def _flat(values: Any) -> list[Any]:
    if isinstance(values, list | tuple):
        return [state for value in values for state in _flat(value)]
    return [values]


def _name(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))
