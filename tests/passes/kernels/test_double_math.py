"""Our f64 functions against extended precision over the whole range."""

import math

import numpy as np
import pytest
from xdsl.dialects.builtin import f64

from lstm_ir.dialect.activation import ACTIVATIONS, ROW_WISE, ActivationAttr
from lstm_ir.layers import Activation
from lstm_ir.passes.kernels.double_math import DoubleMath
from lstm_ir.passes.kernels.vector_activations import expand_vector_activation
from lstm_ir.reference.activations import apply_activation

FUNCTIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    # The C library's own error, below one unit, comes on top.
    "erf": np.vectorize(math.erf, otypes=[np.longdouble]),
}
"""What each must be, in extended precision."""

LARGEST_ERROR = {
    "sigmoid": (2.4, 2.4),
    "tanh": (2.5, 4.2),
    "exp": (2.4, 2.4),
    "expm1": (3.1, 3.1),
    "log": (0.8, 0.8),
    "log1p": (1.2, 1.2),
    "erf": (2.2, 2.2),
}
"""In units in the last place of the exact result, with a fused multiply-add and without."""

SMALLEST = float(np.finfo(np.float64).smallest_normal)
ELEMENT_WISE = sorted(ACTIVATIONS - ROW_WISE - {"linear"})


def _functions(fma):
    def builder(name):
        return lambda b, x: getattr(DoubleMath(b, x.type, fma), name)(x)

    def activation(name):
        return lambda b, x: expand_vector_activation(b, ActivationAttr.get(name), x, fma)

    return {
        **{name: builder(name) for name in (*FUNCTIONS, "log1p_of_fraction")},
        **{f"activation_{name}": activation(name) for name in ELEMENT_WISE},
    }


@pytest.fixture(scope="module", params=[(True, 4, "host"), (False, 2, "generic")], ids=["fma", "no fma"])
def fma_and_run(request, load_vector_functions):
    fma, lanes, cpu = request.param
    return fma, load_vector_functions(_functions(fma), lanes, cpu, f64)


@pytest.fixture(scope="module")
def run(fma_and_run):
    return fma_and_run[1]


@pytest.fixture(scope="module")
def arguments():
    """Numbers of every sign, exponent and fraction, and more where the functions change."""
    rng = np.random.default_rng(11)
    spread = rng.integers(0, 2**64, 100_000, dtype=np.uint64).view(np.float64)
    uniform = [rng.uniform(-limit, limit, 60_000) for limit in (1, 10, 800)]
    powers = np.geomspace(SMALLEST, 900, 30_001)
    x = np.concatenate([spread, *uniform, powers, -powers, 1 + powers, 1 - powers])
    # IREE's CPU drivers take subnormal numbers for zeros.
    return x[np.isfinite(x) & (np.abs(x) >= SMALLEST)]


def _errors(actual, exact):
    """Return the errors in units in the last place, where the result is a normal number; asserts it elsewhere."""
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float64)
    normal = np.isfinite(rounded) & (np.abs(rounded) >= SMALLEST)
    tiny = np.abs(rounded) < SMALLEST
    assert (np.abs(actual[tiny]) <= SMALLEST).all()
    np.testing.assert_array_equal(actual[~normal & ~tiny], rounded[~normal & ~tiny])
    return np.abs(actual[normal] - exact[normal]) / np.spacing(np.abs(rounded[normal]))


def _exact(name, x):
    with np.errstate(all="ignore"):
        return FUNCTIONS[name](x.astype(np.longdouble))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_largest_error(fma_and_run, arguments, name):
    fma, run = fma_and_run
    assert _errors(run(name, arguments), _exact(name, arguments)).max() <= LARGEST_ERROR[name][0 if fma else 1]


