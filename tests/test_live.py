"""Layers called on arrays: call forms, state rules, losses, and when they compile."""

import copy
import pickle
import threading
import time
from collections import Counter

import numpy as np
import pytest

import lstm_ir
from lstm_ir import compiler, layers
from lstm_ir.errors import ArgumentError, ArgumentTypeError, InvalidArgumentError, UnsupportedError
from lstm_ir.live import recurrent
from lstm_ir.reference import run_lstm

B, T, I, U = 2, 5, 3, 4  # noqa: E741  # the field's names

FLAVOURS = ["compat.v1", "keras2", "keras3"]


def draw(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape, scale=0.7).astype(dtype)


X = draw(B, T, I)
STATES = [draw(B, U, seed=1), draw(B, U, seed=2)]


def close(got, want, tolerance=1e-5):
    assert np.shape(got) == np.shape(want)
    assert np.abs(np.asarray(got) - want).max() <= tolerance


def described(layer, **changes):
    """The same LSTM as a plain description, for the reference."""
    config = layer.get_config() | changes
    plain = layers.LSTM.from_config(config, flavour=layer.flavour)
    plain.build((None, None, I))
    plain.set_weights(layer.get_weights())
    return plain


@pytest.fixture(scope="module")
def layer():
    """Returns everything that an LSTM can return."""
    layer = lstm_ir.LSTM(U, return_sequences=True, return_state=True)
    layer(X)
    return layer


@pytest.fixture(scope="module")
def pair():
    """A Bidirectional whose outputs stay apart."""
    layer = lstm_ir.Bidirectional(lstm_ir.LSTM(U, return_state=True), merge_mode=None)
    layer(X)
    return layer


@pytest.fixture(scope="module", params=FLAVOURS)
def recording(request):
    """A stateful layer of each flavour, at zero."""
    layer = lstm_ir.LSTM(U, stateful=True, flavour=request.param)
    layer.build((B, None, I))
    layer(X)
    return layer


@pytest.fixture
def stateful(recording):
    recording.reset_states()
    return recording


class StubModule:
    """In the place of a compiled module, where only the compiling counts."""

    def __call__(self, x, *, mask, initial_state):
        return np.zeros((len(x), U), "float32")


@pytest.fixture
def compiled(monkeypatch):
    """Count what is compiled, by time=; nothing is."""
    counts = Counter()

    def count(source, **options):
        counts[options["time"]] += 1
        time.sleep(0.01)  # long enough for a second thread to come in between
        return StubModule()

    monkeypatch.setattr(compiler, "compile", count)
    return counts


# What a call takes and returns.


def test_states_in_the_list_of_inputs_or_by_keyword(layer):
    want = run_lstm(described(layer), X, initial_state=STATES)
    for results in (layer([X, *STATES]), layer(X, initial_state=STATES), layer(X, tuple(STATES)), layer([X], STATES)):
        assert type(results) is list
        for got, expected in zip(results, (want.output, want.h, want.c), strict=True):
            close(got, expected)


@pytest.mark.parametrize("absent", [None, [], ()])
def test_no_states_are_zeros(layer, absent):
    zeros = layer(X, initial_state=[np.zeros((B, U), "float32")] * 2)
    for got, expected in zip(layer(X, initial_state=absent), zeros, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_the_second_argument_is_the_state_and_not_the_mask(layer):
    with pytest.raises(ArgumentError, match="2 states, got 1"):
        layer(X, np.ones((B, T), bool))


def test_a_list_of_masks_means_its_first(layer):
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1]], bool)
    want = run_lstm(described(layer), X, mask=mask)
    for given in (mask, [mask], (mask, None), mask[:, :, None], mask * 0.25, np.where(mask, np.nan, 0)):
        for got, expected in zip(layer(X, mask=given), (want.output, want.h, want.c), strict=True):
            close(got, expected)


def test_other_float_widths_are_cast(layer):
    for got, expected in zip(layer(X.astype("float64")), layer(X), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, expected)


def test_a_batch_of_none(layer):
    assert [value.shape for value in layer(X[:0])] == [(0, T, U), (0, U), (0, U)]


