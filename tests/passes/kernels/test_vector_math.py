"""Our f32 functions against double precision over the whole range, and against TensorFlow's own error."""

import math
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from lstm_ir.passes.iree_session import flags_for_cpu
from lstm_ir.passes.kernels.vector_math import VectorMath

FUNCTIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "erf": np.vectorize(math.erf, otypes=[float]),
}
"""What each must be, in double precision."""

LARGEST_ERROR = {
    "sigmoid": (4.7, 2.5),
    "tanh": (5.2, 6.2),
    "exp": (1.7, 2.0),
    "expm1": (1.7, 1.8),
    "log": (1.0, 1.0),
    "log1p": (1.6, 1.6),
    "erf": (5.3, 6.9),
}
"""In units in the last place of the exact result, with a fused multiply-add and without."""

SMALLEST = float(np.finfo(np.float32).smallest_normal)


def _functions(fma):
    def builder(name):
        return lambda b, x: getattr(VectorMath(b, x.type, fma), name)(x)

    return {name: builder(name) for name in FUNCTIONS}


@pytest.fixture(scope="module", params=[(True, 8, "host"), (False, 4, "generic")], ids=["fma", "no fma"])
def fma_and_run(request, load_vector_functions):
    fma, lanes, cpu = request.param
    return fma, load_vector_functions(_functions(fma), lanes, cpu)


@pytest.fixture(scope="module")
def run(fma_and_run):
    return fma_and_run[1]


@pytest.fixture(scope="module")
def arguments():
    """Numbers of every sign, exponent and fraction, and more where the functions change."""
    rng = np.random.default_rng(11)
    spread = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    uniform = [rng.uniform(-limit, limit, 60_000).astype(np.float32) for limit in (1, 10, 100)]
    powers = np.geomspace(SMALLEST, 120, 30_001).astype(np.float32)
    x = np.concatenate([spread, *uniform, powers, -powers, 1 + powers, 1 - powers])
    # IREE's CPU drivers and TensorFlow take subnormal numbers for zeros.
    return x[np.isfinite(x) & (np.abs(x) >= SMALLEST)]


def _errors(actual, exact):
    """Return the errors in units in the last place, where the result is a normal number; asserts it elsewhere."""
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    normal = np.isfinite(rounded) & (np.abs(exact) >= SMALLEST)
    tiny = np.abs(exact) < SMALLEST
    assert (np.abs(actual[tiny]) <= SMALLEST).all()
    np.testing.assert_array_equal(actual[~normal & ~tiny], rounded[~normal & ~tiny])
    return np.abs(actual[normal] - exact[normal]) / np.spacing(np.abs(rounded[normal])).astype(np.float64)


def _exact(name, x):
    with np.errstate(all="ignore"):
        return FUNCTIONS[name](x.astype(np.float64))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_largest_error(fma_and_run, arguments, name):
    fma, run = fma_and_run
    assert _errors(run(name, arguments), _exact(name, arguments)).max() <= LARGEST_ERROR[name][0 if fma else 1]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_is_at_most_twice_that_of_tensorflow(run, arguments, name):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    theirs = {"sigmoid": tf.sigmoid, "tanh": tf.tanh, "exp": tf.exp}.get(name) or getattr(tf.math, name)
    exact = _exact(name, arguments)
    # Where there is no result, or one below the smallest normal number, there is no error to compare.
    defined = np.isfinite(exact) & (np.abs(exact) >= SMALLEST) & (np.abs(exact) <= np.finfo(np.float32).max)
    x, exact = arguments[defined], exact[defined]
    their_error = _errors(theirs(x).numpy(), exact).max()
    assert _errors(run(name, x), exact).max() <= 2 * their_error


