"""Keras's regularisers over NumPy: penalties on weights and on what a layer returns."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.serialization import object_dict, parse_object_config

Array = NDArray[Any]
RegularizerFn = Callable[[Array], Any]


def _factor(value: Any, name: str, *, rounded: bool) -> float:
    """Keras 2 holds a factor in floatx (float32), also inside a float64 layer; Keras 3 does so for some only."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ArgumentError(f"{name}: got {value!r}, expected a finite number")
    if not math.isfinite(value):
        raise ArgumentError(f"{name}: got {value!r}, expected a finite number")
    return float(np.float32(value)) if rounded else float(value)


class Regularizer:
    """Base: called with an array, returns the penalty as a scalar of the array's dtype."""

    def __call__(self, w: Array) -> Any:
        """Return the penalty, summed in float64 and rounded once to the dtype of ``w``."""
        w = np.asarray(w)
        return w.dtype.type(self.value(w))

    def value(self, w: Array) -> float:
        """Return the penalty in float64."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        raise NotImplementedError


class L1L2(Regularizer):
    """``l1 * sum|w| + l2 * sum(w^2)``."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0, *, flavour: Flavour = "compat.v1") -> None:
        rounded = flavour != "keras3"
        self.l1 = _factor(0.0 if l1 is None else l1, "l1", rounded=rounded)
        self.l2 = _factor(0.0 if l2 is None else l2, "l2", rounded=rounded)

    def value(self, w: Array) -> float:
        """Return the penalty in float64."""
        w = np.asarray(w, dtype=np.float64)
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum|w|``."""

    def __init__(self, l1: float | None = 0.01, *, flavour: Flavour = "compat.v1") -> None:
        del flavour  # this one is a float32 in Keras 3 as well
        self.l1 = _factor(0.01 if l1 is None else l1, "l1", rounded=True)

    def value(self, w: Array) -> float:
        """Return the penalty in float64."""
        return float(self.l1 * np.abs(np.asarray(w, dtype=np.float64)).sum())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(w^2)``, without a factor of one half."""

    def __init__(self, l2: float | None = 0.01, *, flavour: Flavour = "compat.v1") -> None:
        self.l2 = _factor(0.01 if l2 is None else l2, "l2", rounded=flavour != "keras3")

    def value(self, w: Array) -> float:
        """Return the penalty in float64."""
        return float(self.l2 * np.square(np.asarray(w, dtype=np.float64)).sum())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """``factor * mean |cosine|`` over all pairs of different rows (or columns).

    Raises:
        ArgumentError: a ``mode`` other than "rows" and "columns", or a call with anything but a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows", *, flavour: Flavour = "compat.v1") -> None:
        del flavour  # a float32 in Keras 3 as well
        self.factor = _factor(factor, "factor", rounded=True)
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"mode: got {mode!r}, expected 'rows' or 'columns'")
        self.mode = mode

    def value(self, w: Array) -> float:
        """Return the penalty in float64."""
        w = np.asarray(w, dtype=np.float64)
        if w.ndim != 2:
            raise ArgumentError(f"OrthogonalRegularizer: got an array of shape {w.shape}, expected a matrix")
        rows = w if self.mode == "rows" else w.T
        unit = rows / np.sqrt(np.maximum(np.square(rows).sum(axis=1, keepdims=True), 1e-12))
        gram = np.abs(unit @ unit.T)
        pairs = len(rows) * (len(rows) - 1) / 2.0
        with np.errstate(invalid="ignore"):  # one row has no pairs: 0 / 0, NaN in Keras too
            return float(self.factor * 0.5 * (gram.sum() - np.trace(gram)) / np.float64(pairs))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"factor": self.factor, "mode": self.mode}


_CLASSES: dict[str, Callable[..., Regularizer]] = {
    "L1L2": L1L2,
    "L1": L1,
    "l1": L1,
    "L2": L2,
    "l2": L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "orthogonal_regularizer": OrthogonalRegularizer,
}


def resolve_regularizer(
    identifier: Any, flavour: Flavour = "compat.v1", argument: str = "regularizer"
) -> RegularizerFn | None:
    """Return the regulariser that a Keras identifier means, or None.

    Args:
        identifier: None, a name (``"l1_l2"`` means both factors 0.01), an object dict, a `Regularizer`, or a callable
            from an array to a number.
        flavour: decides which factors are rounded to float32.
        argument: the argument to name in messages.

    Raises:
        ArgumentError: an unknown name or an identifier of another type, such as a number.
        ArgumentTypeError: a config key that the regulariser does not have.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        if identifier == "l1_l2" and flavour != "keras3":
            return L1L2(l1=0.01, l2=0.01)
        if identifier == "l1l2" and flavour == "keras3":
            return L1L2(flavour=flavour)
        return _make(identifier, {}, flavour, argument)
    if isinstance(identifier, Mapping):
        class_name, config = parse_object_config(identifier, argument)
        return _make(class_name, config, flavour, argument)
    if callable(identifier) and not isinstance(identifier, type):
        function: RegularizerFn = identifier
        return function
    raise ArgumentError(
        f"{argument}: could not interpret {identifier!r}, expected a name, a config dict or a regularizer"
    )


def serialize_regularizer(regularizer: RegularizerFn | None) -> Any:
    """Return the object dict of a regulariser, or None.

    Raises:
        UnsupportedError: a callable that is no `Regularizer` has no config.
    """
    if regularizer is None:
        return None
    if not isinstance(regularizer, Regularizer):
        raise UnsupportedError(f"regularizer: the callable {regularizer!r} has no config")
    return object_dict("keras.regularizers", type(regularizer).__name__, regularizer.get_config())


def _make(name: str, config: dict[str, Any], flavour: Flavour, argument: str) -> Regularizer:
    if name not in _CLASSES:
        accepted = ", ".join(sorted({*_CLASSES, "l1_l2"}))
        raise ArgumentError(f"{argument}: unknown regularizer {name!r}, expected one of {accepted}")
    try:
        return _CLASSES[name](**config, flavour=flavour)
    except TypeError as error:
        raise ArgumentTypeError(f"{argument} {name}: {error}") from None
