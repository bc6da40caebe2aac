"""Functions on vectors of f32 in terms of arithmetic that every vector unit has.

Errors are stated in units in the last place of the exact result (largest found over the whole range of f32, with a
fused multiply-add / without). Infinities behave as in C, NaN stays NaN, and results below the smallest normal number
may be zero, as IREE's CPU drivers take subnormal numbers for zeros anyway.
"""

import math
from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, VectorType, f32, i32
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.arithmetic import Arithmetic, Operand
from lstm_ir.passes.kernels import vector_coefficients as fits
from lstm_ir.passes.kernels.vector_select import VectorCmpfOp, VectorSelectOp
from lstm_ir.passes.structured import ScalarBuilder

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693359375
"""The upper bits of ln 2, so that n LN2_HIGH is exact for every exponent n."""
LN2_LOW = math.log(2.0) - LN2_HIGH
HALF_LN2_BELOW = 0.346573
"""Just below ln(2)/2: far enough for exp(0) to be exactly 1, close enough for the largest finite result."""

ROUNDER = 1.5 * 2.0**23
"""Adding it rounds a small number to an integer, which then stands in the lowest bits."""
ROUNDER_BITS = 0x4B400000
FRACTION_BITS = 23
EXPONENT_BIAS = 127
SQRT_HALF_BITS = 0x3F3504F3
"""The bits of sqrt(1/2)."""
IDENTITY_BELOW = 2.0**-25
"""Where expm1 and log1p are their argument, to the last bit. Taking it keeps the sign of zero."""


