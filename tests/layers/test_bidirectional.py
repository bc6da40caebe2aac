import json

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers import LSTM, Bidirectional, Dense


def test_copies():
    layer = Bidirectional(LSTM(2, name="a", return_sequences=True, dtype="float64"), name="b")
    assert (layer.forward_layer.name, layer.backward_layer.name) == ("forward_a", "backward_a")
    assert (layer.forward_layer.go_backwards, layer.backward_layer.go_backwards) == (False, True)
    assert layer.backward_layer.dtype == "float64"
    assert layer.dtype == "float32"
    backwards = Bidirectional(LSTM(2, go_backwards=True))
    assert (backwards.forward_layer.go_backwards, backwards.backward_layer.go_backwards) == (True, False)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_zero_output_for_mask_follows_return_sequences(sequences, zero):
    inner = LSTM(2, return_sequences=sequences, zero_output_for_mask=zero)
    layer = Bidirectional(inner)
    assert layer.forward_layer.zero_output_for_mask == layer.backward_layer.zero_output_for_mask == sequences
    assert inner.zero_output_for_mask == zero


def test_weights():
    layer = Bidirectional(LSTM(2, name="a"))
    assert layer.get_weights() == []
    assert not layer.built
    layer.build((None, None, 3))
    assert [s.name for s in layer.weight_specs()][::3] == ["forward/kernel", "backward/kernel"]
    assert layer.weights[3].name == "backward_a/lstm_cell/kernel:0"
    values = [np.full(w.shape, i) for i, w in enumerate(layer.weights)]
    layer.set_weights(values)
    assert [w.flat[0] for w in layer.forward_layer.get_weights()] == [0, 1, 2]
    assert [w.flat[0] for w in layer.backward_layer.get_weights()] == [3, 4, 5]
    with pytest.raises(ArgumentError, match="expecting 6"):
        layer.set_weights(values[:3])
    given = Bidirectional(LSTM(2), weights=values)
    given.build((None, None, 3))
    assert [w.flat[0] for w in given.get_weights()] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("merge", "last", "count"),
    [("concat", 4, 1), ("sum", 2, 1), ("mul", 2, 1), ("ave", 2, 1), (None, 2, 2)],
)
def test_shapes_and_masks(merge, last, count):
    layer = Bidirectional(LSTM(2, return_sequences=True), merge_mode=merge)
    shape = (None, 5, last)
    assert layer.compute_output_shapes((None, 5, 3)) == [shape] * count
    assert layer.compute_output_shape((None, 5, 3)) == ([shape, shape] if count == 2 else shape)
    assert layer.compute_mask(None, "m") == (["m", "m"] if count == 2 else "m")
    stateful = Bidirectional(LSTM(2, return_state=True), merge_mode=merge)
    assert stateful.compute_output_shape((4, 5, 3)) == [(4, last)] * count + [(4, 2)] * 4
    assert stateful.compute_mask(None, "m") == [None] * (count + 4)


def test_own_backward_layer():
    layer = Bidirectional(LSTM(2), backward_layer=LSTM(3, go_backwards=True, name="c"))
    assert layer.backward_layer.name == "backward_c"
    assert layer.get_config()["backward_layer"]["config"]["name"] == "c"
    assert layer.compute_output_shape((None, 5, 3)) == (None, 5)
    again = Bidirectional.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Bidirectional(3), ArgumentError, "layer"),
        (lambda: Bidirectional(Dense(2)), ArgumentError, "layer"),
        (lambda: Bidirectional(LSTM(2), merge_mode="x"), ArgumentError, "merge_mode"),
        (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2)), ArgumentError, "go_backwards"),
        (
            lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, return_state=True)),
            ArgumentError,
            "return_state",
        ),
        (
            lambda: Bidirectional(LSTM(2), "sum", backward_layer=LSTM(3, go_backwards=True)),
            ArgumentError,
            "units",
        ),
        (lambda: Bidirectional(LSTM(2), foo=1), ArgumentTypeError, "foo"),
        (lambda: Bidirectional(LSTM(2, go_backwards=True, flavour="keras3")), ArgumentError, "go_backwards"),
        (lambda: Bidirectional.from_config({"merge_mode": "sum"}), ArgumentError, "layer"),
        (
            lambda: Bidirectional.from_config({"layer": {"class_name": "ConvLSTM1D", "config": {}}}),
            UnsupportedError,
            "ConvLSTM1D",
        ),
    ],
)
def test_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_subclasses_choose_the_class_of_the_inner_layer():
    class LiveLSTM(LSTM):
        pass

    class LiveBidirectional(Bidirectional):
        layer_class = LiveLSTM

    layer = LiveBidirectional.from_config(Bidirectional(LSTM(2)).get_config())
    assert type(layer.forward_layer) is type(layer.backward_layer) is LiveLSTM
    assert type(Bidirectional(LiveLSTM(2)).backward_layer) is LiveLSTM


@pytest.mark.tensorflow
@pytest.mark.parametrize("own_backward", [False, True])
@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_configs_are_keras_own(flavour, own_backward, keras2, keras3):
    la = (keras2 if flavour == "keras2" else keras3).layers
    backward = la.LSTM(2, return_sequences=True, go_backwards=True) if own_backward else None
    theirs = la.Bidirectional(la.LSTM(2, return_sequences=True), "ave", backward_layer=backward).get_config()
    theirs = json.loads(json.dumps(theirs, default=dict))
    ours = Bidirectional.from_config(theirs, flavour=flavour).get_config()
    assert ours == theirs
    assert list(ours) == list(theirs)
