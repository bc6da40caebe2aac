"""Compiled layers against the layers that they are compiled from, run by TensorFlow itself."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# tf.compat.v1.keras is tf_keras only if this is there before TensorFlow's first import.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import lstm_ir

pytestmark = pytest.mark.tensorflow

TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
"""Largest difference accepted, relative to the largest value where that is above 1."""

BOUNDED = ["tanh", "sigmoid", "hard_sigmoid", "softsign", "softmax", "relu6"]
UNBOUNDED = ["relu", "linear", "elu", "selu", "swish", "gelu", "softplus", "mish", "leaky_relu", "log_softmax"]
MASKS = ["none", "right", "left", "holes", "a row without any"]
PHASES = [Phase.explicit, Phase.generate]
"""No shrinking: each example is compiled, and is small as it is drawn."""

BATCH, STEPS, FEATURES, UNITS = 3, 5, 4, 6


@pytest.fixture(scope="module")
def tf_keras():
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="module")
def lstm_v1(tf_keras):
    """tf.compat.v1.keras.layers.LSTM, by the name that does not depend on which Keras TensorFlow was told to use."""
    from tf_keras.src.layers.rnn.lstm_v1 import LSTM

    return LSTM


@dataclass(frozen=True)
class Drawn:
    options: dict[str, Any]
    merge_mode: str | None
    mask: str
    initial_state: bool
    seed: int


@st.composite
def drawn_layers(draw, *, wrapped=False):
    # Two unbounded ones feed each other until float32 ends.
    activations = [draw(st.sampled_from(BOUNDED)), draw(st.sampled_from([*BOUNDED, *UNBOUNDED]))]
    activation, recurrent_activation = draw(st.permutations(activations))
    options = {
        "activation": activation,
        "recurrent_activation": recurrent_activation,
        "use_bias": draw(st.booleans()),
        "go_backwards": draw(st.booleans()),
        "time_major": draw(st.booleans()),
        "return_sequences": draw(st.booleans()),
        "return_state": draw(st.booleans()),
        "zero_output_for_mask": draw(st.booleans()),
        "implementation": draw(st.sampled_from([1, 2])),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
    }
    if wrapped:
        merge_mode = draw(st.sampled_from(["concat", "sum", "mul", "ave", None]))
    else:
        merge_mode = None
        options["stateful"] = draw(st.booleans())
    initial_state = draw(st.booleans())
    return Drawn(options, merge_mode, draw(st.sampled_from(MASKS)), initial_state, draw(st.integers(0, 2**31)))


def make_mask(kind, rng):
    lengths = rng.integers(1, STEPS + 1, BATCH)
    steps = np.arange(STEPS)[None, :]
    match kind:
        case "none":
            return None
        case "right":
            return steps < lengths[:, None]
        case "left":
            return steps >= STEPS - lengths[:, None]
        case "holes":
            return rng.random((BATCH, STEPS)) > 0.4
        case _:
            mask = rng.random((BATCH, STEPS)) > 0.2
            mask[1] = False
            return mask


def set_small_weights(layer, rng):
    """Set weights with which exponential and relu stay finite over a sequence."""
    layer.set_weights([rng.normal(size=w.shape, scale=0.4 / np.sqrt(w.shape[0])) for w in layer.get_weights()])


def as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def compare(got, want, tolerance):
    got, want = as_list(got), [np.asarray(value) for value in as_list(want)]
    assert len(got) == len(want)
    for ours, theirs in zip(got, want, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert np.isfinite(theirs).all()
        assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max())


def check(layer, drawn):
    """Compile a live layer, and call both twice."""
    import tensorflow as tf

    rng, dtype, time_major = np.random.default_rng(drawn.seed), drawn.options["dtype"], drawn.options["time_major"]
    order = (1, 0, 2) if time_major else (0, 1, 2)
    layer.build(tuple(np.take((BATCH, STEPS, FEATURES), order)))
    set_small_weights(layer, rng)
    module = lstm_ir.compile(layer)
    stateful = drawn.options.get("stateful", False)
    state = module.make_state(BATCH) if stateful else None
    for call in range(2):
        x = rng.normal(size=(BATCH, STEPS, FEATURES)).astype(dtype).transpose(order)
        mask = make_mask(drawn.mask, rng)
        mask = mask.T if mask is not None and time_major else mask
        # A stateful layer heeds an initial state only before it has recorded one.
        initial = None
        if drawn.initial_state and not (stateful and call):
            initial = [rng.normal(size=(BATCH, UNITS), scale=0.5).astype(dtype) for _ in module.states]
        tensors = None if initial is None else [tf.constant(array) for array in initial]
        want = layer(tf.constant(x), mask=None if mask is None else tf.constant(mask), initial_state=tensors)
        if state is None:
            got = module(x, mask=mask, initial_state=initial)
        else:
            if initial is not None:
                state.set(initial)
            got = module(x, mask=mask, state=state)
            compare(list(state.numpy().values()), [variable.numpy() for variable in layer.states], TOLERANCE[dtype])
        compare(got, want, TOLERANCE[dtype])


@given(drawn=drawn_layers())
@settings(max_examples=12, phases=PHASES)
def test_lstm(lstm_v1, drawn):
    check(lstm_v1(UNITS, **drawn.options), drawn)


@given(drawn=drawn_layers(wrapped=True))
@settings(max_examples=8, phases=PHASES)
def test_bidirectional(tf_keras, lstm_v1, drawn):
    inner = lstm_v1(UNITS, **drawn.options)
    check(tf_keras.layers.Bidirectional(inner, merge_mode=drawn.merge_mode, dtype=drawn.options["dtype"]), drawn)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_a_model_that_masks(package):
    keras = pytest.importorskip(package)
    model = keras.Sequential(
        [
            keras.layers.Input((None, FEATURES)),
            keras.layers.Masking(-1.0),
            keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True)),
            keras.layers.LSTM(UNITS, recurrent_activation="hard_sigmoid"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(7)
    model.set_weights([rng.normal(size=w.shape, scale=0.7) for w in model.get_weights()])
    x = rng.normal(size=(4, 9, FEATURES)).astype("float32")
    x[0, 6:], x[1, 3:], x[2, 2:5] = -1, -1, -1
    compare(lstm_ir.compile(model)(x), model.predict(x, verbose=0), 1e-5)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_losses(package):
    """Of a layer and of both directions, in Keras's order."""
    keras = pytest.importorskip(package)
    flavour = "keras3" if package == "keras" else "keras2"
    options = {"return_sequences": True, "activity_regularizer": "l2", "kernel_regularizer": "l1"}
    x = np.random.default_rng(8).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
    cases = []
    for theirs, ours in ((keras.layers, {}), (lstm_ir, {"flavour": flavour})):
        layer = theirs.LSTM(UNITS, bias_regularizer="l2", return_state=True, **options, **ours)
        inner = theirs.LSTM(UNITS, **options, **ours)
        cases.append([layer, theirs.Bidirectional(inner, activity_regularizer="l1")])
    for layer, live in zip(*cases, strict=True):
        layer(x)
        live.build(x.shape)
        live.set_weights(layer.get_weights())
        live(x)
        want = [float(loss) for loss in layer.losses]
        assert [float(loss) for loss in live.losses] == pytest.approx(want, rel=1e-4)
        assert len(set(np.round(want, 7))) == len(want)
