"""Checks of constructor arguments that several layers share."""

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError


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


def number(value: Any, argument: str) -> float:
    """Return a number, also one that Keras 3 wrote as a NumPy scalar's object dict.

    Raises:
        ArgumentTypeError: not a number.
    """
    inner = value.get("config") if isinstance(value, Mapping) else None
    if isinstance(inner, Mapping):
        value = inner.get("value", value)
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    raise ArgumentTypeError(f"{argument}: got {value!r}, expected a number")


def single(value: Any, argument: str) -> int:
    """Return a positive integer, also one in a list, as Keras writes what could differ by axis.

    Raises:
        ArgumentError: zero or less, or several.
        ArgumentTypeError: not an integer.
    """
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            raise ArgumentError(f"{argument}: got {value!r}, expected one integer")
        value = value[0]
    return positive_integer(value, argument)


def pair(value: Any, argument: str) -> tuple[int, int]:
    """Return two integers from zero, given as two or as one for both.

    Raises:
        ArgumentError: negative, or not two.
        ArgumentTypeError: not integers.
    """
    values = list(value) if isinstance(value, (list, tuple)) else [value, value]
    if len(values) != 2:
        raise ArgumentError(f"{argument}: got {value!r}, expected an integer or two")
    try:
        first, second = (operator.index(v) for v in values)
    except TypeError:
        raise ArgumentTypeError(f"{argument}: got {value!r}, expected an integer or two") from None
    if first < 0 or second < 0:
        raise ArgumentError(f"{argument}: got {value!r}, expected no negative integer")
    return first, second


def channels_last(value: Any) -> str:
    """Return ``channels_last``, which None means too.

    Raises:
        UnsupportedError: any other layout.
    """
    if value not in (None, "channels_last"):
        raise UnsupportedError(f"data_format: {value!r} is not supported, only 'channels_last'")
    return "channels_last"
