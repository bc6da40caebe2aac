"""Keras's identifiers of initialisers: names, aliases and object dicts."""

from collections.abc import Mapping
from typing import Any

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    InitializerFn,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from lstm_ir.layers.serialization import object_dict, parse_object_config

_CLASSES: dict[str, type[Initializer]] = {
    "Zeros": Zeros,
    "zeros": Zeros,
    "zero": Zeros,
    "Ones": Ones,
    "ones": Ones,
    "one": Ones,
    "Constant": Constant,
    "constant": Constant,
    "RandomUniform": RandomUniform,
    "random_uniform": RandomUniform,
    "uniform": RandomUniform,
    "RandomNormal": RandomNormal,
    "random_normal": RandomNormal,
    "normal": RandomNormal,
    "TruncatedNormal": TruncatedNormal,
    "truncated_normal": TruncatedNormal,
    "VarianceScaling": VarianceScaling,
    "variance_scaling": VarianceScaling,
    "GlorotUniform": GlorotUniform,
    "glorot_uniform": GlorotUniform,
    "GlorotNormal": GlorotNormal,
    "glorot_normal": GlorotNormal,
    "HeUniform": HeUniform,
    "he_uniform": HeUniform,
    "HeNormal": HeNormal,
    "he_normal": HeNormal,
    "LecunUniform": LecunUniform,
    "lecun_uniform": LecunUniform,
    "LecunNormal": LecunNormal,
    "lecun_normal": LecunNormal,
    "Orthogonal": Orthogonal,
    "orthogonal": Orthogonal,
    "OrthogonalInitializer": Orthogonal,
    "Identity": Identity,
    "identity": Identity,
    "IdentityInitializer": Identity,
}


def resolve_initializer(identifier: Any, argument: str = "initializer") -> InitializerFn | None:
    """Return the initialiser that a Keras identifier means; None stays None (the framework's default at build).

    Args:
        identifier: None, a class or function name, an object dict, an `Initializer`, its class, or a callable
            taking a shape and the name of a dtype.
        argument: the argument to name in messages.

    Raises:
        ArgumentError: an unknown name or an identifier of another type.
        ArgumentTypeError: a config key that the initialiser does not have.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return _lookup(identifier, argument)()
    if isinstance(identifier, Mapping):
        class_name, config = parse_object_config(identifier, argument)
        return _lookup(class_name, argument).from_config(config)
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        function: InitializerFn = identifier
        return function
    raise ArgumentError(
        f"{argument}: could not interpret {identifier!r}, expected a name, a config dict or an initializer"
    )


def serialize_initializer(initializer: InitializerFn | None, flavour: Flavour = "compat.v1") -> Any:
    """Return the object dict of an initialiser, or None.

    Raises:
        UnsupportedError: a callable that is no `Initializer` has no config.
    """
    if initializer is None:
        return None
    if not isinstance(initializer, Initializer):
        raise UnsupportedError(f"initializer: the callable {initializer!r} has no config")
    return object_dict("keras.initializers", type(initializer).__name__, initializer.get_config(flavour))


def _lookup(name: str, argument: str) -> type[Initializer]:
    if name not in _CLASSES:
        accepted = ", ".join(sorted({cls.__name__ for cls in _CLASSES.values()}))
        raise ArgumentError(f"{argument}: unknown initializer {name!r}, expected one of {accepted}")
    return _CLASSES[name]
