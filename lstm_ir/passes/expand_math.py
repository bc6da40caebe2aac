"""Pass lstm-expand-math: double-precision functions that IREE would leave to a C library that is not there."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import Float64Type, ModuleOp, i64
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from lstm_ir.passes.arithmetic import Arithmetic
from lstm_ir.passes.program_rewrite import rewrite_program
from lstm_ir.passes.structured import ScalarBuilder

LN2_HIGH = 6.93147180369123816490e-01
"""The upper bits of ln 2, so that n LN2_HIGH is exact for every exponent n."""
LN2_LOW = (math.log(2.0) - LN2_HIGH) + 2.3190468138462996e-17
"""The rest: what LN2_HIGH lacks of the nearest double, and what that lacks of ln 2."""
EXP_TERMS = 14
"""Taylor terms of e^r for abs(r) <= ln(2)/2: the next one is below 1e-17."""
LOG_TERMS = 11
"""Terms of 2 atanh(s) for abs(s) <= 0.1716: the next one is below 1e-17."""
TANH_SERIES = (1.0, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925, 21844 / 6081075, -929569 / 638512875)
"""Taylor coefficients of tanh(x)/x in x^2."""
TANH_SMALL = 0.1
"""Below this the series is used: there 1 - 2/(e^2x + 1) would lose relative precision."""


ERF_SMALL = 1.0
"""Below this erf is its Taylor series; above it 1 - erfc, which loses nothing there."""
ERF_LARGE = 6.0
"""From here on erf is 1 in double precision."""
ERF_SERIES = tuple((-1) ** n * 2.0 / (math.sqrt(math.pi) * math.factorial(n) * (2 * n + 1)) for n in range(20))
"""Taylor coefficients of erf(x)/x in x^2: the next one is below 1e-19."""


@lru_cache
def _erfc_coefficients() -> tuple[float, ...]:
    """Return Chebyshev coefficients of log(erfc(x)) + x^2 for x from ERF_SMALL to ERF_LARGE."""
    middle, half = (ERF_LARGE + ERF_SMALL) / 2, (ERF_LARGE - ERF_SMALL) / 2
    points = np.cos(math.pi * (np.arange(64) + 0.5) / 64)
    values = [math.log(math.erfc(x)) + x * x for x in (middle + half * float(point) for point in points)]
    return tuple(float(c) for c in chebyshev.chebfit(points, np.array(values), 30))


class _Double(Arithmetic):
    """Double-precision functions in terms of arithmetic."""

    def __init__(self, b: ScalarBuilder) -> None:
        super().__init__(b, Float64Type())

    def integer(self, value: int) -> SSAValue:
        return self.b.integer(value, i64)

    def horner(self, x: SSAValue, coefficients: Sequence[float]) -> SSAValue:
        """Return sum of coefficients[n] x^n."""
        total: float | SSAValue = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.add(self.mul(total, x), coefficient)
        return self.number(total)

    def power_of_two(self, n: SSAValue) -> SSAValue:
        """Return 2^n for an integer n of a normal number."""
        biased = self.b.do(arith.AddiOp(n, self.integer(1023)))
        return self.b.do(arith.BitcastOp(self.b.do(arith.ShLIOp(biased, self.integer(52))), self.type))

    def exp(self, x: SSAValue) -> SSAValue:
        # e^x = 2^n e^r with n = round(x / ln 2). 2^n is applied in two halves: each is a normal number even where the
        # result overflows to infinity or is subnormal. The clamp keeps NaN.
        bounded = self.clip(x, -800.0, 800.0)
        n = self.b.do(math_dialect.RoundEvenOp(self.mul(bounded, 1.0 / math.log(2.0))))
        r = self.sub(self.sub(bounded, self.mul(n, LN2_HIGH)), self.mul(n, LN2_LOW))
        series = self.horner(r, [1.0 / math.factorial(k) for k in range(EXP_TERMS)])
        # NaN has no integer value; any will do, the series is NaN.
        finite = self.where(self.compare(n, "ord", n), n, 0.0)
        whole = self.b.do(arith.FPToSIOp(finite, i64))
        half = self.b.do(arith.ShRSIOp(whole, self.integer(1)))
        rest = self.b.do(arith.SubiOp(whole, half))
        return self.mul(self.mul(series, self.power_of_two(half)), self.power_of_two(rest))

    def log(self, x: SSAValue) -> SSAValue:
        # x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh((m - 1)/(m + 1)). Subnormals are scaled up first.
        tiny = self.compare(x, "olt", 2.2250738585072014e-308)
        scaled = self.where(tiny, self.mul(x, 2.0**54), x)
        bits = self.b.do(arith.BitcastOp(scaled, i64))
        exponent = self.b.do(arith.SubiOp(self.b.do(arith.ShRUIOp(bits, self.integer(52))), self.integer(1023)))
        fraction = self.b.do(arith.AndIOp(bits, self.integer((1 << 52) - 1)))
        mantissa = self.b.do(arith.BitcastOp(self.b.do(arith.OrIOp(fraction, self.integer(1023 << 52))), self.type))
        upper = self.compare(mantissa, "oge", math.sqrt(2.0))
        m = self.where(upper, self.mul(mantissa, 0.5), mantissa)
        e = self.b.do(arith.SIToFPOp(exponent, Float64Type()))
        e = self.where(upper, self.add(e, 1.0), e)
        e = self.where(tiny, self.sub(e, 54.0), e)
        s = self.div(self.sub(m, 1.0), self.add(m, 1.0))
        series = self.horner(self.mul(s, s), [2.0 / (2 * k + 1) for k in range(LOG_TERMS)])
        result = self.add(self.mul(e, LN2_HIGH), self.add(self.mul(e, LN2_LOW), self.mul(s, series)))
        result = self.where(self.compare(x, "oeq", 0.0), -math.inf, result)
        result = self.where(self.compare(x, "oeq", math.inf), math.inf, result)
        return self.where(self.compare(x, "uge", 0.0), self.where(self.compare(x, "uno", x), x, result), math.nan)

    def log1p(self, x: SSAValue) -> SSAValue:
        # log(1 + x) = log(w) + (x - (w - 1)) / w with w = 1 + x rounded: the second term gives back what rounding took.
        w = self.add(x, 1.0)
        lost = self.div(self.sub(x, self.sub(w, 1.0)), w)
        corrected = self.add(self.log(w), lost)
        # Where w is 0 or infinity the second term is NaN; where x is 0 the sum would lose its sign.
        corrected = self.where(self.compare(w, "oeq", 0.0), -math.inf, corrected)
        corrected = self.where(self.compare(w, "oeq", math.inf), math.inf, corrected)
        return self.where(self.compare(x, "oeq", 0.0), x, corrected)

    def expm1(self, x: SSAValue) -> SSAValue:
        # Near zero, where e^x - 1 cancels, the Taylor series.
        small = self.mul(x, self.horner(x, [1.0 / math.factorial(k + 1) for k in range(EXP_TERMS)]))
        magnitude = self.abs(x)
        return self.where(self.compare(magnitude, "olt", 0.3), small, self.sub(self.exp(x), 1.0))

    def tanh(self, x: SSAValue) -> SSAValue:
        magnitude = self.abs(x)
        large = self.sub(1.0, self.div(2.0, self.add(self.exp(self.mul(magnitude, 2.0)), 1.0)))
        signed = self.b.do(math_dialect.CopySignOp(large, x))
        series = self.mul(x, self.horner(self.mul(x, x), TANH_SERIES))
        return self.where(self.compare(magnitude, "olt", TANH_SMALL), series, signed)

    def erf(self, x: SSAValue) -> SSAValue:
        # erf(x) = 1 - erfc(x), erfc(x) = e^(P(y) - x^2) for x >= 1, P by Clenshaw's recurrence.
        magnitude = self.abs(x)
        bounded = self.minimum(magnitude, ERF_LARGE)
        middle, half = (ERF_LARGE + ERF_SMALL) / 2, (ERF_LARGE - ERF_SMALL) / 2
        y = self.mul(self.sub(bounded, middle), 1.0 / half)
        twice = self.mul(y, 2.0)
        coefficients = _erfc_coefficients()
        first: float | SSAValue = 0.0
        second: float | SSAValue = 0.0
        for coefficient in reversed(coefficients[1:]):
            first, second = self.add(self.sub(self.mul(twice, first), second), coefficient), first
        polynomial = self.add(self.sub(self.mul(y, first), second), coefficients[0])
        erfc = self.exp(self.sub(polynomial, self.mul(bounded, bounded)))
        signed = self.b.do(math_dialect.CopySignOp(self.sub(1.0, erfc), x))
        series = self.mul(x, self.horner(self.mul(x, x), ERF_SERIES))
        return self.where(self.compare(magnitude, "olt", ERF_SMALL), series, signed)


_EXPANSIONS: dict[type[Operation], Callable[[_Double, SSAValue], SSAValue]] = {
    math_dialect.ExpOp: _Double.exp,
    math_dialect.ExpM1Op: _Double.expm1,
    math_dialect.LogOp: _Double.log,
    math_dialect.Log1pOp: _Double.log1p,
    math_dialect.TanhOp: _Double.tanh,
    math_dialect.ErfOp: _Double.erf,
}


class ExpandDouble(RewritePattern):
    """One function of one f64."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        """Rewrite one op."""
        expansion = _EXPANSIONS.get(type(op))
        if expansion is None or not isinstance(op.results[0].type, Float64Type):
            return
        result = expansion(_Double(ScalarBuilder(rewriter.insertion_point)), op.operands[0])
        rewriter.replace(op, [], [result])


@dataclass(frozen=True)
class ExpandMathPass(ModulePass):
    """Expand exp, expm1, log, log1p, tanh and erf of single f64 values into arithmetic.

    Before: ``%y = math.exp %x : f64``
    After: range reduction, a polynomial and a power of two in ``arith`` ops

    IREE approximates these functions for f32 itself; for f64 it calls a C library, which its embedded executables do
    not have. Errors are a few units in the last place; infinities and NaN behave as in C.
    IREE's CPU drivers take subnormal numbers for zeros.
    """

    name = "lstm-expand-math"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        rewrite_program(op, ExpandDouble(), apply_recursively=False)
