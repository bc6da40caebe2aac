"""A model's config as JSON (`model.to_json()`) with its weights in another file (`model.save_weights()`).

A file of weights is either laid out as in a `.h5` of the whole model, or (`.weights.h5`) as in a `.keras` archive.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.hdf5_access import MAX_TEXT_BYTES, child, open_hdf5
from lstm_ir.importers.keras_archive import set_archive_weights
from lstm_ir.importers.keras_hdf5 import set_hdf5_weights
from lstm_ir.importers.keras_model import describe_model, parse_json
from lstm_ir.importers.keras_writer import KerasWriter, keras_writer
from lstm_ir.layers import Model


def read_config_and_weights(config_path: Path, weights_path: Path) -> Model:
    """Reads a model from its config and its weights.

    Args:
        config_path: The JSON of `model.to_json()`.
        weights_path: What `model.save_weights()` wrote, `.weights.h5` or `.h5`.

    Raises:
        ModelFileError: One of the files is missing or damaged, or they do not belong together.
        UnsupportedError: The model holds something that we do not compile.
    """
    source = str(config_path)
    try:
        if config_path.stat().st_size > MAX_TEXT_BYTES:
            raise ModelFileError(f"{source} is larger than {MAX_TEXT_BYTES} bytes; accepted: a model's config as JSON")
        text = config_path.read_bytes()
        room = weights_path.stat().st_size
    except OSError as error:
        raise ModelFileError(f"{error.filename} cannot be read: {error.strerror or error}") from None
    config = parse_json(text, source)
    described = describe_model(config, _writer_of(config, source), source, max_weight_bytes=room)
    where = str(weights_path)
    with open_hdf5(weights_path, where) as root:
        if "layer_names" in root.attrs or "layer_names0" in root.attrs:
            set_hdf5_weights(described, root, where)
            return described.model
        layers = child(root, "layers", where)
        if layers is None:
            raise ModelFileError(f"{where} holds no weights of layers; accepted: a file of model.save_weights()")
        set_archive_weights(described, layers, where)
    return described.model


def _writer_of(config: Mapping[str, Any], source: str) -> KerasWriter:
    """Which Keras wrote a config: Keras 2 says so, Keras 3 is told by its dtype policies, which are objects."""
    version = config.get("keras_version")
    if version is None and _has_policies(config):
        return KerasWriter("3", "keras3")
    return keras_writer(version, source)


def _has_policies(config: Any) -> bool:
    if isinstance(config, Mapping):
        return config.get("class_name") == "DTypePolicy" or any(map(_has_policies, config.values()))
    return isinstance(config, list) and any(map(_has_policies, config))
