"""Functions on vectors of f64.

Errors are stated in units in the last place of the exact result (largest found over the whole range of f64, with a
fused multiply-add / without). The exponential is e^r = (C + r)/(C - r) with C = r coth(r/2), which is even in r: half
the coefficients of a polynomial, for a division that takes the time of three multiply-adds that wait for each other.
"""

from xdsl.dialects import math as math_dialect
from xdsl.ir import SSAValue

from lstm_ir.passes.kernels import double_coefficients as fits
from lstm_ir.passes.kernels.vector_functions import HALF_LN2_BELOW, LOG2_E, VectorFunctions

EXP_LARGEST_POWER = 1023
"""Beyond it 2^n is infinite, which e^x is only a little later."""


class DoubleMath(VectorFunctions):
    """Functions on ``vector<Nxf64>``. The logarithms: log 0.8 / 0.8 units, log1p 1.1 / 1.1 units."""

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """Return 1 / (1 + e^-x); 2.4 / 2.4 units."""
        # e^-x = 2^n e^-r with r = x + n ln 2. Beyond the bound the result is 1, or less than the smallest number.
        bounded = self.clip(x, -709.0, 709.0)
        n, power = self.round_to_power(bounded, -LOG2_E)
        ln2 = self.format
        r = self.multiply_add(n, ln2.ln2_low, self.multiply_add(n, ln2.ln2_high, bounded))
        c = self.horner(self.mul(r, r), fits.EXP_QUOTIENT)
        above = self.add(c, r)
        return self.div(above, self.multiply_add(power, self.sub(c, r), above))

    def tanh(self, x: SSAValue) -> SSAValue:
        """Return the hyperbolic tangent, never above 1 in magnitude; 2.4 / 4.1 units."""
        # (e^2x - 1)/(e^2x + 1) with e^2x = p (C + r)/(C - r), p = 2^n. Beyond the bound both sums are the same.
        twice = self.mul(self.clip(x, -20.0, 20.0), 2.0)
        n, power = self.round_to_power(twice, LOG2_E)
        r = self._remainder(twice, n)
        c = self.horner(self.mul(r, r), fits.EXP_QUOTIENT)
        less, more = self.sub(power, 1.0), self.add(power, 1.0)
        above = self.multiply_add(less, c, self.mul(more, r))
        result = self.div(above, self.multiply_add(more, c, self.mul(less, r)))
        return self.b.do(math_dialect.CopySignOp(result, x))  # of zero

    def erf(self, x: SSAValue) -> SSAValue:
        """Return the error function, never above 1 in magnitude; 2.0 / 2.0 units."""
        magnitude = self.minimum(self.abs(x), 6.0)
        y = self.multiply_add(magnitude, 0.4, -1.4)
        logarithm = self.horner(y, fits.ERFC_LOGARITHM)
        erfc = self.exp(self.sub(logarithm, self.mul(magnitude, magnitude)))
        large = self.b.do(math_dialect.CopySignOp(self.sub(1.0, erfc), x))
        # Of the magnitude: x may be infinite, and the square of that is not needed.
        small = self.mul(x, self.horner(self.mul(magnitude, magnitude), fits.ERF_QUOTIENT))
        return self.where(self.compare(magnitude, "olt", 1.0), small, large)

    def exp(self, x: SSAValue) -> SSAValue:
        """Return e^x; 2.3 / 2.3 units. Zero where the result is below the smallest normal number."""
        # r from 0 to ln 2: 2^n is zero exactly where e^x is, or is subnormal.
        bounded = self.clip(x, -709.0, 709.79)
        n, power = self.round_to_power(self.sub(bounded, HALF_LN2_BELOW), LOG2_E, most=EXP_LARGEST_POWER)
        r = self._remainder(bounded, n)
        c = self.horner(self.mul(r, r), fits.EXP_QUOTIENT_WIDE)
        return self.mul(self.add(self.div(self.add(r, r), self.sub(c, r)), 1.0), power)

    def expm1(self, x: SSAValue) -> SSAValue:
        """Return e^x - 1 with small results precise; 3.0 / 3.0 units."""
        # 2^n (e^r - 1) + (2^n - 1), halved so that 2^(n-1) is finite for every finite result.
        bounded = self.clip(x, -50.0, 710.0)
        n, half = self.round_to_power(bounded, LOG2_E, offset=-1)
        r = self._remainder(bounded, n)
        c = self.horner(self.mul(r, r), fits.EXP_QUOTIENT)
        series = self.div(self.add(r, r), self.sub(c, r))
        halved = self.multiply_add(half, series, self.sub(half, 0.5))
        return self._identity_near_zero(x, self.add(halved, halved))

    def log1p_of_fraction(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) for x from 0 to 1; NaN stays. 3.0 / 3.0 units."""
        # 2 atanh(s), s = x/(x + 2)
        s = self.div(x, self.add(x, 2.0))
        return self.mul(s, self.horner(self.mul(s, s), fits.ATANH_QUOTIENT))

    def _log_sum(self, e: SSAValue, f: SSAValue) -> SSAValue:
        # log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), s = f/(2 + f), R = 2 atanh(s)/s - 2. Source of the arrangement:
        # FreeBSD's msun, e_log.c.
        s = self.div(f, self.add(f, 2.0))
        square = self.mul(s, s)
        rest = self.mul(square, self.horner(square, fits.LOG_QUOTIENT))
        half = self.mul(self.mul(f, 0.5), f)
        tail = self.multiply_add(s, self.add(half, rest), self.mul(e, self.format.ln2_low))
        return self.multiply_add(e, self.format.ln2_high, self.sub(f, self.sub(half, tail)))
