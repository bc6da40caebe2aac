"""HDF5 read with suspicion: only what lies in the file itself, and nothing larger than what was expected of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import LstmIrError, ModelFileError
from lstm_ir.importers.hdf5_text import check_texts

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_TEXT_BYTES = 64 * 1024 * 1024


def require_h5py() -> Any:
    """Imports h5py, which only reading model files needs.

    Raises:
        ModelFileError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ModelFileError(
            "reading Keras model files needs h5py, which is not installed: pip install 'lstm-ir[compiler]'"
        ) from None
    return h5py


@contextmanager
def open_hdf5(file: Path | BytesIO, source: str) -> Iterator[Any]:
    """Opens an HDF5 file for reading; what HDF5 then complains about is the file's fault.

    Args:
        file: A path, or a file in memory.
        source: The file, for messages.

    Raises:
        ModelFileError: The file is not HDF5, is truncated, or is damaged where it was read.
    """
    h5py = require_h5py()
    try:
        _check_texts(file, source)
        with h5py.File(file, "r") as root:
            yield root
    except LstmIrError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, EOFError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(f"{source} is not readable HDF5, or is truncated or half-written: {reason}") from None


def _check_texts(file: Path | BytesIO, source: str) -> None:
    if isinstance(file, BytesIO):
        check_texts(file, source)
        return
    with file.open("rb") as opened:
        check_texts(opened, source)


def child(group: Any, path: str, where: str) -> Any:
    """The group or dataset at a path below a group, reached through hard links alone; None if there is none.

    HDF5 links can lead to other files (external) or to any other path (soft). Keras writes neither.

    Raises:
        ModelFileError: A link on the way is not a hard link, or something on the way is not a group.
    """
    h5py = require_h5py()
    here = group
    for part in path.split("/"):
        if not isinstance(here, h5py.Group):
            raise ModelFileError(f"{where}: {here.name!r} is a dataset; accepted: a group")
        if part in ("", ".", ".."):
            raise ModelFileError(f"{where}: {path!r} is not a path that Keras writes")
        link = here.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ModelFileError(
                f"{where}: {part!r} in {here.name!r} is of type {type(link).__name__}, which is not followed; "
                "accepted: data that lies in the file itself"
            )
        here = here[part]
    return here


def attribute(node: Any, name: str, where: str) -> Any:
    """An attribute's value, or None; text comes back as str, an array of texts as a list of str.

    Raises:
        ModelFileError: The attribute is larger than 64 MiB, or is not text.
    """
    if name not in node.attrs:
        return None
    identifier = node.attrs.get_id(name)
    size = int(np.prod(identifier.shape, dtype=np.float64)) * identifier.dtype.itemsize
    if size > MAX_TEXT_BYTES:
        raise ModelFileError(f"{where}: attribute {name} declares {size} bytes; accepted: at most {MAX_TEXT_BYTES}")
    if size and not isinstance(identifier.get_type(), require_h5py().h5t.TypeStringID):
        raise ModelFileError(f"{where}: attribute {name} is of {identifier.dtype}; accepted: text")
    value = node.attrs[name]
    if isinstance(value, np.ndarray):
        return [_text(item, name, where) for item in value.ravel()]
    return _text(value, name, where)


def text_list(node: Any, name: str, where: str) -> list[str]:
    """A list of names that Keras keeps in an attribute, or in name0, name1, ... where it is too long for one.

    Raises:
        ModelFileError: There is none.
    """
    whole = attribute(node, name, where)
    if isinstance(whole, list):
        return whole
    parts: list[str] = []
    index = 0
    while isinstance(part := attribute(node, f"{name}{index}", where), list):
        parts += part
        index += 1
    if index == 0:
        raise ModelFileError(f"{where} lacks the attribute {name}; the file is not Keras's, or is half-written")
    return parts


def read_array(dataset: Any, shape: tuple[int, ...], dtype: str, where: str) -> np.ndarray:
    """Reads one weight, after what the file declares has been compared with what the config says.

    Args:
        dataset: An HDF5 object.
        shape: The shape that the layer's config says.
        dtype: The layer's variable dtype.
        where: The file, layer and weight, for messages.

    Raises:
        ModelFileError: It is not a dataset, has another shape or dtype, or its data is not wholly in the file.
    """
    if not isinstance(dataset, require_h5py().Dataset):
        raise ModelFileError(f"{where} is not a dataset")
    if dataset.shape != shape:
        raise ModelFileError(f"{where} has shape {dataset.shape} in the file; its layer's config says {shape}")
    if dataset.dtype != np.dtype(dtype):
        raise ModelFileError(f"{where} has dtype {dataset.dtype} in the file; its layer's config says {dtype}")
    if dataset.is_virtual or dataset.external:
        raise ModelFileError(f"{where} lies in another file; accepted: data that lies in the file itself")
    # Keras writes weights plainly. A dataset whose storage is smaller was never (wholly) written, or is compressed,
    # which is how a small file asks for a large allocation.
    stored = dataset.id.get_storage_size()
    if stored < dataset.nbytes:
        raise ModelFileError(f"{where} needs {dataset.nbytes} bytes and the file holds {stored} of them")
    return np.asarray(dataset[()])


def dataset_paths(group: Any, where: str) -> list[str]:
    """The paths of all datasets below a group, links other than hard ones refused."""
    h5py = require_h5py()
    found: list[str] = []
    visited: set[Any] = set()

    def visit(here: Any, prefix: str) -> None:
        if here.id in visited:  # a group that contains itself
            raise ModelFileError(f"{where}: {here.name!r} contains itself")
        visited.add(here.id)
        for name in here:
            item = child(here, name, where) if name not in (".", "..") else None
            if isinstance(item, h5py.Dataset):
                found.append(prefix + name)
            elif isinstance(item, h5py.Group):
                visit(item, f"{prefix}{name}/")

    visit(group, "")
    return found


def _text(value: Any, name: str, where: str) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise ModelFileError(f"{where}: attribute {name} is not UTF-8 text") from None
    if isinstance(value, str):
        return str(value)
    raise ModelFileError(f"{where}: attribute {name} is {type(value).__name__}; accepted: text")
