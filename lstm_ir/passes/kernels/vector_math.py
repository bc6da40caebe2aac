"""Functions on vectors of f32.

Errors are stated in units in the last place of the exact result (largest found over the whole range of f32, with a
fused multiply-add / without).
"""

import math
from collections.abc import Sequence

from xdsl.ir import SSAValue

from lstm_ir.passes.kernels import vector_coefficients as fits
from lstm_ir.passes.kernels.vector_functions import HALF_LN2_BELOW, LOG2_E, VectorFunctions


class VectorMath(VectorFunctions):
    """Functions on ``vector<Nxf32>``. The logarithms: log 0.9 / 1.0 units, log1p 1.5 / 1.6 units."""

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """Return 1 / (1 + e^-x); 4.5 / 2.4 units."""
        # e^-x = 2^n e^-r with r = x + n ln 2, and e^r = (C + r) / (C - r): one division for both, and a short chain.
        # Beyond the bound the result is 1, or less than the smallest number.
        bounded = self.clip(x, -88.0, 88.0)
        n, power = self.round_to_power(bounded, -LOG2_E)
        if self.fused:
            r = self.multiply_add(n, math.log(2.0), bounded)
        else:
            r = self.multiply_add(n, self.format.ln2_low, self.multiply_add(n, self.format.ln2_high, bounded))
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

    def log1p_of_fraction(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) for x from 0 to 1; NaN stays. 2.9 / 2.9 units."""
        # 2 atanh(s), s = x/(x + 2)
        s = self.div(x, self.add(x, 2.0))
        return self.mul(s, self.horner(self.mul(s, s), fits.ATANH_QUOTIENT))

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

    def _log_sum(self, e: SSAValue, f: SSAValue) -> SSAValue:
        """Return e ln 2 + log(1 + f) for f from sqrt(1/2) - 1 to sqrt(2) - 1."""
        tail = self.multiply_add(f, self.horner(f, fits.LOG1P_QUOTIENT), -0.5)
        small = self.multiply_add(self.mul(f, f), tail, self.mul(e, self.format.ln2_low))
        return self.multiply_add(e, self.format.ln2_high, self.add(f, small))
