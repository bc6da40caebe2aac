"""Keras's HDF5 model files (`.h5`): the model's JSON in an attribute, the weights in one group a layer.

The order of a layer's weights is that of its `weight_names`, as in Keras itself; the names within do not matter.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.hdf5_access import attribute, child, open_hdf5, read_array, text_list
from lstm_ir.importers.keras_model import describe_model, parse_json, set_weights
from lstm_ir.importers.keras_writer import keras_writer
from lstm_ir.layers import Layer, Sequential, WeightSpec


def read_hdf5(path: Path) -> Sequential:
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
                "accepted: a whole model, saved with model.save()"
            )
        if not isinstance(text, str):
            raise ModelFileError(f"{source}: attribute model_config is an array; accepted: text")
        writer = keras_writer(attribute(root, "keras_version", source), source)
        config = parse_json(text, f"{source}: model_config")
        model = describe_model(config, writer, source, max_weight_bytes=path.stat().st_size)
        weights = child(root, "model_weights", source)
        if weights is None:
            raise ModelFileError(f"{source} has no group model_weights: the file is half-written")
        return set_weights(model, _WeightReader(weights, model, source))


class _WeightReader:
    """Reads layers' weights from a `model_weights` group."""

    def __init__(self, group: Any, model: Sequential, source: str) -> None:
        self.group, self.source = group, source
        stored = {name for name in text_list(group, "layer_names", source) if self._names(name)}
        expected = {layer.name for layer in model.layers if layer.weight_specs()}
        for name in sorted(stored - expected):
            raise ModelFileError(f"{source} holds weights of layer {name!r}, which the config says has none")
        for name in sorted(expected - stored):
            raise ModelFileError(f"{source} holds no weights of layer {name!r}")
        top = child(group, "top_level_model_weights", source)
        if top is not None and text_list(top, "weight_names", source):
            raise ModelFileError(f"{source} holds weights of the model itself; accepted: weights of layers")

    def _names(self, layer: str) -> list[str]:
        where = f"{self.source}: layer {layer!r}"
        group = child(self.group, layer, where)
        if group is None:
            raise ModelFileError(f"{where} is listed in layer_names and has no group: the file is half-written")
        return text_list(group, "weight_names", where)

    def __call__(self, layer: Layer, specs: Sequence[WeightSpec]) -> list[np.ndarray]:
        where = f"{self.source}: layer {layer.name!r}"
        names = self._names(layer.name)
        if len(names) != len(specs):
            raise ModelFileError(
                f"{where} has {len(names)} weights in the file ({', '.join(names)}); "
                f"its config says {len(specs)} ({', '.join(spec.name for spec in specs)})"
            )
        group = child(self.group, layer.name, where)
        arrays = []
        for name, spec in zip(names, specs, strict=True):
            dataset = child(group, name, where)
            if dataset is None:
                raise ModelFileError(f"{where}: weight {name!r} is listed and not in the file")
            arrays.append(read_array(dataset, tuple(spec.shape), spec.dtype, f"{where}: weight {name!r}"))
        return arrays
