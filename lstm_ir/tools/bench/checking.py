"""Whether the numbers that were timed are right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ir.tools.bench.network import Array
from lstm_ir.tools.verification import DEFAULT_TOLERANCE, Tolerance, difference

REFERENCE = "lstm_ir.reference, step by step in float64"
OWN_FIRST_CALL = "its own first call"
PEER_TOLERANCE = Tolerance(1e-4, 1e-4)
"""How far a peer may be from us: some approximate exp and tanh."""


@dataclass(frozen=True)
class Check:
    """A comparison.

    Attributes:
        against: What with.
        largest_difference: The largest absolute difference of all outputs.
        is_right: Whether all are within the tolerance.
        tolerance: The tolerance.
    """

    against: str
    largest_difference: float
    is_right: bool
    tolerance: Tolerance


def check_own(outputs: Sequence[Array], expected: Sequence[Array], dtype: str) -> Check:
    """Compare our outputs with the reference's, as ``lstm-ir verify`` does."""
    bound = DEFAULT_TOLERANCE[dtype]
    return _check(outputs, expected, Tolerance(bound, bound), REFERENCE)


def check_repeated(outputs: Sequence[Array], first: Sequence[Array]) -> Check:
    """Compare our outputs with those of an earlier call with the same input: every bit must be the same."""
    return _check(outputs, first, Tolerance(0.0, 0.0), OWN_FIRST_CALL)


def check_peer(outputs: Sequence[Array], ours: Sequence[Array]) -> Check:
    """Compare a peer's outputs with ours."""
    return _check(outputs, ours, PEER_TOLERANCE, "lstm-ir")


def _check(outputs: Sequence[Array], expected: Sequence[Array], tolerance: Tolerance, against: str) -> Check:
    if len(outputs) != len(expected):
        return Check(against, float("inf"), False, tolerance)
    found = [
        difference(np.asarray(mine), np.asarray(right), tolerance)
        for mine, right in zip(outputs, expected, strict=True)
    ]
    return Check(against, max(distance for distance, _ in found), all(is_near for _, is_near in found), tolerance)
