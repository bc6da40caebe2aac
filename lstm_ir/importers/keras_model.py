"""A Keras model config as a description of the whole model, and the weights that belong in it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.keras_chain import chain_of
from lstm_ir.importers.keras_config import LayerEntry, describe_layer, layer_entry
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import LSTM, Bidirectional, Dense, InputLayer, Layer, Sequential, Shape, WeightSpec

ReadWeights = Callable[[Layer, Sequence[WeightSpec]], list[np.ndarray]]


def parse_json(text: str | bytes, what: str) -> Mapping[str, Any]:
    """Parses a JSON object.

    Raises:
        ModelFileError: It is not JSON, or not an object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{what} is not JSON: {' '.join(str(error).split())}") from None
    if not isinstance(value, Mapping):
        raise ModelFileError(f"{what} is a JSON {type(value).__name__}; accepted: an object")
    return value


def describe_model(
    model: Mapping[str, Any], writer: KerasWriter, source: str, *, max_weight_bytes: int | None = None
) -> Sequential:
    """Describes a Sequential, or a functional model that is one chain of layers.

    Args:
        model: `{"class_name": ..., "config": {...}}` as Keras serialises a model.
        writer: The Keras that wrote it.
        source: The file or object, for messages.
        max_weight_bytes: What the weights can take at most, before anything is allocated for them.

    Returns:
        The description, its shapes known, its weights not set yet.

    Raises:
        ModelFileError: The config is not a model's, or asks for more weights than there can be.
        UnsupportedError: The model is not a chain of supported layers.
    """
    class_name, config = model.get("class_name"), model.get("config")
    if not isinstance(class_name, str) or not isinstance(config, Mapping):
        raise ModelFileError(f"{source}: its model config lacks class_name or config")
    if class_name not in ("Sequential", "Functional", "Model"):
        raise UnsupportedError(f"{source} is a {class_name}; accepted: a Sequential or functional model")
    name, listed = config.get("name"), config.get("layers")
    if not isinstance(name, str) or not isinstance(listed, list) or not listed:
        raise ModelFileError(f"{source}: its model config lacks name or layers")
    entries = [layer_entry(item, source) for item in listed]
    returned: int | None = None
    if class_name != "Sequential":
        entries, returned = chain_of(config, entries, source)
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise UnsupportedError(f"{source}: {entry} is in the model {names.count(entry.name)} times; accepted: once")
    layers = [describe_layer(entry, writer, source) for entry in entries]
    if not isinstance(layers[0], InputLayer):
        layers.insert(0, _input_of(entries[0], config, model, layers[0], source))
    try:
        _check_flow(layers, returned, source, max_weight_bytes)
        description = Sequential(layers, name)
        description.build()
    except (ModelFileError, UnsupportedError):
        raise
    except (LstmIrError, TypeError, ValueError) as error:
        raise ModelFileError(f"{source}: {' '.join(str(error).split())}") from None
    return description


def set_weights(model: Sequential, read: ReadWeights) -> Sequential:
    """Fills a built description with weights.

    Args:
        model: The description.
        read: Given a layer and its weights' specs, the arrays in that order.
    """
    for layer in model.layers:
        specs = layer.weight_specs()
        if specs:
            layer.set_weights(read(layer, specs))
    return model


def _input_of(
    first: LayerEntry, config: Mapping[str, Any], model: Mapping[str, Any], layer: Layer, source: str
) -> InputLayer:
    """The input of a Sequential whose config lists no InputLayer: Keras then keeps the shape elsewhere."""
    build = model.get("build_config")
    candidates = (
        first.config.get("batch_input_shape"),
        first.config.get("batch_shape"),
        config.get("build_input_shape"),
        build.get("input_shape") if isinstance(build, Mapping) else None,
    )
    shape = next((c for c in candidates if isinstance(c, list)), None)
    if shape is None or not all(d is None or type(d) is int for d in shape):
        raise ModelFileError(f"{source}: the model has no input shape: it was saved before it was built")
    return InputLayer(tuple(shape), dtype=layer.variable_dtype, name=f"{first.name}_input", flavour=layer.flavour)


def _check_flow(layers: Sequence[Layer], returned: int | None, source: str, max_weight_bytes: int | None) -> None:
    """Follows the shapes through the model before anything is allocated for it."""
    first = layers[0]
    shape: Any = first.shape if isinstance(first, InputLayer) else None
    needed = 0
    for layer in layers[1:]:
        if isinstance(shape, list):
            raise UnsupportedError(
                f"{source}: layer {layer.name!r} follows one that returns {len(shape)} tensors; "
                "accepted: return_state and merge_mode=None on the last layer alone"
            )
        needed += _weight_bytes(layer, shape)
        shape = layer.compute_output_shape(shape)
    count = len(shape) if isinstance(shape, list) else 1
    if returned is not None and returned != count:
        raise UnsupportedError(
            f"{source}: the model returns {returned} of the {count} tensors of its last layer {layers[-1].name!r}; "
            "accepted: all of them"
        )
    if max_weight_bytes is not None and needed > max_weight_bytes:
        raise ModelFileError(
            f"{source}: its config asks for {needed} bytes of weights; the file has room for {max_weight_bytes}"
        )


def _weight_bytes(layer: Layer, shape: Shape) -> int:
    """The bytes of a layer's weights for an input, however large the config's numbers are."""
    if isinstance(layer, Bidirectional):
        return _weight_bytes(layer.forward_layer, shape) + _weight_bytes(layer.backward_layer, shape)
    features = shape[-1]
    if features is None or not isinstance(layer, (LSTM, Dense)):
        return 0
    size = np.dtype(layer.variable_dtype).itemsize
    if isinstance(layer, Dense):
        return size * layer.units * (features + bool(layer.use_bias))
    return size * 4 * layer.units * (features + layer.units + bool(layer.use_bias))
