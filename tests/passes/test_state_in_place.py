"""The entry points' contract: inputs are never written, and a state updated in place is what would be returned.

IREE 3.13 can break both without a word: a tensor that is updated in place may be the caller's own buffer. So each entry
point runs twice on the same device buffers, in every form, on both CPU drivers.
"""

import numpy as np
import pytest

from lstm_ir.compiler import model_of
from lstm_ir.layers import LSTM, Bidirectional
from lstm_ir.lowering import layer_level, lower
from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu
from lstm_ir.reference import run_lstm

FEATURES = 3
CASES = [("loop", 8, None), ("loop", 256, None), ("unrolled", 8, 1), ("unrolled", 8, 5), ("unrolled", 256, 5)]
SIZES = [(1, 1), (1, 5), (33, 1), (33, 5)]


def _weights(rng, layer):
    return [rng.uniform(-0.3, 0.3, spec.shape).astype(np.float32) for spec in layer.weight_specs()]


def _compile(layer, form, time):
    module = layer_level(model_of(layer), time=time)
    scans = lower(module, form=form)
    assert {scan["form"] for scan in scans} == {form}
    return compile_bytecode(emit_bytecode(module.module, module.weights), flags_for_cpu("host"))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-U{case[1]}-T{case[2] or 'any'}")
def compiled(request):
    form, units, time = request.param
    layer = LSTM(units, return_sequences=True, name="lstm")
    layer.build((None, time, FEATURES))
    layer.set_weights(_weights(np.random.default_rng(units), layer))
    return layer, _compile(layer, form, time), time


def _sizes(time):
    return [size for size in SIZES if time in (None, size[1])]


@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
@pytest.mark.parametrize("entry", ["call", "call_masked"])
def test_one_layer(compiled, load_vmfb, driver, entry):
    layer, vmfb, time = compiled
    program = load_vmfb(vmfb, driver)
    for batch, steps in _sizes(time):
        rng = np.random.default_rng(batch * 10 + steps)
        x = rng.uniform(-1, 1, (batch, steps, FEATURES)).astype(np.float32)
        mask = rng.integers(0, 2, (batch, steps)).astype(np.int8)
        mask[0] = 0
        states = [rng.uniform(-1, 1, (batch, layer.units)).astype(np.float32) for _ in range(2)]
        masks = [mask] if entry == "call_masked" else []
        reference = run_lstm(layer, x, mask=masks[0] if masks else None, initial_state=states)
        expected = [reference.output, reference.h, reference.c]
        _check_contract(program, entry, [x, *masks], states, expected)


def _check_contract(program, entry, inputs, states, expected):
    """Outputs come first among the results, then the states."""
    read_only = [program.buffer(value) for value in inputs]
    before = [program.buffer(value) for value in states]
    outputs = len(expected) - len(states)

    # Twice, with the new states elsewhere: the same results, and nothing that was passed in has changed.
    for _ in range(2):
        storage = [program.buffer(np.full_like(value, np.nan)) for value in states]
        results = program(entry, *read_only, *before, *storage)
        for result, value in zip(results, expected, strict=True):
            np.testing.assert_allclose(program.host(result), value, rtol=2e-5, atol=2e-6)
        for buffer, value in zip([*read_only, *before], [*inputs, *states], strict=True):
            np.testing.assert_array_equal(program.host(buffer), value)
        for buffer, result in zip(storage, results[outputs:], strict=True):
            np.testing.assert_array_equal(program.host(buffer), program.host(result))
    apart = [program.host(result) for result in results]

    # In place: the storage of the new states is that of the old ones.
    for _ in range(2):
        state = [program.buffer(value) for value in states]
        results = program(entry, *read_only, *state, *state)
        for result, value in zip(results, apart, strict=True):
            np.testing.assert_array_equal(program.host(result), value)
        for buffer, value in zip(state, apart[outputs:], strict=True):
            np.testing.assert_array_equal(program.host(buffer), value)
        for buffer, value in zip(read_only, inputs, strict=True):
            np.testing.assert_array_equal(program.host(buffer), value)


@pytest.fixture(scope="module", params=["loop", "unrolled"])
def both_directions(request):
    forward = LSTM(16, return_state=True, name="rnn")
    layer = Bidirectional(forward, merge_mode="concat", name="bi")
    layer.build((None, 5, FEATURES))
    layer.set_weights(_weights(np.random.default_rng(3), layer))
    return layer, _compile(layer, request.param, 5 if request.param == "unrolled" else None)


@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
def test_two_layers_that_share_an_input(both_directions, load_vmfb, driver):
    """Both directions read one input, and the results must not share storage either."""
    layer, vmfb = both_directions
    program = load_vmfb(vmfb, driver)
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (4, 5, FEATURES)).astype(np.float32)
    mask = (rng.uniform(size=(4, 5)) < 0.6).astype(np.int8)
    states = [rng.uniform(-1, 1, (4, 16)).astype(np.float32) for _ in range(4)]
    for entry, masks in (("call", []), ("call_masked", [mask])):
        one = run_lstm(layer.forward_layer, x, mask=masks[0] if masks else None, initial_state=states[:2])
        two = run_lstm(layer.backward_layer, x, mask=masks[0] if masks else None, initial_state=states[2:])
        carried = [one.h, one.c, two.h, two.c]
        expected = [np.concatenate([one.output, two.output], axis=-1), *carried, *carried]
        _check_contract(program, entry, [x, *masks], states, expected)


@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
def test_whole_is_chunked(compiled, load_vmfb, driver):
    """A sequence in pieces, the state carried in place, gives what the whole sequence gives."""
    layer, vmfb, time = compiled
    if time is not None:
        pytest.skip("compiled for one length")
    program = load_vmfb(vmfb, driver)
    rng = np.random.default_rng(11)
    x = rng.uniform(-1, 1, (2, 7, FEATURES)).astype(np.float32)
    state = [program.buffer(np.zeros((2, layer.units), np.float32)) for _ in range(2)]
    pieces = [
        program.host(program("call", program.buffer(x[:, start:stop]), *state, *state)[0])
        for start, stop in ((0, 1), (1, 5), (5, 7))
    ]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), run_lstm(layer, x).output, rtol=2e-5, atol=2e-6)
