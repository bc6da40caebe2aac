"""A model in formats that others read: ONNX, MLIR, or its weights alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lstm_ir.errors import ArgumentError

if TYPE_CHECKING:
    from lstm_ir.layers import Model

SUFFIXES = {"safetensors": ".safetensors", "mlir": ".mlirbc", "onnx": ".onnx"}
"""What files of each format are called."""


def write_model(model: "Model", kind: str, output: str | os.PathLike[str], *, with_masks: bool = False) -> list[Path]:
    """Write a model in another format; returns the files that were written.

    Args:
        model: A built model.
        kind: As in `export_model`.
        output: The file to write. Large weights of an ONNX model go to a second one, ``<output>.data``.
        with_masks: Of ONNX: whether the masks that the model takes are inputs.

    Raises:
        ArgumentError: It cannot be written; or masks are asked for, and the model or the format takes none.
        UnsupportedError: A layer cannot be exported.
    """
    from lstm_ir.output_file import check_output, write_atomically

    if kind == "onnx":
        from lstm_ir.exporters import export_onnx

        return export_onnx(model, output, with_masks=with_masks)
    if with_masks:
        raise ArgumentError(f"with_masks: only for onnx, got {kind}")
    path = check_output(output)
    write_atomically(path, export_model(model, kind))
    return [path]


def export_model(model: "Model", kind: str) -> bytes:
    """Return a model in another format.

    Args:
        model: A built model.
        kind: ``safetensors``: every weight under the path of its layer and its name, such as ``lstm/kernel``; ``mlir``:
            bytecode of the dialects that IREE takes, without kernels of ours and with the weights; ``onnx``: see
            `lstm_ir.exporters.onnx_bytes`.

    Raises:
        ArgumentError: An ONNX model with too large weights for one file.
        UnsupportedError: A layer cannot be compiled faithfully, or cannot be expressed in ONNX.
    """
    if kind == "onnx":
        from lstm_ir.exporters import onnx_bytes

        return onnx_bytes(model)
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
    from lstm_ir.lowering import layer_level, lower
    from lstm_ir.passes.emission import emit_bytecode

    module = layer_level(model)
    lower(module)
    return emit_bytecode(module.module, module.weights)
