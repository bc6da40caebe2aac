"""A model in formats that others read: MLIR, or its weights alone."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lstm_ir.layers import Model

SUFFIXES = {"safetensors": ".safetensors", "mlir": ".mlirbc"}
"""What files of each format are called."""


def export_model(model: "Model", kind: str) -> bytes:
    """Return a model in another format.

    Args:
        model: A built model.
        kind: ``safetensors``: every weight under the path of its layer and its name, such as ``lstm/kernel``; ``mlir``:
            bytecode of the dialects that IREE takes, without kernels of ours and with the weights.

    Raises:
        UnsupportedError: A layer cannot be compiled faithfully.
    """
    if kind == "safetensors":
        return _safetensors(model)
    assert kind == "mlir"
    return _mlir(model)


def _safetensors(model: "Model") -> bytes:
    from safetensors.numpy import save

    arrays = {
        f"{path}/{spec.name}": np.ascontiguousarray(value)
        for path, layer in model.layers_by_path.items()
        for spec, value in zip(layer.weight_specs(), layer.get_weights(), strict=True)
    }
    return bytes(save(arrays, metadata={"format": "lstm-ir"}))


def _mlir(model: "Model") -> bytes:
    from lstm_ir.compiler import layer_level, lower
    from lstm_ir.passes.emission import emit_bytecode

    module = layer_level(model)
    lower(module)
    return emit_bytecode(module.module, module.weights)
