"""How a float is laid out in its bits, and the constants of range reduction that follow from it."""

import math
from dataclasses import dataclass

from xdsl.dialects.builtin import AnyFloat, IntegerType, f32, f64, i32, i64
from xdsl.ir import Attribute


@dataclass(frozen=True)
class FloatFormat:
    """A binary float of IEEE 754.

    Attributes:
        element: MLIR's type.
        integer: The integer type of the same width.
        fraction_bits: Stored bits of the fraction.
        exponent_bias: What is added to the exponent.
        sqrt_half_bits: The bits of sqrt(1/2).
        ln2_high: The upper bits of ln 2, so that n ln2_high is exact for every exponent n.
        ln2_low: The rest of ln 2.
    """

    element: AnyFloat
    integer: IntegerType
    fraction_bits: int
    exponent_bias: int
    sqrt_half_bits: int
    ln2_high: float
    ln2_low: float

    @property
    def rounder(self) -> float:
        """Adding it rounds a small number to an integer, which then stands in the lowest bits."""
        return 1.5 * 2.0**self.fraction_bits

    @property
    def rounder_bits(self) -> int:
        """The bits of ``rounder``."""
        return ((self.exponent_bias + self.fraction_bits) << self.fraction_bits) + (1 << (self.fraction_bits - 1))

    @property
    def smallest_normal(self) -> float:
        """The smallest number with all bits of precision."""
        return 2.0 ** (1 - self.exponent_bias)

    @property
    def identity_below(self) -> float:
        """Where expm1 and log1p are their argument, to the last bit."""
        return 2.0 ** -(self.fraction_bits + 2)


SINGLE = FloatFormat(f32, i32, 23, 127, 0x3F3504F3, 0.693359375, math.log(2.0) - 0.693359375)

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_BEYOND = 2.3190468138462996e-17
"""What the nearest double lacks of ln 2."""
DOUBLE = FloatFormat(f64, i64, 52, 1023, 0x3FE6A09E667F3BCD, _LN2_HIGH, (math.log(2.0) - _LN2_HIGH) + _LN2_BEYOND)


def format_of(element: Attribute) -> FloatFormat:
    """Return the format of f32 or f64.

    Raises:
        KeyError: For another type.
    """
    return {SINGLE.element: SINGLE, DOUBLE.element: DOUBLE}[element]  # type: ignore[index]  # looked up by equality
