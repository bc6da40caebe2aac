import math

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers import initializers
from lstm_ir.layers.initializer_lookup import resolve_initializer, serialize_initializer

SHAPE = (80, 240)
UNIFORM = {"GlorotUniform": 6 / 320, "HeUniform": 6 / 80, "LecunUniform": 3 / 80}
NORMAL = {"GlorotNormal": 2 / 320, "HeNormal": 2 / 80, "LecunNormal": 1 / 80}


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_families(name):
    limit = math.sqrt(UNIFORM[name])
    values = getattr(initializers, name)(seed=1)(SHAPE, "float64")
    assert np.abs(values).max() <= limit
    assert np.abs(values).max() > 0.99 * limit
    assert abs(values.mean()) < 4 * limit / math.sqrt(3 * values.size)
    assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize("name", NORMAL)
def test_truncated_normal_families(name):
    std = math.sqrt(NORMAL[name])
    values = getattr(initializers, name)(seed=1)(SHAPE, "float64")
    assert values.std() == pytest.approx(std, rel=0.02)
    assert np.abs(values).max() <= 2 * std / 0.87962566103423978


def test_random_families():
    uniform = initializers.RandomUniform(1.0, 3.0, seed=2)(SHAPE)
    assert uniform.min() >= 1.0
    assert uniform.max() <= 3.0
    assert uniform.mean() == pytest.approx(2.0, abs=0.02)
    normal = initializers.RandomNormal(1.0, 0.5, seed=2)(SHAPE)
    assert normal.mean() == pytest.approx(1.0, abs=0.02)
    assert normal.std() == pytest.approx(0.5, rel=0.02)
    assert np.abs(normal - 1.0).max() > 1.0
    assert np.abs(initializers.TruncatedNormal(1.0, 0.5, seed=2)(SHAPE) - 1.0).max() <= 1.0


@pytest.mark.parametrize("shape", [(4, 16), (16, 4), (5, 5)])
def test_orthogonal(shape):
    matrix = initializers.Orthogonal(gain=2.0, seed=3)(shape, "float64")
    gram = matrix @ matrix.T if shape[0] <= shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4.0 * np.eye(min(shape)), atol=1e-12)
    with pytest.raises(ArgumentError, match="two or more"):
        initializers.Orthogonal()((4,))


def test_constants_and_identity():
    assert (initializers.Zeros()((2, 3)) == 0).all()
    assert (initializers.Ones()((2, 3)) == 1).all()
    assert (initializers.Constant(2)((2, 3), "float16") == np.full((2, 3), 2, "float16")).all()
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), 3.0 * np.eye(2, 3))
    with pytest.raises(ArgumentError, match="two dimensions"):
        initializers.Identity()((4,))


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 80), ("fan_out", 240), ("fan_avg", 160)])
def test_variance_scaling(mode, fan):
    values = initializers.VarianceScaling(3.0, mode, "untruncated_normal", seed=4)(SHAPE, "float64")
    assert values.var() == pytest.approx(3.0 / fan, rel=0.05)


@pytest.mark.parametrize("arguments", [{"scale": 0}, {"mode": "fan"}, {"distribution": "cauchy"}])
def test_variance_scaling_refuses(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        initializers.VarianceScaling(**arguments)


def test_seeds():
    seeded = initializers.GlorotUniform(seed=5)
    np.testing.assert_array_equal(seeded(SHAPE), seeded(SHAPE))
    assert (initializers.GlorotUniform(seed=6)(SHAPE) != seeded(SHAPE)).any()
    unseeded = initializers.GlorotUniform()
    assert (unseeded(SHAPE) != unseeded(SHAPE)).any()


def test_lookup():
    assert isinstance(resolve_initializer("normal"), initializers.RandomNormal)
    assert isinstance(resolve_initializer("he_uniform"), initializers.HeUniform)
    assert isinstance(resolve_initializer(initializers.Ones), initializers.Ones)
    assert resolve_initializer(None) is None
    dtype_of_tf1 = {"class_name": "Constant", "config": {"value": 3, "dtype": "float32"}}
    assert resolve_initializer(dtype_of_tf1).value == 3

    def mine(shape, dtype):
        return np.full(shape, 7, dtype)

    assert resolve_initializer(mine) is mine
    with pytest.raises(UnsupportedError, match="no config"):
        serialize_initializer(mine)


@pytest.mark.parametrize(
    ("identifier", "error"),
    [
        ("nope", ArgumentError),
        (3, ArgumentError),
        ({"class_name": "Zeros", "config": {"foo": 1}}, ArgumentTypeError),
        ({"class_name": "GlorotUniform", "config": {"input_axes": [0]}}, UnsupportedError),
    ],
)
def test_lookup_refuses(identifier, error):
    with pytest.raises(error):
        resolve_initializer(identifier)


@pytest.mark.tensorflow
@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_configs_are_keras_own(flavour, keras2, keras3):
    keras = keras2 if flavour == "keras2" else keras3
    names = [
        "Zeros",
        "Ones",
        "RandomUniform",
        "RandomNormal",
        "TruncatedNormal",
        "VarianceScaling",
        "GlorotUniform",
        "GlorotNormal",
        "HeUniform",
        "HeNormal",
        "LecunUniform",
        "LecunNormal",
        "Orthogonal",
        "Identity",
    ]
    for name in names:
        theirs = keras.initializers.serialize(getattr(keras.initializers, name)())
        assert serialize_initializer(resolve_initializer(theirs), flavour) == theirs


@pytest.mark.tensorflow
def test_distributions_are_keras_own(keras2):
    for name in [*UNIFORM, *NORMAL]:
        theirs = getattr(keras2.initializers, name)(seed=1)(SHAPE).numpy()
        ours = getattr(initializers, name)(seed=1)(SHAPE)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.02)
