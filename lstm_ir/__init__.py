"""lstm-ir: an ahead-of-time compiler for Keras LSTM layers.

    import lstm_ir

    m = lstm_ir.compile("model.keras", target="cpu", output="model.vmfb")
    y = m(x)                                # NumPy in, NumPy out
    m = lstm_ir.load("model.vmfb")          # in the app: no compiler, no framework

Names are loaded when first used, so that an app which only loads a compiled module pays for nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lstm_ir.version import __version__

if TYPE_CHECKING:
    from lstm_ir import keras2 as keras2
    from lstm_ir import keras3 as keras3
    from lstm_ir.compiler import compile
    from lstm_ir.errors import (
        ArgumentError,
        ArgumentTypeError,
        ArtifactError,
        CompileError,
        LstmIrError,
        ModelFileError,
        TargetError,
        UnsupportedError,
    )
    from lstm_ir.importers import from_keras, from_torch, read_model
    from lstm_ir.layers import ActivationLayer as Activation
    from lstm_ir.layers import Dense, Dropout, InputLayer, Sequential
    from lstm_ir.live import LSTM, Bidirectional, Masking
    from lstm_ir.runtime import Module, State, TensorSpec, load

_HOMES = {
    "Activation": ("lstm_ir.layers", "ActivationLayer"),
    "ArgumentError": ("lstm_ir.errors", "ArgumentError"),
    "ArgumentTypeError": ("lstm_ir.errors", "ArgumentTypeError"),
    "ArtifactError": ("lstm_ir.errors", "ArtifactError"),
    "Bidirectional": ("lstm_ir.live", "Bidirectional"),
    "CompileError": ("lstm_ir.errors", "CompileError"),
    "Dense": ("lstm_ir.layers", "Dense"),
    "Dropout": ("lstm_ir.layers", "Dropout"),
    "InputLayer": ("lstm_ir.layers", "InputLayer"),
    "LSTM": ("lstm_ir.live", "LSTM"),
    "LstmIrError": ("lstm_ir.errors", "LstmIrError"),
    "Masking": ("lstm_ir.live", "Masking"),
    "ModelFileError": ("lstm_ir.errors", "ModelFileError"),
    "Module": ("lstm_ir.runtime", "Module"),
    "Sequential": ("lstm_ir.layers", "Sequential"),
    "State": ("lstm_ir.runtime", "State"),
    "TargetError": ("lstm_ir.errors", "TargetError"),
    "TensorSpec": ("lstm_ir.runtime", "TensorSpec"),
    "UnsupportedError": ("lstm_ir.errors", "UnsupportedError"),
    "compile": ("lstm_ir.compiler", "compile"),
    "from_keras": ("lstm_ir.importers", "from_keras"),
    "from_torch": ("lstm_ir.importers", "from_torch"),
    "load": ("lstm_ir.runtime", "load"),
    "read_model": ("lstm_ir.importers", "read_model"),
}
# Rooms of their own, so not among the names below: lstm_ir.keras2.LSTM needs no import of lstm_ir.keras2.
_MODULES = ("keras2", "keras3")

__all__ = [
    "LSTM",
    "Activation",
    "ArgumentError",
    "ArgumentTypeError",
    "ArtifactError",
    "Bidirectional",
    "CompileError",
    "Dense",
    "Dropout",
    "InputLayer",
    "LstmIrError",
    "Masking",
    "ModelFileError",
    "Module",
    "Sequential",
    "State",
    "TargetError",
    "TensorSpec",
    "UnsupportedError",
    "__version__",
    "compile",
    "from_keras",
    "from_torch",
    "load",
    "read_model",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home (PEP 562).

    Raises:
        AttributeError: If there is no such name.
        ModuleNotFoundError: If its home needs a package that is not installed; the message names the extra.
    """
    if name in _MODULES:
        return import_module(f"lstm_ir.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'lstm_ir' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    try:
        value = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] in ("h5py", "iree", "safetensors", "xdsl"):
            raise ModuleNotFoundError(
                f"lstm_ir.{name} needs the package {error.name!r}; install the extra: lstm-ir[compiler]",
                name=error.name,
            ) from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
