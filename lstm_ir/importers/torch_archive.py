"""``.pt`` and ``.pth`` files: the zip archives of torch.save, read without torch and without running what they hold.

An archive has one folder with ``data.pkl`` (torch_pickle.py), ``data/0``, ``data/1`` ... (the storages, raw numbers)
and ``byteorder``. Nothing is ever unpacked to disk, and no member is read that is larger than the file itself.
"""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.stored_tensor import StoredTensor, from_bfloat16, shown
from lstm_ir.importers.torch_pickle import TensorRecord, read_pickle

ZIP_SIGNATURE = b"PK\x03\x04"
ACCEPTED = "accepted: a state_dict, as torch.save(module.state_dict(), path) writes it"

_MAX_PICKLE_BYTES = 32 * 1024 * 1024
_MAX_ENTRIES = 100_000
_MAX_DEPTH = 8
_MAX_NAME = 1_000


def is_torch_archive(path: Path) -> bool:
    """Whether a zip archive is one of torch.save, or of torch.jit.save, by the names of its members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return False
    return any(name.rpartition("/")[2] in ("data.pkl", "constants.pkl") for name in names)


def read_archive_tensors(path: Path) -> dict[str, StoredTensor]:
    """Return the tensors of a ``.pt`` file by name; those of a dict inside another are named ``outer.inner``.

    Raises:
        ModelFileError: the file is damaged, hostile, or holds no tensors by name.
        UnsupportedError: it is a TorchScript archive.
    """
    try:
        archive = _Archive(path)
        found = read_pickle(archive.member("data.pkl", _MAX_PICKLE_BYTES), str(path))
    except LstmIrError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelFileError(f"{path} is not a readable zip archive, or is truncated: {reason}") from None
    if not isinstance(found, dict):
        raise ModelFileError(f"{path} holds a {type(found).__name__}, not tensors by name; {ACCEPTED}")
    return {name: archive.tensor(name, record) for name, record in _named(found, path)}


def _named(found: dict[Any, Any], path: Path) -> Iterator[tuple[str, TensorRecord]]:
    """Yield the tensors of dicts in dicts; a dict may be in several others, or in itself."""
    seen: set[str] = set()
    visits = 0
    open_dicts = [("", iter(found.items()))]
    while open_dicts:
        prefix, rest = open_dicts[-1]
        key, value = next(rest, (None, None))
        if key is None and value is None:
            open_dicts.pop()
            continue
        visits += 1
        if visits > _MAX_ENTRIES or len(open_dicts) > _MAX_DEPTH or len(prefix) + len(str(key)) > _MAX_NAME:
            raise ModelFileError(
                f"{path} holds more than {_MAX_ENTRIES} entries, dicts more than {_MAX_DEPTH} deep, or names longer "
                f"than {_MAX_NAME}; {ACCEPTED}"
            )
        if not isinstance(value, TensorRecord | dict):
            continue
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict):
            open_dicts.append((name, iter(value.items())))
            continue
        if name in seen:
            raise ModelFileError(f"{path} holds two tensors named {shown(name)}")
        seen.add(name)
        yield name, value


class _Archive:
    """The members of one archive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = path.stat().st_size
        self.members: dict[str, zipfile.ZipInfo] = {}
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename in self.members:
                    raise ModelFileError(f"{path}: the archive has two members {shown(info.filename)}")
                self.members[info.filename] = info
        roots = [name.removesuffix("data.pkl") for name in self.members if name.rpartition("/")[2] == "data.pkl"]
        if any(name.endswith("/constants.pkl") for name in self.members):
            raise UnsupportedError(f"{path} is a TorchScript archive (torch.jit.save); {ACCEPTED}")
        if len(roots) != 1 or roots[0].count("/") != 1 or roots[0] in ("/", "./", "../"):
            raise ModelFileError(
                f"{path}: expected one member data.pkl in a folder of the archive, found {shown(*roots) or 'none'}"
            )
        self.root = roots[0]
        order = self.member("byteorder", 16) if f"{self.root}byteorder" in self.members else b"little"
        if order not in (b"little", b"big"):
            raise ModelFileError(f"{path}: byteorder is {order!r}, expected little or big")
        self.order = "<" if order == b"little" else ">"
        self.spent = 0
        self.storages: dict[str, bytes] = {}

    def member(self, name: str, limit: int) -> bytes:
        """A member's bytes."""
        info = self.members.get(self.root + name)
        if info is None:
            raise ModelFileError(f"{self.path}: the archive has no member {shown(self.root + name)}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ModelFileError(
                f"{self.path}: member {shown(info.filename)} is compressed, which torch.save never does"
            )
        if info.file_size > min(limit, self.bytes):
            raise ModelFileError(
                f"{self.path}: member {shown(info.filename)} declares {info.file_size} bytes, more than "
                f"{min(limit, self.bytes)}"
            )
        with zipfile.ZipFile(self.path) as archive, archive.open(info) as file:
            data = file.read(info.file_size)
        if len(data) != info.file_size:
            raise ModelFileError(f"{self.path}: member {shown(info.filename)} is truncated")
        return data

    def tensor(self, name: str, record: TensorRecord) -> StoredTensor:
        """A tensor whose values are read, and checked, when they are wanted."""
        return StoredTensor(record.shape, record.dtype, lambda: self._values(name, record))

    def _values(self, name: str, record: TensorRecord) -> NDArray[Any]:
        where = f"{self.path}: tensor {shown(name)}"
        kind = "u2" if record.dtype == "bfloat16" else np.dtype(record.dtype).str[1:]
        dtype = np.dtype(self.order + kind)
        data = self._storage(record.key)
        count = len(data) // dtype.itemsize
        steps = zip(record.shape, record.strides, strict=True)
        last = record.offset + sum((size - 1) * stride for size, stride in steps)
        # A stride of 0 would make many elements of few: no parameter has one.
        if 0 in record.shape or last >= count or math.prod(record.shape) > count:
            raise ModelFileError(
                f"{where}: shape {record.shape} with strides {record.strides} from element {record.offset} does not "
                f"fit its storage of {count} elements"
            )
        flat = np.frombuffer(data, dtype, count)[record.offset :]
        view = np.lib.stride_tricks.as_strided(
            flat, record.shape, [stride * dtype.itemsize for stride in record.strides], writeable=False
        )
        values = view.astype(dtype.newbyteorder("="))
        return from_bfloat16(values) if record.dtype == "bfloat16" else values

    def _storage(self, key: str) -> bytes:
        if key not in self.storages:
            try:
                data = self.member(f"data/{key}", self.bytes)
            except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
                if isinstance(error, LstmIrError):
                    raise
                reason = " ".join(str(error).split())
                raise ModelFileError(f"{self.path}: storage {key} cannot be read: {reason}") from None
            self.spent += len(data)
            if self.spent > self.bytes:
                raise ModelFileError(f"{self.path}: its storages overlap: together they are larger than the file")
            self.storages[key] = data
        return self.storages[key]
