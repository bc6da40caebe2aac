"""Activation functions by their Keras identifiers, as values that the compiler can lower."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError, ArgumentTypeError, LstmIrError, UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.serialization import object_dict, parse_object

# TensorFlow holds the slope of leaky_relu as a float32 attribute of the op, whatever the dtype of its input.
_LEAKY_RELU_SLOPE = float(np.float32(0.2))

# Keras identifier -> name in the IR. `hard_sigmoid` is the one name whose meaning changed, in Keras 3.
_FUNCTIONS = {
    "elu": "elu",
    "exponential": "exponential",
    "gelu": "gelu",
    "hard_sigmoid": "hard_sigmoid",
    "leaky_relu": "leaky_relu",
    "linear": "linear",
    "log_softmax": "log_softmax",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "softmax": "softmax",
    "softplus": "softplus",
    "softsign": "softsign",
    "swish": "swish",
    "tanh": "tanh",
}
# Names of ours that Keras has no string for; accepted so that a config holding one can be read back.
_OWN = ("gelu_tanh", "hard_sigmoid_keras3")
_KERAS3_ONLY = (
    *("celu", "glu", "hard_shrink", "hard_silu", "hard_swish", "hard_tanh", "log_sigmoid", "soft_shrink"),
    *("sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink", "threshold"),
)
_LAYER_CLASSES = ("ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU")
# Of a layer's own config, what does not change the function it computes.
_LAYER_KEYS = frozenset(["name", "trainable", "dtype"])

ACTIVATION_NAMES: tuple[str, ...] = tuple(sorted({*_FUNCTIONS.values(), *_OWN}))
"""The IR's names of all activations."""


@dataclass(frozen=True)
class Activation:
    """One elementwise function (or softmax, over the last axis).

    Attributes:
        name: the IR's name, one of `ACTIVATION_NAMES`.
        alpha: the slope of ``leaky_relu`` for negative values; None for all others.
        source: the Keras layer object dict it came from, kept for `serialize_activation` only.
    """

    name: str
    alpha: float | None = None
    source: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def __name__(self) -> str:
        """The name of Keras's function of this meaning."""
        return self.name.removesuffix("_keras3")

    def __post_init__(self) -> None:
        if self.name not in ACTIVATION_NAMES:
            raise ArgumentError(f"activation: got {self.name!r}, expected one of {', '.join(ACTIVATION_NAMES)}")
        if self.name == "leaky_relu" and self.alpha is None:
            object.__setattr__(self, "alpha", _LEAKY_RELU_SLOPE)
        if self.name != "leaky_relu" and self.alpha is not None:
            raise ArgumentError(f"activation: {self.name} takes no alpha, got {self.alpha!r}")


def accepted_activations() -> str:
    """The Keras identifiers that `resolve_activation` takes, for messages."""
    return ", ".join(sorted(_FUNCTIONS))


def resolve_activation(identifier: Any, flavour: Flavour = "compat.v1", argument: str = "activation") -> Activation:
    """Return the activation that a Keras identifier means to this flavour of Keras.

    Args:
        identifier: None (linear), a function name, a Keras 2 layer class name (``"LeakyReLU"``), an object dict, a
            function of TensorFlow or Keras that has such a name, or an `Activation`.
        flavour: decides ``hard_sigmoid``: clip(0.2x + 0.5, 0, 1) before Keras 3, relu6(x + 3) / 6 in it.
        argument: the argument to name in messages.

    Raises:
        ArgumentError: an unknown name; also an identifier of another type in Keras 3.
        ArgumentTypeError: an identifier of another type (Keras 2).
        UnsupportedError: a function that Keras has and the compiler has not, or a callable of unknown meaning.
    """
    if identifier is None:
        return Activation("linear")
    if isinstance(identifier, Activation):
        return identifier
    if isinstance(identifier, str):
        return _from_string(identifier, flavour, argument)
    if isinstance(identifier, Mapping):
        class_name, config = parse_object(identifier, argument)
        if isinstance(config, str):  # a function: {"class_name": "function", "config": "relu"}
            return _from_string(config, flavour, argument)
        if not isinstance(config, Mapping):
            raise ArgumentError(f"{argument}: the config of {class_name!r} is {config!r}, expected a dict")
        if not config and class_name in _FUNCTIONS:
            return _from_string(class_name, flavour, argument)
        return _from_layer(class_name, dict(config), flavour, argument)
    if callable(identifier):
        return _from_callable(identifier, flavour, argument)
    error: type[LstmIrError] = ArgumentError if flavour == "keras3" else ArgumentTypeError
    raise error(
        f"{argument}: could not interpret {identifier!r}, expected None, a name ({accepted_activations()}) or a "
        "config dict"
    )


