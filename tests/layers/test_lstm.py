import inspect
import json

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.importers.keras_config import LAYER_KEYS
from lstm_ir.layers import LSTM

PAGE_ORDER = [
    "units",
    "activation",
    "recurrent_activation",
    "use_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "unit_forget_bias",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
]


def built(*args, shape=(None, None, 3), **kwargs):
    layer = LSTM(*args, **kwargs)
    layer.build(shape)
    return layer


# the constructor


def test_positional_order_and_defaults_are_the_pages():
    parameters = inspect.signature(LSTM).parameters
    assert list(parameters) == [*PAGE_ORDER, "kwargs"]
    assert parameters["activation"].default == "tanh"
    assert parameters["recurrent_activation"].default == "hard_sigmoid"
    assert parameters["recurrent_initializer"].default == "orthogonal"
    assert parameters["use_bias"].default is True
    assert parameters["unroll"].default is False


@pytest.mark.parametrize(
    ("flavour", "gate", "implementation"),
    [("compat.v1", "hard_sigmoid", 1), ("keras2", "sigmoid", 2), ("keras3", "sigmoid", 2)],
)
def test_defaults_by_flavour(flavour, gate, implementation):
    layer = LSTM(2, flavour=flavour)
    assert layer.recurrent_activation.name == gate
    assert layer.implementation == implementation
    explicit = LSTM(2, recurrent_activation="hard_sigmoid", flavour=flavour)
    assert explicit.recurrent_activation.name.startswith("hard_sigmoid")


@pytest.mark.parametrize("units", [0, -1, -2.5, np.int64(0)])
def test_units_must_be_positive(units):
    with pytest.raises(ArgumentError, match="units: expected a positive integer, got"):
        LSTM(units)


@pytest.mark.parametrize("units", ["4", None, 2.5, True, [4]])
def test_units_must_be_an_integer(units):
    with pytest.raises(ArgumentTypeError, match="units"):
        LSTM(units)


def test_numpy_integers_are_units():
    assert LSTM(np.int32(4)).get_config()["units"] == 4
    json.dumps(LSTM(np.int32(4)).get_config())


@pytest.mark.parametrize(("given", "kept"), [(1.5, 1.0), (-1, 0.0), (True, 1.0), (0, 0.0), (0.25, 0.25)])
def test_rates_are_clamped(given, kept):
    assert LSTM(2, dropout=given).dropout == kept
    assert LSTM(2, recurrent_dropout=given).recurrent_dropout == kept


@pytest.mark.parametrize("rate", ["0.5", None, [0.5]])
def test_rates_must_be_numbers(rate):
    with pytest.raises(ArgumentTypeError, match="recurrent_dropout"):
        LSTM(2, recurrent_dropout=rate)


def test_implementation():
    assert LSTM(2, implementation=0).get_config()["implementation"] == 0
    assert LSTM.from_config(LSTM(2, implementation=0).get_config()).implementation == 1
    assert LSTM(2, implementation=3).implementation == 3
    assert LSTM(2, implementation=2, recurrent_dropout=0.1).implementation == 1


def test_flags_are_kept_as_given():
    config = LSTM(2, return_sequences=1).get_config()
    assert config["return_sequences"] is not True
    assert config["return_sequences"] == 1


@pytest.mark.parametrize(
    "keyword", ["foo", "seed", "use_cudnn", "reset_after", "constants", "return_runtime", "input_length_"]
)
def test_unknown_keywords_are_type_errors(keyword):
    with pytest.raises(ArgumentTypeError, match=f"keyword argument not understood.*{keyword}"):
        LSTM(2, **{keyword: 1})


@pytest.mark.parametrize("keyword", ["foo", "time_major", "batch_input_shape", "weights"])
def test_unknown_keywords_are_value_errors_in_keras3(keyword):
    with pytest.raises(ArgumentError, match=keyword):
        LSTM(2, flavour="keras3", **{keyword: 1})


