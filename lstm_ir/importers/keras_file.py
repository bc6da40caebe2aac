"""Reads a Keras model file, choosing by what is in it rather than by what it is called."""

import os
from pathlib import Path

from lstm_ir.errors import ArgumentTypeError, ModelFileError
from lstm_ir.importers.hdf5_access import HDF5_SIGNATURE
from lstm_ir.importers.keras_archive import ZIP_SIGNATURES, read_archive
from lstm_ir.importers.keras_hdf5 import read_hdf5
from lstm_ir.importers.keras_saved_model import SAVED_MODEL, read_saved_model
from lstm_ir.importers.keras_weights import read_config_and_weights
from lstm_ir.layers import Model

ACCEPTED = (
    "accepted: a whole Keras model saved as .keras, .h5 or SavedModel folder, or its .json with a .weights.h5; "
    "an .onnx; a .pt, .pth or .safetensors of an nn.LSTM"
)


def read_model(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Model:
    """Reads a model saved by tf_keras or Keras 3 as `.keras` or `.h5`, or by tf_keras as a folder, without TensorFlow.

    The file may be a Sequential or a functional model: any graph of the layers in `LAYER_CLASSES`, models in it too.

    Args:
        path: The model file, or with ``weights`` the JSON of `model.to_json()`.
        weights: The file of `model.save_weights()`, where the model's own holds its config alone; None takes
            `<name>.weights.h5` beside `<name>.json`.

    Returns:
        The description of the model, built, with its weights.

    Raises:
        ModelFileError: The file is missing, empty, truncated, not Keras's, or contradicts itself.
        UnsupportedError: The model holds something that we do not compile; the message names it.
        ArgumentTypeError: `path` is not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"path is {type(path).__name__}; {ACCEPTED}")
    file = Path(path)
    if weights is not None:
        if not isinstance(weights, (str, os.PathLike)):
            raise ArgumentTypeError(f"weights is {type(weights).__name__}; accepted: the path of a .weights.h5 file")
        return read_config_and_weights(file, Path(weights))
    try:
        if file.is_dir():
            if (file / SAVED_MODEL).exists():
                return read_saved_model(file)
            raise ModelFileError(f"{file} is a folder; {ACCEPTED}")
        if file.exists() and not file.is_file():
            raise ModelFileError(f"{file} is not a regular file; {ACCEPTED}")
        with file.open("rb") as stream:
            head = stream.read(len(HDF5_SIGNATURE))
    except FileNotFoundError:
        raise ModelFileError(f"{file} does not exist; {ACCEPTED}") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path!s} cannot be read: {error}") from None
    if not head:
        raise ModelFileError(f"{file} is empty; {ACCEPTED}")
    if head.startswith(ZIP_SIGNATURES):
        return read_archive(file)
    if head == HDF5_SIGNATURE:
        return read_hdf5(file)
    if head.lstrip().startswith(b"{"):
        beside = file.with_name(f"{file.stem}.weights.h5")
        if not beside.is_file():
            raise ModelFileError(f"{file} is a config without weights, and {beside.name} is not beside it; {ACCEPTED}")
        return read_config_and_weights(file, beside)
    raise ModelFileError(f"{file} is neither a zip archive nor HDF5; {ACCEPTED}")
