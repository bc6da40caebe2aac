"""How workgroups hand h to each other, step after step, without waiting for more than what they read."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import Float16Type, Float32Type, f16, f32, i16, i32
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.kernels.gpu.words import Words, wait_until
from lstm_ir.passes.kernels.index_builder import IndexBuilder
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder
from lstm_ir.passes.structured import Size

_TAGS = 65535
"""How many tags there are; 0 is none."""
_UPPER = -65536
"""The upper half of a word."""
MOST_ASKED = 8
"""How many h a thread asks for at once: each takes registers for its words and their address."""


def words_of(element: Attribute) -> int:
    """Return how many words an h of a type takes: each carries 16 bits of it."""
    return 2 if isinstance(element, Float32Type) else 1


def exchange_size(sizes: IndexBuilder, batch: Size, units: int, element: Attribute) -> Size:
    """Return how many words an exchange takes."""
    return sizes.times(batch, 2 * words_of(element) * units)


class Exchange:
    """Two h of all rows in global memory, [2, B, words of an h, U], that take turns.

    A word has 16 bits of an h in its upper half and in its lower half the tag of the step that it is of. Who finds the
    tag that it looks for has those bits: there is no order between words that anything relies on, and no counter.

    An h of step k + 2 takes the place of that of step k. Whoever writes it has found the h of step k + 1 of the same
    rows from all units, and those were published by workgroups that had found all of step k. So nobody still looks for
    what is gone.

    Args:
        b: Where to build.
        words: Global memory, zeros before the dispatch.
        start: The exchange's first word.
        batch: B.
        units: U.
        element: The type of the states: an h is rounded to it.
    """

    def __init__(self, b: KernelBuilder, words: Words, start: int, batch: Size, units: int, element: Attribute) -> None:
        self.b, self.words, self.start = b, words, start
        self.batch, self.units, self.element = batch, units, element
        self.parts = words_of(element)

    def publish(self, step: Size, row: Size, unit: Size, h: SSAValue) -> None:
        """Build the write of an h, f32 as the element type holds it, for all to find."""
        b, tag = self.b, self._tag(step)
        for part, value in enumerate(self._halves(h)):
            self.words.write(b.do(arith.OrIOp(value, tag)), self._place(step, row, unit, part))

    def receive(self, step: Size, wanted: Sequence[tuple[Size, Size]]) -> list[SSAValue]:
        """Build the wait for the h of some rows and units; returns them, f32."""
        b, tag = self.b, self._tag(step)
        places = [self._place(step, row, unit, part) for row, unit in wanted for part in range(self.parts)]

        def look() -> tuple[SSAValue, list[SSAValue]]:
            seen = [self.words.read(place) for place in places]
            # Equal tags leave no bit of the lower half.
            wrong = [b.do(arith.XOrIOp(word, tag)) for word in seen]
            any_wrong = wrong[0]
            for other in wrong[1:]:
                any_wrong = b.do(arith.OrIOp(any_wrong, other))
            low = b.do(arith.AndIOp(any_wrong, b.integer(0xFFFF, i32)))
            return b.do(arith.CmpiOp(low, b.integer(0, i32), "ne")), seen

        seen = wait_until(b, look)
        return [self._whole(seen[at : at + self.parts]) for at in range(0, len(seen), self.parts)]

    def _tag(self, step: Size) -> SSAValue:
        b = self.b
        return b.do(arith.IndexCastOp(b.index(b.plus(b.remainder(step, _TAGS), 1)), i32))

    def _place(self, step: Size, row: Size, unit: Size, part: int) -> Size:
        b = self.b
        line = b.plus(b.times(b.plus(b.times(b.remainder(step, 2), self.batch), row), self.parts), part)
        return b.plus(b.times(line, self.units), unit, self.start)

    def _halves(self, h: SSAValue) -> list[SSAValue]:
        """Return an h as the upper halves of words."""
        b, sixteen = self.b, self.b.integer(16, i32)
        if isinstance(self.element, Float16Type):
            half = b.do(arith.BitcastOp(b.cast(h, f16), i16))
            return [b.do(arith.ShLIOp(b.do(arith.ExtUIOp(half, i32)), sixteen))]
        bits = b.do(arith.BitcastOp(h, i32))
        upper = b.do(arith.AndIOp(bits, b.integer(_UPPER, i32)))
        # The lower half of a bfloat16 as f32 is 0.
        return [upper] if self.parts == 1 else [upper, b.do(arith.ShLIOp(bits, sixteen))]

    def _whole(self, words: Sequence[SSAValue]) -> SSAValue:
        """Return the h of some words, f32."""
        b, sixteen = self.b, self.b.integer(16, i32)
        if isinstance(self.element, Float16Type):
            half = b.do(arith.TruncIOp(b.do(arith.ShRUIOp(words[0], sixteen)), i16))
            return b.cast(b.do(arith.BitcastOp(half, f16)), f32)
        bits = b.do(arith.AndIOp(words[0], b.integer(_UPPER, i32)))
        if self.parts == 2:
            bits = b.do(arith.OrIOp(bits, b.do(arith.ShRUIOp(words[1], sixteen))))
        return b.do(arith.BitcastOp(bits, f32))
