import numpy as np
import pytest

from lstm_ir.errors import ArgumentError
from lstm_ir.layers import LSTM, ActivationLayer, Bidirectional, Dense, Dropout, Masking, Sequential
from lstm_ir.reference import run_lstm, run_model

RNG = np.random.default_rng(0)


def made(*layers, features=3):
    model = Sequential(layers)
    model.build((None, None, features))
    return model


def padded(batch=4, steps=6, features=3, value=0.0):
    x = RNG.normal(size=(batch, steps, features)).astype("float32")
    for row in range(batch):
        x[row, steps - row :] = value
    return x


def test_states_by_name_and_in_order():
    model = made(
        LSTM(2, name="a", return_sequences=True), Bidirectional(LSTM(2, return_state=True), name="b", merge_mode=None)
    )
    result = run_model(model, padded())
    assert list(result.states) == ["a/h", "a/c", "b/forward/h", "b/forward/c", "b/backward/h", "b/backward/c"]
    assert len(result.outputs) == 6
    np.testing.assert_array_equal(result.outputs[5], result.states["b/backward/c"])
    start = {"b/backward/c": np.ones((4, 2))}
    moved = run_model(model, padded(), initial_state=start)
    assert list(moved.states) == list(result.states)
    with pytest.raises(ArgumentError, match="no state 'c/h'"):
        run_model(model, padded(), initial_state={"c/h": np.ones((4, 2))})


def test_the_state_continues():
    layer = LSTM(2, name="a", dtype="float64")
    model = made(layer)
    x = padded()
    first = run_model(model, x[:, :3])
    second = run_model(model, x[:, 3:], initial_state=first.states)
    np.testing.assert_allclose(second.states["a/c"], run_lstm(layer, x).c, rtol=1e-13)


def test_a_mask_goes_as_far_as_sequences_go():
    x, mask = padded(), RNG.random((4, 6)) > 0.5
    first, second = LSTM(2, return_sequences=True), LSTM(2)
    model = made(first, Dropout(0.5), second)
    inner = run_lstm(first, x, mask).output
    np.testing.assert_allclose(run_model(model, x, mask).outputs[0], run_lstm(second, inner, mask).output, rtol=1e-5)


def test_masking_compares_in_the_layers_dtype():
    layer = LSTM(2)
    model = made(Masking(0.1), layer)
    x = padded(value=np.float32(0.1))
    mask = np.arange(6) < np.array([[6], [5], [4], [3]])
    np.testing.assert_array_equal(run_model(model, x).outputs[0], run_lstm(layer, x, mask).output)


def test_dense_and_activation():
    model = made(Dense(3, "relu"), ActivationLayer("softmax"))
    model.set_weights([np.eye(3), [0.0, 0.0, -1.0]])
    y = run_model(model, np.array([[[1.0, -1.0, 2.0]]])).outputs[0]
    e = np.exp([1.0, 0.0, 1.0])
    np.testing.assert_allclose(y, (e / e.sum()).reshape(1, 1, 3))


@pytest.mark.tensorflow
@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
@pytest.mark.parametrize("sequences", [False, True])
def test_a_whole_model_is_keras_own(flavour, sequences, keras2, keras3):
    keras = keras2 if flavour == "keras2" else keras3
    la = keras.layers
    theirs = keras.Sequential(
        [
            la.Masking(-1.0),
            la.LSTM(5, return_sequences=True, recurrent_activation="hard_sigmoid"),
            la.Bidirectional(la.LSTM(4, return_sequences=sequences), merge_mode="ave"),
            la.Dropout(0.5),
            la.Dense(3),
            la.Activation("softmax"),
        ]
    )
    x = padded(value=-1.0)
    expected = np.asarray(theirs(x))
    ours = Sequential.from_config({"layers": theirs.get_config()["layers"]}, flavour=flavour)
    ours.build((None, None, 3))
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(run_model(ours, x).outputs[0], expected, rtol=1e-4, atol=1e-6)
