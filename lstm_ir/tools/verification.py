"""Compares an artifact with what the model that it was made from gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module
    from lstm_ir.tools.expectations import Expected
    from lstm_ir.tools.verification_cases import Case

Array = NDArray[Any]

DEFAULT_TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "float16": 1e-2, "bfloat16": 5e-2}
"""Both the absolute and the relative tolerance, by the dtype that the model computes in: about a hundred units in the
last place of 1, since a sequence adds up the rounding of its steps."""

WEIGHTS_TOLERANCE = {"bf16": 2e-2}
"""The same for an artifact that holds its weights in another type than the model: ten units in the last place of that,
since rounding them is a disturbance of random sign that is the same at every step."""

FRAMEWORK_TOLERANCE = 3e-5
"""The least of both beside a framework that computes in float32 or less itself, and in another order than we do."""


@dataclass(frozen=True)
class Tolerance:
    """``|artifact - reference| <= absolute + relative * |reference|``, element by element."""

    absolute: float
    relative: float

    def __str__(self) -> str:
        return f"{self.absolute:g} + {self.relative:g} |y|"


def default_tolerance(module: "Module") -> float:
    """Return the tolerance, absolute and relative, for what an artifact computes in and holds its weights in."""
    given = [DEFAULT_TOLERANCE[module.outputs[0].dtype]]
    return max(given + [WEIGHTS_TOLERANCE[type_] for type_ in rounded_weights(module).values()])


def framework_tolerance(module: "Module") -> float:
    """Return the tolerance, absolute and relative, beside the model's own framework."""
    default = default_tolerance(module)
    return default if module.outputs[0].dtype == "float64" else max(default, FRAMEWORK_TOLERANCE)


def rounded_weights(module: "Module") -> dict[str, str]:
    """Return the LSTM layers whose weights an artifact holds in another type than the model, and the type."""
    return {scan["name"]: scan["weights"] for scan in module.description["scans"] if "weights" in scan}


@dataclass(frozen=True)
class Difference:
    """How far one tensor of one case is from what it must be.

    Attributes:
        tensor: Its name.
        kind: ``output`` or ``state``.
        case: The name of the case.
        largest: The largest absolute difference; infinite where only one of the two is a number.
        is_within: Whether every element is within the tolerance.
        against: Who says what it must be: ``reference``, or a framework.
    """

    tensor: str
    kind: str
    case: str
    largest: float
    is_within: bool
    against: str


def check_same_model(model: "Model", module: "Module") -> None:
    """Refuse an artifact whose interface is not the model's.

    Raises:
        ArgumentError: Names, shapes or dtypes of inputs, mask, outputs or states differ.
    """
    from lstm_ir.passes.model_interface import interface_of

    first = module.inputs[0]
    batch, time = (None if axis is None else first.shape[axis] for axis in (first.batch_axis, first.time_axis))
    # A length may be fixed because it was asked for, or because the model's layers need to know it.
    own = interface_of(model, batch).describe()
    if time is not None and own["inputs"] != module.description["inputs"]:
        own = interface_of(model, batch, time).describe()
    for part in ("inputs", "mask", "masks", "outputs", "states"):
        given = module.description.get(part)
        if given != own.get(part):
            raise ArgumentError(
                f"ARTIFACT: made from another model: its {part} are {_ports_text(given)}; "
                f"those of MODEL are {_ports_text(own.get(part))}"
            )


def compare(
    module: "Module", cases: Sequence["Case"], expected: Sequence["Expected"], tolerances: Mapping[str, Tolerance]
) -> list[Difference]:
    """Run every case through the artifact, and compare.

    Args:
        module: The artifact.
        cases: The cases.
        expected: What each must give.
        tolerances: By who says so.

    Returns:
        For every case the differences of all outputs and final states.
    """
    found: list[Difference] = []
    for case, right in zip(cases, expected, strict=True):
        outputs, states = _run(module, case)
        if len(right.outputs) != len(outputs):
            raise ArgumentError(f"MODEL: {right.outputs_by} gives {len(right.outputs)} outputs, not {len(outputs)}")
        pairs = [
            ("output", spec.name, mine, wanted, right.outputs_by)
            for spec, mine, wanted in zip(module.outputs, outputs, right.outputs, strict=True)
        ]
        pairs += [("state", name, states[name], right.states[name], right.states_by[name]) for name in states]
        for kind, name, mine, wanted, by in pairs:
            largest, is_within = difference(mine, wanted.astype(np.float64), tolerances[by])
            found.append(Difference(name, kind, case.name, largest, is_within, by))
    return found


def difference(mine: Array, right: Array, tolerance: Tolerance) -> tuple[float, bool]:
    """Return the largest absolute difference, and whether all are within the tolerance; NaN equals NaN."""
    if mine.shape != right.shape:
        return float("inf"), False
    if mine.size == 0:
        return 0.0, True
    mine = mine.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.where((mine == right) | (np.isnan(mine) & np.isnan(right)), 0.0, np.abs(mine - right))
        distance = np.where(np.isnan(distance), np.inf, distance)
        allowed = tolerance.absolute + tolerance.relative * np.abs(right)
    # An infinite reference would allow anything; there only equality counts.
    is_within = (distance <= np.where(np.isfinite(right), allowed, 0.0)).all()
    return float(distance.max()), bool(is_within)


def worst_by_tensor(differences: Sequence[Difference]) -> list[Difference]:
    """Return the worst case of each tensor, in their order."""
    worst: dict[tuple[str, str], Difference] = {}
    for found in differences:
        key = (found.kind, found.tensor)
        if key not in worst or (not found.is_within, found.largest) > (not worst[key].is_within, worst[key].largest):
            worst[key] = found
    return list(worst.values())


def first_config_difference(own: Any, given: Any, path: str = "") -> str | None:
    """Return where two configs first differ and how, or None."""
    if isinstance(own, Mapping) and isinstance(given, Mapping):
        for key in own:
            where = f"{path}.{key}" if path else str(key)
            if key not in given:
                return f"{where}: only in the model"
            found = first_config_difference(own[key], given[key], where)
            if found is not None:
                return found
        return None
    if isinstance(own, list | tuple) and isinstance(given, list | tuple) and len(own) == len(given):
        pairs = enumerate(zip(own, given, strict=True))
        return next(filter(None, (first_config_difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)), None)
    return None if own == given else f"{path}: {own!r} in the model, {given!r} in the artifact"


def _run(module: "Module", case: "Case") -> tuple[list[Array], dict[str, Array]]:
    if not module.states:
        result = module(dict(case.inputs), mask=case.mask)
        return result if isinstance(result, list) else [result], {}
    state = module.make_state(case.batch)
    if case.states:
        state.set(case.states)
    result = module(dict(case.inputs), mask=case.mask, state=state)
    return result if isinstance(result, list) else [result], state.numpy()


def _ports_text(ports: Any) -> str:
    if not ports:
        return "none"
    if isinstance(ports, Mapping):
        ports = [ports]
    return ", ".join(f"{port['name']}: {port.get('dtype', '')}({', '.join(_size_texts(port))})" for port in ports)


def _size_texts(port: Mapping[str, Any]) -> list[str]:
    """Return the sizes of a port; those that are open by what they count."""
    counts = {port.get("batch_axis"): "batch", port.get("time_axis"): "time"}
    return [counts.get(axis, "?") if size is None else str(size) for axis, size in enumerate(port["shape"])]
