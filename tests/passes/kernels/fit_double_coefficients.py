"""Prints what lstm_ir/passes/kernels/double_coefficients.py holds: ``python fit_double_coefficients.py``, with mpmath.

Chebyshev fits with 60 digits: their error is within a small factor of the least possible, and far below what
rounding the coefficients to f64 costs. Not a test.
"""

import sys
from collections.abc import Callable

from mpmath import atanh, chebyfit, coth, erf, erfc, log, mp, mpf, pi, sqrt

mp.dps = 60
LN2 = log(2)


def exp_quotient(t: mpf) -> mpf:
    """(r coth(r/2) - 2)/r^2 in t = r^2."""
    if t < mpf(10) ** -12:
        return mpf(1) / 6 - t / 360 + t * t / 15120
    r = sqrt(t)
    return (r * coth(r / 2) - 2) / t


def atanh_quotient(t: mpf) -> mpf:
    """(2 atanh(s)/s - 2)/s^2 in t = s^2."""
    if t < mpf(10) ** -20:
        return mpf(2) / 3 + 2 * t / 5
    s = sqrt(t)
    return (2 * atanh(s) / s - 2) / t


def erf_quotient(t: mpf) -> mpf:
    """erf(x)/x in t = x^2."""
    x = sqrt(t)
    return 2 / sqrt(pi) * (1 - t / 3) if t < mpf(10) ** -20 else erf(x) / x


def erfc_logarithm(y: mpf) -> mpf:
    """log(erfc(x)) + x^2 in y = (x - 3.5)/2.5."""
    x = mpf("3.5") + mpf("2.5") * y
    return log(erfc(x)) + x * x


def show(name: str, function: Callable[[mpf], mpf], low: mpf, high: mpf, count: int, scale: mpf, *first: float) -> None:
    """Print a tuple of coefficients, lowest power first, and the error of the fit in units of 2^-53."""
    coefficients, error = chebyfit(function, [low, high], count, error=True)
    values = [*first, *(float(c) for c in reversed(coefficients))]
    sys.stdout.write(f"{name} = ({', '.join(map(repr, values))})  # {float(error * scale * 2**53):.3f}\n")


HALF, WIDE = (LN2 / 2 * mpf("1.001")) ** 2, mpf("0.7006") ** 2
ROOT = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.0001")
show("EXP_QUOTIENT", exp_quotient, mpf(0), HALF, 5, HALF / 2, 2.0)
show("EXP_QUOTIENT_WIDE", exp_quotient, mpf(0), WIDE, 7, WIDE / 2, 2.0)
show("LOG_QUOTIENT", atanh_quotient, mpf(0), ROOT, 7, ROOT / 2)
show("ATANH_QUOTIENT", atanh_quotient, mpf(0), mpf(1) / 9, 11, mpf(1) / 18, 2.0)
show("ERF_QUOTIENT", erf_quotient, mpf(0), mpf(1), 13, 1 / erf(1))
show("ERFC_LOGARITHM", erfc_logarithm, mpf(-1), mpf(1), 26, erfc(1) / erf(1))