def test_all_keywords_of_keras2_are_taken():
    layer = LSTM(
        2,
        implementation=1,
        time_major=True,
        zero_output_for_mask=True,
        input_shape=(5, 3),
        batch_size=4,
        dtype="float64",
        name="n",
        trainable=False,
        autocast=False,
        dynamic=False,
        enable_caching_device=True,
    )
    assert (layer.time_major, layer.zero_output_for_mask, layer.trainable) == (True, True, False)
    assert layer.batch_input_shape == (4, 5, 3)
    assert (layer.name, layer.dtype, layer.autocast) == ("n", "float64", False)


@pytest.mark.parametrize(
    ("keywords", "shape"),
    [
        ({"input_shape": (5, 3)}, (None, 5, 3)),
        ({"input_dim": 3}, (None, None, 3)),
        ({"input_length": 4}, (None, 4, None)),
        ({"input_dim": 3, "input_length": 4}, (None, 4, 3)),
        ({"batch_input_shape": (2, 5, 3)}, (2, 5, 3)),
        ({"batch_size": 2}, None),
    ],
)
def test_declared_shapes(keywords, shape):
    layer = LSTM(2, **keywords)
    assert layer.batch_input_shape == shape
    assert layer.get_config().get("batch_input_shape") == shape


def test_input_length_beside_input_shape_is_not_understood():
    with pytest.raises(ArgumentTypeError, match="input_length"):
        LSTM(2, input_shape=(5, 3), input_length=5)


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("activation", "nope", ArgumentError),
        ("recurrent_activation", 3, ArgumentTypeError),
        ("kernel_initializer", "nope", ArgumentError),
        ("bias_regularizer", 0.1, ArgumentError),
        ("recurrent_constraint", "nope", ArgumentError),
        ("dtype", "int32", ArgumentError),
        ("dtype", "nope", ArgumentTypeError),
        ("trainable", "yes", ArgumentTypeError),
        ("name", 3, ArgumentTypeError),
        ("flavour", "keras4", ArgumentError),
        ("batch_input_shape", "abc", ArgumentTypeError),
    ],
)
def test_errors_name_the_argument(argument, value, error):
    with pytest.raises(error, match=argument):
        LSTM(2, **{argument: value})


def test_automatic_names(fresh_names):
    assert [LSTM(1).name, LSTM(1, name="mine").name, LSTM(1).name, LSTM(1).name] == [
        "lstm",
        "mine",
        "lstm_1",
        "lstm_2",
    ]


# weights


def test_weights():
    layer = built(4, name="a")
    assert [(s.name, s.shape, s.dtype) for s in layer.weight_specs()] == [
        ("kernel", (3, 16), "float32"),
        ("recurrent_kernel", (4, 16), "float32"),
        ("bias", (16,), "float32"),
    ]
    assert layer.weights[0].name == "a/lstm_cell/kernel:0"
    assert layer.count_params() == 16 * (3 + 4 + 1)
    assert built(4, use_bias=False).count_params() == 16 * (3 + 4)
    assert built(4, dtype="mixed_float16").weights[0].dtype == "float32"
    assert layer.trainable_weights == layer.weights
    layer.trainable = False
    assert layer.trainable_weights == []


def test_before_build():
    layer = LSTM(4)
    assert layer.get_weights() == []
    assert not layer.built
    with pytest.raises(ArgumentError, match="not built"):
        layer.count_params()
    with pytest.raises(ArgumentError, match="length 3, but the layer was expecting 0"):
        layer.set_weights([1, 2, 3])


def test_initial_weights():
    layer = built(64, dtype="float64", shape=(None, None, 20))
    kernel, recurrent, bias = layer.get_weights()
    assert np.abs(kernel).max() <= np.sqrt(6 / (20 + 256))
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-12)
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 64))


def test_forget_bias_replaces_and_does_not_add():
    two = {"class_name": "Constant", "config": {"value": 2}}
    np.testing.assert_array_equal(built(1, bias_initializer=two).get_weights()[2], [2, 1, 2, 2])
    plain = built(1, bias_initializer=two, unit_forget_bias=False).get_weights()[2]
    np.testing.assert_array_equal(plain, [2, 2, 2, 2])


