"""Writes an ONNX model, its weights inside or in a file beside it."""

import os
from pathlib import Path
from typing import Any

from lstm_ir.errors import ArgumentError
from lstm_ir.exporters.onnx_graph import IR_VERSION, OPSET, Array
from lstm_ir.exporters.onnx_model import OnnxModel, reads
from lstm_ir.layers.graph import Model
from lstm_ir.output_file import check_output, replacing, write_atomically
from lstm_ir.version import __version__

LARGEST_INSIDE = 1 << 30
"""The most bytes of weights that are put into the file itself; protobuf has an end at twice that."""
_ALIGNMENT = 4096


def export_onnx(
    model: Model,
    output: str | os.PathLike[str],
    *,
    with_masks: bool = False,
    largest_inside: int = LARGEST_INSIDE,
) -> list[Path]:
    """Write a model as ONNX.

    Args:
        model: A built model.
        output: The file to write. Both files are written beside their places and renamed, the one of weights first.
        with_masks: Whether the masks that the model takes are inputs, of bool; else all steps count.
        largest_inside: Weights of more bytes in all go to ``<output>.data`` beside it.

    Returns:
        The files that were written.

    Raises:
        ArgumentError: It cannot be written; or masks are asked for, and the model takes none.
        UnsupportedError: A layer cannot be exported.
    """
    path = check_output(output)
    exported = OnnxModel(model, with_masks=with_masks)
    nodes, constants = _used(exported)
    if sum(array.nbytes for array in constants.values()) <= largest_inside:
        write_atomically(path, _serialised(exported, nodes, [_inside(n, a) for n, a in constants.items()]))
        return [path]
    data = check_output(path.with_name(f"{path.name}.data"))
    # Integers are shapes and axes, which readers look at before they read that file.
    weights = {name: array for name, array in constants.items() if array.dtype.kind == "f" and array.ndim}
    offsets = dict(zip(weights, _write_data(data, list(weights.values())), strict=True))
    tensors = [
        _outside(name, array, data.name, offsets[name]) if name in offsets else _inside(name, array)
        for name, array in constants.items()
    ]
    write_atomically(path, _serialised(exported, nodes, tensors))
    return [path, data]


def onnx_bytes(model: Model, *, with_masks: bool = False) -> bytes:
    """Return a model as the bytes of an ONNX file, the weights inside.

    Raises:
        ArgumentError: Its weights are more than the format can hold inside; or as `export_onnx`.
        UnsupportedError: A layer cannot be exported.
    """
    exported = OnnxModel(model, with_masks=with_masks)
    nodes, constants = _used(exported)
    size = sum(array.nbytes for array in constants.values())
    if size > LARGEST_INSIDE:
        raise ArgumentError(f"model {model.name!r}: has {size} bytes of weights, which ONNX keeps in a file beside it")
    return _serialised(exported, nodes, [_inside(name, array) for name, array in constants.items()])


def _used(exported: OnnxModel) -> tuple[list[Any], dict[str, Array]]:
    """The nodes that outputs depend on, and the constants that those read."""
    nodes = exported.nodes()
    read: set[str] = set().union(*(reads(node) for node in nodes))
    return nodes, {name: array for name, array in exported.g.constants.items() if name in read}


def _serialised(exported: OnnxModel, nodes: list[Any], tensors: list[Any]) -> bytes:
    from onnx import helper

    graph = helper.make_graph(nodes, exported.model.name, exported.inputs, exported.outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "lstm-ir", __version__
    return bytes(model.SerializeToString())


def _inside(name: str, array: Array) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)


def _outside(name: str, array: Array, location: str, offset: int) -> Any:
    from onnx import TensorProto, helper

    tensor = TensorProto(name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype))
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _write_data(path: Path, arrays: list[Array]) -> list[int]:
    """Write arrays one behind the other; returns where each starts."""
    offsets = []
    with replacing(path) as file:
        for array in arrays:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            offsets.append(file.tell())
            file.write(array.astype(array.dtype.newbyteorder("<")).data)
    return offsets
