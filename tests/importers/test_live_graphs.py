"""Live models of the kinds that users have, of both Keras, against what they predict: through the reference alone."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ir.importers import from_keras
from lstm_ir.reference import run_model

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask"),
]

Made = tuple[Any, list[np.ndarray]]
_RNG = np.random.default_rng(1)


@pytest.fixture(scope="module", params=["tf_keras", "keras"])
def keras(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


def sig(*shape: int) -> np.ndarray:
    return _RNG.normal(size=shape).astype("float32")


def masked(*shape: int) -> np.ndarray:
    """Steps of zeros behind, and before."""
    x = sig(*shape)
    x[0, -2:] = 0
    x[1, 0] = 0
    return x


def ids(batch: int, time: int, count: int) -> np.ndarray:
    x = _RNG.integers(1, count, (batch, time)).astype("int32")
    x[0, -2:] = 0
    return x


def masked_classifier(k: Any, la: Any) -> Made:
    layers = [k.Input((None, 3)), la.Masking(), la.LSTM(4, return_sequences=True), la.Dropout(0.2)]
    layers += [la.BatchNormalization(), la.LSTM(3), la.Dense(2, activation="sigmoid")]
    return k.Sequential(layers), [masked(3, 6, 3)]


def masked_mean(k: Any, la: Any) -> Made:
    x = k.Input((None, 3))
    y = la.LayerNormalization()(la.Bidirectional(la.LSTM(4, return_sequences=True))(la.Masking()(x)))
    z = la.Concatenate()([la.GlobalAveragePooling1D()(y), la.GlobalMaxPooling1D()(y)])
    return k.Model(x, la.Dense(2)(z)), [masked(3, 6, 3)]


def bidirectional_encoder(k: Any, la: Any) -> Made:
    x, d = k.Input((None, 3), name="a"), k.Input((None, 2), name="b")
    _, fh, fc, bh, bc = la.Bidirectional(la.LSTM(3, return_state=True))(la.Masking()(x))
    states = [la.Concatenate()([fh, bh]), la.Concatenate()([fc, bc])]
    y, _, _ = la.LSTM(6, return_sequences=True, return_state=True)(la.Masking()(d), initial_state=states)
    words = la.TimeDistributed(la.Dense(4, activation="softmax"))(y)
    return k.Model([x, d], words), [masked(3, 6, 3), masked(3, 4, 2)]


def bidirectional_decoder(k: Any, la: Any) -> Made:
    x, d = k.Input((None, 3), name="a"), k.Input((None, 2), name="b")
    _, *states = la.Bidirectional(la.LSTM(3, return_state=True))(x)
    y = la.Bidirectional(la.LSTM(3, return_sequences=True))(la.Masking()(d), initial_state=states)
    return k.Model([x, d], y), [sig(3, 6, 3), masked(3, 4, 2)]


def stacked_translator(k: Any, la: Any) -> Made:
    x, d = k.Input((None,), name="a"), k.Input((None,), name="b")
    y = la.LSTM(4, return_sequences=True)(la.Embedding(9, 4, mask_zero=True)(x))
    _, h, c = la.LSTM(5, return_state=True)(y)
    y = la.LSTM(5, return_sequences=True)(la.Embedding(8, 4, mask_zero=True)(d), initial_state=[h, c])
    y = la.LSTM(5, return_sequences=True)(y)
    return k.Model([x, d], la.Dense(8, activation="softmax")(y)), [ids(3, 6, 9), ids(3, 5, 8)]


def tagger(k: Any, la: Any) -> Made:
    layers = [k.Input((None,)), la.Embedding(20, 5, mask_zero=True), la.SpatialDropout1D(0.1)]
    layers += [la.Bidirectional(la.LSTM(4, return_sequences=True)), la.LayerNormalization()]
    layers += [la.TimeDistributed(la.Dense(6, activation="relu")), la.TimeDistributed(la.Dense(5))]
    return k.Sequential([*layers, la.Activation("softmax")]), [ids(3, 7, 20)]


def frames(k: Any, la: Any) -> Made:
    layers = [k.Input((3, 8, 2)), la.TimeDistributed(la.Conv1D(4, 3, activation="relu"))]
    layers += [la.TimeDistributed(la.MaxPooling1D(2)), la.TimeDistributed(la.Flatten()), la.LSTM(4)]
    return k.Sequential([*layers, la.Dense(1)]), [sig(2, 3, 8, 2)]


def words_in_sentences(k: Any, la: Any) -> Made:
    word = k.Input((4,), dtype="int32")
    inside = k.Model(word, la.LSTM(3)(la.Embedding(9, 2, mask_zero=True)(word)))
    head = k.Sequential([k.Input((3,)), la.Dense(4, activation="relu"), la.Dropout(0.2), la.BatchNormalization()])
    x = k.Input((6, 4), dtype="int32")
    y = la.TimeDistributed(head)(la.Masking()(la.TimeDistributed(inside)(x)))
    pairs = la.Reshape((2, 3, 3))(la.TimeDistributed(inside)(x))
    outputs = [la.Bidirectional(la.GRU(2))(y), la.TimeDistributed(la.TimeDistributed(head))(pairs)]
    return k.Model(x, outputs), [_RNG.integers(0, 9, (2, 6, 4)).astype("int32")]


def masks_as_inputs(k: Any, la: Any) -> Made:
    x, other = k.Input((None, 3), name="x"), k.Input((None, 3), name="y")
    keep = k.Input((None,), dtype="bool", name="z")
    inner = k.Input((None, 4))
    head = k.Model(inner, la.LSTM(2, return_sequences=True)(inner))
    y, h, _ = la.LSTM(4, return_sequences=True, return_state=True)(x, mask=keep)
    y = la.GRU(4, return_sequences=True)(la.Dropout(0.1)(y), initial_state=h)
    last = la.SimpleRNN(2)
    outputs = [last(x, mask=keep), last(other), la.GlobalAveragePooling1D()(y), head(y), la.Attention()([y, y])]
    return k.Model([x, other, keep], outputs), [sig(3, 6, 3), sig(3, 4, 3), _RNG.random((3, 6)) < 0.6]


def convolutions(k: Any, la: Any) -> Made:
    layers = [k.Input((None, 2)), la.Conv1D(4, 5, strides=2, padding="causal"), la.ReLU(), la.MaxPooling1D(2)]
    layers += [la.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="gelu")]
    layers += [la.AveragePooling1D(2, padding="same"), la.LSTM(4, go_backwards=True), la.Dense(1)]
    return k.Sequential(layers), [sig(2, 21, 2)]


def masks_that_meet(k: Any, la: Any) -> Made:
    x = k.Input((None, 4))
    y = la.Masking()(x)
    z = la.Add()([y, la.LSTM(4, return_sequences=True)(y)])
    mixed = [la.Concatenate()([x, y]), la.Concatenate()([y, la.LSTM(2, return_sequences=True)(x)]), z]
    mixed += [la.Multiply()([x, y]), la.Average()([y, z])]
    return k.Model(x, [la.LSTM(3)(each) for each in mixed]), [masked(3, 6, 4)]


def cells(k: Any, la: Any) -> Made:
    x = k.Input((None, 3))
    y = la.RNN([la.LSTMCell(4), la.LSTMCell(3)], return_sequences=True)(la.Masking()(x))
    last, *states = la.RNN([la.LSTMCell(4), la.LSTMCell(3)], return_state=True)(x)
    flat = [v for state in states for v in (state if isinstance(state, (list, tuple)) else [state])]
    return k.Model(x, [la.RNN(la.LSTMCell(2))(y), last, *flat]), [masked(3, 6, 3)]


def twins(k: Any, la: Any) -> Made:
    inner = k.Input((None, 3))
    encoder = k.Model(inner, la.LSTM(4)(la.Masking()(inner)), name="encoder")
    a, b = k.Input((None, 3), name="a"), k.Input((None, 3), name="b")
    same = la.Dense(1, activation="sigmoid")(la.Subtract()([encoder(a), encoder(b)]))
    return k.Model([a, b], same), [masked(3, 6, 3), masked(3, 5, 3)]


def models_in_models(k: Any, la: Any) -> Made:
    body = k.Sequential([la.LSTM(4, return_sequences=True), la.Dropout(0.1), la.LSTM(3)], name="body")
    head = k.Sequential([k.Sequential([la.Dense(4), la.BatchNormalization()]), la.Dense(2)])
    return k.Sequential([k.Input((None, 3)), la.Masking(), body, head]), [masked(3, 6, 3)]


def other_cells(k: Any, la: Any) -> Made:
    x = k.Input((None, 4))
    y = la.Bidirectional(la.GRU(3, return_sequences=True))(la.Masking()(x))
    stack = la.RNN([la.LSTMCell(3), la.GRUCell(2)], return_sequences=True)
    y = la.Bidirectional(stack, merge_mode="mul")(y)
    y, h = la.SimpleRNN(3, return_sequences=True, return_state=True, go_backwards=True)(y)
    return k.Model(x, [1 - y[:, -1] * 2, h + la.GRU(3)(y), y - y / 3]), [masked(3, 6, 4)]


def looking_back(k: Any, la: Any) -> Made:
    source, target = (k.Input((None,), dtype="int32", name=name) for name in ("source", "target"))
    table = la.Embedding(9, 4, mask_zero=True)
    seen, h, c = la.LSTM(4, return_sequences=True, return_state=True)(table(source))
    y = la.LSTM(4, return_sequences=True)(table(target), initial_state=[h, c])
    a = la.Concatenate()([y, la.Attention()([y, seen]), la.AdditiveAttention()([y, seen])])
    d = la.Dot(axes=[2, 1])([la.Softmax()(la.Dot(axes=[2, 2])([y, seen])), seen])
    return k.Model([source, target], [la.LSTM(3)(a), d]), [ids(3, 5, 9), ids(3, 6, 9)]


def outputs_by_name(k: Any, la: Any) -> Made:
    x = k.Input((None, 3), name="x")
    left, right = k.Input((None, 3)), k.Input((4,))
    inside = k.Model({"s": left, "r": right}, {"q": la.LSTM(4)(left) + right, "p": right})
    y = la.LSTM(4)(x)
    made = inside({"s": x, "r": y})
    return k.Model({"x": x}, {"b": la.Dense(1, name="b")(made["q"]), "a": made["p"]}), [sig(2, 5, 3)]


def known_lengths(k: Any, la: Any) -> Made:
    x = k.Input((6, 4))
    y = la.LSTM(3, return_sequences=True)(la.Permute((2, 1))(x))
    z = la.LSTM(2, unroll=True, return_sequences=True)(la.BatchNormalization(trainable=False)(la.Masking()(x)))
    outputs = [la.LSTM(2)(la.Reshape((2, 6))(y)), la.Dense(2)(la.Flatten()(x)), la.BatchNormalization(axis=1)(z)]
    return k.Model(x, outputs), [masked(2, 6, 4)]


CASES: list[Callable[[Any, Any], Made]] = [
    masked_classifier,
    masked_mean,
    bidirectional_encoder,
    bidirectional_decoder,
    stacked_translator,
    tagger,
    frames,
    words_in_sentences,
    masks_as_inputs,
    convolutions,
    masks_that_meet,
    cells,
    twins,
    models_in_models,
    other_cells,
    looking_back,
    outputs_by_name,
    known_lengths,
]


@pytest.mark.parametrize("make", CASES)
def test_predictions(keras: Any, make: Callable[[Any, Any], Made]):
    model, inputs = make(keras, keras.layers)
    for weight in model.weights:
        path = getattr(weight, "path", weight.name)
        if "seed" not in path:
            value = _RNG.uniform(-0.8, 0.8, size=tuple(weight.shape)).astype("float32")
            weight.assign(value**2 + 0.1 if "variance" in path else value)
    given = inputs[0] if len(inputs) == 1 else inputs
    predicted = model(given, training=False)
    if isinstance(predicted, dict):
        predicted = [predicted[name] for name in sorted(predicted)]
    expected = [np.asarray(y) for y in (predicted if isinstance(predicted, (list, tuple)) else [predicted])]
    for mine, right in zip(run_model(from_keras(model), given).outputs, expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=2e-6)
