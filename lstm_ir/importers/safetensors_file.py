"""``.safetensors`` files, through the library safetensors, which checks the header against the file's size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.stored_tensor import StoredTensor, from_bfloat16

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit


def is_safetensors(path: Path) -> bool:
    """Whether a file starts as the format says, with the header's length and JSON, or at least is named so."""
    try:
        with path.open("rb") as file:
            head = file.read(_LENGTH_BYTES + 1)
    except OSError:
        return False
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    begins = len(head) > _LENGTH_BYTES and head[_LENGTH_BYTES:] == b"{" and length <= _MAX_HEADER_BYTES
    return begins or (path.suffix == ".safetensors" and bool(head))


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """Return the tensors of a file by name.

    Raises:
        ModelFileError: the file is damaged.
        ModuleNotFoundError: the package safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading .safetensors needs the package safetensors; install the extra: lstm-ir[compiler]",
            name="safetensors",
        ) from error
    try:
        with safe_open(path, framework="np") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118  # the file is no dict
                entry = file.get_slice(name)
                dtype = _DTYPES.get(entry.get_dtype(), entry.get_dtype())
                tensors[name] = StoredTensor(tuple(entry.get_shape()), dtype, _reader(path, name, dtype))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path} is not a readable .safetensors file: {' '.join(str(error).split())}") from None
    return tensors


def _reader(path: Path, name: str, dtype: str) -> Any:
    def read() -> NDArray[Any]:
        from safetensors import SafetensorError, safe_open

        try:
            if dtype == "bfloat16":  # NumPy has none
                return _bfloat16(path, name)
            with safe_open(path, framework="np") as file:
                return np.array(file.get_tensor(name))
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelFileError(f"{path}: tensor {name!r} cannot be read: {' '.join(str(error).split())}") from None

    return read


def _bfloat16(path: Path, name: str) -> NDArray[Any]:
    """Values of a file whose header the library has checked."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(_LENGTH_BYTES + length + begin)
        bits = np.frombuffer(file.read(end - begin), "<u2")
    return from_bfloat16(bits.reshape(entry["shape"]))
