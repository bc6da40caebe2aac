"""Cells other than the LSTM's, in kernels and without: masks, directions, states, stacks, against the reference."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    CuDNNGRU,
    CuDNNLSTM,
    Functional,
    FunctionalBuilder,
    InputLayer,
    Masking,
    Sequential,
    SimpleRNN,
    TimeDistributed,
)
from lstm_ir.reference import run_model


def randomised(model: Functional) -> Functional:
    rng = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(rng.uniform(-0.7, 0.7, weight.shape))
    return model


@pytest.fixture(scope="module")
def cells() -> Functional:
    """GRU and SimpleRNN in what a cell can be in, every option somewhere."""
    b = FunctionalBuilder("cells")
    x = b.input(InputLayer((None, None, 3), name="x"))
    y, *_ = b.call(GRU(5, return_sequences=True, return_state=True, name="gated"), [x])
    kinds = [
        GRU(3, go_backwards=True, use_bias=False, recurrent_activation="hard_sigmoid", name="back"),
        GRU(4, activation="softmax", return_sequences=True, zero_output_for_mask=True, name="whole_rows"),
        GRU(3, reset_after=False, return_sequences=True, recurrent_activation="hard_sigmoid", name="before"),
        SimpleRNN(9, activation="relu", name="simple"),
        SimpleRNN(2, use_bias=False, return_sequences=True, return_state=True, name="bare"),
        Bidirectional(
            SimpleRNN(3, return_sequences=True, flavour="keras2"),
            "sum",
            backward_layer=LSTM(3, return_sequences=True, go_backwards=True, flavour="keras2"),
            name="both",
        ),
        RNN(
            [GRU(2, reset_after=False), LSTM(3), SimpleRNN(4)],
            go_backwards=True,
            return_sequences=True,
            return_state=True,
            name="stack",
        ),
    ]
    return randomised(b.model([tensor for layer in kinds for tensor in b.call(layer, [y])]))


def given(steps: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(steps)
    mask = rng.random((3, steps)) < 0.6
    mask[2] = False
    return rng.standard_normal((3, steps, 3)).astype(np.float32), mask


def agree(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for position, (mine, right) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(mine, right, atol=3e-6, err_msg=str(position))


def test_compiled(cells: Functional):
    module = lstm_ir.compile(cells)
    assert module.forms["gated"] == module.forms["simple"] == "persistent"
    assert module.forms["whole_rows"] == module.forms["before"] == "loop"
    single = ("gated", "back", "whole_rows", "before", "simple", "bare", "both/forward", "both/backward")
    names = [f"{cell}/h" for cell in single]
    stack = ["both/backward/c", "stack/cell_0/h", "stack/cell_1/h", "stack/cell_1/c", "stack/cell_2/h"]
    assert [spec.name for spec in module.states] == [*names, *stack]
    for steps, masked in ((6, True), (6, False), (1, True)):
        x, mask = given(steps)
        agree(module(x, mask=mask if masked else None), run_model(cells, x, mask if masked else None).outputs)
    x, mask = given(5)
    state = module.make_state(3)
    module(x, mask=mask, state=state)
    first = run_model(cells, x, mask)
    for name, value in state.numpy().items():
        np.testing.assert_allclose(value, first.states[name], atol=3e-6)
    agree(module(x, state=state), run_model(cells, x, initial_state=first.states).outputs)


def test_a_state_that_a_kernel_made_is_returned_and_started_from():
    b = FunctionalBuilder("states")
    x = b.input(InputLayer((None, None, 3), name="x"))
    y, h = b.call(GRU(4, return_sequences=True, return_state=True), [x])
    (z,) = b.call(GRU(4, return_sequences=True, reset_after=False), [y], initial_state=[h])
    model = randomised(b.model([y, h, z]))
    array, _ = given(6)
    agree(lstm_ir.compile(model)(array), run_model(model, array).outputs)


def test_cudnn_is_the_lstm_of_its_weights():
    rng = np.random.default_rng(0)
    kernel, recurrent, bias = (rng.standard_normal(shape) for shape in ((3, 8), (2, 8), (16,)))
    cudnn, plain = CuDNNLSTM(2, dtype="float64"), LSTM(2, recurrent_activation="sigmoid", dtype="float64")
    for layer in (cudnn, plain):
        layer.build((None, None, 3))
    cudnn.set_weights([kernel, recurrent, bias])
    # Gate by gate a (units, features) matrix, as cuDNN reads it.
    gates = [np.ravel(gate).reshape(2, 3) for gate in np.split(kernel, 4, axis=1)]
    states = np.split(recurrent, 4, axis=1)
    plain.set_weights([np.hstack([g.T for g in gates]), np.hstack([s.T for s in states]), bias[:8] + bias[8:]])
    x = rng.standard_normal((2, 4, 3))
    np.testing.assert_array_equal(*(run_model(Sequential([layer]), x).outputs[0] for layer in (cudnn, plain)))


def test_configs_come_back():
    layers = [
        GRU(3, recurrent_activation="hard_sigmoid", name="a"),
        GRU(3, reset_after=False, name="g"),
        SimpleRNN(3, activation="relu", name="b"),
        CuDNNLSTM(3, return_state=True, name="c"),
        CuDNNGRU(3, return_state=True, name="f"),
        RNN([GRU(2), SimpleRNN(3), LSTM(4)], return_state=True, name="d"),
        Bidirectional(RNN([GRU(2), LSTM(3)], return_state=True, flavour="keras2"), name="e"),
    ]
    for layer in layers:
        config = layer.get_config()
        again = type(layer).from_config(config, flavour=layer.flavour)
        assert again.get_config() == config
        layer.build((None, None, 4))
        again.build((None, None, 4))
        assert [spec.shape for spec in again.weight_specs()] == [spec.shape for spec in layer.weight_specs()]
        assert again.output_suffixes() == layer.output_suffixes()


def test_refused():
    with pytest.raises(UnsupportedError, match="several cells with it and unroll"):
        RNN([GRU(3), LSTM(3)], go_backwards=True, unroll=True)
    with pytest.raises(UnsupportedError, match="time_major"):
        CuDNNLSTM(3, go_backwards=True, time_major=True)
    with pytest.raises(ArgumentError, match="expected an LSTM"):
        Bidirectional(TimeDistributed(LSTM(3)))
    masked = Sequential([InputLayer((None, None, 3)), Masking(), CuDNNLSTM(2, name="fast")])
    masked.build()
    with pytest.raises(UnsupportedError, match="'fast': a CuDNNLSTM cannot be called on an input with a mask"):
        lstm_ir.compile(masked)
    dropping = Sequential([InputLayer((None, None, 3)), GRU(2, recurrent_dropout=0.5, reset_after=False, name="g")])
    dropping.build()
    with pytest.raises(UnsupportedError, match="recurrent_dropout of layer 'g'"):
        lstm_ir.compile(dropping, training=True)
