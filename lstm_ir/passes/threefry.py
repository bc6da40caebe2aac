"""Threefry-2x32 in arith ops: random bits from a key and a counter, with no state.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011; 20 rounds.
"""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from lstm_ir.passes.structured import ScalarBuilder

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
GROUPS = 5
"""Groups of four rounds, each followed by an injection of the key."""


def threefry2x32(b: ScalarBuilder, key: Sequence[SSAValue], counter: Sequence[SSAValue]) -> tuple[SSAValue, SSAValue]:
    """Return two random words for a key of two words and a counter of two words, all i32."""

    def word(value: int) -> SSAValue:
        return b.integer(value, i32)

    def add(x: SSAValue, y: SSAValue) -> SSAValue:
        return b.do(arith.AddiOp(x, y))

    def rotate(x: SSAValue, bits: int) -> SSAValue:
        left = b.do(arith.ShLIOp(x, word(bits)))
        return b.do(arith.OrIOp(left, b.do(arith.ShRUIOp(x, word(32 - bits)))))

    parity = b.do(arith.XOrIOp(b.do(arith.XOrIOp(word(PARITY), key[0])), key[1]))
    schedule = (key[0], key[1], parity)
    first, second = add(counter[0], key[0]), add(counter[1], key[1])
    for group in range(GROUPS):
        for bits in ROTATIONS[group % 2]:
            first = add(first, second)
            second = b.do(arith.XOrIOp(rotate(second, bits), first))
        first = add(first, schedule[(group + 1) % 3])
        second = add(add(second, schedule[(group + 2) % 3]), word(group + 1))
    return first, second
