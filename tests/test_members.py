"""The members of the LSTM layer: what docs/members.md says of each, held against live Keras."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# tf.compat.v1.keras is tf_keras only if this is there before TensorFlow's first import.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.live.members import READ_ONLY, REFUSED_CELL_MEMBERS, REFUSED_MEMBERS
from lstm_ir.reference import apply_activation, run_lstm

B, T, I, U = 2, 3, 3, 4  # noqa: E741  # the field's names
X = np.random.default_rng(0).normal(size=(B, T, I)).astype("float32")

PAGE = (Path(__file__).parents[1] / "docs" / "members.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.partition("## Keras 2 and Keras 3")[0], re.MULTILINE))
"""The status of each member of the v1 layer."""

API_PAGE = (
    *("activation", "bias_constraint", "bias_initializer", "bias_regularizer", "dropout", "implementation"),
    *("kernel_constraint", "kernel_initializer", "kernel_regularizer", "recurrent_activation", "recurrent_constraint"),
    *("recurrent_dropout", "recurrent_initializer", "recurrent_regularizer", "states", "unit_forget_bias", "units"),
    *("use_bias", "reset_states"),
)
"""What the API page of tf.compat.v1.keras.layers.LSTM lists."""


def members(status):
    return sorted(name for name, said in ROWS.items() if said == status)


def built(cls, **options):
    layer = cls(U, name="lstm", **options)
    layer.build((None, None, I))
    return layer


@pytest.fixture(scope="module")
def ours():
    return built(lstm_ir.LSTM)


@pytest.fixture(scope="module")
def tf_keras():
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="module")
def lstm_v1(tf_keras):
    """tf.compat.v1.keras.layers.LSTM, by the name that does not depend on which Keras TensorFlow was told to use."""
    from tf_keras.src.layers.rnn.lstm_v1 import LSTM

    return LSTM


@pytest.fixture(scope="module")
def theirs(lstm_v1):
    return built(lstm_v1)


# The table.


def test_the_table_has_every_member_of_the_api_page_and_no_unknown_status():
    assert set(API_PAGE) <= set(ROWS)
    assert set(ROWS.values()) == {"same", "different", "refused"}
    assert set(members("refused")) <= set(REFUSED_MEMBERS)


@pytest.mark.tensorflow
def test_the_table_has_every_public_member_of_keras(theirs):
    assert sorted(ROWS) == [name for name in dir(theirs) if not name.startswith("_")]


@pytest.mark.parametrize("name", sorted(REFUSED_MEMBERS))
def test_refused_members_say_so(ours, name):
    assert not hasattr(ours, name)
    with pytest.raises(UnsupportedError, match=f"^{name}: not a member of lstm_ir layers: [^\n]+$"):
        getattr(ours, name)


def test_other_unknown_members_are_plain_attribute_errors(ours):
    for name in ("kernel", "recurrent_kernel", "bias", "kernels"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'") as caught:
            getattr(ours, name)
        assert not isinstance(caught.value, UnsupportedError)


def plain(value):
    """A value of either package in a form that can be compared."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "as_list"):  # TensorShape
        return plain(value.as_list())
    if hasattr(value, "numpy"):
        return plain(value.numpy())
    if isinstance(value, np.ndarray | np.generic):
        return (value.dtype.name, value.shape)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__name__", type(value).__name__)


def parameters(method):
    return [name for name in inspect.signature(method).parameters if name != "flavour"]


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:`layer.updates` will be removed")
@pytest.mark.parametrize("name", members("same") + members("different"))
def test_members_that_exist_are_those_of_keras(ours, theirs, name):
    """Values and parameters; of the different ones, what the two have in common."""
    got, want = getattr(ours, name), getattr(theirs, name)
    if inspect.ismethod(want):
        assert parameters(got) == parameters(want)
    elif name in ("input_spec", "state_spec"):
        specs = [got] if name == "input_spec" else got
        assert [spec.shape for spec in specs] == [spec.shape for spec in want]
    elif name == "dtype_policy":
        attributes = ("name", "compute_dtype", "variable_dtype")
        assert [getattr(got, each) for each in attributes] == [getattr(want, each) for each in attributes]
    else:
        assert plain(got) == plain(want)


CALLS = {
    "compute_output_shape": ((B, T, I),),
    "count_params": (),
    "finalize_state": (),
    "get_build_config": (),
    "get_config": (),
    "get_weights": (),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "return_state": True, "use_bias": False}], ids=str)
