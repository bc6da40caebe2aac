"""The double-precision functions against the C library's, over their whole range."""

import math

import numpy as np
import pytest

FUNCTIONS = {
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "tanh": math.tanh,
    "erf": math.erf,
}


@pytest.fixture(scope="module")
def program(compile_module, load_vmfb):
    functions = [
        f"""
  func.func @{name}(%x: tensor<?xf64>) -> tensor<?xf64> {{
    %zero = arith.constant 0 : index
    %n = tensor.dim %x, %zero : tensor<?xf64>
    %e = tensor.empty(%n) : tensor<?xf64>
    %y = linalg.generic {{indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}} ins(%x : tensor<?xf64>) outs(%e : tensor<?xf64>) {{
    ^bb0(%a: f64, %o: f64):
      %r = math.{name} %a : f64
      linalg.yield %r : f64
    }} -> tensor<?xf64>
    func.return %y : tensor<?xf64>
  }}"""
        for name in FUNCTIONS
    ]
    return load_vmfb(compile_module("builtin.module @lstm_ir {" + "".join(functions) + "\n}", "lstm-expand-math"))


def _run(program, name, x):
    return program.host(program(name, np.asarray(x, np.float64))[0])


def _expected(name, x):
    def one(value):
        try:
            return FUNCTIONS[name](value)
        except OverflowError:
            return math.inf

    return np.array([one(float(value)) for value in x])


def _both_signs(low, high, count=20001):
    positive = np.geomspace(low, high, count)
    return np.concatenate([positive, -positive])


# Arguments, and the relative error allowed there, in units of 2^-53.
RANGES = {
    "exp near zero": ("exp", _both_signs(1e-300, 1.0), 3),
    "exp": ("exp", np.linspace(-708, 709.7, 40001), 3),
    "expm1 near zero": ("expm1", _both_signs(1e-300, 0.7), 5),
    "expm1": ("expm1", np.linspace(-745, 709.7, 40001), 5),
    "log": ("log", np.geomspace(2.3e-308, 1.7e308, 40001), 5),
    "log near one": ("log", 1 + _both_signs(1e-15, 0.5), 5),
    "log1p near zero": ("log1p", _both_signs(1e-300, 0.9999), 5),
    "log1p": ("log1p", np.geomspace(1e-3, 1.7e308, 40001), 5),
    "tanh near zero": ("tanh", _both_signs(1e-300, 0.5), 12),
    "tanh": ("tanh", np.linspace(-25, 25, 40001), 12),
    "erf near zero": ("erf", _both_signs(1e-300, 1.0), 6),
    "erf": ("erf", np.linspace(-7, 7, 40001), 6),
}


@pytest.mark.parametrize("which", RANGES)
def test_precision(program, which):
    name, x, units = RANGES[which]
    actual, expected = _run(program, name, x), _expected(name, x)
    nonzero = expected != 0
    np.testing.assert_array_equal(actual[~nonzero], 0)
    error = np.abs(actual[nonzero] - expected[nonzero]) / np.abs(expected[nonzero])
    worst = error.argmax()
    assert error[worst] <= units * 2.0**-53, f"at {x[nonzero][worst]!r}: {error[worst] * 2**53:.1f} units"


def test_exp_underflows_to_zero(program):
    """IREE's CPU drivers flush subnormal numbers to zero, so nothing below the smallest normal one can be asked for."""
    x = np.linspace(-746, -708, 2001)
    atol = np.finfo(float).smallest_normal
    np.testing.assert_allclose(_run(program, "exp", x), _expected("exp", x), rtol=0, atol=atol)


SPECIAL = {
    "exp": ([math.inf, -math.inf, 710, 1e308, -746, -1e308, 0.0, -0.0], [math.inf, 0, math.inf, math.inf, 0, 0, 1, 1]),
    "expm1": ([math.inf, -math.inf, 710, -1e308, 0.0, -0.0], [math.inf, -1, math.inf, -1, 0, -0.0]),
    "log": ([math.inf, 0.0, -0.0, -1, -math.inf, 1], [math.inf, -math.inf, -math.inf, math.nan, math.nan, 0]),
    "log1p": ([math.inf, -1, -2, -math.inf, 0.0, -0.0], [math.inf, -math.inf, math.nan, math.nan, 0, -0.0]),
    "tanh": ([math.inf, -math.inf, 1e308, -1e308, 0.0, -0.0], [1, -1, 1, -1, 0, -0.0]),
    "erf": ([math.inf, -math.inf, 1e308, -1e308, 0.0, -0.0], [1, -1, 1, -1, 0, -0.0]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_arguments(program, name):
    x, expected = SPECIAL[name]
    np.testing.assert_array_equal(_run(program, name, x), expected)
    assert np.isnan(_run(program, name, [math.nan])).all()


@pytest.mark.parametrize("name", ["tanh", "erf", "expm1", "log1p"])
def test_the_sign_of_zero(program, name):
    assert np.signbit(_run(program, name, [-0.0])).all()
    assert not np.signbit(_run(program, name, [0.0])).any()
