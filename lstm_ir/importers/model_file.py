"""Reads a model file of any framework, choosing by what is in it rather than by what it is called."""

import os
from pathlib import Path

from lstm_ir.errors import ArgumentTypeError
from lstm_ir.importers import keras_file
from lstm_ir.importers.onnx_model import is_onnx_file, read_onnx
from lstm_ir.importers.torch_source import from_torch, is_torch_file
from lstm_ir.layers import Model


def read_model(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Model:
    """Reads a Keras model, an ONNX model, or the weights of a `torch.nn.LSTM`.

    Those are `.keras` and `.h5`; `.onnx`; `.pt`, `.pth` and `.safetensors`. No framework is needed. See
    `keras_file.read_model`, `read_onnx`, and `from_torch`, which takes what a state_dict does not say; here it has one
    LSTM, and inputs are (time, batch, features).

    Args:
        path: The file.
        weights: The file of weights, where a Keras model's own holds its config alone.

    Returns:
        The description of the model, built, with its weights.

    Raises:
        ModelFileError: The file is missing, empty, truncated, of no known kind, or contradicts itself.
        UnsupportedError: It holds something that we do not compile; the message names it.
        ArgumentError: It holds several LSTMs.
        ArgumentTypeError: `path` is not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"path is {type(path).__name__}; accepted: the path of a model file")
    if weights is None and is_torch_file(Path(path)):
        return from_torch(path)
    if weights is None and is_onnx_file(Path(path)):
        return read_onnx(path)
    return keras_file.read_model(path, weights)