@pytest.mark.parametrize(("name", "arguments"), CALLS.items(), ids=CALLS)
def test_methods_return_what_those_of_keras_return(lstm_v1, name, arguments, options):
    got, want = (getattr(built(cls, **options), name)(*arguments) for cls in (lstm_ir.LSTM, lstm_v1))
    assert plain(got) == plain(want)


@pytest.mark.tensorflow
@pytest.mark.parametrize("time_major", [False, True])
def test_initial_states_are_zeros_of_the_batch_and_dtype(tf_keras, lstm_v1, time_major):
    import tensorflow as tf

    x = np.ones((T, B, I) if time_major else (B, T, I), "float64")
    got = built(lstm_ir.LSTM, time_major=time_major).get_initial_state(x)
    want = built(lstm_v1, time_major=time_major).get_initial_state(tf.constant(x))
    assert plain(got) == plain(want) == [("float64", (B, U))] * 2
    assert not any(state.any() for state in got)


def test_weights_are_listed_by_what_is_trained(ours):
    frozen = built(lstm_ir.LSTM, trainable=False)
    for layer, trained, rest in ((ours, 3, 0), (frozen, 0, 3)):
        assert layer.weights == layer.variables
        assert len(layer.trainable_weights) == len(layer.trainable_variables) == trained
        assert len(layer.non_trainable_weights) == len(layer.non_trainable_variables) == rest
    frozen.trainable = True
    assert frozen.trainable_variables == frozen.weights


def test_a_build_config_builds():
    layer = built(lstm_ir.LSTM)
    copy = lstm_ir.LSTM(U)
    assert copy.get_build_config() is None
    copy.build_from_config(layer.get_build_config())
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in layer.weights]
    with pytest.raises(ArgumentError, match="expected input_shape"):
        lstm_ir.LSTM(U).build_from_config({})


def test_an_activation_has_a_name_and_can_be_given_on(ours):
    assert ours.activation.__name__ == "tanh"
    assert lstm_ir.keras3.LSTM(U, recurrent_activation="hard_sigmoid").recurrent_activation.__name__ == "hard_sigmoid"
    assert lstm_ir.LSTM(U, activation=ours.recurrent_activation).activation == ours.recurrent_activation
    np.testing.assert_array_equal(apply_activation(ours.activation, X), np.tanh(X.astype("float64")))


# Assignment.


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_the_arguments_of_the_cell_cannot_be_assigned(ours, name):
    before = getattr(ours, name)
    with pytest.raises(AttributeError, match=f"^{name}: cannot be assigned"):
        setattr(ours, name, before)
    assert getattr(ours, name) is before


@pytest.mark.tensorflow
def test_keras_refuses_the_same_assignments(theirs):
    assert set(API_PAGE) - READ_ONLY == {"states", "reset_states"}
    for name in READ_ONLY:
        with pytest.raises(AttributeError):
            setattr(theirs, name, None)


def test_other_arguments_can_be_assigned_after_a_call():
    layer = built(lstm_ir.LSTM)
    both = lstm_ir.Bidirectional(layer)
    assert layer(X).shape == (B, U)
    assert both(X).shape == (B, 2 * U)
    layer.go_backwards = True
    np.testing.assert_allclose(layer(X), run_lstm(layer, X).output, atol=1e-6)
    assert np.abs(layer(X) - run_lstm(layer, X[:, ::-1]).output).max() > 1e-3
    before = both(X)
    both.backward_layer.go_backwards = False
    after = both(X)
    np.testing.assert_array_equal(after[:, :U], before[:, :U])
    np.testing.assert_allclose(after[:, U:], run_lstm(both.backward_layer, X).output, atol=1e-6)


# The cell.

