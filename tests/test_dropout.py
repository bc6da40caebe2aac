"""Dropout in training: the masks are the documented function of the seed, and go where Keras applies them."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers import GRU, LSTM, RNN, Dense, Dropout, FunctionalBuilder, InputLayer, Sequential, SimpleRNN
from lstm_ir.reference import apply_activation, run_lstm

SEED = 0x0123456789ABCDEF


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds, in Python's integers reduced to 32 bits."""
    key = [np.uint64(word) for word in key]
    low = np.uint64(0xFFFFFFFF)
    schedule = [*key, key[0] ^ key[1] ^ np.uint64(0x1BD11BDA)]
    x0 = (np.asarray(counter[0], np.uint64) + key[0]) & low
    x1 = (np.asarray(counter[1], np.uint64) + key[1]) & low
    for group in range(5):
        for bits in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x0 = (x0 + x1) & low
            x1 = ((x1 << np.uint64(bits)) | (x1 >> np.uint64(32 - bits))) & low
            x1 = x1 ^ x0
        x0 = (x0 + schedule[(group + 1) % 3]) & low
        x1 = (x1 + schedule[(group + 2) % 3] + np.uint64(group + 1)) & low
    return x0, x1


def test_the_generator_is_threefry():
    """The known answers of the authors' Random123 library for 20 rounds."""
    ones = 0xFFFFFFFF
    assert [int(w) for w in threefry((0, 0), (0, 0))] == [0x6B200159, 0x99BA4EFE]
    assert [int(w) for w in threefry((ones, ones), (ones, ones))] == [0x1CB996FC, 0xBB002BE7]
    answer = threefry((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3))
    assert [int(w) for w in answer] == [0xC4923A9C, 0x483DF7A0]


def dropout_mask(shape, rate, stream, seed=SEED):
    key = (seed & 0xFFFFFFFF, seed >> 32)
    places = np.arange(np.prod(shape), dtype=np.uint64).reshape(shape)
    bits, _ = threefry(key, (places, np.full(shape, stream, np.uint64)))
    uniform = (bits >> np.uint64(8)).astype(np.float64) / 2**24
    return np.where(uniform >= rate, 1 / (1 - rate), 0.0)


def run_by_hand(layer, x, x_masks, h_masks):
    """One LSTM in float64, x and h multiplied by a mask [B, .] of each gate where they enter the products."""
    kernel, recurrent_kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
    units = layer.units
    h = c = np.zeros((x.shape[0], units))
    outputs = []
    for t in range(x.shape[1]):
        columns = [slice(g * units, (g + 1) * units) for g in range(4)]
        zi, zf, zc, zo = (
            (x[:, t] * x_masks[g]) @ kernel[:, cols] + (h * h_masks[g]) @ recurrent_kernel[:, cols] + bias[cols]
            for g, cols in enumerate(columns)
        )
        i, f, o = (apply_activation(layer.recurrent_activation, z, "float32") for z in (zi, zf, zo))
        c = f * c + i * apply_activation(layer.activation, zc, "float32")
        h = o * apply_activation(layer.activation, c, "float32")
        outputs.append(h)
    return np.stack(outputs, 1)


@pytest.mark.parametrize(
    ("implementation", "dropout", "recurrent_dropout", "form"),
    [
        (1, 0.3, 0.0, "loop"),
        (1, 0.0, 0.4, "loop"),
        (1, 0.3, 0.0, "persistent"),
        (1, 0.0, 0.4, "cooperative"),
        (1, 0.25, 0.5, "unrolled"),
        (2, 0.3, 0.0, "loop"),
    ],
)
def test_masks_go_where_keras_applies_them(implementation, dropout, recurrent_dropout, form):
    layer = LSTM(
        5,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        implementation=implementation,
        return_sequences=True,
    )
    layer.build((None, None, 3))
    module = lstm_ir.compile(layer, training=True, form=form, time=4 if form == "unrolled" else None)
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    if implementation == 1:
        x_masks = dropout_mask((4, 6, 3), dropout, 0) if dropout else np.ones((4, 6, 3))
    else:
        x_masks = [dropout_mask((6, 3), dropout, 0)] * 4
    h_masks = dropout_mask((4, 6, 5), recurrent_dropout, 1) if recurrent_dropout else np.ones((4, 6, 5))
    np.testing.assert_allclose(module(x, seed=SEED), run_by_hand(layer, x, x_masks, h_masks), atol=1e-6)


