"""Checks of constructor arguments that several layers share."""

import operator
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError, ArgumentTypeError


def positive_integer(value: Any, argument: str) -> int:
    """Return an integer above zero, given as an int or a NumPy integer.

    Raises:
        ArgumentError: zero or less.
        ArgumentTypeError: not an integer; True is none.
    """
    if isinstance(value, (float, np.floating)) and value <= 0:  # Keras compares with zero before anything else
        raise ArgumentError(f"{argument}: expected a positive integer, got {value}")
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{argument}: got {value!r}, expected a positive integer")
    if number <= 0:
        raise ArgumentError(f"{argument}: expected a positive integer, got {value}")
    return number


def clamped_rate(value: Any, argument: str) -> float:
    """Return a dropout rate brought into [0, 1], as Keras's LSTM does without a word.

    Raises:
        ArgumentTypeError: not a number.
    """
    if isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        return float(min(1.0, max(0.0, value)))
    raise ArgumentTypeError(f"{argument}: got {value!r}, expected a number between 0 and 1")