CELL = (
    *("units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias", "dropout", "recurrent_dropout"),
    *("kernel_initializer", "recurrent_initializer", "bias_initializer", "kernel_constraint", "recurrent_constraint"),
    *("kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "bias_constraint", "implementation"),
    *("state_size", "output_size", "built", "trainable", "dtype", "compute_dtype", "variable_dtype", "weights"),
    *("trainable_weights", "non_trainable_weights", "variables", "trainable_variables", "non_trainable_variables"),
    *("kernel", "recurrent_kernel", "bias"),
)


@pytest.mark.tensorflow
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_cell_has_the_attributes_of_keras(lstm_v1, use_bias):
    ours, theirs = built(lstm_ir.LSTM, use_bias=use_bias).cell, built(lstm_v1, use_bias=use_bias).cell
    for name in CELL:
        assert plain(getattr(ours, name)) == plain(getattr(theirs, name)), name
        assert name in dir(ours)
    for name in ("get_weights", "count_params"):
        assert plain(getattr(ours, name)()) == plain(getattr(theirs, name)())
    assert ours.get_config() == theirs.get_config() | {"name": "lstm_cell"}


@pytest.mark.tensorflow
def test_the_cell_of_keras_has_the_members_that_ours_refuses(theirs):
    for name in REFUSED_CELL_MEMBERS:
        assert hasattr(theirs.cell, name)


def test_the_cell_is_one_object_and_reads_the_layer():
    layer = lstm_ir.LSTM(U)
    cell = layer.cell
    assert layer.submodules == (cell,)
    assert layer.cell is cell
    assert not hasattr(cell, "kernel")
    assert not cell.built
    layer.build((None, None, I))
    assert cell.kernel is layer.weights[0]
    cell.bias.assign(np.full(4 * U, 2.0))
    assert (layer.get_weights()[2] == 2).all()
    with pytest.raises(AttributeError):
        cell.units = 3
    for name in REFUSED_CELL_MEMBERS:
        with pytest.raises(UnsupportedError, match="not a member of an LSTM's cell"):
            getattr(cell, name)


def test_the_cell_computes_nothing(ours):
    with pytest.raises(UnsupportedError, match="cannot be called by itself"):
        ours.cell(X[:, 0], [np.zeros((B, U))] * 2)
    with pytest.raises(UnsupportedError, match="built with its layer"):
        ours.cell.build((None, I))


def test_initial_states_of_the_cell(ours):
    cell = ours.cell
    assert plain(cell.get_initial_state(X)) == [("float32", (B, U))] * 2
    assert plain(cell.get_initial_state(batch_size=5, dtype="float64")) == [("float64", (5, U))] * 2
    assert plain(cell.get_initial_state(X, dtype="float16")) == [("float16", (B, U))] * 2
    assert plain(built(lstm_ir.LSTM, dtype="mixed_float16").cell.get_initial_state(batch_size=1))[0][0] == "float16"
    with pytest.raises(ArgumentError, match="batch_size: got None"):
        cell.get_initial_state()


# Keras 2 and Keras 3.


def described(function):
    """Name, kind and default of each parameter of a constructor."""
    given = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in given if each.name != "self"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["LSTM", "Bidirectional"])
def test_signatures_are_those_of_keras(tf_keras, lstm_v1, name):
    keras = pytest.importorskip("keras")
    assert described(getattr(lstm_ir.keras2, name)) == described(getattr(tf_keras.layers, name).__init__)
    assert described(getattr(lstm_ir.keras3, name)) == described(getattr(keras.layers, name).__init__)
    original = lstm_v1 if name == "LSTM" else tf_keras.layers.Bidirectional
    assert described(getattr(lstm_ir, name)) == described(original.__init__)


