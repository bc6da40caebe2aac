"""Every activation, compiled, against the float64 reference over all sorts of arguments."""

import numpy as np
import pytest

from lstm_ir.layers import Activation
from lstm_ir.layers.activations import ACTIVATION_NAMES
from lstm_ir.reference.activations import apply_activation

ROW_WISE = ("softmax", "log_softmax")
CASES = [(name, None) for name in ACTIVATION_NAMES] + [("leaky_relu", 0.3)]
MLIR_NAMES = {"float32": "f32", "float64": "f64"}
PIPELINE = "lstm-lower-layers,lstm-expand-math,lstm-materialize-weights,canonicalize,lstm-check-stage{stage=target}"

# Twice the largest errors that TensorFlow itself makes in f32 on [-20, 20].
F32_BOUNDS = {
    "gelu": 7.6e-7,
    "mish": 4.4e-6,
    "selu": 3.2e-6,
    "sigmoid": 2.8e-7,
    "softplus": 4.0e-6,
    "swish": 2.0e-6,
    "tanh": 6.2e-7,
}


def _symbol(name, alpha):
    return name if alpha is None else f"{name}_alpha"


@pytest.fixture(scope="module", params=sorted(MLIR_NAMES))
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def program(dtype, compile_module, load_vmfb):
    functions = []
    for name, alpha in CASES:
        tensor = f"tensor<{'?x5' if name in ROW_WISE else '?'}x{MLIR_NAMES[dtype]}>"
        attribute = name if alpha is None else f"{name}, {alpha}"
        functions.append(
            f"func.func @{_symbol(name, alpha)}(%x: {tensor}) -> {tensor} {{\n"
            f"  %y = lstm.activate <{attribute}> %x : {tensor}\n  func.return %y : {tensor}\n}}"
        )
    text = "builtin.module @lstm_ir {\n" + "\n".join(functions) + "\n}"
    return load_vmfb(compile_module(text, PIPELINE))


def _run(program, name, alpha, x):
    return program.host(program(_symbol(name, alpha), x)[0]).astype(np.float64)


def _expected(name, alpha, x):
    return apply_activation(Activation(name, alpha), x.astype(np.float64), str(x.dtype))


ELEMENTWISE = [case for case in CASES if case[0] not in ROW_WISE]


@pytest.mark.parametrize(("name", "alpha"), ELEMENTWISE)
def test_usual_arguments(program, dtype, name, alpha):
    x = np.linspace(-20, 20, 40001).astype(dtype)
    error = np.abs(_run(program, name, alpha, x) - _expected(name, alpha, x))
    scale = np.maximum(1.0, np.abs(_expected(name, alpha, x)))
    if dtype == "float64":
        assert (error / scale).max() <= 4e-15
    elif name in F32_BOUNDS:
        assert error.max() <= F32_BOUNDS[name]
    else:
        assert (error / scale).max() <= 1e-6


@pytest.mark.parametrize(("name", "alpha"), ELEMENTWISE)
def test_all_magnitudes(program, dtype, name, alpha):
    """From subnormal numbers to the largest; only what is below the smallest normal number may be lost."""
    info = np.finfo(dtype)
    magnitudes = np.geomspace(float(info.smallest_normal), float(info.max) / 8, 4001).astype(dtype)
    edges = np.array([0.1, 0.3, 1, 2.5, 3, 6, 7.9, 9.01, 20, 88.6, 88.8, 104, 708, 709.7, 710, 745], dtype)
    around = [np.nextafter(edges, limit) for limit in np.array([-np.inf, np.inf], dtype)]
    positive = np.concatenate([magnitudes, edges, *around])
    x = np.concatenate([positive, -positive])
    actual, expected = _run(program, name, alpha, x), _expected(name, alpha, x)
    with np.errstate(over="ignore"):
        expected = expected.astype(dtype).astype(np.float64)  # beyond the largest number lies infinity
    finite = np.isfinite(expected)
    assert finite.all() or name == "exponential"
    np.testing.assert_array_equal(np.isfinite(actual), finite)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    relative, absolute = (4e-6, 4e-6) if dtype == "float32" else (1e-13, 1e-14)
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=relative, atol=absolute)


THROUGH_ZERO = {"elu", "gelu", "leaky_relu", "linear", "mish", "relu", "relu6", "selu", "softsign", "swish", "tanh"}


@pytest.mark.parametrize(("name", "alpha"), [case for case in ELEMENTWISE if case[0] in THROUGH_ZERO])
def test_small_arguments_keep_their_relative_precision(program, dtype, name, alpha):
    """What is close to the identity, or to a multiple of it, near zero must not lose digits there."""
    positive = np.geomspace(1e-30, 0.5, 2001).astype(dtype)
    x = np.concatenate([positive, -positive])
    actual, expected = _run(program, name, alpha, x), _expected(name, alpha, x)
    np.testing.assert_allclose(actual, expected, rtol=2e-6 if dtype == "float32" else 1e-14, atol=0)


@pytest.mark.parametrize(("name", "alpha"), ELEMENTWISE)
def test_special_arguments(program, dtype, name, alpha):
    subnormal = float(np.finfo(dtype).smallest_subnormal)
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, subnormal, -subnormal], dtype)
    actual, expected = _run(program, name, alpha, x), _expected(name, alpha, x)
    np.testing.assert_allclose(
        actual, expected, rtol=4e-7 if dtype == "float32" else 1e-15, atol=np.finfo(dtype).smallest_normal
    )


@pytest.mark.parametrize("name", ROW_WISE)
def test_rows(program, dtype, name):
    rng = np.random.default_rng(7)
    x = np.concatenate(
        [
            rng.normal(size=(200, 5)) * 10,
            [[1e4, 0, 0, 0, 0], [-1e4] * 5, [0] * 5, [-np.inf, 0, 1, 2, 3], [1e-30] * 5, [800, 800, 0, 0, -800]],
        ]
    ).astype(dtype)
    actual, expected = _run(program, name, None, x), _expected(name, None, x)
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ROW_WISE)
def test_nan_stays_in_its_row(program, dtype, name):
    x = np.zeros((2, 5), dtype)
    x[0, 3] = np.nan
    actual = _run(program, name, None, x)
    assert np.isnan(actual[0]).all()
    assert np.isfinite(actual[1]).all()
