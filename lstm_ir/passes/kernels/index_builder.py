"""Index arithmetic: on numbers where they are known when compiling, on values of type index elsewhere."""

from collections.abc import Mapping
from typing import Final

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Attribute, Operation, SSAValue

from lstm_ir.passes.structured import INDEX, ScalarBuilder, Size

Properties = Mapping[str, Attribute]
NONE: Final[Properties] = {}
_PLAIN: Final[Properties] = {"overflowFlags": arith.IntegerOverflowAttr("none")}


class IndexBuilder(ScalarBuilder):
    """Builds sizes and offsets; what is known when compiling costs no op."""

    def index(self, value: Size) -> SSAValue:
        """Return a size as a value."""
        if isinstance(value, SSAValue):
            return value
        return self.literal(IntegerAttr(value, INDEX), INDEX)

    def plus(self, first: Size, *more: Size) -> Size:
        """Return a sum."""
        total = first
        for term in more:
            if isinstance(total, int) and isinstance(term, int):
                total += term
            elif term != 0:
                total = term if total == 0 else self._two(arith.AddiOp, total, term, _PLAIN)
        return total

    def _two(self, op: type[Operation], first: Size, second: Size, properties: Properties = NONE) -> SSAValue:
        # Half of a kernel's ops: their own constructors, which look at whatever they may be given, take thrice this.
        operands = [self.index(first), self.index(second)]
        return self.do(op.create(operands=operands, result_types=[INDEX], properties=properties))

    def minus(self, first: Size, second: Size) -> Size:
        """Return first - second."""
        if isinstance(first, int) and isinstance(second, int):
            return first - second
        return first if second == 0 else self._two(arith.SubiOp, first, second, _PLAIN)

    def times(self, first: Size, *more: Size) -> Size:
        """Return a product."""
        total = first
        for factor in more:
            if isinstance(total, int) and isinstance(factor, int):
                total *= factor
            elif 0 in (total, factor):
                total = 0
            elif factor != 1:
                total = factor if total == 1 else self._two(arith.MuliOp, total, factor, _PLAIN)
        return total

    def quotient(self, first: Size, second: Size) -> Size:
        """Return first / second, rounded down; neither is negative."""
        if isinstance(first, int) and isinstance(second, int):
            return first // second
        return first if second == 1 else self._two(arith.DivUIOp, first, second)

    def remainder(self, first: Size, second: Size) -> Size:
        """Return what a quotient leaves over; neither is negative."""
        if isinstance(first, int) and isinstance(second, int):
            return first % second
        return self._two(arith.RemUIOp, first, second)

    def quotient_up(self, first: Size, second: Size) -> Size:
        """Return first / second, rounded up; neither is negative."""
        return self.quotient(self.plus(first, self.minus(second, 1)), second)

    def round_up(self, value: Size, multiple: int) -> Size:
        """Return the smallest multiple of a number that is not below a value."""
        return self.times(self.quotient_up(value, multiple), multiple)

    def least(self, first: Size, second: Size) -> Size:
        """Return the smaller of two sizes, which may be negative."""
        if isinstance(first, int) and isinstance(second, int):
            return min(first, second)
        return self._two(arith.MinSIOp, first, second)

    def most(self, first: Size, second: Size) -> Size:
        """Return the larger of two sizes, which may be negative."""
        if isinstance(first, int) and isinstance(second, int):
            return max(first, second)
        return self._two(arith.MaxSIOp, first, second)

    def compare(self, first: Size, how: str, second: Size) -> SSAValue:
        """Return first ``how`` second, by MLIR's predicates: eq, ne, slt, sge ..."""
        return self.do(arith.CmpiOp(self.index(first), self.index(second), how))
