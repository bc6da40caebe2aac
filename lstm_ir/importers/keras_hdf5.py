"""Keras's HDF5 model files (`.h5`): the model's JSON in an attribute, the weights in one group a layer.

The order of a layer's weights is that of its `weight_names`, as in Keras itself; the names within do not matter.
"""

from pathlib import Path
from typing import Any

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.hdf5_access import attribute, child, open_hdf5, read_array, text_list
from lstm_ir.importers.keras_model import DescribedModel, describe_model, leaves, parse_json
from lstm_ir.importers.keras_scope import Part
from lstm_ir.importers.keras_writer import keras_writer
from lstm_ir.layers import Model, Weight

_NOT_TRAINED = ("moving_mean", "moving_variance")


def read_hdf5(path: Path) -> Model:
    """Reads a whole model saved as `.h5` by tf_keras or Keras 3.

    Raises:
        ModelFileError: The file is damaged, is not a Keras model, or contradicts itself.
        UnsupportedError: It holds something that we do not compile.
    """
    source = str(path)
    with open_hdf5(path, source) as root:
        text = attribute(root, "model_config", source)
        if text is None:
            raise ModelFileError(
                f"{source} has no model_config: it holds weights alone, or is half-written; "
                "accepted: a whole model, saved with model.save(), or the JSON of its config with weights="
            )
        if not isinstance(text, str):
            raise ModelFileError(f"{source}: attribute model_config is an array; accepted: text")
        writer = keras_writer(attribute(root, "keras_version", source), source)
        config = parse_json(text, f"{source}: model_config")
        described = describe_model(config, writer, source, max_weight_bytes=path.stat().st_size)
        weights = child(root, "model_weights", source)
        if weights is None:
            raise ModelFileError(f"{source} has no group model_weights: the file is half-written")
        set_hdf5_weights(described, weights, source)
    return described.model


def set_hdf5_weights(described: DescribedModel, group: Any, source: str) -> None:
    """Fills a described model with the weights of a `model_weights` group, or of a file of weights alone.

    Raises:
        ModelFileError: The weights are not those of the model's layers.
    """
    parts = {part.name: part for part in described.whole.parts}
    stored = {name for name in text_list(group, "layer_names", source) if _names(group, name, source)}
    expected = {name for name, part in parts.items() if any(layer.weight_specs() for layer in leaves(part))}
    for name in sorted(stored - expected):
        raise ModelFileError(f"{source} holds weights of layer {name!r}, which the config says has none")
    for name in sorted(expected - stored):
        raise ModelFileError(f"{source} holds no weights of layer {name!r}")
    top = child(group, "top_level_model_weights", source)
    if top is not None and text_list(top, "weight_names", source):
        raise ModelFileError(f"{source} holds weights of the model itself; accepted: weights of layers")
    for name in sorted(expected):
        _set_part(parts[name], group, source)


def _names(group: Any, layer: str, source: str) -> list[str]:
    where = f"{source}: layer {layer!r}"
    inner = child(group, layer, where)
    if inner is None:
        raise ModelFileError(f"{where} is listed in layer_names and has no group: the file is half-written")
    return text_list(inner, "weight_names", where)


def _set_part(part: Part, whole: Any, source: str) -> None:
    """Sets the weights of a layer, or of all layers of a nested model."""
    where = f"{source}: layer {part.name!r}"
    names = _names(whole, part.name, source)
    slots = _slots(part)
    if len(names) != len(slots):
        raise ModelFileError(
            f"{where} has {len(names)} weights in the file ({', '.join(names)}); "
            f"its config says {len(slots)} ({', '.join(weight.spec.name for weight in slots)})"
        )
    group = child(whole, part.name, where)
    for name, weight in zip(names, slots, strict=True):
        dataset = child(group, name, where)
        if dataset is None:
            raise ModelFileError(f"{where}: weight {name!r} is listed and not in the file")
        spec = weight.spec
        weight.assign(read_array(dataset, tuple(spec.shape), spec.dtype, f"{where}: weight {name!r}"))


def _slots(part: Part) -> list[Weight]:
    """The weights of a part in the order of the file: of a nested model first those that can be trained."""
    if part.layer is not None:
        return part.layer.weights
    trained: list[Weight] = []
    others: list[Weight] = []
    for layer in leaves(part):
        for weight in layer.weights:
            moving = weight.spec.name in _NOT_TRAINED
            (trained if layer.trainable and not moving else others).append(weight)
    return trained + others
