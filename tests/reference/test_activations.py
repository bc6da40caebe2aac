import math

import numpy as np
import pytest

from lstm_ir.layers.activations import ACTIVATION_NAMES, Activation, resolve_activation
from lstm_ir.reference import apply_activation, round_to

X = np.array([-np.inf, -30.0, -3.0, -2.5, -2.0, -1e-3, 0.0, 0.5, 2.0, 2.5, 3.0, 7.0, 30.0, np.inf, np.nan])


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("hard_sigmoid", -2.5, 0.0),
        ("hard_sigmoid", 2.5, 1.0),
        ("hard_sigmoid", -2.0, 0.1),
        ("hard_sigmoid_keras3", -2.0, 1 / 6),
        ("hard_sigmoid_keras3", 3.0, 1.0),
        ("relu6", 7.0, 6.0),
        ("softsign", -3.0, -0.75),
        ("elu", -1.0, math.exp(-1) - 1),
        ("softplus", 800.0, 800.0),
        ("mish", 1.0, math.tanh(math.log1p(math.e))),
        ("leaky_relu", -1.0, -float(np.float32(0.2))),
        ("gelu", 1.0, 0.5 * math.erfc(-float(np.float32(0.70710678)))),
        ("gelu_tanh", 1.0, 0.8411919906082768),
        ("sigmoid", 800.0, 1.0),
        ("sigmoid", -800.0, 0.0),
        ("exponential", 1.0, math.e),
    ],
)
def test_values(name, x, y):
    assert apply_activation(Activation(name), np.array([x]))[0] == pytest.approx(y, rel=1e-14, abs=1e-300)


def test_softmax_is_over_the_last_axis():
    x = np.array([[1000.0, 1000.0], [0.0, math.log(3.0)]])
    np.testing.assert_allclose(apply_activation(Activation("softmax"), x), [[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(np.exp(apply_activation(Activation("log_softmax"), x)), [[0.5, 0.5], [0.25, 0.75]])


def test_hard_sigmoid_has_the_slope_of_its_dtype():
    y = apply_activation(Activation("hard_sigmoid"), np.array([1.0]), "float16")
    assert y[0] == 0.5 + float(np.float16(0.2))


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_nan_stays_and_empty_arrays_work(name):
    assert np.isnan(apply_activation(Activation(name), np.array([np.nan]))).all()
    assert apply_activation(Activation(name), np.zeros((0, 3))).shape == (0, 3)
    assert apply_activation(Activation(name), np.zeros((3, 0))).shape == (3, 0)


def test_rounding():
    assert round_to(1.0 + 2.0**-9, "bfloat16") == 1.0  # a tie goes to the even neighbour
    assert round_to(1.0 + 3 * 2.0**-9, "bfloat16") == 1.0 + 2.0**-7
    assert round_to(np.array([np.nan, np.inf, 1e39]), "bfloat16")[1] == np.inf
    assert np.isnan(round_to(np.nan, "bfloat16"))
    assert round_to(0.1, "float32") == float(np.float32(0.1))
    assert round_to(0.1, "float64") == 0.1


KERAS_NAMES = sorted(set(ACTIVATION_NAMES) - {"gelu_tanh", "hard_sigmoid_keras3"})


@pytest.mark.tensorflow
@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
@pytest.mark.parametrize("name", KERAS_NAMES)
def test_values_are_keras_own(name, flavour, tensorflow, keras2, keras3):
    keras = keras2 if flavour == "keras2" else keras3
    rows = [X[:-1].reshape(1, -1), X.reshape(-1, 1), np.linspace(-20, 20, 401).reshape(1, -1)]
    for x in rows if "softmax" not in name else rows[2:]:
        theirs = np.asarray(keras.activations.get(name)(tensorflow.constant(x, dtype="float64")))
        ours = apply_activation(resolve_activation(name, flavour), x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
