"""The checksum of TensorFlow's checkpoints: CRC-32C (Castagnoli), masked.

Source: RFC 3720, appendix B.4, and LevelDB's `util/crc32c.h` for the mask. NumPy computes many stretches of the data
at once and joins them, for which a checksum is linear over the field of two elements.
"""

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # bits reversed
_LANES = 4096
_MASK_DELTA = 0xA282EAD8

_Words = NDArray[np.uint32]


def _table() -> _Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()


def _with_zero_byte(states: _Words) -> _Words:
    after: _Words = _TABLE[states & 0xFF] ^ (states >> 8)
    return after


def _advanced(operator: _Words, states: _Words) -> _Words:
    """States after as many zero bytes as the operator stands for: its column b is what becomes of bit b."""
    result = np.zeros_like(states)
    for bit in range(32):
        result ^= ((states >> np.uint32(bit)) & np.uint32(1)) * operator[bit]
    return result


def _zero_bytes(count: int) -> _Words:
    """The operator of a number of zero bytes."""
    power = _with_zero_byte(np.uint32(1) << np.arange(32, dtype=np.uint32))
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    while count:
        if count & 1:
            result = _advanced(power, result)
        power = _advanced(power, power)
        count >>= 1
    return result


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of some bytes, as 32 bits."""
    count = len(data)
    if count < _LANES:
        return _plain(bytes(data))
    length = -(-count // _LANES)
    lanes = np.zeros(_LANES * length, dtype=np.uint8)  # zeros in front change nothing where the state starts at zero
    lanes[lanes.size - count :] = np.frombuffer(data, dtype=np.uint8)
    lanes[lanes.size - count : lanes.size - count + 4] ^= 0xFF  # starting from all ones is the same as this
    columns = np.ascontiguousarray(lanes.reshape(_LANES, length).T)
    states = np.zeros(_LANES, dtype=np.uint32)
    for column in columns:
        states = _TABLE[(states ^ column) & 0xFF] ^ (states >> 8)
    operator = _zero_bytes(length)
    while states.size > 1:
        states = _advanced(operator, states[0::2]) ^ states[1::2]
        operator = _advanced(operator, operator)
    return int(states[0]) ^ 0xFFFFFFFF


def _plain(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state = int(_TABLE[(state ^ byte) & 0xFF]) ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum as it is stored beside the bytes, so that checksums of checksums stay good ones."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