def serialize_activation(activation: Activation, flavour: Flavour = "compat.v1") -> Any:
    """Return what a config of this flavour holds: a name, or the object dict of a Keras layer.

    Raises:
        UnsupportedError: the flavour's config has no form with this meaning.
    """
    if activation.source is not None:
        return dict(activation.source)
    if activation.name == "leaky_relu" and activation.alpha != _LEAKY_RELU_SLOPE:
        slope = "negative_slope" if flavour == "keras3" else "alpha"
        return object_dict("keras.layers", "LeakyReLU", {slope: activation.alpha})
    if flavour == "keras3":
        if activation.name == "hard_sigmoid":
            raise UnsupportedError("activation: a Keras 3 config cannot hold Keras 2's hard_sigmoid")
        return {"hard_sigmoid_keras3": "hard_sigmoid", "swish": "silu"}.get(activation.name, activation.name)
    return activation.name


def _from_string(name: str, flavour: Flavour, argument: str) -> Activation:
    if name == "hard_sigmoid" and flavour == "keras3":
        return Activation("hard_sigmoid_keras3")
    if name in _FUNCTIONS:
        return Activation(_FUNCTIONS[name])
    if name in _OWN:
        return Activation(name)
    if flavour == "keras3" and name in _KERAS3_ONLY:
        raise UnsupportedError(f"{argument}: {name!r} is not supported, use one of {accepted_activations()}")
    if flavour != "keras3" and name in _LAYER_CLASSES:
        return _from_layer(name, {}, flavour, argument)
    raise ArgumentError(f"{argument}: unknown activation function {name!r}, expected one of {accepted_activations()}")


def _from_layer(class_name: str, config: dict[str, Any], flavour: Flavour, argument: str) -> Activation:
    """An activation given as a Keras layer: taken if it is exactly a function that we have."""

    def number(key: str, default: float) -> float:
        value = config.get(key, default)
        if isinstance(value, Mapping):  # Keras 3 writes NumPy scalars as {"class_name": "__numpy__", ...}
            value = value.get("config", {}).get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ArgumentError(f"{argument}: {key} of {class_name} is {value!r}, expected a number")
        return float(np.float32(value))

    def done(name: str, alpha: float | None, known: set[str], full: dict[str, Any]) -> Activation:
        unknown = sorted(set(config) - known - _LAYER_KEYS)
        if unknown:
            raise ArgumentTypeError(f"{argument}: {class_name} does not understand {unknown[0]!r}")
        source = object_dict("keras.layers", class_name, {**config, **full})
        return Activation(name, alpha, source)

    if class_name == "LeakyReLU":
        slope = "alpha" if "alpha" in config or flavour != "keras3" else "negative_slope"
        if slope == "alpha" and "negative_slope" in config:
            slope = "negative_slope"
        alpha = number(slope, 0.3)
        return done("leaky_relu", alpha, {"alpha", "negative_slope"}, {slope: alpha})
    if class_name == "ELU":
        if number("alpha", 1.0) == 1.0:
            return done("elu", None, {"alpha"}, {"alpha": 1.0})
        raise UnsupportedError(f"{argument}: ELU with alpha={config['alpha']!r} is not supported, only 1.0")
    if class_name == "ReLU":
        slope_value, threshold = number("negative_slope", 0.0), number("threshold", 0.0)
        limit = None if config.get("max_value") is None else number("max_value", 0.0)
        full = {"max_value": limit, "negative_slope": slope_value, "threshold": threshold}
        if threshold == 0.0 and slope_value == 0.0 and limit in (None, 6.0):
            return done("relu" if limit is None else "relu6", None, set(full), full)
        if threshold == 0.0 and limit is None:
            return done("leaky_relu", slope_value, set(full), full)
        raise UnsupportedError(
            f"{argument}: ReLU with max_value={limit}, negative_slope={slope_value}, threshold={threshold} is not "
            "supported, use relu, relu6 or leaky_relu"
        )
    if class_name == "Softmax" and config.get("axis", -1) == -1:
        return done("softmax", None, {"axis"}, {"axis": -1})
    raise UnsupportedError(
        f"{argument}: the activation layer {class_name!r} is not supported, use one of {accepted_activations()}"
    )


def _from_callable(function: Any, flavour: Flavour, argument: str) -> Activation:
    """A function object of TensorFlow or Keras, known by its module and name; anything else is refused."""
    name = getattr(function, "__name__", None)
    root = str(getattr(function, "__module__", "")).partition(".")[0]
    if root in ("tensorflow", "tf_keras", "keras") and name in _FUNCTIONS:
        # `hard_sigmoid` of package keras is Keras 3's function; of tf_keras and tensorflow it is Keras 2's.
        return _from_string(name, "keras3" if root == "keras" else "keras2", argument)
    raise UnsupportedError(
        f"{argument}: the callable {name or function!r} cannot be compiled, use one of {accepted_activations()}"
    )
