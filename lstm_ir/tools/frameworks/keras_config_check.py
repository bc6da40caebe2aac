"""Whether a Keras model file can be handed to Keras: a config names classes, and what is not Keras's own is not named.

The importer has read the file and refused layers and activations that it does not know. It passes over what matters in
training alone, such as initializers, which Keras makes too: here every object that the config names is looked at. With
this, ``safe_mode`` and ``compile=False`` no code runs but Keras's own, whichever release it is.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lstm_ir.errors import LstmIrError
from lstm_ir.importers.hdf5_access import HDF5_SIGNATURE
from lstm_ir.importers.keras_archive import ZIP_SIGNATURES
from lstm_ir.importers.keras_distributed import MODEL_CLASSES
from lstm_ir.importers.keras_masks import MASK_OPERATIONS
from lstm_ir.importers.keras_operations import OPERATIONS, TENSORFLOW_FUNCTIONS, WRAPPERS
from lstm_ir.importers.keras_saved_model import saved_model_config
from lstm_ir.layers import LAYER_CLASSES
from lstm_ir.layers.constraints import resolve_constraint
from lstm_ir.layers.initializer_lookup import resolve_initializer
from lstm_ir.layers.regularizers import resolve_regularizer
from lstm_ir.layers.rnn import CELL_CLASSES

_PACKAGES = ("keras", "tf_keras")
_OTHERS = {
    *MODEL_CLASSES,
    *MASK_OPERATIONS,
    *OPERATIONS,
    *CELL_CLASSES,
    "StackedRNNCells",
    *("DTypePolicy", "FloatDTypePolicy", "Policy"),
    *("__keras_tensor__", "__tuple__", "__slice__", "__ellipsis__", "TensorShape", "KerasTensor"),
}


def refusal(path: Path) -> str | None:
    """Return why a model file, which the importer has read, is not handed to Keras; None where it is."""
    try:
        config = _config_of(path)
    except (OSError, ValueError, KeyError, RecursionError, LstmIrError, zipfile.BadZipFile) as error:
        return f"its config cannot be read again: {' '.join(str(error).split())}"
    if isinstance(config, Mapping):
        # Left out by compile=False.
        config = {key: value for key, value in config.items() if key != "compile_config"}
    return next((reason for named in _objects(config) if (reason := _why_not(named)) is not None), None)


def _config_of(path: Path) -> Any:
    import h5py

    if path.is_dir():
        return saved_model_config(path)
    # By what it starts with, as the importer and the worker tell files apart.
    with path.open("rb") as opened:
        head = opened.read(len(HDF5_SIGNATURE))
    if head.startswith(ZIP_SIGNATURES):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    if head == HDF5_SIGNATURE:
        with h5py.File(path, "r") as file:
            return json.loads(file.attrs["model_config"])
    return json.loads(path.read_bytes())


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield everything in a config that names a class."""
    if isinstance(value, Mapping):
        if "class_name" in value or "module" in value or "registered_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _why_not(named: Mapping[str, Any]) -> str | None:
    name, module = named.get("class_name"), named.get("module")
    if name in WRAPPERS:  # of any function of TensorFlow's
        config = named.get("config")
        function = config.get("function") if isinstance(config, Mapping) else None
        return None if function in TENSORFLOW_FUNCTIONS else f"its config names the function {function!r}"
    if not isinstance(name, str) or not (name in LAYER_CLASSES or name in _OTHERS or _is_for_training(name)):
        return f"its config names a {name!r}, which is none of the objects that are handed to Keras"
    if module is not None and (not isinstance(module, str) or module.split(".")[0] not in _PACKAGES):
        return f"its config names the module {module!r}, which is not Keras's"
    registered = named.get("registered_name")
    if registered not in (None, name):
        return f"its config names the custom object {registered!r}"
    return None


def _is_for_training(name: str) -> bool:
    resolvers: tuple[Any, ...] = (resolve_initializer, resolve_regularizer, resolve_constraint)
    return any(_resolves(resolve, name) for resolve in resolvers)


def _resolves(resolve: Any, name: str) -> bool:
    try:
        return resolve(name) is not None
    except LstmIrError:
        return False