def test_masks_go_there_on_vulkan_too(vulkan):
    layer = LSTM(5, dropout=0.25, recurrent_dropout=0.5, return_sequences=True)
    layer.build((None, None, 3))
    module = lstm_ir.compile(layer, "vulkan", training=True)
    assert list(module.forms.values()) == ["persistent"]
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    want = run_by_hand(layer, x, dropout_mask((4, 6, 3), 0.25, 0), dropout_mask((4, 6, 5), 0.5, 1))
    np.testing.assert_allclose(module(x, seed=SEED), want, atol=1e-6)


def test_v2_draws_a_mask_for_every_step_on_its_fused_route():
    layer = LSTM(5, dropout=0.3, return_sequences=True, flavour="keras2")
    layer.build((None, None, 3))
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    dropped = x * dropout_mask((6, 4, 3), 0.3, 0)
    y = lstm_ir.compile(layer, training=True)(x, seed=SEED)
    np.testing.assert_allclose(y, run_lstm(layer, dropped.astype(np.float32)).output, atol=1e-6)


def test_other_cells_drop_as_the_lstm_does():
    """A GRU has masks of its own for z, r, and the two parts of its new value; a cell of an RNN is never fused."""
    gru = GRU(5, dropout=0.25, recurrent_dropout=0.5, return_sequences=True, name="gru")
    simple = SimpleRNN(4, dropout=0.25, recurrent_dropout=0.5, return_sequences=True, name="simple")
    stack = RNN([LSTM(3, dropout=0.25, flavour="keras2")], return_sequences=True, name="rnn")
    b = FunctionalBuilder("cells")
    given = b.input(InputLayer((None, None, 3), name="x"))
    model = b.model([b.call(layer, [given])[0] for layer in (gru, simple, stack)])
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    found = lstm_ir.compile(model, training=True, form="loop")(x, seed=SEED)

    of_x, of_h = dropout_mask((4, 6, 3), 0.25, 0), dropout_mask((4, 6, 5), 0.5, 1)
    kernel, recurrent, (input_bias, state_bias) = (np.float64(w) for w in gru.get_weights())
    h = np.zeros((6, 5))
    for t in range(4):
        xz, xr, xn = ((x[:, t] * of_x[g]) @ k for g, k in enumerate(np.split(kernel, 3, axis=1)))
        hz, hr, hn = ((h * of_h[g]) @ k for g, k in zip((0, 1, 3), np.split(recurrent, 3, axis=1), strict=True))
        z, r = 1 / (1 + np.exp(-xz - hz)), 1 / (1 + np.exp(-xr - hr))
        h = z * h + (1 - z) * np.tanh(xn + r * hn)
    assert not input_bias.any()
    assert not state_bias.any()
    np.testing.assert_allclose(found[0][:, -1], h, atol=1e-6)

    of_x, of_h = dropout_mask((6, 3), 0.25, 2), dropout_mask((6, 4), 0.5, 3)
    kernel, recurrent, _ = simple.get_weights()
    h = np.zeros((6, 4))
    for t in range(4):
        h = np.tanh((x[:, t] * of_x) @ kernel + (h * of_h) @ recurrent)
    np.testing.assert_allclose(found[1][:, -1], h, atol=1e-6)

    of_x = [dropout_mask((6, 3), 0.25, 4)] * 4
    np.testing.assert_allclose(found[2], run_by_hand(stack.cells[0], x, of_x, np.ones((4, 6, 3))), atol=1e-6)


def test_a_whole_model_drops_in_its_dropout_layers():
    model = Sequential([Dropout(0.5, name="drop"), Dense(4, name="dense")])
    model.build((None, 7))
    x = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
    kernel, bias = model.get_weights()
    y = lstm_ir.compile(model, training=True)(x, seed=SEED)
    np.testing.assert_allclose(y, (x * dropout_mask((9, 7), 0.5, 0)) @ kernel + bias, atol=1e-5)


