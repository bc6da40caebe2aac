"""LevelDB's table format, in which TensorFlow keeps the index of a checkpoint: sorted keys, each with a value.

A file is blocks, each followed by a byte for its compression and a masked CRC-32C, and a footer that says where the
index of the blocks is. In a block, a key is what it shares with the one before and the rest. Source: LevelDB's
`doc/table_format.md`.
"""

from collections.abc import Iterator

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.crc32c import masked_crc32c
from lstm_ir.importers.hdf5_access import MAX_TEXT_BYTES

_FOOTER_BYTES, _TRAILER_BYTES = 48, 5
_MAGIC = bytes.fromhex("57fb808b247547db")


def read_table(data: bytes, source: str) -> dict[bytes, bytes]:
    """Reads a whole table.

    Args:
        data: The file.
        source: Its name, for messages.

    Returns:
        The values by their keys.

    Raises:
        ModelFileError: It is not such a table, is damaged, or its keys and values take more than 64 MiB.
        UnsupportedError: It is compressed.
    """
    if len(data) < _FOOTER_BYTES or not data.endswith(_MAGIC):
        raise ModelFileError(f"{source} is not the index of a TensorFlow checkpoint, or is truncated")
    footer = data[-_FOOTER_BYTES:]
    _, after = _handle(footer, 0, source)  # of the meta block, which TensorFlow leaves empty
    index, _ = _handle(footer, after, source)
    values: dict[bytes, bytes] = {}
    room = MAX_TEXT_BYTES
    for _, handle in _entries(_block(data, index, source), room, source):
        where, _ = _handle(handle, 0, source)
        for key, value in _entries(_block(data, where, source), room, source):
            values[key] = value
            room -= len(key) + len(value) + 1
    return values


def _block(data: bytes, handle: tuple[int, int], source: str) -> bytes:
    offset, size = handle
    end = offset + size
    if end + _TRAILER_BYTES > len(data):
        raise ModelFileError(f"{source} has a block that ends at byte {end}; the file has {len(data)} bytes")
    stored = int.from_bytes(data[end + 1 : end + _TRAILER_BYTES], "little")
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise ModelFileError(f"{source} is damaged: the checksum of its block at byte {offset} is wrong")
    if data[end]:
        raise UnsupportedError(f"{source} is compressed; accepted: as TensorFlow writes it, not compressed")
    return data[offset:end]


def _entries(block: bytes, room: int, source: str) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block, until they take more room than there is."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ModelFileError(f"{source} is damaged: a block is shorter than its own tables")
    position, key = 0, b""
    while position < end:
        shared, position = read_varint(block, position, source)
        rest, position = read_varint(block, position, source)
        length, position = read_varint(block, position, source)
        if shared > len(key) or position + rest + length > end:
            raise ModelFileError(f"{source} is damaged: an entry is longer than its block")
        room -= shared + rest + length + 1
        if room < 0:
            raise ModelFileError(f"{source} holds more than {MAX_TEXT_BYTES} bytes of keys and values")
        key = key[:shared] + block[position : position + rest]
        position += rest
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int, source: str) -> tuple[tuple[int, int], int]:
    """Where a block is, its offset and size; and where reading stopped."""
    offset, position = read_varint(data, position, source)
    size, position = read_varint(data, position, source)
    return (offset, size), position


def read_varint(data: bytes, position: int, source: str) -> tuple[int, int]:
    """Reads a number of 64 bits in groups of seven, low ones first; returns it and where it ends.

    Raises:
        ModelFileError: The data ends before it does, or it is longer than 64 bits.
    """
    value = 0
    for count, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise ModelFileError(f"{source} is damaged: a number in it does not end")
