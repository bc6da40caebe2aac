"""Keras on a model file, which `keras_config_check` has looked at: of Keras 2 by tf_keras, of Keras 3 by keras."""

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lstm_ir.importers.keras_saved_model import CHECKPOINT, saved_model_config
from lstm_ir.tools.frameworks.exchange import Answer, Array, Question
from lstm_ir.tools.frameworks.keras_states import ModelStates
from lstm_ir.tools.frameworks.opened_model import CannotAskError, OpenedModel

BACKENDS = ("tensorflow", "jax", "torch")
"""What Keras 3 runs on, in the order in which they are taken where the user does not say."""
_SUFFIXES = {b"PK": ".keras", b"\x89H": ".h5"}


class KerasModel(OpenedModel):
    """A model that Keras loaded itself.

    Args:
        flavour: ``keras2`` or ``keras3``.
        path: The file; a ``.json`` has its weights in ``settings``.
        settings: ``inputs``: their names in the model's order; ``recurrences``: as `ModelStates` takes them;
            ``weights``: the file of weights beside a config, or None.
    """

    def __init__(self, flavour: str, path: Path, settings: Mapping[str, Any]) -> None:
        self.keras, self.version = _keras_3() if flavour == "keras3" else _keras_2()
        self.is_keras_3 = flavour == "keras3"
        self.model: Any = self._load(path, settings.get("weights"))
        self.input_names: list[str] = list(settings["inputs"])
        self.states = ModelStates(self.model, settings["recurrences"], self.tensor, has_lists=self.is_keras_3)

    def answer(self, question: Question) -> Answer:
        """Call the model, with its masks and from the states."""
        masks = [question.masks.get(name) for name in self.input_names]
        options: dict[str, Any] = {}
        if question.masks:
            tensors = [None if mask is None else self.tensor(mask, "bool") for mask in masks]
            options["mask"] = tensors if len(tensors) > 1 else tensors[0]
        with self.states.starting_from(question.states) as run:
            result = self.model(self.arguments(question.inputs), training=False, **options)
        states, reason = run.final_states()
        return Answer(
            [self._numpy(tensor) for tensor in _flat(result)],
            {name: self._numpy(state) for name, state in states.items()},
            reason,
        )

    def arguments(self, inputs: Mapping[str, Array]) -> Any:
        """Return the inputs as the model takes them, tensors of the framework."""
        tensors = {name: self.tensor(inputs[name]) for name in self.input_names}
        asked = getattr(self.model, "_inputs_struct", None)
        if isinstance(asked, dict):
            return {key: tensors[tensor.name] for key, tensor in asked.items()}
        return list(tensors.values()) if len(tensors) > 1 else next(iter(tensors.values()))

    def tensor(self, array: Any, dtype: str | None = None) -> Any:
        """Return an array as a tensor of the framework."""
        if self.is_keras_3:
            return self.keras.ops.convert_to_tensor(array, dtype)
        return self.keras.backend.constant(array, dtype or array.dtype.name)

    def _numpy(self, tensor: Any) -> Array:
        array: Array = self.keras.ops.convert_to_numpy(tensor) if self.is_keras_3 else tensor.numpy()
        return array

    def _load(self, path: Path, weights: str | None) -> Any:
        if weights is not None:
            model = self.keras.models.model_from_json(path.read_text(encoding="utf-8"))
            model.load_weights(weights)
            return model
        if path.is_dir():
            return self._build_saved(path)
        with path.open("rb") as file:
            suffix = _SUFFIXES.get(file.read(2))
        if suffix is None:
            raise CannotAskError("the file is neither .keras nor .h5")
        if path.suffix == suffix or (suffix == ".h5" and path.suffix == ".hdf5"):
            return self._load_whole(path)
        with TemporaryDirectory(prefix="lstm-ir-") as folder:  # Keras goes by the name
            named = Path(folder) / f"model{suffix}"
            named.symlink_to(path)
            return self._load_whole(named)

    def _load_whole(self, path: Path) -> Any:
        try:
            return self.keras.models.load_model(str(path), compile=False, safe_mode=True)
        except Exception:  # the loader of .h5 files of Keras 3 knows no operations, those of its own masks included
            if not self.is_keras_3 or path.suffix == ".keras":
                raise
            return self._build(path)

    def _build_saved(self, folder: Path) -> Any:
        """Return the model of a SavedModel folder by way of its config; the functions in it are not loaded.

        Its weights are those of its checkpoint, which Keras reads by the names of its own objects.
        """
        text = json.dumps(saved_model_config(folder))
        model = self.keras.models.model_from_json(text)
        if not model.built:
            raise CannotAskError("its config does not say for which shape it was built")
        model.load_weights(str(folder / CHECKPOINT)).assert_existing_objects_matched()
        return model

    def _build(self, path: Path) -> Any:
        """Return the model of an ``.h5`` file by way of its config, which has all that a ``.keras`` has but modules."""
        import h5py

        with h5py.File(path, "r") as file:
            config = json.loads(file.attrs["model_config"])
        model = self.keras.saving.deserialize_keras_object(_with_modules(config), safe_mode=True)
        model.load_weights(str(path))
        return model


def _keras_3() -> tuple[Any, str]:
    if find_spec("tensorflow") is None:  # which Keras takes by itself
        present = [name for name in BACKENDS if find_spec(name) is not None]
        os.environ.setdefault("KERAS_BACKEND", present[0])
    import keras

    return keras, f"Keras {keras.__version__} on {keras.backend.backend()}"


def _keras_2() -> tuple[Any, str]:
    if find_spec("tf_keras") is not None:
        import tf_keras

        return tf_keras, f"tf_keras {tf_keras.__version__}"
    import keras

    return keras, f"Keras {keras.__version__}"


def _with_modules(value: Any) -> Any:
    """Return a config of Keras 3 in which every layer, operation and model says which module it is of."""
    if isinstance(value, list):
        return [_with_modules(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    named = {key: _with_modules(item) for key, item in value.items()}
    name, config = named.get("class_name"), named.get("config")
    if "module" in named or not isinstance(name, str) or not isinstance(config, Mapping) or name.startswith("__"):
        return named
    if "layers" in config:
        module = "keras.src.models.functional" if name == "Functional" else "keras"
    else:
        # Layers have a policy; of the operations these two have a dtype.
        is_layer = name not in ("ZerosLike", "OnesLike") and {"dtype", "trainable"} & config.keys()
        module = "keras.layers" if is_layer else "keras.src.ops.numpy"
    return {"module": module, "registered_name": None, **named}


def _flat(values: Any) -> list[Any]:
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, list | tuple):
        return [tensor for value in values for tensor in _flat(value)]
    return [values]