@pytest.fixture(scope="module")
def linear():
    """A layer for which h is o (i g) = s^3 with independent masks, s 0 or 1/(1-p): what dropped is seen in h."""
    layer = lstm_ir.LSTM(1, activation=None, recurrent_activation=None, use_bias=False, dropout=0.3)
    layer.build((None, None, 1))
    layer.set_weights([np.ones((1, 4)), np.zeros((1, 4))])
    return layer


def test_statistics(linear):
    x = np.ones((20000, 1, 1), np.float32)
    h = linear(x, training=True, seed=1)
    assert set(np.unique(h.round(3))) == {np.float32(0.0), np.float32(2.915)}
    assert abs((h != 0).mean() - 0.7**3) < 4 * np.sqrt(0.343 * 0.657 / 20000)
    assert abs(h.mean() - 1.0) < 4 * 2.9155 * np.sqrt(0.343 * 0.657 / 20000)


def test_seeds(linear):
    x = np.ones((64, 1, 1), np.float32)
    first = linear(x, training=True, seed=7)
    np.testing.assert_array_equal(first, linear(x, training=True, seed=7))
    assert (first != linear(x, training=True, seed=8)).any()
    assert (first != linear(x, training=True, seed=7 + 2**32)).any()
    assert (linear(x, training=True) != linear(x, training=True)).any()
    np.testing.assert_array_equal(linear(x), np.ones((64, 1)))
    np.testing.assert_array_equal(linear(x, training=False), np.ones((64, 1)))


@pytest.mark.parametrize("flag", ["yes", 2, 0.5])
def test_training_is_a_flag(linear, flag):
    with pytest.raises(AttributeError, match="training: got"):
        linear(np.ones((1, 1, 1), np.float32), training=flag)


def test_dropping_everything_is_refused_in_training_only():
    layer = lstm_ir.LSTM(2, dropout=1.5)
    assert layer.dropout == 1.0
    x = np.zeros((1, 2, 3), np.float32)
    with pytest.raises(ValueError, match="drops everything"):
        layer(x, training=True)
    assert layer(x).shape == (1, 2)


@pytest.mark.parametrize(("seed", "error"), [("1", TypeError), (1.0, TypeError), (-1, ValueError), (2**64, ValueError)])
def test_wrong_seeds(linear, seed, error):
    with pytest.raises(error, match="seed: must be"):
        linear(np.ones((1, 1, 1), np.float32), training=True, seed=seed)


def test_a_module_without_dropout_takes_no_seed(linear):
    module = lstm_ir.compile(linear)
    assert not module.takes_seed
    with pytest.raises(ValueError, match="training=True"):
        module(np.ones((1, 1, 1), np.float32), seed=1)


def test_a_model_that_drops_everything_is_refused_in_training():
    layer = LSTM(2, recurrent_dropout=1.0)
    layer.build((None, None, 3))
    with pytest.raises(ValueError, match="drops everything"):
        lstm_ir.compile(layer, training=True)


def test_a_model_without_dropout_draws_nothing_in_training():
    layer = LSTM(2)
    layer.build((None, None, 3))
    assert not lstm_ir.compile(layer, training=True).takes_seed


def test_repeated_calls_take_each_its_own_seed():
    """The short way of calls like an earlier one writes the seed too, and checks it."""
    layer = lstm_ir.LSTM(8, dropout=0.5, recurrent_dropout=0.5)
    layer.build((None, None, 4))
    module = lstm_ir.compile(layer, training=True)
    x = np.ones((2, 5, 4), np.float32)
    first = {seed: module(x, seed=seed).copy() for seed in (1, 2, 2**63 + 5)}
    for seed in (2, 1, 2**63 + 5, 2, 1):
        np.testing.assert_array_equal(module(x, seed=seed), first[seed])
    assert not np.array_equal(first[1], first[2])
    assert not np.array_equal(module(x), module(x))
    state = module.make_state(2)
    runs = []
    for seed in (3, 3, 4):
        state.reset()
        runs.append(module(x, seed=seed, state=state))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[1], runs[2])
    for wrong, error in (
        (-1, ArgumentError),
        (2**64, ArgumentError),
        ("1", ArgumentTypeError),
        (True, ArgumentTypeError),
    ):
        with pytest.raises(error, match="seed"):
            module(x, seed=wrong)
    plain = lstm_ir.compile(layer)
    plain(x)
    with pytest.raises(ArgumentError, match="seed: this module draws nothing"):
        plain(x, seed=1)
