"""Reads an ONNX file: the protobuf and its arrays, nothing that the file does not hold itself or lies beside it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ModelFileError, UnsupportedError

Array = NDArray[Any]

_BYTES = {"FLOAT": 4, "FLOAT16": 2, "DOUBLE": 8, "INT64": 8, "INT32": 4, "BOOL": 1}
"""The bytes of an element, by ONNX's name of the types that are read."""


def parse(path: Path) -> Any:
    """Parse a file as an ONNX ModelProto, without its external data.

    Raises:
        ModelFileError: it cannot be read, or is none.
        ModuleNotFoundError: the package onnx is not installed.
    """
    onnx = _onnx()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # it ships no types

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from None
    if not data:
        raise ModelFileError(f"{path} is empty; accepted: an ONNX model")
    try:
        model = onnx.ModelProto.FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is not an ONNX model, or is damaged: {error}") from None
    if not model.HasField("graph") or not model.graph.node:
        raise ModelFileError(f"{path} is not an ONNX model, or has no graph")
    return model


def array_of(tensor: Any, folder: Path | None) -> Array:
    """Return the value of a TensorProto.

    Args:
        tensor: the TensorProto.
        folder: where external data may lie; None has none.

    Raises:
        ModelFileError: its data are missing, are fewer or more than its shape says, or lie outside the folder.
        UnsupportedError: an element type that is not read.
    """
    onnx = _onnx()
    try:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
    except ValueError:
        raise ModelFileError(f"tensor {tensor.name!r}: unknown element type {tensor.data_type}") from None
    if kind not in _BYTES:
        raise UnsupportedError(f"tensor {tensor.name!r}: elements of type {kind}; accepted: {', '.join(_BYTES)}")
    if any(size < 0 for size in tensor.dims):
        raise ModelFileError(f"tensor {tensor.name!r}: its shape {tuple(tensor.dims)} has a negative size")
    elements = math.prod(tensor.dims)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _external(tensor, kind, elements, folder)
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) // _BYTES[kind]
    else:
        fields = ("float_data", "int32_data", "int64_data", "double_data")
        held = max(len(getattr(tensor, field)) for field in fields)
    if held != elements:
        raise ModelFileError(
            f"tensor {tensor.name!r}: holds {held} elements, its shape {tuple(tensor.dims)} {elements}"
        )
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"tensor {tensor.name!r} is damaged: {error}") from None


def _external(tensor: Any, kind: str, elements: int, folder: Path | None) -> Array:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    who = f"tensor {tensor.name!r}: its data in {location!r}"
    place = Path(location)
    if folder is None or not location or place.is_absolute() or len(place.parts) != 1 or "\\" in location:
        raise ModelFileError(f"{who} are not in a file beside the model, which is what is accepted")
    if location in (".", "..") or "\x00" in location:
        raise ModelFileError(f"{who} are not in a file beside the model, which is what is accepted")
    file = folder / place
    try:
        offset = int(entries.get("offset", "0"))
        wanted = elements * _BYTES[kind]
        length = int(entries.get("length", str(wanted)))
        if file.is_symlink() or not file.is_file():
            raise ModelFileError(f"{who}: no regular file {location!r} lies beside the model")
        if offset < 0 or length != wanted or offset + wanted > file.stat().st_size:
            raise ModelFileError(
                f"{who}: {length} bytes from {offset} on, of {file.stat().st_size}; its shape needs {wanted}"
            )
        with file.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(wanted)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{who} cannot be read: {error}") from None
    dtype = np.dtype(_onnx().helper.tensor_dtype_to_np_dtype(tensor.data_type)).newbyteorder("<")
    return np.frombuffer(data, dtype).reshape(tuple(tensor.dims)).astype(dtype.newbyteorder("="))


def _onnx() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading ONNX needs the package onnx; install the extra: lstm-ir[compiler]", name="onnx"
        ) from error
    return onnx
