"""A Keras layer config (the JSON of a model file, or `get_config()`) as one of our layer descriptions.

Keras leaves out what has its default, and defaults differ between writers, so every key that changes what a layer
computes must be there for the Keras that wrote it; keys that are not known are refused unless they are unset.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.keras_layer_keys import INPUT_SHAPES, LAYER_KEYS, TRAINING, WITHOUT_PLACE
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import LAYER_CLASSES, RNN, Layer, RecurrentLayer, resolve_activation
from lstm_ir.layers.rnn import CELL_CLASSES

INPUT_DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "bool")


_INNER_LAYERS = ("layer", "backward_layer")


@dataclass(frozen=True)
class LayerEntry:
    """One layer as a model's config lists it.

    Attributes:
        name: The layer's name in the model.
        class_name: Keras's name of its class.
        config: The layer's own config.
        inbound_nodes: In a functional model, the calls of this layer in the writer's form; None in a Sequential.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    inbound_nodes: Any = None

    def __str__(self) -> str:
        return f"layer {self.name!r} ({self.class_name})"


def layer_entry(entry: Any, source: str) -> LayerEntry:
    """Checks the form of one entry of a config's list of layers.

    Raises:
        ModelFileError: The entry is not one.
        UnsupportedError: A layer class registered by the user.
    """
    if not isinstance(entry, Mapping):
        raise ModelFileError(f"{source}: a layer is described by {type(entry).__name__}; accepted: an object")
    class_name, config = entry.get("class_name"), entry.get("config")
    if not isinstance(class_name, str) or not isinstance(config, Mapping):
        raise ModelFileError(f"{source}: a layer's description lacks class_name or config")
    name = config.get("name", entry.get("name"))
    if not isinstance(name, str) or not name:
        raise ModelFileError(f"{source}: a layer of class {class_name} has no name")
    if _is_custom(entry, class_name):
        custom = entry.get("registered_name") or f"{entry.get('module')}.{class_name}"
        raise UnsupportedError(f"{source}: layer {name!r} is of the custom class {custom}; {accepted_classes()}")
    return LayerEntry(name, class_name, config, entry.get("inbound_nodes"))


def _is_custom(entry: Mapping[str, Any], class_name: str) -> bool:
    """Whether the class is the user's, even if named as one of Keras's; `.h5` files of Keras 2 do not tell."""
    if entry.get("registered_name") not in (None, class_name):
        return True
    module = entry.get("module", "keras")  # absent from older configs; null for an unregistered class of the user's
    return not isinstance(module, str) or module.split(".")[0] not in ("keras", "tf_keras", "tensorflow")


def accepted_classes() -> str:
    """The end of a message that refuses a layer class."""
    return "accepted: " + ", ".join(LAYER_CLASSES)


def describe_layer(entry: LayerEntry, writer: KerasWriter, source: str) -> Layer:
    """Makes the layer description that a config entry stands for.

    Args:
        entry: The entry.
        writer: The Keras that wrote it.
        source: The file or object, for messages.

    Raises:
        UnsupportedError: A layer class, option or activation that we do not compile.
        ModelFileError: A key is missing, or a value is not one that Keras writes.
    """
    where = f"{source}: {entry}"
    if entry.class_name not in LAYER_CLASSES:
        raise UnsupportedError(f"{where} is not supported; {accepted_classes()}")
    _check_keys(entry, writer, where)
    _check_values(entry, writer, where)
    if entry.class_name in ("TimeDistributed", "Bidirectional"):
        return _describe_wrapper(entry, writer, where)
    if entry.class_name == "RNN":
        return _describe_rnn(entry, writer, where)
    make = LAYER_CLASSES[entry.class_name].from_config
    made: Layer = _made(make, _relevant(entry.class_name, entry.config, writer), writer, where)
    return made


def _made(make: Callable[..., Any], config: dict[str, Any], writer: KerasWriter, where: str) -> Any:
    """A layer from its config; where that does not go, from what inference needs of it."""
    try:
        return make(config, flavour=writer.flavour)
    except (LstmIrError, TypeError, ValueError, KeyError) as error:
        # A custom initializer, regularizer or constraint has no part in inference: the layer without it is the same.
        try:
            return make({k: v for k, v in config.items() if k not in TRAINING}, flavour=writer.flavour)
        except (LstmIrError, TypeError, ValueError, KeyError):
            raise _refusal(error, where) from None


def _refusal(error: Exception, where: str) -> LstmIrError:
    refusal = UnsupportedError if isinstance(error, UnsupportedError) else ModelFileError
    return refusal(f"{where}: {_one_line(error)}")


