import dataclasses

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.activations import (
    ACTIVATION_NAMES,
    Activation,
    resolve_activation,
    serialize_activation,
)

NAMES = [
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "relu",
    "linear",
    "softsign",
    "softplus",
    "elu",
    "selu",
    "swish",
    "silu",
    "gelu",
    "exponential",
    "mish",
    "softmax",
    "leaky_relu",
    "relu6",
    "log_softmax",
]


@pytest.mark.parametrize("flavour", ["compat.v1", "keras2", "keras3"])
@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_read_and_written_back(name, flavour):
    activation = resolve_activation(name, flavour)
    written = serialize_activation(activation, flavour)
    assert written == {("silu", "compat.v1"): "swish", ("silu", "keras2"): "swish"}.get(
        (name, flavour), "silu" if flavour == "keras3" and name == "swish" else name
    )
    assert resolve_activation(written, flavour) == activation


def test_hard_sigmoid_depends_on_the_flavour():
    assert resolve_activation("hard_sigmoid", "compat.v1").name == "hard_sigmoid"
    assert resolve_activation("hard_sigmoid", "keras2").name == "hard_sigmoid"
    assert resolve_activation("hard_sigmoid", "keras3").name == "hard_sigmoid_keras3"
    with pytest.raises(UnsupportedError, match="hard_sigmoid"):
        serialize_activation(Activation("hard_sigmoid"), "keras3")


def test_none_is_linear():
    assert resolve_activation(None) == Activation("linear")
    assert serialize_activation(Activation("linear")) == "linear"


def test_leaky_relu_has_tensorflows_float32_slope():
    assert resolve_activation("leaky_relu").alpha == float(np.float32(0.2))
    with pytest.raises(ArgumentError, match="alpha"):
        Activation("tanh", 0.1)


@pytest.mark.parametrize("name", ["nope", "Tanh", "leakyrelu", "hard_silu", "celu", "glu", ""])
def test_unknown_names_are_value_errors_that_list_what_is_accepted(name):
    with pytest.raises(ArgumentError, match=r"unknown activation function.*tanh") as error:
        resolve_activation(name, argument="recurrent_activation")
    assert isinstance(error.value, ValueError)
    assert "recurrent_activation" in str(error.value)


def test_what_keras3_has_and_we_have_not_is_unsupported():
    with pytest.raises(UnsupportedError, match="celu"):
        resolve_activation("celu", "keras3")


def test_other_types_are_type_errors_in_keras2_and_value_errors_in_keras3():
    with pytest.raises(ArgumentTypeError, match="3"):
        resolve_activation(3)
    with pytest.raises(ArgumentError, match="3"):
        resolve_activation(3, "keras3")


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("LeakyReLU", Activation("leaky_relu", float(np.float32(0.3)))),
        ("ReLU", Activation("relu")),
        ("ELU", Activation("elu")),
        ("Softmax", Activation("softmax")),
        ({"class_name": "LeakyReLU", "config": {"alpha": 0.1}}, Activation("leaky_relu", float(np.float32(0.1)))),
        ({"class_name": "ReLU", "config": {"max_value": 6}}, Activation("relu6")),
        ({"class_name": "ReLU", "config": {"negative_slope": 0.5}}, Activation("leaky_relu", 0.5)),
        ({"class_name": "function", "config": "relu", "registered_name": "relu"}, Activation("relu")),
    ],
)
def test_layer_classes_that_are_exactly_a_function(identifier, expected):
    activation = resolve_activation(identifier)
    assert activation == expected
    assert resolve_activation(serialize_activation(activation)) == expected


@pytest.mark.parametrize(
    "identifier",
    [
        "PReLU",
        "ThresholdedReLU",
        {"class_name": "ReLU", "config": {"max_value": 3.0}},
        {"class_name": "ReLU", "config": {"threshold": 1.0}},
        {"class_name": "ELU", "config": {"alpha": 0.5}},
        {"class_name": "Softmax", "config": {"axis": 1}},
        {"class_name": "LeakyReLU", "config": {"alpha": 0.1}, "registered_name": "mine>LeakyReLU"},
        np.tanh,
        lambda x: x,
    ],
)
def test_what_cannot_be_compiled_faithfully_is_refused(identifier):
    with pytest.raises(UnsupportedError):
        resolve_activation(identifier)


def test_an_activation_is_a_frozen_value():
    activation = resolve_activation("LeakyReLU")
    assert hash(activation) == hash(Activation("leaky_relu", activation.alpha))
    with pytest.raises(dataclasses.FrozenInstanceError):
        activation.name = "tanh"
    with pytest.raises(ArgumentError, match="nope"):
        Activation("nope")
    assert {"gelu_tanh", "hard_sigmoid_keras3", "swish"} <= set(ACTIVATION_NAMES)


@pytest.mark.tensorflow
def test_function_objects_of_keras(tensorflow, keras2, keras3):
    assert resolve_activation(keras2.activations.hard_sigmoid).name == "hard_sigmoid"
    assert resolve_activation(keras3.activations.hard_sigmoid, "keras3").name == "hard_sigmoid_keras3"
    assert resolve_activation(keras2.activations.relu) == Activation("relu")


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [*NAMES, "LeakyReLU", "ELU", "ReLU"])
def test_names_serialise_as_in_keras2(keras2, name):
    theirs = keras2.layers.LSTM(2, activation=name).get_config()["activation"]
    ours = serialize_activation(resolve_activation(theirs))
    assert ours == theirs
    if isinstance(theirs, str):
        assert serialize_activation(resolve_activation(name)) == theirs
