import json

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers import LSTM, Bidirectional, Dense, Dropout, InputLayer, Masking, Sequential


def example():
    return Sequential(
        [
            InputLayer((None, None, 12), name="frames"),
            Masking(-1.0, name="masking"),
            Bidirectional(LSTM(4, name="inner"), name="both"),
            Dropout(0.5, name="dropout"),
            Dense(9, "softmax", name="dense"),
        ],
        name="m",
    )


def test_a_whole_model():
    model = example()
    assert (model.input_shape, model.input_dtype, model.input_name) == ((None, None, 12), "float32", "frames")
    assert [layer.name for layer in model.layers] == ["masking", "both", "dropout", "dense"]
    assert not model.built
    model.build()
    assert model.built
    assert model.output_shapes == [(None, 9)]
    assert len(model.get_weights()) == 8
    assert model.count_params() == 2 * 16 * (12 + 4 + 1) + 8 * 9 + 9
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    assert not any(w.any() for w in model.get_weights())


def test_a_single_layer():
    model = Sequential([LSTM(4, return_state=True, dtype="mixed_float16")])
    with pytest.raises(ArgumentError, match="not built"):
        model.build()
    model.build((None, 5, 3))
    assert (model.input_shape, model.input_dtype, model.input_name) == ((None, 5, 3), "float32", "x")
    assert model.output_shapes == [(None, 4)] * 3
    declared = Sequential([LSTM(4, input_shape=(5, 3))])
    declared.build()
    assert declared.input_shape == (None, 5, 3)


def test_config_round_trip():
    model = example()
    config = json.loads(json.dumps(model.get_config()))
    again = Sequential.from_config(config)
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())


@pytest.mark.parametrize(
    ("layers", "error", "text"),
    [
        ([], ArgumentError, "none"),
        ([InputLayer((None, 2))], ArgumentError, "none"),
        ([LSTM(2), 3], ArgumentTypeError, r"layers\[1\]"),
        ([LSTM(2), InputLayer((None, 2))], ArgumentError, "first"),
        ([LSTM(2, name="a"), Dense(2, name="a")], ArgumentError, "'a' names two"),
        ([LSTM(2, name="a", return_state=True), Dense(2)], ArgumentError, "'a' has several outputs"),
        ([Bidirectional(LSTM(2), None, name="a"), Dense(2)], ArgumentError, "'a' has several outputs"),
    ],
)
def test_refused(layers, error, text):
    with pytest.raises(error, match=text):
        Sequential(layers)


def test_unknown_layers_are_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"layers\[0\].*'Conv2D'"):
        Sequential.from_config({"layers": [{"class_name": "Conv2D", "config": {}}]})
    with pytest.raises(ArgumentError, match="layers"):
        Sequential.from_config({})


@pytest.mark.tensorflow
def test_keras2_sequential(keras2):
    la = keras2.layers
    theirs = keras2.Sequential(
        [la.Masking(-1.0, input_shape=(None, 12)), la.Bidirectional(la.LSTM(4)), la.Dropout(0.5), la.Dense(9)]
    )
    ours = Sequential.from_config(theirs.get_config(), flavour="keras2")
    ours.build()
    ours.set_weights(theirs.get_weights())
    assert ours.count_params() == theirs.count_params()
    assert ours.output_shapes == [theirs.output_shape]