BAD_CALLS = {
    "a tuple": ((X, *STATES), {}, ArgumentError, "inputs: got a tuple"),
    "nothing": ([], {}, ArgumentError, "inputs: got an empty list"),
    "nested lists": ([X.tolist()], {}, ArgumentTypeError, "inputs: got list, expected an array"),
    "a number": (3.0, {}, ArgumentTypeError, "inputs: got float"),
    "text": ("x", {}, ArgumentTypeError, "inputs: got str"),
    "integers": (X.astype("int32"), {}, ArgumentTypeError, "int32, expected floating"),
    "bools": (X > 0, {}, ArgumentTypeError, "bool, expected floating"),
    "objects": (X.astype(object), {}, ArgumentTypeError, "object, expected floating"),
    "complex": (X.astype("complex64"), {}, ArgumentTypeError, "complex64, expected floating"),
    "rank 2": (X[0], {}, ArgumentError, "expected ndim=3, found ndim=2"),
    "rank 4": (X[None], {}, ArgumentError, "expected ndim=3, found ndim=4"),
    "other features": (X[:, :, :2], {}, ArgumentError, r"expected shape=\(None, None, 3\)"),
    "no steps": (X[:, :0], {}, InvalidArgumentError, "at least 1 step"),
    "one state in the list": ([X, STATES[0]], {}, ArgumentError, "2 states, got 1"),
    "three states in the list": ([X, *STATES, X], {}, ArgumentError, "2 states, got 3"),
    "states twice": ([X, *STATES], {"initial_state": STATES}, ArgumentError, "given twice"),
    "one state": (X, {"initial_state": STATES[0]}, ArgumentError, "2 states, got 1"),
    "units": (X, {"initial_state": [STATES[0], STATES[1][:, 1:]]}, InvalidArgumentError, r"\[1\]: got shape \(2, 3\)"),
    "batch": (X, {"initial_state": [s[:1] for s in STATES]}, InvalidArgumentError, r"\[0\]: got shape \(1, 4\)"),
    "integer state": (X, {"initial_state": [STATES[0], np.ones((B, U), int)]}, ArgumentTypeError, r"\[1\]: got dtype"),
    "nested mask": (X, {"mask": [[True] * T] * B}, ArgumentTypeError, "mask: got a list"),
    "short mask": (X, {"mask": np.ones((B, T - 1))}, ArgumentError, "mask"),
    "flat mask": (X, {"mask": np.ones(T)}, ArgumentError, "mask"),
    "text mask": (X, {"mask": np.full((B, T), "yes")}, ArgumentTypeError, "mask"),
    "constants": (X, {"constants": [X]}, UnsupportedError, "constants"),
    "unknown": (X, {"masks": None}, TypeError, "masks"),
}


