"""Keras's object dicts: ``{module, class_name, config, registered_name}`` and the short ``{class_name, config}``."""

from collections.abc import Mapping
from typing import Any

from lstm_ir.errors import ArgumentError, UnsupportedError


def object_dict(module: str, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the full form, as Keras's ``serialize_keras_object`` writes it."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def parse_object(identifier: Mapping[str, Any], argument: str) -> tuple[str, Any]:
    """Return class name and config of an object dict in either form.

    The config is a dict for objects and a string for functions; it is returned as it stands.

    Raises:
        ArgumentError: the dict is in neither form.
        UnsupportedError: the object is a custom one, registered under a package of its own.
    """
    class_name = identifier.get("class_name")
    if not isinstance(class_name, str):
        raise ArgumentError(
            f"{argument}: got {dict(identifier)!r}, expected an object dict with 'class_name' and 'config'"
        )
    registered = identifier.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        raise UnsupportedError(f"{argument}: the custom object {registered!r} cannot be compiled")
    config = identifier.get("config")
    return class_name, {} if config is None else config


def parse_object_config(identifier: Mapping[str, Any], argument: str) -> tuple[str, dict[str, Any]]:
    """Return class name and a copy of the config of an object dict whose config must be a dict.

    Raises:
        ArgumentError: the dict is in neither form, or its config is not a dict.
        UnsupportedError: the object is a custom one.
    """
    class_name, config = parse_object(identifier, argument)
    if not isinstance(config, Mapping):
        raise ArgumentError(f"{argument}: the config of {class_name!r} is {config!r}, expected a dict")
    return class_name, dict(config)
