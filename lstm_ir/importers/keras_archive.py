"""Keras's own archives (`.keras`): a zip of metadata.json, config.json and model.weights.h5.

A layer's weights lie under `layers/<key>/.../vars/<position>`, those of a nested model's layers under
`layers/<key>/layers/...`. The key is not the layer's name: it is the class name in snake case, with _1, _2, ... for its
repetitions in the model's order.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.hdf5_access import MAX_TEXT_BYTES, child, dataset_paths, open_hdf5, read_array
from lstm_ir.importers.keras_model import DescribedModel, describe_model, parse_json
from lstm_ir.importers.keras_scope import Part
from lstm_ir.importers.keras_writer import keras_writer
from lstm_ir.layers import RNN, Bidirectional, CuDNNLayer, Layer, Model, RecurrentLayer, TimeDistributed

ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

# The weights file also carries the optimizer's (two or three times the model's own) and HDF5's own tables.
_WEIGHTS_FACTOR, _WEIGHTS_MARGIN = 8, 64 * 1024 * 1024
# Deflate cannot expand further than this, so a declared size beyond it is not true.
_MAX_DEFLATE_RATIO = 1032


def read_archive(path: Path) -> Model:
    """Reads a whole model saved as `.keras` by tf_keras or Keras 3.

    Raises:
        ModelFileError: The file is damaged, is not a Keras model, or contradicts itself.
        UnsupportedError: It holds something that we do not compile.
    """
    source = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = parse_json(_member(archive, "metadata.json", MAX_TEXT_BYTES, path), f"{source}: metadata.json")
            writer = keras_writer(metadata.get("keras_version"), f"{source}: metadata.json")
            config = parse_json(_member(archive, "config.json", MAX_TEXT_BYTES, path), f"{source}: config.json")
            room = _declared_size(archive, "model.weights.h5", path)
            described = describe_model(config, writer, source, max_weight_bytes=room)
            limit = _WEIGHTS_FACTOR * sum(weight.nbytes for weight in described.model.weights) + _WEIGHTS_MARGIN
            weights = io.BytesIO(_member(archive, "model.weights.h5", limit, path))
    except LstmIrError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelFileError(f"{source} is not a readable zip archive, or is truncated: {reason}") from None
    with open_hdf5(weights, f"{source}: model.weights.h5") as root:
        layers = child(root, "layers", source)
        if layers is None:
            raise ModelFileError(f"{source}: model.weights.h5 has no group 'layers'; accepted: Keras 2.13 and later")
        set_archive_weights(described, layers, source)
    return described.model


def _info(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if info.filename == name]
    if not found and name == "model.weights.h5" and "model.weights.json" in archive.namelist():
        raise UnsupportedError(f"{path} keeps its weights in shards; accepted: a single model.weights.h5")
    if len(found) != 1:
        raise ModelFileError(
            f"{path} is a zip archive with {len(found)} members {name!r}; accepted: a .keras file, which has one"
        )
    return found[0]


def _declared_size(archive: zipfile.ZipFile, name: str, path: Path) -> int:
    """A member's size, if a file of this size can hold it."""
    info = _info(archive, name, path)
    size = path.stat().st_size
    ratio = 1 if info.compress_type == zipfile.ZIP_STORED else _MAX_DEFLATE_RATIO
    if info.compress_size > size or info.file_size > ratio * max(info.compress_size, 1):
        raise ModelFileError(
            f"{path}: member {name!r} declares {info.file_size} bytes, more than the archive of {size} can hold"
        )
    return info.file_size


def _member(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    """A member's bytes, never more than a limit, whatever the archive declares."""
    if _declared_size(archive, name, path) > limit:
        raise ModelFileError(f"{path}: member {name!r} is larger than {limit} bytes")
    with archive.open(_info(archive, name, path)) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ModelFileError(f"{path}: member {name!r} is larger than {limit} bytes")
    return data


def layer_key(class_name: str) -> str:
    """Keras's snake case of a class name: "LSTM" is "lstm", "InputLayer" is "input_layer"."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def set_archive_weights(described: DescribedModel, group: Any, source: str) -> None:
    """Fills a described model with the weights of a `layers` group.

    Raises:
        ModelFileError: The weights are not those of the model's layers.
    """
    placed = list(_placed(described.whole))
    weighted = {place for place, layer in placed if layer.weight_specs()}
    for path in dataset_paths(group, source):
        # Random generators of dropout are saved with some versions; inference has no use for them.
        if "seed_generator" in path.split("/"):
            continue
        if not any(path.startswith(f"{place}/") for place in weighted):
            raise ModelFileError(f"{source} holds the weight layers/{path}, which belongs to no layer of the config")
    for place, layer in placed:
        if layer.weight_specs():
            layer.set_weights(_layer_weights(group, place, layer, source))


def _placed(part: Part, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer of a model, and where its group lies below the model's `layers`."""
    used: dict[str, int] = {}
    for inner in part.parts:
        key = layer_key(inner.class_name)
        count = used.get(key, 0)
        used[key] = count + 1
        place = f"{prefix}{key}_{count}" if count else f"{prefix}{key}"
        if inner.layer is not None:
            yield place, inner.layer
            continue
        while inner.class_name == "TimeDistributed":
            inner, place = inner.parts[0], f"{place}/layer"
        yield from _placed(inner, f"{place}/layers/")


def _layer_weights(whole: Any, place: str, layer: Layer, source: str) -> list[np.ndarray]:
    where = f"{source}: layer {layer.name!r} (layers/{place})"
    group = child(whole, place, where)
    if group is None:
        raise ModelFileError(f"{where} has no weights in the file")
    paths = _weight_paths(layer)
    stored = {p for p in dataset_paths(group, where) if "seed_generator" not in p.split("/")}
    for path in sorted(stored - set(paths)):
        raise ModelFileError(f"{where}: the file holds the weight {path}, which its config does not have")
    arrays = []
    for path, spec in zip(paths, layer.weight_specs(), strict=True):
        dataset = child(group, path, where)
        if dataset is None:
            raise ModelFileError(f"{where}: weight {spec.name!r} ({path}) is not in the file")
        name = f"{where}: weight {spec.name!r} ({path})"
        arrays.append(read_array(dataset, tuple(spec.shape), spec.dtype, name))
    return arrays


def _weight_paths(layer: Layer) -> list[str]:
    """Where each of a layer's weights lies below its group, in the order of its specs."""
    if isinstance(layer, Bidirectional):
        return [
            f"{part}/{path}"
            for part, inner in (("forward_layer", layer.forward_layer), ("backward_layer", layer.backward_layer))
            for path in _weight_paths(inner)
        ]
    if isinstance(layer, TimeDistributed):
        return [f"layer/{path}" for path in _weight_paths(layer.layer)]
    if isinstance(layer, RNN) and layer.is_stack:
        keys = [layer_key(f"{cell.keras_class_name}Cell") for cell in layer.cells]
        names = [f"{key}_{n}" if (n := keys[:place].count(key)) else key for place, key in enumerate(keys)]
        return [
            f"cell/cells/{name}/vars/{i}"
            for name, cell in zip(names, layer.cells, strict=True)
            for i in range(len(cell.weight_specs()))
        ]
    has_cell = isinstance(layer, RecurrentLayer | RNN) and not isinstance(layer, CuDNNLayer)
    prefix = "cell/vars" if has_cell else "vars"
    return [f"{prefix}/{i}" for i in range(len(layer.weight_specs()))]
