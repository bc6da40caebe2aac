"""A live Keras layer or model, read through its own `get_config` and `get_weights`; TensorFlow is never imported here.

Which Keras an object belongs to is told by the module of its class and the version of that package, both of which
exist already because the object does.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError, ArgumentTypeError, ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import accepted_classes
from lstm_ir.importers.keras_distributed import MODEL_CLASSES
from lstm_ir.importers.keras_model import describe_model
from lstm_ir.importers.keras_scope import Part
from lstm_ir.importers.keras_writer import KerasWriter, keras_writer
from lstm_ir.layers import LAYER_CLASSES, Layer, Model, Shape, WeightSpec

PACKAGES = ("tf_keras", "keras")
_DIRECTIONS = ("forward", "backward")
ACCEPTED = "accepted: a layer or model of tf_keras or Keras 3"


def is_keras(source: object) -> bool:
    """Whether an object is a live Keras layer or model, of whichever Keras, or derives from one."""
    named = any(base.__module__.split(".")[0] in PACKAGES for base in type(source).__mro__)
    return named and hasattr(source, "get_config") and hasattr(source, "get_weights")


def from_keras(source: Any) -> Model:
    """Describes a live Keras layer, Sequential or functional model.

    A single layer becomes a model of that layer, its batch and time unknown except where the layer fixes them
    (stateful, unroll). What a stateful layer has recorded so far is not a weight: the description starts at zero.

    Args:
        source: The layer or model, built.

    Returns:
        The description, built, with a copy of the weights.

    Raises:
        ArgumentTypeError: `source` is not a Keras layer or model.
        ArgumentError: It is not built.
        UnsupportedError: It holds something that we do not compile; the message names it.
    """
    if not is_keras(source):
        raise ArgumentTypeError(f"source is {type(source).__module__}.{type(source).__qualname__}; {ACCEPTED}")
    where = f"source {getattr(source, 'name', '')!r}"
    writer = _writer(source, where)
    _check_functions(source, where)
    try:
        if type(source).__name__ in MODEL_CLASSES:
            return _from_model(source, writer, where)
        return _from_layer(source, writer, where)
    except ModelFileError as error:  # the same checks as for files, and no file here
        raise ArgumentError(str(error)) from None


def _writer(source: Any, where: str) -> KerasWriter:
    module = type(source).__module__
    package = module.split(".")[0]
    if package not in PACKAGES:
        raise UnsupportedError(
            f"{where} is of the custom class {module}.{type(source).__qualname__}, which cannot be read; {ACCEPTED}"
        )
    writer = keras_writer(getattr(sys.modules.get(package), "__version__", None), where)
    if module.endswith(".lstm_v1"):
        return KerasWriter(writer.version, "compat.v1")
    return writer


def _check_functions(source: Any, where: str) -> None:
    """Refuses functions of the user's, which a config may name as if they were Keras's of the same name."""
    # Of the Bidirectional the copies: Keras made those from the config of what it was given.
    inner = {"TimeDistributed": ["layer"], "RNN": ["cell"]}.get(type(source).__name__)
    names = [f"{d}_layer" for d in _DIRECTIONS] if inner is None else inner
    cells = getattr(source, "cells", ())
    for layer in (*getattr(source, "layers", ()), *cells, *(getattr(source, name, None) for name in names)):
        if layer is not None and hasattr(layer, "name"):
            _check_functions(layer, where)
    for argument in ("activation", "recurrent_activation"):
        function = getattr(source, argument, None)
        name = getattr(function, "__name__", None)
        if name is not None and str(getattr(function, "__module__", "")).split(".")[0] not in (*PACKAGES, "tensorflow"):
            raise UnsupportedError(
                f"{where}: layer {source.name!r}: {argument} {name!r} is a function of the user's, which cannot be read"
            )


def _from_model(source: Any, writer: KerasWriter, where: str) -> Model:
    if not getattr(source, "built", False):
        raise ArgumentError(f"{where} is not built; accepted: a model with an Input, or called once")
    class_name = "Sequential" if type(source).__name__ == "Sequential" else "Functional"
    config = _as_json({"class_name": class_name, "config": source.get_config(), "build_config": _build(source)}, where)
    described = describe_model(config, writer, where)
    _set_parts(described.whole, source, where)
    return described.model


def _set_parts(part: Part, source: Any, where: str) -> None:
    """Sets the weights of all layers of a model, and of the models in it."""
    own = {layer.name: layer for layer in source.layers}
    for inner in part.parts:
        if inner.layer is None:
            _set_model(inner, own[inner.name], where)
        elif inner.layer.weight_specs():
            arrays = own[inner.name].get_weights()
            inner.layer.set_weights(_checked(inner.layer, inner.layer.weight_specs(), arrays, where))


def _set_model(part: Part, source: Any, where: str) -> None:
    """Sets the weights of a nested model, or of the one in a TimeDistributed."""
    if part.class_name == "TimeDistributed":
        _set_model(part.parts[0], source.layer, where)
    else:
        _set_parts(part, source, where)


def _from_layer(source: Any, writer: KerasWriter, where: str) -> Model:
    class_name = type(source).__name__
    if class_name not in LAYER_CLASSES:
        raise UnsupportedError(f"{where} is a {class_name}; {accepted_classes()}, or a Sequential of these")
    if not getattr(source, "built", False):
        raise ArgumentError(f"{where} is not built; accepted: a layer after build(input_shape), or called once")
    entry = _as_json({"class_name": class_name, "config": source.get_config()}, where)
    config, weights = entry["config"], source.get_weights()
    recurrent = config["layer"]["config"] if class_name == "Bidirectional" else config
    known = _build(source).get("input_shape") if _build(source) else None
    if known is None and class_name in ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "Dense") and weights:
        known = [None] * (2 if class_name == "Dense" else 3)
        known[-1] = int(weights[0].shape[0])
    if known is None:
        raise ArgumentError(f"{where} does not know its input shape; accepted: a layer in a Sequential with an Input")
    shape_key = "batch_shape" if writer.flavour == "keras3" else "batch_input_shape"
    # A mixed-precision layer takes its weights' dtype and casts it itself, as it does at the head of a Sequential.
    given = {
        "name": f"{source.name}_input",
        "dtype": source.variable_dtype,
        shape_key: list(_free_shape(known, recurrent)),
    }
    model = {
        "class_name": "Sequential",
        "config": {"name": source.name, "layers": [{"class_name": "InputLayer", "config": given}, entry]},
    }
    described = describe_model(model, writer, where).model
    (layer,) = described.layers
    if layer.weight_specs():
        layer.set_weights(_checked(layer, layer.weight_specs(), weights, where))
    return described


def _free_shape(known: Sequence[int | None], config: Mapping[str, Any]) -> Shape:
    """The shape a layer was built for, without what merely happened to be the batch and length of its first call."""
    shape: list[int | None] = [None] * len(known)
    shape[-1] = known[-1]
    batch, time = (1, 0) if config.get("time_major") else (0, 1)
    if config.get("stateful"):
        shape[batch] = known[batch]
    if config.get("unroll"):
        shape[time] = known[time]
    return tuple(shape)


def _build(source: Any) -> Mapping[str, Any]:
    config = source.get_build_config() if hasattr(source, "get_build_config") else None
    return config if isinstance(config, Mapping) else {}


def _as_json(config: Mapping[str, Any], where: str) -> Any:
    """The config as a file would hold it: tuples as lists, NumPy numbers as numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, (np.generic, np.ndarray)):
            return value.tolist()
        raise UnsupportedError(f"{where}: its config holds a {type(value).__name__}, which Keras cannot save either")

    return json.loads(json.dumps(config, default=plain))


def _checked(layer: Layer, specs: Sequence[WeightSpec], arrays: Sequence[Any], where: str) -> list[np.ndarray]:
    if len(arrays) != len(specs):
        raise ArgumentError(f"{where}: layer {layer.name!r} has {len(arrays)} weights; its config says {len(specs)}")
    result = []
    for array, spec in zip(arrays, specs, strict=True):
        value = np.asarray(array)
        if value.shape != tuple(spec.shape) or value.dtype != np.dtype(spec.dtype):
            raise ArgumentError(
                f"{where}: layer {layer.name!r}: weight {spec.name!r} is {value.dtype}{value.shape}; "
                f"its config says {spec.dtype}{tuple(spec.shape)}"
            )
        result.append(value.copy())
    return result