@pytest.mark.tensorflow
@pytest.mark.parametrize("room", ["keras2", "keras3"])
def test_configs_are_read_and_written_as_keras_writes_them(tf_keras, room):
    keras = pytest.importorskip("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner = (tf_keras if room == "keras2" else keras).layers
        for theirs in (inner.LSTM(U, recurrent_dropout=0.25), inner.Bidirectional(inner.LSTM(U), merge_mode="sum")):
            own = getattr(getattr(lstm_ir, room), type(theirs).__name__)
            copy = own.from_config(theirs.get_config())
            assert type(copy) is own
            assert copy.flavour == room
            assert type(theirs).from_config(copy.get_config()).get_config() == theirs.get_config()


def test_both_are_there_without_an_import_of_their_own():
    code = "import lstm_ir; print(lstm_ir.keras2.LSTM.__module__, lstm_ir.keras3.Bidirectional.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["lstm_ir.keras2", "lstm_ir.keras3"]


def test_bidirectional_makes_its_own_layers():
    for room in (lstm_ir.keras2, lstm_ir.keras3):
        layer = room.Bidirectional(room.LSTM(U))
        copy = room.Bidirectional.from_config(layer.get_config())
        assert [type(cell) for cell in layer.cells + copy.cells] == [room.LSTM] * 4
    v1 = lstm_ir.keras2.Bidirectional(lstm_ir.LSTM(U))  # tf.compat.v1 has no wrapper of its own
    assert v1.forward_layer.recurrent_activation.name == "hard_sigmoid"


def test_defaults_and_order():
    """Positional arguments, as far as the three orders agree and past where they do not."""
    shared = (U, "tanh", "tanh", True, "zeros", "zeros", "zeros", False, *[None] * 7, 0.0, 0.0)
    v1 = lstm_ir.LSTM(*shared, True, False, True, False, True)
    keras2 = lstm_ir.keras2.LSTM(*shared, True, False, True, False, True)
    keras3 = lstm_ir.keras3.LSTM(*shared, 7, True, False, True, False, True, False)
    for layer in (v1, keras2, keras3):
        assert (layer.return_sequences, layer.return_state, layer.go_backwards, layer.stateful) == (1, 0, 1, 0)
    assert (v1.unroll, v1.time_major) == (True, False)
    assert (keras2.unroll, keras2.time_major) == (False, True)
    assert (keras3.unroll, keras3.seed, keras3.use_cudnn) == (True, 7, False)
    for layer, name, implementation in (
        (lstm_ir.LSTM(U), "hard_sigmoid", 1),
        (lstm_ir.keras2.LSTM(U), "sigmoid", 2),
        (lstm_ir.keras3.LSTM(U), "sigmoid", 2),
    ):
        assert (layer.recurrent_activation.name, layer.implementation) == (name, implementation)


def test_another_flavour_is_refused():
    for make in (
        lambda: lstm_ir.keras2.LSTM(U, flavour="keras3"),
        lambda: lstm_ir.keras3.LSTM(U, flavour="compat.v1"),
        lambda: lstm_ir.keras3.Bidirectional(lstm_ir.LSTM(U)),
        lambda: lstm_ir.keras2.Bidirectional(lstm_ir.keras3.LSTM(U)),
    ):
        with pytest.raises(ArgumentError, match=r"^flavour: got '\S+', expected 'keras[23]'.* in lstm_ir.keras[23]$"):
            make()
    with pytest.raises(ArgumentError, match="time_major"):
        lstm_ir.keras3.LSTM(U, time_major=True)
    with pytest.raises(ArgumentTypeError, match="seed"):
        lstm_ir.keras2.LSTM(U, seed=1)


def test_state_of_keras3():
    layer = lstm_ir.keras3.LSTM(U, stateful=True, return_state=True)
    assert layer.states is None
    layer.build((B, None, I))
    output, h, c = results = layer(X)
    assert type(results) is tuple
    for got, want in zip(layer.states, (h, c), strict=True):
        np.testing.assert_array_equal(got, want)
    given = [np.ones((B, U), "float32"), np.zeros((B, U), "float32")]
    honoured = layer(X, initial_state=given)[0]  # although there are recorded states
    np.testing.assert_allclose(honoured, run_lstm(layer, X, initial_state=given).output, atol=1e-6)
    assert np.abs(honoured - output).max() > 1e-3
    layer.reset_state()
    np.testing.assert_array_equal(layer(X)[0], output)
    with pytest.raises(TypeError, match="takes no states"):
        layer.reset_states(given)
    assert plain(layer.get_initial_state(5)) == [("float32", (5, U))] * 2
    with pytest.raises(ArgumentTypeError, match="batch_size"):
        layer.get_initial_state(X)


@pytest.mark.tensorflow
def test_the_table_has_what_keras3_adds():
    keras = pytest.importorskip("keras")
    ours, theirs = built(lstm_ir.keras3.LSTM), built(keras.layers.LSTM)
    rows = [row.split(" | ") for row in PAGE.partition("| Keras 3 |")[2].splitlines() if row.startswith("| `")]
    said = {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    added = {name for name in dir(theirs) if not name.startswith("_") and name not in ROWS}
    assert added == set(said) - set(ROWS)
    for name, status in said.items():
        assert hasattr(ours, name) == (status != "refused"), name
        if status == "same" and not inspect.ismethod(getattr(theirs, name)):
            assert plain(getattr(ours, name)) == plain(getattr(theirs, name)), name


@pytest.mark.tensorflow
def test_reset_of_a_bidirectional_without_states_as_in_keras3():
    keras = pytest.importorskip("keras")
    for room in (keras.layers, lstm_ir.keras3):
        layer = room.Bidirectional(room.LSTM(U))
        for method in (layer.reset_state, layer.reset_states):
            with pytest.raises(AttributeError, match="must be stateful"):
                method()
        room.LSTM(U).reset_states()