def test_no_initializer_is_glorot_uniform():
    kernel = built(64, kernel_initializer=None).get_weights()[0]
    assert 0.9 < np.abs(kernel).max() / np.sqrt(6 / (3 + 256)) <= 1.0
    with pytest.raises(ArgumentTypeError, match="bias_initializer"):
        built(2, bias_initializer=None)


def test_set_weights_converts_and_copies():
    layer = built(1)
    given = [np.ones((3, 4), "float64"), np.ones((1, 4), int), [0.0, 1.0, 2.0, 3.0]]
    layer.set_weights(given)
    given[0][:] = 7
    assert layer.get_weights()[0].dtype == np.float32
    assert (layer.get_weights()[0] == 1).all()
    layer.get_weights()[0][:] = 7
    assert (layer.get_weights()[0] == 1).all()


@pytest.mark.parametrize(
    ("weights", "error", "text"),
    [
        ([np.ones((3, 4))], ArgumentError, "length 1, but the layer was expecting 3"),
        ([np.ones((3, 4)), np.ones((2, 4)), np.ones(4)], ArgumentError, r"\(1, 4\) is not compatible.*\(2, 4\)"),
        ([np.ones((3, 4)), np.ones((1, 4)), np.array(["a"] * 4)], ArgumentTypeError, "real numbers"),
        ([np.ones((3, 4)), np.ones((1, 4)), [1, [2], 3, 4]], ArgumentTypeError, "ragged"),
        (3, ArgumentTypeError, "list"),
    ],
)
def test_set_weights_refuses_and_changes_nothing(weights, error, text):
    layer = built(1)
    before = layer.get_weights()
    with pytest.raises(error, match=text):
        layer.set_weights(weights)
    for ours, theirs in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_argument_is_assigned_at_build():
    layer = built(1, weights=[np.full((3, 4), 2), np.full((1, 4), 3), np.full(4, 4)])
    assert [w.flat[0] for w in layer.get_weights()] == [2, 3, 4]
    with pytest.raises(ArgumentError, match="length 1"):
        built(1, weights=[np.ones((3, 4))])


def test_specs_carry_regularizers_and_constraints():
    layer = built(2, kernel_regularizer="l2", bias_constraint="non_neg")
    kernel, recurrent, bias = layer.weight_specs()
    assert kernel.regularizer is layer.kernel_regularizer
    assert bias.constraint is layer.bias_constraint
    assert recurrent.regularizer is recurrent.constraint is None


# shapes


def test_build_refuses():
    with pytest.raises(ArgumentError, match="expected ndim=3, found ndim=2"):
        built(2, shape=(None, 3))
    with pytest.raises(ArgumentTypeError, match="last axis"):
        built(2, shape=(None, None, None))
    with pytest.raises(ArgumentError, match="stateful"):
        built(2, stateful=True)
    with pytest.raises(ArgumentError, match="axis 1"):
        built(2, stateful=True, time_major=True, shape=(7, None, 3))


def test_what_is_fixed_after_build():
    layer = built(2)
    layer.check_input_shape((9, 9, 3))
    with pytest.raises(ArgumentError, match=r"expected shape=\(None, None, 3\)"):
        layer.check_input_shape((9, 9, 4))
    layer.build((2, 2, 3))
    with pytest.raises(ArgumentError, match="expected shape"):
        layer.build((2, 2, 4))
    stateful = built(2, stateful=True, shape=(4, None, 3))
    with pytest.raises(ArgumentError, match=r"expected shape=\(4, None, 3\)"):
        stateful.check_input_shape((5, 9, 3))


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("time_major", [False, True])
def test_output_shape_and_mask(sequences, state, time_major):
    layer = LSTM(2, return_sequences=sequences, return_state=state, time_major=time_major)
    batch = 7 if time_major else 5
    output = (5, 7, 2) if sequences else (batch, 2)
    assert layer.compute_output_shape((5, 7, 3)) == ([output, (batch, 2), (batch, 2)] if state else output)
    assert layer.compute_output_shape([(5, 7, 3), (5, 2)]) == layer.compute_output_shape((5, 7, 3))
    carried = "mask" if sequences else None
    assert layer.compute_mask(None, "mask") == ([carried, None, None] if state else carried)


# configs

