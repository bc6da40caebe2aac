"""Every element-wise activation on vectors of f32, against the float64 reference."""

import numpy as np
import pytest

from lstm_ir.dialect.activation import ACTIVATIONS, ROW_WISE, ActivationAttr
from lstm_ir.layers import Activation
from lstm_ir.passes.kernels.vector_activations import expand_vector_activation
from lstm_ir.reference.activations import apply_activation

# linear is its argument: there is nothing to compile.
CASES = {name: (name, None) for name in sorted(ACTIVATIONS - ROW_WISE - {"linear"})}
CASES["leaky_relu_alpha"] = ("leaky_relu", 0.3)

LARGEST_ERROR = {"gelu": 7e-7, "gelu_tanh": 7e-7, "tanh": 3e-7}
"""Relative to the result where that is above 1; 2e-7 for the others."""


@pytest.fixture(scope="module", params=[(True, 8, "host"), (False, 4, "generic")], ids=["fma", "no fma"])
def run(request, load_vector_functions):
    fma, lanes, cpu = request.param

    def builder(function):
        return lambda b, x: expand_vector_activation(b, function, x, fma)

    return load_vector_functions({key: builder(ActivationAttr.get(*case)) for key, case in CASES.items()}, lanes, cpu)


def _expected(key, x):
    with np.errstate(all="ignore"):
        return apply_activation(Activation(*CASES[key]), x.astype(np.float64), "float32")


@pytest.mark.parametrize("key", CASES)
def test_usual_arguments(run, key):
    x = np.linspace(-20, 20, 40001).astype(np.float32)
    expected = _expected(key, x)
    error = np.abs(run(key, x) - expected) / np.maximum(1, np.abs(expected))
    assert error.max() <= LARGEST_ERROR.get(key, 2e-7)


@pytest.mark.parametrize("key", CASES)
def test_special_arguments(run, key):
    x = np.array([np.inf, -np.inf, np.nan, 0, 1e-30, -1e-30, 50, -50, 200, -200, 1e12, -1e12], np.float32)
    with np.errstate(over="ignore"):
        expected = _expected(key, x).astype(np.float32)
    np.testing.assert_allclose(run(key, x), expected, rtol=5e-7, atol=1e-37)


def test_rows_are_refused(load_vector_functions):
    with pytest.raises(KeyError, match="softmax"):
        load_vector_functions({"f": lambda b, x: expand_vector_activation(b, ActivationAttr.get("softmax"), x)}, 8)