class VectorMath(Arithmetic):
    """Builds f32 functions on vectors of one type.

    Args:
        b: Where to build.
        type_: ``vector<Nxf32>``, N as suits the target.
        fma: Whether the target has a fused multiply-add. Without one ``math.fma`` would call a C library.
    """

    def __init__(self, b: ScalarBuilder, type_: Attribute, fma: bool = True) -> None:
        super().__init__(b, type_)
        assert isinstance(type_, VectorType)
        assert type_.element_type == f32
        self.fused = fma
        self.integers = VectorType(i32, type_.get_shape())

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """Return 1 / (1 + e^-x); 4.5 / 2.4 units."""
        # e^-x = 2^n e^-r with r = x + n ln 2, and e^r = (C + r) / (C - r): one division for both, and a short chain.
        # Beyond the bound the result is 1, or less than the smallest number.
        bounded = self.clip(x, -88.0, 88.0)
        n, power = self.round_to_power(bounded, -LOG2_E)
        if self.fused:
            r = self.multiply_add(n, math.log(2.0), bounded)
        else:
            r = self.multiply_add(n, LN2_LOW, self.multiply_add(n, LN2_HIGH, bounded))
        c = self.horner(self.mul(r, r), fits.EXP_QUOTIENT)
        above = self.add(c, r)
        return self.div(above, self.multiply_add(power, self.sub(c, r), above))

    def tanh(self, x: SSAValue) -> SSAValue:
        """Return the hyperbolic tangent, never above 1 in magnitude; 5.1 / 6.1 units."""
        return self._odd_quotient(x, fits.TANH_BOUND, fits.TANH_NUMERATOR, fits.TANH_DENOMINATOR)

    def erf(self, x: SSAValue) -> SSAValue:
        """Return the error function, never above 1 in magnitude; 5.2 / 6.6 units."""
        return self._odd_quotient(x, fits.ERF_BOUND, fits.ERF_NUMERATOR, fits.ERF_DENOMINATOR)

    def exp(self, x: SSAValue) -> SSAValue:
        """Return e^x; 1.6 / 1.9 units. Zero where the result is below the smallest normal number."""
        # e^x = 2^n e^r with r from 0 to ln 2: 2^n is infinity or zero exactly where e^x is, or is subnormal.
        bounded = self.clip(x, -88.0, 89.0)
        n, power = self.round_to_power(self.sub(bounded, HALF_LN2_BELOW), LOG2_E)
        return self.mul(self.horner(self._remainder(bounded, n), fits.EXP), power)

    def expm1(self, x: SSAValue) -> SSAValue:
        """Return e^x - 1 with small results precise; 1.6 / 1.8 units."""
        # e^x - 1 = 2^n (e^r - 1) + (2^n - 1), halved so that 2^(n-1) is finite for every finite result.
        bounded = self.clip(x, -20.0, 89.0)
        n, half = self.round_to_power(bounded, LOG2_E, offset=-1)
        r = self._remainder(bounded, n)
        series = self.multiply_add(self.mul(r, r), self.horner(r, fits.EXPM1_QUOTIENT), r)
        halved = self.multiply_add(half, series, self.sub(half, 0.5))
        return self._identity_near_zero(x, self.add(halved, halved))

    def log(self, x: SSAValue) -> SSAValue:
        """Return the natural logarithm; 0.9 / 1.0 units."""
        subnormal = self.compare(x, "olt", 2.0**-126)
        exponent, mantissa = self._split(self.where(subnormal, self.mul(x, 2.0**FRACTION_BITS), x))
        e = self._to_float(exponent)
        e = self.where(subnormal, self.sub(e, FRACTION_BITS), e)
        return self._with_ends(x, 0.0, self._log_sum(e, self.sub(mantissa, 1.0)))

    def log1p(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) with small results precise; 1.5 / 1.6 units."""
        w = self.add(x, 1.0)
        lost = self.sub(x, self.sub(w, 1.0))
        exponent, mantissa = self._split(w)
        # What rounding took of w belongs to the mantissa, scaled as that is. Nothing is lost of the largest w.
        scale = self.b.do(arith.MinSIOp(exponent, self.integer(EXPONENT_BIAS)))
        power = self._power_of_two(self.b.do(arith.SubiOp(self.integer(EXPONENT_BIAS), scale)))
        f = self.multiply_add(lost, power, self.sub(mantissa, 1.0))
        return self._identity_near_zero(x, self._with_ends(x, -1.0, self._log_sum(self._to_float(exponent), f)))

    def log1p_of_fraction(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) for x from 0 to 1; NaN stays. 2.9 / 2.9 units."""
        # 2 atanh(s), s = x/(x + 2)
        s = self.div(x, self.add(x, 2.0))
        return self.mul(s, self.horner(self.mul(s, s), fits.ATANH_QUOTIENT))

    def compare(self, x: SSAValue, how: str, y: Operand) -> SSAValue:
        """Return x ``how`` y of each lane."""
        return self.b.do(VectorCmpfOp(x, self.number(y), how))

    def where(self, test: SSAValue, then: Operand, otherwise: Operand) -> SSAValue:
        """Return ``then`` in the lanes where the test holds, else ``otherwise``."""
        return self.b.do(VectorSelectOp(test, self.number(then), self.number(otherwise)))

    def multiply_add(self, x: Operand, y: Operand, z: Operand) -> SSAValue:
        """Return x y + z, rounded once where the target can."""
        if self.fused:
            return self.b.do(math_dialect.FmaOp(self.number(x), self.number(y), self.number(z)))
        return self.add(self.mul(x, y), z)

    def horner(self, x: SSAValue, coefficients: Sequence[float]) -> SSAValue:
        """Return the sum of coefficients[n] x^n."""
        total: Operand = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.multiply_add(total, x, coefficient)
        return self.number(total)

    def round_to_power(self, x: SSAValue, factor: float, offset: int = 0) -> tuple[SSAValue, SSAValue]:
        """Return n = x factor, rounded to an integer, and 2^(n + offset).

        n + offset must lie between -127, for which the power is zero, and 128, for which it is infinity.
        """
        rounder = ROUNDER + EXPONENT_BIAS + offset
        shifted = self.multiply_add(x, factor, rounder)
        bits = self.b.do(arith.BitcastOp(shifted, self.integers))
        return self.sub(shifted, rounder), self._power_of_two(bits)

    def integer(self, value: int) -> SSAValue:
        """Return an integer in every lane."""
        return self.b.do(arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(self.integers, [value])))

    def _power_of_two(self, biased: SSAValue) -> SSAValue:
        """Return 2^(n - 127) for an integer whose lowest eight bits are n, and whose ninth is 0."""
        bits = self.b.do(arith.ShLIOp(biased, self.integer(FRACTION_BITS)))
        return self.b.do(arith.BitcastOp(bits, self.type))

    def _to_float(self, n: SSAValue) -> SSAValue:
        """Return a small integer as a float."""
        bits = self.b.do(arith.AddiOp(n, self.integer(ROUNDER_BITS)))
        return self.sub(self.b.do(arith.BitcastOp(bits, self.type)), ROUNDER)

    def _remainder(self, x: SSAValue, n: SSAValue) -> SSAValue:
        """Return x - n ln 2."""
        return self.multiply_add(n, -LN2_LOW, self.multiply_add(n, -LN2_HIGH, x))

    def _odd_quotient(
        self, x: SSAValue, bound: float, numerator: Sequence[float], denominator: Sequence[float]
    ) -> SSAValue:
        """Return x P(x^2)/Q(x^2), of x limited to the bound; Q's highest coefficient, 1, is not given."""
        bounded = self.clip(x, -bound, bound)
        square = self.mul(bounded, bounded)
        above = self.mul(bounded, self.horner(square, numerator))
        # The highest power has the coefficient 1: a sum instead of a product, and a constant less.
        below = self.add(square, denominator[-1])
        for coefficient in reversed(denominator[:-1]):
            below = self.multiply_add(below, square, coefficient)
        return self.div(above, below)

    def _split(self, x: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Return the integer e and the m in [sqrt(1/2), sqrt(2)) of a normal x = 2^e m."""
        bits = self.b.do(arith.BitcastOp(x, self.integers))
        above = self.b.do(arith.SubiOp(bits, self.integer(SQRT_HALF_BITS)))
        exponent = self.b.do(arith.ShRSIOp(above, self.integer(FRACTION_BITS)))
        fraction = self.b.do(arith.AndIOp(above, self.integer((1 << FRACTION_BITS) - 1)))
        mantissa = self.b.do(arith.AddiOp(fraction, self.integer(SQRT_HALF_BITS)))
        return exponent, self.b.do(arith.BitcastOp(mantissa, self.type))

    def _log_sum(self, e: SSAValue, f: SSAValue) -> SSAValue:
        """Return e ln 2 + log(1 + f) for f from sqrt(1/2) - 1 to sqrt(2) - 1."""
        tail = self.multiply_add(f, self.horner(f, fits.LOG1P_QUOTIENT), -0.5)
        small = self.multiply_add(self.mul(f, f), tail, self.mul(e, LN2_LOW))
        return self.multiply_add(e, LN2_HIGH, self.add(f, small))

    def _with_ends(self, x: SSAValue, pole: float, result: SSAValue) -> SSAValue:
        """Return the result with -infinity at the pole, NaN below it, and infinity and NaN for themselves."""
        result = self.where(self.compare(x, "olt", math.inf), result, x)
        result = self.where(self.compare(x, "oeq", pole), -math.inf, result)
        return self.where(self.compare(x, "olt", pole), math.nan, result)

    def _identity_near_zero(self, x: SSAValue, result: SSAValue) -> SSAValue:
        return self.where(self.compare(self.abs(x), "olt", IDENTITY_BELOW), x, result)
