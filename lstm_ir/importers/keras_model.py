"""A Keras model config as a description of the whole model, and the weights that belong in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry, describe_layer, layer_entry
from lstm_ir.importers.keras_distributed import MODEL_CLASSES
from lstm_ir.importers.keras_graph import GraphReader
from lstm_ir.importers.keras_scope import Part
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import Functional, InputLayer, Layer, Model, Sequential, Shape


@dataclass(frozen=True)
class DescribedModel:
    """A model and its parts as the config lists them.

    Attributes:
        model: The model, its shapes known, its weights not set yet.
        whole: Its parts; those of nested models in them.
    """

    model: Model
    whole: Part


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
) -> DescribedModel:
    """Describes a Sequential or functional model.

    Args:
        model: `{"class_name": ..., "config": {...}}` as Keras serialises a model.
        writer: The Keras that wrote it.
        source: The file or object, for messages.
        max_weight_bytes: What the weights can take at most, before anything is allocated for them.

    Raises:
        ModelFileError: The config is not a model's, or asks for more weights than there can be.
        UnsupportedError: The model holds something that we do not compile.
    """
    class_name, config = model.get("class_name"), model.get("config")
    if not isinstance(class_name, str) or not isinstance(config, Mapping):
        raise ModelFileError(f"{source}: its model config lacks class_name or config")
    if class_name not in MODEL_CLASSES:
        raise UnsupportedError(f"{source} is a {class_name}; accepted: a Sequential or functional model")
    name, listed = config.get("name"), config.get("layers")
    if not isinstance(name, str) or not isinstance(listed, list) or not listed:
        raise ModelFileError(f"{source}: its model config lacks name or layers")
    if class_name == "Sequential":
        config = _with_input(model, config, writer, source)
    whole = Part(name, class_name)
    reader = GraphReader(writer, source, name)
    try:
        outputs = reader.read(whole, config, None)
        for tensor in outputs:
            if not isinstance(tensor, str):
                raise UnsupportedError(f"{source}: the model returns a mask; accepted: tensors")
            if tensor in reader.mask_inputs:
                raise UnsupportedError(f"{source}: the model returns its input {tensor!r} of bool; accepted: tensors")
        described = as_chain(reader.builder.model(outputs))
    except (ModelFileError, UnsupportedError):
        raise
    except (LstmIrError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{source}: {' '.join(str(error).split())}") from None
    needed = sum(weight.nbytes for weight in described.weights)
    if max_weight_bytes is not None and needed > max_weight_bytes:
        raise ModelFileError(
            f"{source}: its config asks for {needed} bytes of weights; the file has room for {max_weight_bytes}"
        )
    return DescribedModel(described, whole)


def as_chain(model: Functional) -> Model:
    """The model as a `Sequential` where it is one: one input, and each layer called on the one before."""
    before = model.inputs[0].name
    for call in model.calls:
        plain = call.path == call.layer.name and not call.number and not call.initial_state
        if call.inputs != (before,) or not plain or (call is not model.calls[-1] and len(call.outputs) > 1):
            return model
        before = call.outputs[0]
    if len(model.inputs) > 1 or model.outputs != model.calls[-1].outputs:
        return model
    return Sequential([model.inputs[0], *model.layers], model.name)


def _with_input(
    model: Mapping[str, Any], config: Mapping[str, Any], writer: KerasWriter, source: str
) -> Mapping[str, Any]:
    """The config of a Sequential with its InputLayer, which some writers leave out."""
    first = layer_entry(config["layers"][0], source)
    if first.class_name == "InputLayer":
        return config
    shape = _known_shape(first, config, model)
    if shape is None:
        raise ModelFileError(f"{source}: the model has no input shape: it was saved before it was built")
    # A model at the head has no dtype of its own, a layer takes its weights' and casts it itself.
    is_layer = first.class_name not in MODEL_CLASSES
    dtype = describe_layer(first, writer, source).variable_dtype if is_layer else "float32"
    key = "batch_shape" if writer.flavour == "keras3" else "batch_input_shape"
    given = {"name": f"{first.name}_input", "dtype": dtype, key: list(shape)}
    return {**config, "layers": [{"class_name": "InputLayer", "config": given}, *config["layers"]]}


def _known_shape(first: LayerEntry, config: Mapping[str, Any], model: Mapping[str, Any]) -> Shape | None:
    """Where Keras keeps the shape of the input of a Sequential whose config lists no InputLayer."""
    build = model.get("build_config")
    candidates = (
        first.config.get("batch_input_shape"),
        first.config.get("batch_shape"),
        config.get("build_input_shape"),
        build.get("input_shape") if isinstance(build, Mapping) else None,
    )
    shape = next((c for c in candidates if isinstance(c, list)), None)
    if shape is None or not all(d is None or type(d) is int for d in shape):
        return None
    return tuple(shape)


def leaves(part: Part) -> list[Layer]:
    """All layers of a part, those of nested models in order."""
    if part.layer is not None:
        return [part.layer]
    return [layer for inner in part.parts for layer in leaves(inner)]


__all__ = ["DescribedModel", "InputLayer", "as_chain", "describe_model", "leaves", "parse_json"]