CONFIGS = [
    {},
    {"activation": None, "recurrent_activation": "silu", "use_bias": False},
    {"return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True, "unroll": True},
    {"kernel_regularizer": "l1_l2", "bias_constraint": "max_norm", "activity_regularizer": "l2"},
    {"dropout": 0.1, "recurrent_dropout": 0.2, "dtype": "mixed_float16", "trainable": False},
    {"zero_output_for_mask": True, "time_major": True, "input_shape": (5, 3), "activation": "LeakyReLU"},
    {"kernel_initializer": None, "recurrent_initializer": "he_normal", "dtype": "float64"},
]


@pytest.mark.parametrize("keywords", CONFIGS)
def test_config_round_trip_is_an_identity(keywords):
    config = LSTM(4, **keywords).get_config()
    before = json.dumps(config)
    again = LSTM.from_config(config).get_config()
    assert json.dumps(again) == before
    assert json.dumps(config) == before  # from_config leaves its argument alone


def test_short_form_of_objects():
    layer = LSTM.from_config({"units": 2, "kernel_initializer": {"class_name": "Ones", "config": {}}})
    assert layer.get_config()["kernel_initializer"]["module"] == "keras.initializers"


def test_unknown_config_key():
    with pytest.raises(ArgumentTypeError, match="foo"):
        LSTM.from_config({"units": 2, "foo": 1})


def test_missing_keys_take_the_flavours_defaults():
    assert LSTM.from_config({"units": 2}).recurrent_activation.name == "hard_sigmoid"
    assert LSTM.from_config({"units": 2}, flavour="keras2").recurrent_activation.name == "sigmoid"
    assert {"units", "recurrent_activation"} <= LAYER_KEYS["LSTM"].required("keras2")
    assert "zero_output_for_mask" in LAYER_KEYS["LSTM"].required("keras3") - LAYER_KEYS["LSTM"].required("keras2")


def test_a_subclass_keeps_its_class():
    class Live(LSTM):
        pass

    assert type(Live.from_config(Live(2).get_config())) is Live


@pytest.mark.tensorflow
@pytest.mark.parametrize("keywords", CONFIGS)
def test_configs_are_keras2_own(keywords, keras2):
    from tf_keras.src.layers.rnn import lstm_v1

    for flavour, cls in (("compat.v1", lstm_v1.LSTM), ("keras2", keras2.layers.LSTM)):
        theirs = cls(4, **keywords).get_config()
        ours = LSTM.from_config(theirs, flavour=flavour)
        assert ours.get_config() == theirs
        assert list(ours.get_config()) == list(theirs)
        new = LSTM(4, flavour=flavour, **(keywords | {"name": theirs["name"]})).get_config()
        layers = ("LeakyReLU",)  # Keras gives the inner layer a name of its own
        assert {k: v for k, v in new.items() if keywords.get(k) not in layers} == {
            k: v for k, v in theirs.items() if keywords.get(k) not in layers
        }
        cls.from_config(new)


@pytest.mark.tensorflow
@pytest.mark.parametrize("keywords", CONFIGS)
def test_configs_are_keras3_own(keywords, keras3):
    keywords = {k: v for k, v in keywords.items() if k not in ("time_major", "input_shape")}
    if keywords.get("kernel_regularizer") == "l1_l2":
        keywords["kernel_regularizer"] = "l1"
    if keywords.get("activation") == "LeakyReLU":
        keywords["activation"] = "hard_sigmoid"
    theirs = keras3.layers.LSTM(4, seed=3, **keywords).get_config()
    ours = LSTM.from_config(theirs, flavour="keras3")
    assert ours.get_config() == theirs
    assert list(ours.get_config()) == list(theirs)
    assert LSTM(4, flavour="keras3", seed=3, **(keywords | {"name": theirs["name"]})).get_config() == theirs


@pytest.mark.tensorflow
def test_weights_fit_keras(keras2):
    theirs = keras2.layers.LSTM(4)
    theirs.build((None, None, 3))
    ours = built(4)
    theirs.set_weights(ours.get_weights())
    ours.set_weights(theirs.get_weights())
    assert ours.count_params() == theirs.count_params()