@pytest.mark.parametrize(("inputs", "options", "error", "text"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_calls_are_refused(layer, inputs, options, error, text):
    with pytest.raises(error, match=text):
        layer(inputs, **options)


def test_a_refused_first_call_builds_nothing():
    layer = lstm_ir.LSTM(U)
    with pytest.raises(ArgumentError, match="ndim=3"):
        layer(X[0])
    assert not layer.built
    assert layer.get_weights() == layer.losses == []


def test_bidirectional_takes_four_states(pair):
    given = [draw(B, U, seed=seed) for seed in range(4)]
    outputs = pair(X, initial_state=given)
    assert type(outputs) is list
    want = []
    for number, cell in enumerate(pair.cells):
        result = run_lstm(described(cell), X, initial_state=given[2 * number : 2 * number + 2])
        want.append((result.output, result.h, result.c))
    order = [want[0][0], want[1][0], *want[0][1:], *want[1][1:]]
    for got, expected in zip(outputs, order, strict=True):
        close(got, expected)
    with pytest.raises(ArgumentError, match="4 states, got 3"):
        pair(X, initial_state=given[:3])


def test_training_without_dropout_is_inference(layer):
    for got, expected in zip(layer(X, training=True), layer(X, training=False), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_training_with_dropout_is_compiled_apart():
    layer = lstm_ir.LSTM(U, dropout=0.5, recurrent_dropout=0.1)
    first, *others = [layer(X, training=training) for training in (None, False, 0)]
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert (layer(X, training=True, seed=1) != first).any()
    assert set(layer._modules) == {(None, False), (None, True)}
    both = lstm_ir.Bidirectional(layer)(X, training=True, seed=1)
    assert both.shape == (B, 2 * U)


# Stateful layers (the rules of Keras).


def run(layer, x, states=None):
    result = run_lstm(described(layer, stateful=False), x, initial_state=states)
    return result.output, [result.h, result.c]


def test_states_are_carried_from_call_to_call(stateful):
    first, states = run(stateful, X)
    second, final = run(stateful, X[:, ::-1], states)
    close(stateful(X), first)
    close(stateful(X[:, ::-1]), second)
    for got, expected in zip(stateful.states, final, strict=True):
        close(got, expected)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_have_config_weights_and_states(stateful, pair, again):
    stateful(X)
    for layer in (stateful, pair):
        made = again(layer)
        assert made.get_config() == layer.get_config()
        assert made.get_build_config() == layer.get_build_config()
        for own, other in zip(made.get_weights(), layer.get_weights(), strict=True):
            assert np.array_equal(own, other)
    made = again(stateful)
    before = made.states
    assert all(np.array_equal(own, other) for own, other in zip(before, stateful.states, strict=True))
    stateful.reset_states()
    assert all(np.array_equal(own, other) for own, other in zip(made.states, before, strict=True))


def test_masked_rows_keep_their_states(stateful):
    stateful(X)
    before = stateful.states
    stateful(X, mask=np.array([[False] * T, [True] * T]))
    for old, new in zip(before, stateful.states, strict=True):
        np.testing.assert_array_equal(old[0], new[0])
        assert np.abs(old[1] - new[1]).max() > 1e-3


def test_an_initial_state_counts_while_every_stored_state_is_zero(stateful):
    honoured, _ = run(stateful, X, STATES)
    close(stateful(X, initial_state=STATES), honoured)


@pytest.mark.parametrize("position", [0, 1])
def test_an_initial_state_over_a_recorded_one(recording, position):
    """Keras 1 and 2 ignore it as soon as any element of h or c is not zero; Keras 3 honours it always."""
    recorded = [np.zeros((B, U), "float32"), np.zeros((B, U), "float32")]
    recorded[position][1, 2] = 0.5
    recording._states = [state.copy() for state in recorded]
    keras3 = recording.flavour == "keras3"
    want, _ = run(recording, X, STATES if keras3 else recorded)
    other, _ = run(recording, X, recorded if keras3 else STATES)
    got = recording(X, initial_state=STATES)
    close(got, want)
    assert np.abs(got - other).max() > 1e-3


def test_bidirectional_decides_for_each_direction():
    layer = lstm_ir.Bidirectional(lstm_ir.LSTM(U, stateful=True))
    layer.build((B, None, I))
    zeros = np.zeros((B, U), "float32")
    layer.reset_states([*STATES, zeros, zeros])
    given = [draw(B, U, seed=seed) for seed in range(5, 9)]
    forward, ahead = run(layer.forward_layer, X, STATES)  # has recorded: ignores the given states
    backward, behind = run(layer.backward_layer, X, given[2:])
    close(layer(X, initial_state=given), np.concatenate([forward, backward], axis=-1))
    for got, expected in zip(layer.states, [*ahead, *behind], strict=True):
        close(got, expected)
    layer.reset_states()
    assert not any(state.any() for state in layer.states)
    assert len(layer.states) == 4


def test_reset_states_to_zero_and_to_arrays():
    layer = lstm_ir.LSTM(U, stateful=True)
    layer.build((B, None, I))
    layer.reset_states([state.astype("float64") for state in STATES])
    for got, expected in zip(layer.states, STATES, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, expected)
    layer.reset_states(tuple(np.ones((B, U), int) for _ in range(2)))
    assert all((state == 1).all() for state in layer.states)
    layer.reset_states()
    assert not any(state.any() for state in layer.states)


def test_states_are_copies():
    layer = lstm_ir.LSTM(U, stateful=True)
    layer.build((B, None, I))
    given = [state.copy() for state in STATES]
    layer.reset_states(given)
    given[0][:] = 9
    layer.states[1][:] = 9
    for got, expected in zip(layer.states, STATES, strict=True):
        np.testing.assert_array_equal(got, expected)


BAD_STATES = {
    "one": ([STATES[0]], ArgumentError, "2 states, but it received 1"),
    "stacked": (np.stack(STATES), ArgumentError, "2 states, but it received 1"),
    "units": ([STATES[0], STATES[1][:, 1:]], ArgumentError, "state 1 is incompatible"),
    "batch": ([STATES[0][:1], STATES[1]], ArgumentError, "state 0 is incompatible"),
    "none": ([None, None], AttributeError, "state 0 is None"),
    "one of two none": ([STATES[0], None], AttributeError, "state 1 is None"),
    "text": ([STATES[0], np.full((B, U), "x")], ArgumentError, "state 1 is incompatible"),
}


@pytest.mark.parametrize(("states", "error", "text"), BAD_STATES.values(), ids=BAD_STATES)
def test_reset_states_is_all_or_nothing(states, error, text):
    layer = lstm_ir.LSTM(U, stateful=True)
    layer.build((B, None, I))
    layer.reset_states([np.full((B, U), 2.0), np.full((B, U), 3.0)])
    with pytest.raises(error, match=text):
        layer.reset_states(states)
    assert [np.unique(state).tolist() for state in layer.states] == [[2.0], [3.0]]


@pytest.mark.parametrize("flavour", ["compat.v1", "keras2"])
def test_reset_states_where_there_are_none(flavour):
    with pytest.raises(AttributeError, match="must be stateful"):
        lstm_ir.LSTM(U, flavour=flavour).reset_states()
    for layer in (lstm_ir.LSTM(U, stateful=True, flavour=flavour), lstm_ir.LSTM(U, flavour=flavour)):
        assert layer.states == [None, None]
    with pytest.raises(ValueError, match="needs to know its batch size"):
        lstm_ir.LSTM(U, stateful=True, flavour=flavour).reset_states()


def test_reset_states_of_keras_3():
    lstm_ir.LSTM(U, flavour="keras3").reset_states()
    lstm_ir.LSTM(U, stateful=True, flavour="keras3").reset_states()
    with pytest.raises(TypeError, match="takes no states"):
        lstm_ir.LSTM(U, stateful=True, flavour="keras3").reset_states(STATES)


def test_a_refused_call_leaves_the_states(stateful):
    stateful(X)
    before = stateful.states
    for options in ({"mask": np.ones((B, T + 1))}, {"initial_state": STATES[:1]}):
        with pytest.raises(ArgumentError):
            stateful(X, **options)
    with pytest.raises(ArgumentError, match="incompatible"):
        stateful(np.concatenate([X, X]))  # another batch
    for old, new in zip(before, stateful.states, strict=True):
        np.testing.assert_array_equal(old, new)


# Return types.


def test_keras_3_returns_tuples(compiled):
    layer = lstm_ir.LSTM(U, flavour="keras3")
    assert type(layer(X)) is np.ndarray
    layer._run = lambda *_: [X, *STATES]
    assert type(layer(X)) is tuple


# Weights, losses and constraints.


def test_new_weights_count_from_the_next_call(layer):
    original = layer.get_weights()
    before = layer(X)[0]
    layer.set_weights([weight * 0.5 for weight in original])
    close(layer(X)[0], run_lstm(described(layer), X).output)
    assert np.abs(layer(X)[0] - before).max() > 1e-3
    layer.set_weights(original)
    np.testing.assert_array_equal(layer(X)[0], before)


def half_squares(value):
    return 0.5 * float(np.square(value).sum())


def l1(value):
    return float(np.float32(0.01)) * float(np.abs(value).sum())


def test_losses_are_those_of_the_call_then_those_of_the_weights():
    options = {"kernel_regularizer": "l1", "recurrent_regularizer": "l2", "bias_regularizer": "l1"}
    layer = lstm_ir.LSTM(U, return_state=True, trainable=False, activity_regularizer=half_squares, **options)
    assert layer.losses == []
    layer.build((None, None, I))
    layer.set_weights([draw(*w.shape, seed=seed) for seed, w in enumerate(layer.get_weights())])
    kernel, recurrent, bias = layer.get_weights()
    of_weights = [l1(kernel), float(np.float32(0.01)) * 2 * half_squares(recurrent), l1(bias)]
    close([float(loss) for loss in layer.losses], of_weights)
    for x in (X, draw(3, 2, I)):  # only the latest call counts
        returned = layer(x)
        close([float(v) for v in layer.losses], [*(half_squares(v) / len(x) for v in returned), *of_weights], 1e-4)
    layer(X[:0])
    assert layer.losses[:3] == [0, 0, 0]


def test_activity_losses_are_divided_by_the_first_axis_of_what_is_returned():
    layer = lstm_ir.LSTM(U, time_major=True, return_sequences=True, return_state=True, activity_regularizer="l1")
    output, h, c = layer(X.transpose(1, 0, 2))
    close([float(loss) for loss in layer.losses], [l1(output) / T, l1(h) / B, l1(c) / B], 1e-6)


@pytest.mark.parametrize("merge_mode", ["concat", None])
def test_losses_of_both_directions(compiled, merge_mode):
    """One direction after the other; Keras 3 puts those of the weights last."""

    def weighted(value):  # notices the order of the steps
        return float((value * np.arange(1, value.shape[1] + 1)[None, :, None]).sum())

    forward, backward = draw(B, T, U, seed=3), draw(B, T, U, seed=4)
    for flavour in ("compat.v1", "keras3"):
        cell = lstm_ir.LSTM(U, return_sequences=True, kernel_regularizer="l1", flavour=flavour)
        layer = lstm_ir.Bidirectional(cell, merge_mode=merge_mode, activity_regularizer=half_squares)
        for inner in layer.cells:
            inner.activity_regularizer = weighted
        outputs = [forward, backward] if merge_mode is None else [np.concatenate([forward, backward], axis=-1)]
        layer._run = lambda *_, outputs=outputs: outputs
        layer(X)
        own = [half_squares(output) / B for output in outputs]
        activity = [weighted(forward) / B, weighted(backward[:, ::-1]) / B]
        weights = [l1(inner.get_weights()[0]) for inner in layer.cells]
        order = [activity[0], weights[0], activity[1], weights[1]] if flavour == "compat.v1" else activity + weights
        close([float(loss) for loss in layer.losses], own + order, 1e-4)


def test_losses_of_outputs_that_are_merged_away_are_refused(compiled):
    layer = lstm_ir.Bidirectional(lstm_ir.LSTM(U, activity_regularizer="l2"), merge_mode="sum")
    layer(X)
    with pytest.raises(UnsupportedError, match="merges by 'sum'"):
        _ = layer.losses


def test_constraints_are_applied_on_demand_only():
    layer = lstm_ir.LSTM(U, kernel_constraint="non_neg", bias_constraint="unit_norm")
    layer.build((None, None, I))
    given = [draw(*w.shape, seed=seed) for seed, w in enumerate(layer.get_weights())]
    layer.set_weights(given)
    for got, expected in zip(layer.get_weights(), given, strict=True):
        np.testing.assert_array_equal(got, expected)
    layer.apply_constraints()
    kernel, recurrent, bias = layer.get_weights()
    np.testing.assert_array_equal(kernel, np.maximum(given[0], 0))
    np.testing.assert_array_equal(recurrent, given[1])
    close(np.linalg.norm(bias), 1.0)


# What is compiled, and when.


def test_a_loop_over_lengths_and_batches_compiles_once(compiled):
    layer = lstm_ir.LSTM(U)
    for steps in range(1, 30):
        layer(draw(1 + steps % 3, steps, I))
    assert compiled == {None: 1}


def test_new_weights_compile_again_and_equal_calls_do_not(compiled):
    layer = lstm_ir.LSTM(U, kernel_constraint="non_neg")
    for change in (lambda: None, lambda: layer.set_weights(layer.get_weights()), layer.apply_constraints):
        change()
        layer(X)
        layer(X)
    assert compiled == {None: 3}


def test_an_unrolled_layer_compiles_for_each_length_and_keeps_a_few(compiled, monkeypatch):
    monkeypatch.setattr(recurrent, "CACHED_MODULES", 2)
    layer = lstm_ir.LSTM(U, unroll=True)
    for steps in (1, 2, 1, 3, 1, 2):  # 3 drives out 2, which was used longer ago than 1
        layer(draw(B, steps, I))
    assert compiled == {1: 1, 2: 2, 3: 1}
    assert len(layer._modules) == 2


def test_an_unrolled_layer_is_the_looped_one(layer):
    unrolled = lstm_ir.LSTM(U, return_sequences=True, return_state=True, unroll=True)
    unrolled.build((None, None, I))
    unrolled.set_weights(layer.get_weights())
    for got, expected in zip(unrolled(X[:, :2]), layer(X[:, :2]), strict=True):
        close(got, expected)
    assert set(unrolled._modules[2, False].forms.values()) == {"unrolled"}


def test_concurrent_first_calls_compile_once(compiled):
    layer = lstm_ir.LSTM(U)
    start, outputs = threading.Barrier(8), []

    def call():
        start.wait()
        outputs.append(layer(X))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compiled == {None: 1}
    assert len(outputs) == 8


# Configs.


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_configs_make_live_layers(compiled, flavour):
    cell = lstm_ir.LSTM(U, activation="elu", return_sequences=True, flavour=flavour)
    copy = lstm_ir.LSTM.from_config(cell.get_config(), flavour=flavour)
    assert type(copy) is lstm_ir.LSTM
    assert copy.get_config() == cell.get_config()
    both = lstm_ir.Bidirectional(cell, merge_mode="sum")
    again = lstm_ir.Bidirectional.from_config(both.get_config(), flavour=flavour)
    assert again.get_config() == both.get_config()
    for wrapper in (both, again):
        assert [type(inner) for inner in wrapper.cells] == [lstm_ir.LSTM, lstm_ir.LSTM]
    for inner in again.cells:
        assert inner(X).shape == (B, U)


def masked_input():
    x = draw(3, 6, I)
    x[0, 4:] = 0
    x[1, [0, 3]] = 0
    x[2] = 0
    return x


@pytest.mark.parametrize("time_major", [False, True])
def test_a_mask_attached_by_masking_is_used(time_major):
    x = masked_input()
    mask = (x != 0).any(axis=-1)
    x, mask = (x.swapaxes(0, 1), mask.T) if time_major else (x, mask)
    layer = lstm_ir.LSTM(U, return_sequences=True, time_major=time_major)
    masked = lstm_ir.Masking()(x)
    np.testing.assert_array_equal(masked.keras_mask, mask)
    first = layer(masked)
    np.testing.assert_array_equal(first, layer(x, mask=mask))
    assert np.abs(np.asarray(first) - layer(x)).max() > 1e-3


def test_a_mask_is_carried_on_by_sequences_and_by_nothing_else():
    x = lstm_ir.Masking()(masked_input())
    first, second = lstm_ir.LSTM(U, return_sequences=True, return_state=True), lstm_ir.LSTM(U)
    y, h, c = first(x)
    np.testing.assert_array_equal(y.keras_mask, x.keras_mask)
    assert not hasattr(h, "keras_mask")
    assert not hasattr(c, "keras_mask")
    last = second(y)
    assert not hasattr(last, "keras_mask")
    np.testing.assert_array_equal(last, second(np.asarray(y), mask=x.keras_mask))
    assert (y * 2).keras_mask is None
    assert y[:1].keras_mask is None


def test_an_explicit_mask_beats_an_attached_one():
    x = masked_input()
    mask = np.ones(x.shape[:2], bool)
    mask[:, 1] = False
    layer = lstm_ir.LSTM(U, return_sequences=True)
    np.testing.assert_array_equal(layer(lstm_ir.Masking()(x), mask=mask), layer(x, mask=mask))


def test_masking_zeroes_masked_steps():
    x = np.full((1, 2, 2), 7.0, np.float32)
    x[0, 1, 0] = 1.0
    y = lstm_ir.Masking(7.0)(x)
    np.testing.assert_array_equal(y, [[[0, 0], [1, 7]]])
    np.testing.assert_array_equal(y.keras_mask, [[False, True]])
    with pytest.raises(ArgumentError, match=r"inputs: got shape \(3,\)"):
        lstm_ir.Masking()(np.ones(3, np.float32))
