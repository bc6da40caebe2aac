"""Coefficients of the f32 functions in vector_math.

All are minimax fits to the relative error of the function, by Lawson's reweighted least squares in double precision,
then rounded to f32. Beside each: the interval, and the error of the fit in units of 2^-24, half a unit in the last
place of 1. Lowest power first.
"""

EXP = (1.0, 0.9999998, 0.50000584, 0.16661012, 0.041915003, 0.0077922554, 0.0019487794)
"""e^r for r from 0 to ln 2: 0.04."""

EXP_QUOTIENT = (2.0, 0.16666584, -0.0027639293)
"""C of e^r = (C(r^2) + r) / (C(r^2) - r) for abs(r) up to ln(2)/2: 0.01."""

EXPM1_QUOTIENT = (0.49999997, 0.16666543, 0.0416672, 0.008366514, 0.0013882522)
"""(e^r - 1 - r)/r^2 for abs(r) up to ln(2)/2: 0.22 of e^r - 1."""

LOG1P_QUOTIENT = (0.3333333, -0.2500082, 0.20001227, -0.16623357, 0.14201759, -0.13160183, 0.12761576, -0.07634495)
"""(log(1 + f) - f + f^2/2)/f^3 for 1 + f from sqrt(1/2) to sqrt(2): 0.10 of log(1 + f)."""

ATANH_QUOTIENT = (2.0, 0.6666642, 0.40021527, 0.28001803, 0.2801199)
"""2 atanh(s)/s in s^2 for s from 0 to 1/3: 0.07."""

TANH_BOUND = 7.9143405
"""The least argument at which the quotient below, computed in f32 with or without a fused multiply-add, is 1; below it
the quotient is never larger."""
TANH_NUMERATOR = (1169902.2, 157314.39, 4181.6006, 25.666689, 0.017890766)
"""P of tanh(x) = x P(x^2)/Q(x^2) for abs(x) up to 8: 0.11."""
TANH_DENOMINATOR = (1169902.2, 547281.75, 30621.975, 399.60626)
"""Q, whose highest coefficient is 1. P(0) = Q(0), so that tanh(x) is x for small x."""

ERF_BOUND = 3.6866162
"""As TANH_BOUND."""
ERF_NUMERATOR = (28918.871, 4789.876, 1342.3314, 93.23701, 7.33368, 0.054687317)
"""P of erf(x) = x P(x^2)/Q(x^2) for abs(x) up to 3.82: 0.21."""
ERF_DENOMINATOR = (25628.682, 12787.801, 2889.3975, 377.0747, 29.19357)
"""Q, whose highest coefficient is 1."""
