"""Texts of variable length in HDF5, checked before the HDF5 library reads them.

The library believes what a file says of them: it allocates and clears as many bytes as a text claims to have (up to
4 GiB) before it looks for them, and never leaves a heap in which sizes were overwritten with zeros. The layouts are
those of the HDF5 File Format Specification 3.0: III.E (global heap) and IV.A.2.m (attribute message).
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from lstm_ir.errors import ModelFileError

# The attributes that are read as text; Keras numbers the pieces of long lists, as in weight_names0.
_ATTRIBUTES = (b"keras_version", b"model_config", b"layer_names", b"weight_names")
_HEAP = b"GCOL\x01"
_HEAP_HEADER, _OBJECT_HEADER, _REFERENCE = 16, 16, 16
_VARIABLE_LENGTH = 9
# Keras's files have tens; walking a heap of this many takes less than a second.
_MAX_OBJECTS = 200_000
_PIECE = 1 << 24


def check_texts(file: BinaryIO, source: str) -> None:
    """Checks every global heap of a file, and the lengths of the texts in the attributes that Keras reads.

    Args:
        file: The whole file, seekable; read in pieces, and left at its start.
        source: The file, for messages.

    Raises:
        ModelFileError: A heap does not add up, or texts claim to be longer than the file.
    """
    size = file.seek(0, 2)
    objects = 0
    for start in _places(file, _HEAP):
        objects = _check_heap(file, start, size, objects, source)
    for name in _ATTRIBUTES:
        for start in _places(file, name):
            claimed = _claimed_bytes(file, start, len(name))
            if claimed > size:
                raise ModelFileError(
                    f"{source}: attribute {name.decode()} declares {claimed:.0f} bytes of text; the file has {size}"
                )
    file.seek(0)


def _places(file: BinaryIO, pattern: bytes) -> Iterator[int]:
    first = 0
    while len(piece := _read(file, first, _PIECE + len(pattern) - 1)) >= len(pattern):
        at = piece.find(pattern)
        while at >= 0:
            yield first + at
            at = piece.find(pattern, at + 1)
        first += _PIECE


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _check_heap(file: BinaryIO, start: int, size: int, objects: int, source: str) -> int:
    """Walks a heap as the library does; returns how many objects were seen in all heaps so far."""
    damaged = ModelFileError(f"{source} is not readable HDF5: its heap of texts at byte {start} is damaged")
    header = _read(file, start, _HEAP_HEADER)
    end = start + struct.unpack_from("<Q", header, 8)[0] if len(header) == _HEAP_HEADER else size + 1
    if end > size:
        raise damaged
    here = start + _HEAP_HEADER
    while here + _OBJECT_HEADER <= end:
        index, length = struct.unpack("<H6xQ", _read(file, here, _OBJECT_HEADER))
        # Object 0 is the free space, whose length counts its header.
        needed = _OBJECT_HEADER + _padded(length, 8) if index else length
        objects += 1
        if needed < _OBJECT_HEADER or here + needed > end or objects > _MAX_OBJECTS:
            raise damaged
        here += needed
    return objects


def _claimed_bytes(file: BinaryIO, at: int, length: int) -> float:
    """The bytes that an attribute's texts claim to have; 0 if the name at ``at`` is not that of such an attribute."""
    before = min(at, 9)
    # Names, types and spaces have at most 64 KiB each.
    near = _read(file, at - before, before + (1 << 18))
    end = before + length
    while near[end : end + 1].isdigit():
        end += 1
    for version, header_bytes, unit in ((1, 8, 8), (2, 8, 1), (3, 9, 1)):
        if before < header_bytes or near[end : end + 1] != b"\0":
            continue
        found, flags, name, datatype, dataspace = struct.unpack_from("<BBHHH", near, before - header_bytes)
        if found != version or name != end + 1 - before:
            continue
        space = before + _padded(name, unit) + _padded(datatype, unit)
        data = space + _padded(dataspace, unit)
        shared = version > 1 and flags & 3
        kind = near[before + _padded(name, unit) :][:1]
        if not shared and (not kind or kind[0] & 15 != _VARIABLE_LENGTH):
            continue
        if shared or len(near) < data + _REFERENCE:
            return float("inf")  # of a type that lies elsewhere, which Keras does not write, or cut off
        count = min(_elements(near, space), (len(near) - data) // _REFERENCE)
        return float(sum(struct.unpack_from("<I", near, data + k * _REFERENCE)[0] for k in range(count)))
    return 0.0


def _elements(near: bytes, at: int) -> int:
    """How many elements a dataspace message describes."""
    version, rank = near[at], near[at + 1]
    sizes = near[at + (8 if version == 1 else 4) :][: 8 * rank]
    count = 1
    for size in struct.unpack(f"<{len(sizes) // 8}Q", sizes[: len(sizes) // 8 * 8]):
        count *= size
    return count


def _padded(size: int, unit: int) -> int:
    return (size + unit - 1) // unit * unit
