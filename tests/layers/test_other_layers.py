import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.importers.keras_config import LAYER_KEYS
from lstm_ir.layers import ActivationLayer, Dense, Dropout, InputLayer, Masking


def test_dense():
    layer = Dense(3, "softmax", name="d")
    layer.build((None, None, 4))
    assert [w.shape for w in layer.weights] == [(4, 3), (3,)]
    assert layer.weights[0].name == "d/kernel:0"
    assert layer.count_params() == 15
    assert layer.compute_output_shape((2, None, 4)) == (2, None, 3)
    with pytest.raises(ArgumentError, match="last axis of 4"):
        layer.check_input_shape((2, 5))
    with pytest.raises(ArgumentError, match="min_ndim"):
        Dense(3).build((4,))
    with pytest.raises(ArgumentTypeError, match="last axis"):
        Dense(3).build((None, None))
    with pytest.raises(UnsupportedError, match="lora_rank"):
        Dense.from_config({"units": 2, "lora_rank": 4}, flavour="keras3")


def test_dropout():
    assert Dropout(1).get_config()["rate"] == 1
    with pytest.raises(ArgumentError, match="rate"):
        Dropout(1.5)
    with pytest.raises(ArgumentTypeError, match="rate"):
        Dropout("half")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masking_compares_in_the_dtype_of_its_input(dtype):
    x = np.array([[[0.1, 0.1], [0.1, 2.0], [np.nan, 0.1]]], dtype=dtype)
    np.testing.assert_array_equal(Masking(0.1).compute_mask(x), [[False, True, True]])
    with pytest.raises(ArgumentTypeError, match="mask_value"):
        Masking("zero")


def test_activation_layer():
    assert ActivationLayer("hard_sigmoid", flavour="keras3").activation.name == "hard_sigmoid_keras3"
    assert ActivationLayer.keras_class_name == "Activation"


def test_input_layer(fresh_names):
    layer = InputLayer((None, 5, 2))
    assert (layer.shape, layer.dtype, layer.name) == ((None, 5, 2), "float32", "input_1")
    assert InputLayer((None, 2)).name == "input_2"
    assert InputLayer((None, 2), flavour="keras3").name == "input_layer"
    with pytest.raises(UnsupportedError, match="ragged"):
        InputLayer.from_config({"batch_shape": (None, 2), "ragged": True})
    with pytest.raises(ArgumentError, match="batch_shape"):
        InputLayer.from_config({"dtype": "float32"})
    with pytest.raises(ArgumentTypeError, match="foo"):
        InputLayer.from_config({"batch_shape": (None, 2), "foo": 1})
    whole = InputLayer((None, 2), "int32", "ids")
    assert (whole.value_dtype, whole.get_config()["dtype"]) == ("int32", "int32")
    with pytest.raises(ArgumentError, match="complex64"):
        InputLayer((None, 2), "complex64")


@pytest.mark.tensorflow
@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_configs_are_keras_own(flavour, keras2, keras3):
    la = (keras2 if flavour == "keras2" else keras3).layers
    shape = {"shape": (5, 2)} if flavour == "keras3" else {"input_shape": (5, 2)}
    pairs = [
        (Dense, la.Dense(3, activation="softmax", kernel_regularizer="l2", bias_constraint="non_neg")),
        (Dense, la.Dense(3, activity_regularizer="l1")),
        (Dropout, la.Dropout(0.3)),
        (Masking, la.Masking(-1.0)),
        (ActivationLayer, la.Activation("relu")),
        (InputLayer, la.InputLayer(**shape)),
    ]
    for cls, layer in pairs:
        theirs = layer.get_config()
        assert cls.keras_class_name == type(layer).__name__
        ours = cls.from_config(theirs, flavour=flavour).get_config()
        assert ours == theirs
        assert list(ours) == list(theirs)
        assert LAYER_KEYS[cls.keras_class_name].required(flavour) <= set(theirs)