def _describe_wrapper(entry: LayerEntry, writer: KerasWriter, where: str) -> Layer:
    config = _relevant(entry.class_name, entry.config, writer)
    for key in _INNER_LAYERS:
        if config.get(key) is not None or key == "layer":
            config[key] = describe_layer(layer_entry(config[key], where), writer, where)
    try:
        return LAYER_CLASSES[entry.class_name](**config, flavour=writer.flavour)
    except (LstmIrError, TypeError) as error:
        raise _refusal(error, where) from None


def _describe_rnn(entry: LayerEntry, writer: KerasWriter, where: str) -> Layer:
    config = _relevant(entry.class_name, entry.config, writer)
    cells = [_describe_cell(cell, writer, where) for cell in _cells(config.pop("cell"), where)]
    try:
        return RNN(cells, **config, flavour=writer.flavour)
    except (LstmIrError, TypeError) as error:
        raise _refusal(error, where) from None


def _cells(value: Any, where: str) -> list[LayerEntry]:
    """The cells of an RNN: one, or those of a stack."""
    if isinstance(value, Mapping) and value.get("class_name") == "StackedRNNCells":
        config: Any = value.get("config")
        listed = config.get("cells") if isinstance(config, Mapping) else None
        if not isinstance(listed, list) or not listed:
            raise ModelFileError(f"{where}: its StackedRNNCells list no cells")
        if config.get("reverse_state_order"):
            raise UnsupportedError(f"{where}: option reverse_state_order=True is not supported; accepted: False")
        return [cell for item in listed for cell in _cells(item, where)]
    cell = layer_entry(value, where)
    if cell.class_name not in CELL_CLASSES:
        raise UnsupportedError(
            f"{where}: its cell is {cell}; accepted: {', '.join(CELL_CLASSES)}, StackedRNNCells of them"
        )
    return [cell]


def _describe_cell(cell: LayerEntry, writer: KerasWriter, where: str) -> RecurrentLayer:
    _check_keys(cell, writer, f"{where}: {cell}")
    _check_values(cell, writer, f"{where}: {cell}")
    make = CELL_CLASSES[cell.class_name].from_config
    made: RecurrentLayer = _made(make, _relevant(cell.class_name, cell.config, writer), writer, f"{where}: {cell}")
    return made


def _relevant(class_name: str, config: Mapping[str, Any], writer: KerasWriter) -> dict[str, Any]:
    """The config without unset options that we do not know, and without a first layer's copy of the input's shape."""
    keys = LAYER_KEYS[class_name]
    known = keys.required(writer.flavour) | keys.optional
    if class_name != "InputLayer":
        known -= INPUT_SHAPES
    known -= WITHOUT_PLACE.get(class_name, frozenset())
    return {key: value for key, value in config.items() if key in known}


def _check_keys(entry: LayerEntry, writer: KerasWriter, where: str) -> None:
    known = LAYER_KEYS[entry.class_name]
    required = known.required(writer.flavour)
    missing = sorted(required - entry.config.keys())
    if missing:
        raise ModelFileError(
            f"{where}: its config lacks {', '.join(missing)}, which Keras {writer.version} records; "
            "defaults differ between versions and are not guessed"
        )
    for key in sorted(entry.config.keys() - required - known.optional):
        # A later Keras may record an option that we have not heard of: harmless only while it is not used.
        if entry.config[key] is not None:
            raise UnsupportedError(f"{where}: option {key}={_short(entry.config[key])} is not supported")


def _check_values(entry: LayerEntry, writer: KerasWriter, where: str) -> None:
    config = entry.config
    for key in ("activation", "recurrent_activation"):
        if key in config:
            value = config[key]
            try:
                # Keras writes its own functions by name alone; one of the user's may have the same name.
                if isinstance(value, Mapping) and value.get("class_name") == "function":
                    raise UnsupportedError("a function of the user's")
                resolve_activation(value, writer.flavour)
            except (LstmIrError, TypeError, ValueError, KeyError):
                raise UnsupportedError(
                    f"{where}: {key} {_activation_name(value)} is not one that can be compiled"
                ) from None
    for key in ("sparse", "ragged", "renorm", "causal"):
        if config.get(key):
            raise UnsupportedError(f"{where}: option {key}={config[key]!r} is not supported; accepted: False")
    if entry.class_name == "InputLayer" and config["dtype"] not in INPUT_DTYPES:
        accepted = ", ".join(INPUT_DTYPES)
        raise UnsupportedError(f"{where}: input dtype {_short(config['dtype'])}; accepted: {accepted}")


def _activation_name(value: Any) -> str:
    """An activation as its author would call it, whichever form Keras wrote it in."""
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name", value)
    return _short(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
