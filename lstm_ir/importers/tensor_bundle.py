"""TensorFlow's checkpoints (TensorBundle): an index of tensors by key, and their bytes in one or more data files.

Source: `tensorflow/core/util/tensor_bundle`.
"""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.crc32c import masked_crc32c
from lstm_ir.importers.hdf5_access import MAX_TEXT_BYTES
from lstm_ir.importers.sorted_table import read_table, read_varint
from lstm_ir.importers.tensorflow_messages import parse

_STRING = 7
_DTYPES = {1: "float32", 2: "float64", 3: "int32", _STRING: "string", 9: "int64", 14: "bfloat16", 19: "float16"}


def read_small_file(path: Path) -> bytes:
    """The bytes of a file that names things, and so is small.

    Raises:
        ModelFileError: It is missing, is no regular file, or is larger than 64 MiB.
    """
    try:
        _check_regular(path)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(MAX_TEXT_BYTES + 1)
    except FileNotFoundError:
        raise ModelFileError(f"{path} does not exist; the folder is no SavedModel, or is half-written") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}") from None
    if size > MAX_TEXT_BYTES or len(data) > MAX_TEXT_BYTES:
        raise ModelFileError(f"{path} is larger than {MAX_TEXT_BYTES} bytes")
    return data


def _check_regular(path: Path) -> None:
    """Refuse what reading would hang on, such as a pipe."""
    if path.exists() and not path.is_file():
        raise ModelFileError(f"{path} is not a regular file")


class TensorBundle:
    """A checkpoint, opened by its prefix: `<prefix>.index` and `<prefix>.data-00000-of-00001`.

    Args:
        prefix: The path that its files' names start with.

    Raises:
        ModelFileError: The index is missing or damaged.
        UnsupportedError: It was written on a machine of the other byte order.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.source = f"{prefix}.index"
        self._entries = read_table(read_small_file(Path(self.source)), self.source)
        header = self._entries.get(b"")
        if header is None:
            raise ModelFileError(f"{self.source} has no header; accepted: the index of a TensorFlow checkpoint")
        described = parse("BundleHeaderProto", header, self.source)
        if described.endianness:
            raise UnsupportedError(f"{self.source} is big-endian; accepted: little-endian")
        self._shards = int(described.num_shards)

    def data_bytes(self) -> int:
        """The size of all tensors, as the index says it, or of the data files where they are smaller."""
        declared = sum(max(0, int(self._entry(key).size)) for key in self._entries if key)
        shards = {int(self._entry(key).shard_id) for key in self._entries if key}
        files = [self._shard(shard) for shard in shards]
        try:
            for file in files:
                _check_regular(file)
            return min(declared, sum(file.stat().st_size for file in files))
        except OSError as error:
            raise ModelFileError(f"{error.filename} cannot be read: {error.strerror or error}") from None

    def array(self, key: str, shape: tuple[int, ...], dtype: str, where: str) -> np.ndarray:
        """Reads one tensor, after what the index declares has been compared with what is expected.

        Args:
            key: Its key.
            shape: The shape that the layer's config says.
            dtype: The layer's variable dtype.
            where: The file, layer and weight, for messages.

        Raises:
            ModelFileError: It is not there, has another shape or dtype, is damaged, or is not wholly in the file.
            UnsupportedError: It is stored in slices.
        """
        entry = self._entry(key.encode())
        stored = tuple(int(dim.size) for dim in entry.shape.dim)
        if stored != shape:
            raise ModelFileError(f"{where} has shape {stored} in the file; its layer's config says {shape}")
        name = _DTYPES.get(entry.dtype, f"number {entry.dtype}")
        if name != dtype:
            raise ModelFileError(f"{where} has dtype {name} in the file; its layer's config says {dtype}")
        if entry.slices:
            raise UnsupportedError(f"{where} is stored in {len(entry.slices)} slices; accepted: whole")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if entry.size != size:
            raise ModelFileError(f"{where} declares {entry.size} bytes; {dtype}{shape} takes {size}")
        data = self._bytes(entry, where)
        if masked_crc32c(data) != entry.crc32c:
            raise ModelFileError(f"{where} is damaged: its checksum is wrong")
        return np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)

    def text(self, key: str) -> bytes | None:
        """Reads one tensor that is a single string; None where there is none.

        Raises:
            ModelFileError: It is something else, is damaged, or is larger than 64 MiB.
        """
        if key.encode() not in self._entries:
            return None
        where = f"{self.source}: {key}"
        entry = self._entry(key.encode())
        if entry.dtype != _STRING or entry.shape.dim:
            raise ModelFileError(f"{where} is not a single string")
        if entry.size > MAX_TEXT_BYTES:
            raise ModelFileError(f"{where} declares {entry.size} bytes; accepted: at most {MAX_TEXT_BYTES}")
        data = self._bytes(entry, where)
        length, start = read_varint(data, 0, where)  # behind it the checksum of the length, of four bytes
        if start + 4 + length != len(data):
            raise ModelFileError(f"{where} is damaged: its length is wrong")
        if masked_crc32c(length.to_bytes(4, "little") + data[start:]) != entry.crc32c:
            raise ModelFileError(f"{where} is damaged: its checksum is wrong")
        return data[start + 4 :]

    def _entry(self, key: bytes) -> Any:
        found = self._entries.get(key)
        if found is None:
            raise ModelFileError(f"{self.source} has no tensor {key.decode('utf-8', 'replace')!r:.200}")
        return parse("BundleEntryProto", found, self.source)

    def _shard(self, number: int) -> Path:
        if not 0 <= number < self._shards <= 99999:
            raise ModelFileError(f"{self.source} has a tensor in data file {number} of {self._shards}")
        return self.prefix.with_name(f"{self.prefix.name}.data-{number:05d}-of-{self._shards:05d}")

    def _bytes(self, entry: Any, where: str) -> bytes:
        path = self._shard(entry.shard_id)
        try:
            _check_regular(path)
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > size:
                    raise ModelFileError(
                        f"{where} lies at bytes {entry.offset} to {entry.offset + entry.size} of {path}, "
                        f"which has {size}: it is truncated"
                    )
                file.seek(entry.offset)
                data = file.read(entry.size)
        except FileNotFoundError:
            raise ModelFileError(f"{path} does not exist: the checkpoint is not whole") from None
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read: {error.strerror or error}") from None
        if len(data) != entry.size:
            raise ModelFileError(f"{where} is not wholly in {path}")
        return data
