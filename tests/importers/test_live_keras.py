"""Live layers and models of both Keras, side by side in one process, against what they predict themselves."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.importers import from_keras, is_keras
from lstm_ir.reference import run_model

pytestmark = pytest.mark.tensorflow

MASK = -9.0


@pytest.fixture(scope="module", params=["tf_keras", "keras"])
def keras(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def x():
    values = np.random.default_rng(3).normal(size=(4, 6, 3)).astype("float32")
    values[0, 4:], values[1, :2], values[3] = MASK, MASK, MASK
    return values


def flavour(keras):
    return "keras3" if keras.__name__ == "keras" else "keras2"


def randomise(layer):
    rng = np.random.default_rng(5)
    layer.set_weights([rng.normal(scale=0.8, size=w.shape).astype(w.dtype) for w in layer.get_weights()])


def agree(described, answer, x, tolerance=1e-5, **how):
    expected = list(answer) if isinstance(answer, (list, tuple)) else [answer]
    result = run_model(described, x, **how)
    assert len(result.outputs) == len(expected)
    for got, want in zip(result.outputs, expected, strict=True):
        assert got.shape == want.shape
        assert np.abs(got - np.asarray(want)).max() <= tolerance


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "return_state": True, "use_bias": False},
        {"recurrent_activation": "hard_sigmoid", "activation": "elu"},
    ],
)
def test_lstm(keras, x, options):
    layer = keras.layers.LSTM(4, name="it", **options)
    layer.build((None, None, 3))
    randomise(layer)
    described = from_keras(layer)
    assert [la.name for la in described.layers] == ["it"]
    assert described.layers[0].flavour == flavour(keras)
    assert described.input_shape == (None, None, 3)
    agree(described, layer(x), x)
    mask = np.array([[1, 1, 0, 1, 1, 0], [0, 1, 1, 1, 1, 1], [1] * 6, [0] * 6], bool)
    agree(described, layer(x, mask=mask), x, mask=mask)


def test_compat_v1_lstm(x):
    pytest.importorskip("tf_keras")
    from tf_keras.src.layers.rnn.lstm_v1 import LSTM

    layer = LSTM(4, return_sequences=True)
    layer.build((None, None, 3))
    randomise(layer)
    described = from_keras(layer)
    assert described.layers[0].flavour == "compat.v1"
    assert described.layers[0].recurrent_activation.name == "hard_sigmoid"
    agree(described, layer(x), x)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
def test_bidirectional(keras, x, merge_mode):
    layer = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True), merge_mode=merge_mode)
    layer(x)
    randomise(layer)
    described = from_keras(layer)
    assert described.input_shape == (None, None, 3)  # not the batch and length of the first call
    agree(described, layer(x), x)
    assert len(described.output_shapes) == (2 if merge_mode is None else 1)


def test_dense(keras, x):
    layer = keras.layers.Dense(5, activation="softmax")
    layer(x)
    randomise(layer)
    described = from_keras(layer)
    assert described.input_shape == (None, None, 3)
    agree(described, layer(x), x)


def test_float64(keras, x):
    layer = keras.layers.LSTM(4, dtype="float64")
    layer(x.astype("float64"))
    randomise(layer)
    described = from_keras(layer)
    assert described.input_dtype == "float64"
    agree(described, layer(x.astype("float64")), x.astype("float64"), 1e-9)


def test_mixed_precision_takes_the_dtype_of_its_weights(keras, x):
    layer = keras.layers.LSTM(4, dtype="mixed_float16")
    layer.build((None, None, 3))
    randomise(layer)
    described = from_keras(layer)
    assert described.input_dtype == "float32"
    assert described.layers[0].compute_dtype == "float16"
    agree(described, layer(x), x, 1e-2)


def test_weights_that_are_not_the_configs(keras):
    layer = keras.layers.LSTM(4)
    layer.build((None, None, 3))
    layer.get_weights = lambda: [np.zeros((3, 16), "float32"), np.zeros((4, 12), "float32"), np.zeros(16, "float32")]
    with pytest.raises(
        ArgumentError, match=r"'recurrent_kernel' is float32\(4, 12\); its config says float32\(4, 16\)"
    ):
        from_keras(layer)
    layer.get_weights = list
    with pytest.raises(ArgumentError, match="has 0 weights; its config says 3"):
        from_keras(layer)


def test_stateful_and_unrolled_keep_what_they_fix(keras, x):
    layer = keras.layers.LSTM(4, stateful=True)
    layer.build((4, 6, 3))
    assert from_keras(layer).input_shape == (4, None, 3)
    first, second = layer(x), layer(x)
    described = from_keras(layer)
    result = run_model(described, x)
    assert np.abs(result.outputs[0] - np.asarray(first)).max() < 1e-5
    agree(described, second, x, initial_state=result.states)
    layer = keras.layers.LSTM(4, unroll=True)
    layer(x)
    assert from_keras(layer).input_shape == (None, 6, 3)


def sequential(keras):
    la = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, 3), name="signal"),
            la.Masking(MASK),
            la.Bidirectional(la.LSTM(4, return_sequences=True), name="both"),
            la.Dropout(0.5),
            la.LSTM(5, recurrent_activation="hard_sigmoid"),
            la.Dense(3),
            la.Activation("softmax"),
        ],
        name="live",
    )


def test_sequential(keras, x):
    model = sequential(keras)
    for layer in model.layers:
        randomise(layer)
    described = from_keras(model)
    assert (described.name, described.input_name) == ("live", "signal")
    agree(described, model(x), x)


def test_sequential_built_by_its_first_call(keras, x):
    model = keras.Sequential([keras.layers.LSTM(4), keras.layers.Dense(2)])
    answer = model(x)
    agree(from_keras(model), answer, x)


def test_functional_chain(keras, x):
    source = keras.Input((None, 3))
    y = keras.layers.Masking(MASK)(source)
    y = keras.layers.LSTM(4, return_sequences=True)(y)
    model = keras.Model(source, keras.layers.LSTM(4, return_state=True, name="last")(y))
    agree(from_keras(model), model(x), x)


def test_the_weights_are_a_copy(keras):
    layer = keras.layers.LSTM(4)
    layer.build((None, None, 3))
    described = from_keras(layer)
    before = described.get_weights()[0]
    randomise(layer)
    np.testing.assert_array_equal(described.get_weights()[0], before)


def test_not_built(keras):
    with pytest.raises(ArgumentError, match="not built"):
        from_keras(keras.layers.LSTM(4))
    with pytest.raises(ArgumentError, match="not built"):
        from_keras(keras.Sequential([keras.layers.LSTM(4)]))


def test_refused(keras):
    la = keras.layers

    def wobble(v):
        return v / 3

    def tanh(v):  # the user's, in spite of its name
        return v / 3

    class Mine(la.LSTM):
        pass

    source = keras.Input((None, 3))
    fork = la.LSTM(4, name="left")(source)
    cases = [
        (keras.Sequential([source, la.Lambda(lambda v: v, name="same")]), "'same' (Lambda)"),
        (keras.Model(source, la.Dot(1, True, name="both")([fork, fork])), "'both' (Dot): normalize"),
        (keras.Sequential([source, la.TimeDistributed(la.Dense(4, activation=tanh))]), "'tanh'"),
        (Mine(4), "custom class"),
        (keras.Sequential([source, Mine(4, name="mine")]), "'mine'"),
        (la.LSTM(4, activation=wobble, name="w"), "'wobble'"),
        (la.LSTM(4, recurrent_activation=tanh, name="t"), "recurrent_activation 'tanh' is a function of the user's"),
        (keras.Sequential([source, la.Dense(4, activation=tanh)]), "'tanh'"),
    ]
    for thing, text in cases:
        if not thing.built:
            thing.build((None, None, 3))
        with pytest.raises(UnsupportedError) as caught:
            from_keras(thing)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


def test_bidirectional_reads_a_function_by_its_name(keras, x):
    """Keras itself rebuilds the inner layers from their config, where only the name of a function is left."""

    def tanh(v):
        return v / 3

    layer = keras.layers.Bidirectional(keras.layers.LSTM(4, activation=tanh))
    layer(x)
    agree(from_keras(layer), layer(x), x)


@pytest.mark.parametrize("thing", [None, 3, "model.keras", np.zeros(3), object()])
def test_not_keras(thing):
    assert not is_keras(thing)
    with pytest.raises(ArgumentTypeError, match="accepted: a layer or model"):
        from_keras(thing)


def test_is_keras(keras):
    assert is_keras(keras.layers.LSTM(4))
    assert is_keras(sequential(keras))
    assert not is_keras(keras.initializers.Zeros())
    assert not is_keras(keras.layers.LSTM)
