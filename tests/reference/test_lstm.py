import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers import LSTM, Bidirectional
from lstm_ir.reference import run_bidirectional, run_lstm

RNG = np.random.default_rng(0)
B, T, I, U = 3, 5, 2, 4  # noqa: E741  (the field's name for the number of features)
X = RNG.normal(size=(B, T, I))
STATE = [RNG.normal(size=(B, U)) for _ in "hc"]
MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool)


def made(**keywords):
    layer = LSTM(U, dtype="float64", kernel_initializer="random_normal", **keywords)
    layer.build((None, None, I))
    layer.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in layer.weights])
    return layer


def test_one_step_by_hand():
    layer = LSTM(1, activation="linear", recurrent_activation="linear", dtype="float64")
    layer.build((None, None, 1))
    layer.set_weights([[[1.0, 2.0, 3.0, 4.0]], [[5.0, 6.0, 7.0, 8.0]], [0.0, 1.0, 0.0, -1.0]])
    result = run_lstm(layer, [[[2.0]]], initial_state=[[[3.0]], [[10.0]]])
    i, f, g, o = 2 + 15, 4 + 18 + 1, 6 + 21, 8 + 24 - 1
    assert result.c == f * 10 + i * g
    assert result.h == result.output == o * result.c


def test_any_split_of_the_time_axis_gives_the_same():
    layer = made(return_sequences=True)
    whole = run_lstm(layer, X, MASK)
    first = run_lstm(layer, X[:, :2], MASK[:, :2])
    # The output carried over a masked step is not part of the state: compare where the mask is true.
    second = run_lstm(layer, X[:, 2:], MASK[:, 2:], [first.h, first.c])
    both = np.concatenate([first.output, second.output], axis=1)
    np.testing.assert_allclose(both[MASK], whole.output[MASK], rtol=1e-14)
    np.testing.assert_allclose(second.c, whole.c, rtol=1e-14)


def test_masks():
    layer = made(return_sequences=True)
    result = run_lstm(layer, X, MASK, STATE)
    np.testing.assert_array_equal(result.output[0, 2], result.output[0, 1])
    np.testing.assert_array_equal(result.output[1, :2], 0.0)
    np.testing.assert_array_equal(result.output[2], 0.0)
    np.testing.assert_array_equal(result.h[2], STATE[0][2])
    np.testing.assert_array_equal(result.c[2], STATE[1][2])
    layer.zero_output_for_mask = True
    zeroed = run_lstm(layer, X, MASK, STATE).output
    np.testing.assert_array_equal(zeroed[~MASK], 0.0)
    np.testing.assert_array_equal(zeroed[MASK], result.output[MASK])


def test_a_mask_is_true_where_it_is_not_zero():
    numbers = np.where(MASK, np.array([0.5, -3.0, np.nan, 1.0, 1e-30]), 0.0)
    np.testing.assert_array_equal(run_lstm(made(), X, numbers).c, run_lstm(made(), X, MASK).c)


def test_what_is_masked_does_not_matter():
    spoilt = np.where(MASK[..., None], X, np.nan)
    np.testing.assert_array_equal(run_lstm(made(), spoilt, MASK).h, run_lstm(made(), X, MASK).h)


def test_direction_and_layout():
    layer = made(return_sequences=True)
    expected = run_lstm(layer, X[:, ::-1], MASK[:, ::-1])
    layer.go_backwards = True
    np.testing.assert_array_equal(run_lstm(layer, X, MASK).output, expected.output)
    layer.time_major = True
    major = run_lstm(layer, X.swapaxes(0, 1), MASK.T)
    np.testing.assert_array_equal(major.output.swapaxes(0, 1), expected.output)
    np.testing.assert_array_equal(major.c, expected.c)


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
def test_bidirectional(merge):
    layer = Bidirectional(LSTM(U, return_sequences=True, dtype="float64"), merge, dtype="float64")
    layer.build((None, None, I))
    result = run_bidirectional(layer, X, MASK, [*STATE, *STATE])
    y = run_lstm(layer.forward_layer, X, MASK, STATE)
    z = run_lstm(layer.backward_layer, X, MASK, STATE)
    back = z.output[:, ::-1]
    expected = {
        "concat": lambda: [np.concatenate([y.output, back], -1)],
        "sum": lambda: [y.output + back],
        "mul": lambda: [y.output * back],
        "ave": lambda: [(y.output + back) / 2],
        None: lambda: [y.output, back],
    }[merge]()
    assert len(result.outputs) == len(expected)
    for ours, theirs in zip(result.outputs, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(result.backward.c, z.c)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"x": X[0]}, ArgumentError, "ndim=3"),
        ({"x": X[:, :0]}, ArgumentError, "no time step"),
        ({"x": X[:, :, :1]}, ArgumentError, "expected shape"),
        ({"x": np.full((B, T, I), "a")}, ArgumentTypeError, "real numbers"),
        ({"mask": MASK.T}, ArgumentError, "mask"),
        ({"initial_state": STATE[:1]}, ArgumentError, "2 states"),
        ({"initial_state": [s[:2] for s in STATE]}, ArgumentError, "initial_state"),
    ],
)
def test_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        run_lstm(made(), **({"x": X} | arguments))


def test_not_built():
    with pytest.raises(ArgumentError, match="not built"):
        run_lstm(LSTM(2), X)


def test_an_empty_batch():
    assert run_lstm(made(return_sequences=True), X[:0]).output.shape == (0, T, U)
