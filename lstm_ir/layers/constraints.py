"""Keras's weight constraints over NumPy: what an optimiser applies to a weight after each update."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.serialization import object_dict, parse_object_config

Array = NDArray[Any]
ConstraintFn = Callable[[Array], Array]

_EPSILON = 1e-7  # keras.backend.epsilon()


def _axes(axis: Any) -> int | tuple[int, ...]:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


def _norms(w: Array, axis: Any) -> Array:
    norms: Array = np.sqrt(np.square(w).sum(axis=_axes(axis), keepdims=True))
    return norms


class Constraint:
    """Base: called with a weight, returns the weight projected, in the same dtype."""

    def __call__(self, w: Array) -> Array:
        """Return the projected weight."""
        w = np.asarray(w)
        return np.asarray(self._project(w), dtype=w.dtype)

    def _project(self, w: Array) -> Array:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {}


class MaxNorm(Constraint):
    """Norms along ``axis`` are brought down to at most ``max_value``."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def _project(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        return w * (np.clip(norms, 0, self.max_value) / (_EPSILON + norms))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative elements become zero."""

    def _project(self, w: Array) -> Array:
        return w * (w >= 0)


class UnitNorm(Constraint):
    """Norms along ``axis`` become one."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def _project(self, w: Array) -> Array:
        return w / (_EPSILON + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms along ``axis`` move into [min_value, max_value], by the share ``rate`` of the way at each step."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def _project(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        wanted = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (_EPSILON + norms))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


_CLASSES: dict[str, type[Constraint]] = {
    "MaxNorm": MaxNorm,
    "max_norm": MaxNorm,
    "maxnorm": MaxNorm,
    "NonNeg": NonNeg,
    "non_neg": NonNeg,
    "nonneg": NonNeg,
    "UnitNorm": UnitNorm,
    "unit_norm": UnitNorm,
    "unitnorm": UnitNorm,
    "MinMaxNorm": MinMaxNorm,
    "min_max_norm": MinMaxNorm,
}


def resolve_constraint(identifier: Any, argument: str = "constraint") -> ConstraintFn | None:
    """Return the constraint that a Keras identifier means, or None.

    Args:
        identifier: None, a name, an object dict, a `Constraint`, or a callable from an array to an array.
        argument: the argument to name in messages.

    Raises:
        ArgumentError: an unknown name or an identifier of another type.
        ArgumentTypeError: a config key that the constraint does not have.
        UnsupportedError: RadialConstraint, which is for convolutions only.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return _make(identifier, {}, argument)
    if isinstance(identifier, Mapping):
        class_name, config = parse_object_config(identifier, argument)
        return _make(class_name, config, argument)
    if callable(identifier) and not isinstance(identifier, type):
        function: ConstraintFn = identifier
        return function
    raise ArgumentError(
        f"{argument}: could not interpret {identifier!r}, expected a name, a config dict or a constraint"
    )


def serialize_constraint(constraint: ConstraintFn | None) -> Any:
    """Return the object dict of a constraint, or None.

    Raises:
        UnsupportedError: a callable that is no `Constraint` has no config.
    """
    if constraint is None:
        return None
    if not isinstance(constraint, Constraint):
        raise UnsupportedError(f"constraint: the callable {constraint!r} has no config")
    return object_dict("keras.constraints", type(constraint).__name__, constraint.get_config())


def _make(name: str, config: dict[str, Any], argument: str) -> Constraint:
    if name in ("RadialConstraint", "radial_constraint"):
        raise UnsupportedError(f"{argument}: RadialConstraint is for convolution kernels only")
    if name not in _CLASSES:
        accepted = ", ".join(sorted({cls.__name__ for cls in _CLASSES.values()}))
        raise ArgumentError(f"{argument}: unknown constraint {name!r}, expected one of {accepted}")
    try:
        return _CLASSES[name](**config)
    except TypeError as error:
        raise ArgumentTypeError(f"{argument} {name}: {error}") from None