INFINITY = math.inf
SPECIAL = {
    "sigmoid": ([INFINITY, -INFINITY, 200, -200, 3e38, -3e38, 0.0, -0.0], [1, 0, 1, 0, 1, 0, 0.5, 0.5]),
    "tanh": ([INFINITY, -INFINITY, 100, -100, 3e38, -3e38, 9, -9, 0.0], [1, -1, 1, -1, 1, -1, 1, -1, 0]),
    "exp": ([INFINITY, -INFINITY, 88.73, 3e38, -88, -3e38, 0.0, -0.0], [INFINITY, 0, INFINITY, INFINITY, 0, 0, 1, 1]),
    "expm1": ([INFINITY, -INFINITY, 88.73, 3e38, -18, -3e38], [INFINITY, -1, INFINITY, INFINITY, -1, -1]),
    "log": ([INFINITY, 0.0, -0.0, 1, -1, -INFINITY], [INFINITY, -INFINITY, -INFINITY, 0, math.nan, math.nan]),
    "log1p": ([INFINITY, -1, 0.0, -2, -INFINITY], [INFINITY, -INFINITY, 0, math.nan, math.nan]),
    "erf": ([INFINITY, -INFINITY, 100, -100, 3e38, -3e38, 4, -4, 0.0], [1, -1, 1, -1, 1, -1, 1, -1, 0]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_arguments(run, name):
    x, expected = SPECIAL[name]
    np.testing.assert_array_equal(run(name, np.array(x, np.float32)), np.array(expected, np.float32))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan_whatever_its_bits(run, name):
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF], np.uint32)
    assert np.isnan(run(name, bits.view(np.float32))).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subnormal_arguments_are_as_good_as_zero(run, name):
    x = np.array([1e-45, -1e-45, 1e-40, -1e-40, 1.17e-38, -1.17e-38], np.float32)
    zero = run(name, np.zeros(1, np.float32))[0]
    actual = run(name, x)
    if name == "log":
        assert (np.isnan(actual) | (actual <= math.log(SMALLEST))).all()
    else:
        np.testing.assert_allclose(actual, zero, rtol=0, atol=SMALLEST)


@pytest.mark.parametrize("name", ["tanh", "expm1", "log1p", "erf"])
def test_the_sign_of_zero(run, name):
    np.testing.assert_array_equal(np.signbit(run(name, np.array([-0.0, 0.0], np.float32))), [True, False])


@pytest.mark.parametrize(("name", "low", "high"), [("tanh", 7.5, 9.0), ("erf", 3.4, 4.2)])
def test_never_above_one(run, name, low, high):
    """Every number around the bound from which on the result is 1."""
    first, last = np.array([low, high], np.float32).view(np.int32)
    x = np.arange(first, last, dtype=np.int32).view(np.float32)
    assert run(name, x).max() == 1
    assert run(name, -x).min() == -1


def test_exp_at_the_ends_of_its_range(run):
    largest = np.float32(88.72283)
    lowest = np.float32(-87.33654)
    x = np.array([largest, np.nextafter(largest, np.float32(89)), lowest], np.float32)
    actual = run("exp", x)
    np.testing.assert_allclose(actual[[0, 2]], _exact("exp", x[[0, 2]]), rtol=2e-7)
    assert actual[1] == math.inf


def test_logarithm_of_a_fraction(load_vector_functions):
    run = load_vector_functions({"f": lambda b, x: VectorMath(b, x.type).log1p_of_fraction(x)}, 8)
    x = np.concatenate([np.linspace(0, 1, 100_001), np.geomspace(1e-37, 1, 10_001)]).astype(np.float32)[1:]
    assert _errors(run("f", x), np.log1p(x.astype(np.float64))).max() <= 3.0


@pytest.mark.parametrize("lanes", [4, 16])
def test_width_of_the_vector_does_not_matter(load_vector_functions, lanes):
    x = np.linspace(-20, 20, 4001).astype(np.float32)
    wide, usual = (load_vector_functions(_functions(True), n) for n in (lanes, 8))
    for name in FUNCTIONS:
        np.testing.assert_array_equal(wide(name, x), usual(name, x))


@pytest.mark.parametrize("fma", [True, False])
def test_compiles_for_arm(compile_vector_functions, fma):
    flags = [flag for flag in flags_for_cpu("generic") if "target-cpu=" not in flag]
    assert compile_vector_functions(_functions(fma), 4, [*flags, "--iree-llvmcpu-target-triple=aarch64-linux-gnu"])
