"""NumPy files that the command reads and writes; never pickles."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError

Array = NDArray[Any]

_NPY = b"\x93NUMPY"
_ZIP = b"PK"


def read_array(path: Path, option: str) -> Array:
    """Read an ``.npy`` file.

    Args:
        path: The file.
        option: Whose value it is, for messages.

    Raises:
        ArgumentError: It cannot be read, is damaged, or holds Python objects.
    """
    head = _head(path, option)
    if head.startswith(_ZIP):
        raise ArgumentError(f"{option}: {path} is a zip archive (.npz?), expected one array saved by numpy.save (.npy)")
    if head != _NPY:
        raise ArgumentError(f"{option}: {path} is not a NumPy file, expected one array saved by numpy.save (.npy)")
    with path.open("rb") as file:
        return _load_npy(file, f"{option}: {path}")


def read_arrays(path: Path, option: str) -> dict[str, Array]:
    """Read all arrays of an ``.npz`` file, by name.

    Raises:
        ArgumentError: It cannot be read, is damaged, or holds Python objects.
    """
    if not _head(path, option).startswith(_ZIP):
        raise ArgumentError(f"{option}: {path} is not an .npz file, expected arrays by name saved by numpy.savez")
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _load_npy(io.BytesIO(archive.read(name)), f"{option}: {path}: {name}")
                for name in archive.namelist()
            }
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise ArgumentError(f"{option}: {path} is damaged: {error}") from error


def npy_bytes(array: Array) -> bytes:
    """Return an array as an ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, _storable(array), allow_pickle=False)
    return file.getvalue()


def npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    """Return arrays as an ``.npz`` file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            # Not numpy.savez: a name of its own arguments, such as "file", would be taken for one.
            archive.writestr(f"{name}.npy", npy_bytes(array))
    return file.getvalue()


def _storable(array: Array) -> Array:
    # The .npy format has no name for bfloat16; float32 holds every one of its values.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _head(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(len(_NPY))
    except OSError as error:
        raise ArgumentError(f"{option}: {path} cannot be read: {error.strerror or error}") from error
    if not head:
        raise ArgumentError(f"{option}: {path} is empty, expected an array")
    return head


def _load_npy(file: Any, where: str) -> Array:
    try:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" in str(error):
            raise ArgumentError(f"{where} holds Python objects, expected numbers") from error
        raise ArgumentError(f"{where} is damaged: {error}") from error
    except (EOFError, OSError) as error:
        raise ArgumentError(f"{where} is damaged: {error}") from error
    return array
