"""Weights that a module reads from a file when it is loaded, instead of holding them as constants."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from lstm_ir.passes.emission import constants, stored_bytes

SCOPE = "lstm_ir"
"""IREE's name of the set of parameters that a module's weights are; the runtime provides them by it."""


@dataclass(frozen=True)
class ExternalWeights:
    """The weights of a target-level module, outside it.

    Attributes:
        keys: The name of each global's bytes in the file, their SHA-256, by the global's symbol.
        arrays: The bytes by that name; what is equal is there once.
    """

    keys: Mapping[str, str]
    arrays: Mapping[str, npt.NDArray[np.uint8]]

    @property
    def attributes(self) -> dict[str, str]:
        """IREE's attribute of each global's value, by the global's symbol."""
        return {symbol: f'#stream.parameter.named<"{SCOPE}"::"{key}">' for symbol, key in self.keys.items()}

    def describe(self, name: str) -> dict[str, Any]:
        """Return what an artifact's description says of the file of this name."""
        return {"name": name, "entries": {key: array.size for key, array in self.arrays.items()}}


def external_weights(module: ModuleOp, weights: Mapping[str, npt.NDArray[Any]]) -> ExternalWeights:
    """Return the weights of a target-level module as the module reads them, panels packed.

    Args:
        module: The module.
        weights: Values of the weights by name.
    """
    keys, arrays = {}, {}
    for symbol, (value, element) in constants(module, weights).items():
        data = stored_bytes(value, element)
        key = hashlib.sha256(data.data).hexdigest()
        keys[symbol], arrays[key] = key, data
    return ExternalWeights(keys, arrays)