INFINITY = math.inf
SPECIAL = {
    "sigmoid": ([INFINITY, -INFINITY, 800, -800, 1e300, -1e300, 0.0, -0.0], [1, 0, 1, 0, 1, 0, 0.5, 0.5]),
    "tanh": ([INFINITY, -INFINITY, 100, -100, 1e300, -1e300, 20, -20, 0.0], [1, -1, 1, -1, 1, -1, 1, -1, 0]),
    "exp": (
        [INFINITY, -INFINITY, 709.79, 1e300, -709, -1e300, 0.0, -0.0],
        [INFINITY, 0, INFINITY, INFINITY, 0, 0, 1, 1],
    ),
    "expm1": ([INFINITY, -INFINITY, 709.79, 1e300, -40, -1e300], [INFINITY, -1, INFINITY, INFINITY, -1, -1]),
    "log": ([INFINITY, 0.0, -0.0, 1, -1, -INFINITY], [INFINITY, -INFINITY, -INFINITY, 0, math.nan, math.nan]),
    "log1p": ([INFINITY, -1, 0.0, -2, -INFINITY], [INFINITY, -INFINITY, 0, math.nan, math.nan]),
    "erf": ([INFINITY, -INFINITY, 100, -100, 1e300, -1e300, 6, -6, 0.0], [1, -1, 1, -1, 1, -1, 1, -1, 0]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_arguments(run, name):
    x, expected = SPECIAL[name]
    np.testing.assert_array_equal(run(name, np.array(x)), np.array(expected, np.float64))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan_whatever_its_bits(run, name):
    bits = np.array(
        [0x7FF8 << 48, 0xFFF8 << 48, (0x7FF8 << 48) + 1, (0x7FF0 << 48) + 1, 2**64 - 1, 2**63 - 1], np.uint64
    )
    assert np.isnan(run(name, bits.view(np.float64))).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subnormal_arguments_are_as_good_as_zero(run, name):
    x = np.array([5e-324, -5e-324, 1e-310, -1e-310, 2.2e-308, -2.2e-308])
    zero = run(name, np.zeros(1))[0]
    actual = run(name, x)
    if name == "log":
        assert (np.isnan(actual) | (actual <= math.log(SMALLEST))).all()
    else:
        np.testing.assert_allclose(actual, zero, rtol=0, atol=SMALLEST)


@pytest.mark.parametrize("name", ["tanh", "expm1", "log1p", "erf"])
def test_the_sign_of_zero(run, name):
    np.testing.assert_array_equal(np.signbit(run(name, np.array([-0.0, 0.0]))), [True, False])


@pytest.mark.parametrize(("name", "low", "high"), [("tanh", 17.0, 20.5), ("erf", 5.0, 6.5)])
def test_never_above_one(run, name, low, high):
    x = np.linspace(low, high, 400_001)
    assert run(name, x).max() == 1
    assert run(name, -x).min() == -1


def test_exp_at_the_ends_of_its_range(run):
    largest, lowest = 709.782712893384, -708.3964185322641
    x = np.array([largest, np.nextafter(largest, 710), lowest])
    actual = run("exp", x)
    np.testing.assert_allclose(actual[[0, 2]], _exact("exp", x[[0, 2]]).astype(np.float64), rtol=4e-16)
    assert actual[1] == math.inf


def test_logarithm_of_a_fraction(run):
    x = np.concatenate([np.linspace(0, 1, 100_001), np.geomspace(1e-300, 1, 10_001)])[1:]
    assert _errors(run("log1p_of_fraction", x), np.log1p(x.astype(np.longdouble))).max() <= 3.0


@pytest.mark.parametrize("name", ELEMENT_WISE)
def test_activations(run, name):
    x = np.concatenate([np.linspace(-20, 20, 40_001), [50, -50, 700, -700, 1e12, -1e12, 1e-300, np.nan]])
    with np.errstate(all="ignore"):
        expected = apply_activation(Activation(name), x, "float64")
    np.testing.assert_allclose(run(f"activation_{name}", x), expected, rtol=2e-15, atol=3e-15)
