"""Dtype policies: the dtype of a layer's weights and the dtype of its arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.serialization import object_dict, parse_object_config

_PLAIN = ("float16", "float32", "float64")
_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_ACCEPTED = ", ".join((*_PLAIN, *_MIXED))
# Names that TensorFlow knows as dtypes: Keras refuses these with a ValueError and unknown names with a TypeError.
_NOT_FLOATING = frozenset(
    ["bool", "complex64", "complex128", "string"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (4, 8, 16, 32, 64)]
)


@dataclass(frozen=True)
class DTypePolicy:
    """A dtype policy of Keras.

    Attributes:
        name: ``float16``, ``float32``, ``float64``, ``mixed_float16`` or ``mixed_bfloat16``.
        compute_dtype: dtype of inputs, arithmetic and outputs.
        variable_dtype: dtype of weights and of the state that a stateful layer keeps.
    """

    name: str
    compute_dtype: str
    variable_dtype: str

    @property
    def is_mixed(self) -> bool:
        """Whether weights and arithmetic have different dtypes."""
        return self.compute_dtype != self.variable_dtype


def resolve_dtype_policy(identifier: Any) -> DTypePolicy:
    """Return the policy that a ``dtype=`` argument or a config's ``dtype`` means; None is float32.

    Args:
        identifier: None, a name, a NumPy dtype or scalar type, a policy, a live Keras policy (anything with a
            ``name``), or the object dict of a Keras 2 ``Policy`` or a Keras 3 ``DTypePolicy``.

    Raises:
        ArgumentError: a dtype that is not floating.
        ArgumentTypeError: not the name of a dtype.
        UnsupportedError: bfloat16 weights, or a quantised policy.
    """
    if identifier is None:
        return DTypePolicy("float32", "float32", "float32")
    if isinstance(identifier, DTypePolicy):
        return identifier
    name = _policy_name(identifier)
    if name in _PLAIN:
        return DTypePolicy(name, name, name)
    if name in _MIXED:
        return DTypePolicy(name, _MIXED[name], "float32")
    if name == "bfloat16":
        # Keras itself cannot build an LSTM of this dtype: the QR of the orthogonal initialiser has no such kernel.
        raise UnsupportedError("dtype: bfloat16 weights are not supported, use 'mixed_bfloat16'")
    if name in _NOT_FLOATING:
        raise ArgumentError(f"dtype: got {name!r}, expected a floating dtype or policy: {_ACCEPTED}")
    raise ArgumentTypeError(f"dtype: got {identifier!r}, expected one of {_ACCEPTED}")


def serialize_dtype_policy(policy: DTypePolicy, flavour: Flavour) -> Any:
    """Return what a config of this flavour holds under ``dtype``: a name, or an object dict."""
    if flavour == "keras3":
        return object_dict("keras", "DTypePolicy", {"name": policy.name})
    if policy.is_mixed:
        return object_dict("keras.mixed_precision", "Policy", {"name": policy.name})
    return policy.name


def _policy_name(identifier: Any) -> str | None:
    if isinstance(identifier, str):
        return identifier
    if isinstance(identifier, Mapping):
        class_name, config = parse_object_config(identifier, "dtype")
        if class_name not in ("Policy", "DTypePolicy"):
            raise UnsupportedError(f"dtype: the policy class {class_name!r} is not supported, use {_ACCEPTED}")
        name = config.get("name")
    elif isinstance(identifier, type):
        name = identifier.__name__
    else:
        name = getattr(identifier, "name", None)
    return name if isinstance(name, str) else None
