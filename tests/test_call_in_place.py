"""Calls that come again write into memory of their own: bit for bit what `call` and `call_masked` return."""

import numpy as np
import pytest
from xdsl.dialects.func import FuncOp

import lstm_ir
from lstm_ir import compiler
from lstm_ir.layers import (
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    FunctionalBuilder,
    InputLayer,
    Masking,
    Sequential,
)
from lstm_ir.lowering import layer_level
from lstm_ir.passes.in_place_entry import add_in_place_entries
from lstm_ir.runtime import ArtifactError, pack, unpack


def _sequential(*layers):
    model = Sequential(list(layers))
    model.build((None, None, 3))
    return model


def _graph():
    """Two inputs of one length, one of them of integers; outputs that are an input, a state, and one thing twice."""
    b = FunctionalBuilder("graph")
    words = b.input(InputLayer((None, None), dtype="int32", name="words"))
    x = b.input(InputLayer((None, None, 3), name="x"))
    (vectors,) = b.call(Embedding(7, 3, name="vectors"), [words])
    y, h, _ = b.call(LSTM(4, return_sequences=True, return_state=True, name="first"), [vectors], initial_state=[])
    (z,) = b.call(Bidirectional(LSTM(4, return_sequences=True), name="both"), [x])
    return b.model([x, y, h, h, z])


def _make(kind):
    """An artifact, and inputs for several calls of one signature."""
    rng = np.random.default_rng(3)
    xs = [rng.normal(size=(2, 3, 3)).astype(np.float32) for _ in range(4)]
    if kind == "layer":
        layer = LSTM(8, return_sequences=True, zero_output_for_mask=True, go_backwards=True)
        return compiler.compile_artifact(_sequential(layer)), [[x] for x in xs]
    if kind == "stack":
        model = _sequential(Bidirectional(LSTM(8, return_sequences=True)), LSTM(4, return_state=True))
        return compiler.compile_artifact(model), [[x] for x in xs]
    if kind == "graph":
        words = [rng.integers(0, 7, (2, 3)).astype(np.int32) for _ in range(4)]
        return compiler.compile_artifact(_graph()), [[word, x] for word, x in zip(words, xs, strict=True)]
    assert kind == "training"
    model = _sequential(LSTM(4, dropout=0.5, return_sequences=True), Dropout(0.3), Dense(2))
    return compiler.compile_artifact(model, training=True, batch=2, time=3), [[x] for x in xs]


@pytest.fixture(scope="module", params=["layer", "stack", "graph", "training"])
def compiled(request):
    artifact, calls = _make(request.param)
    return artifact.data, calls


def _without(data, *names):
    vmfb, description = unpack(data)
    entries = {name: entry for name, entry in description["entries"].items() if name not in names}
    assert len(entries) == len(description["entries"]) - len(names)
    return pack(vmfb, {**description, "entries": entries})


def _same(mine, right):
    assert type(mine) is type(right)
    for one, other in zip(*((each if isinstance(each, list) else [each]) for each in (mine, right)), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert one.flags.owndata
        np.testing.assert_array_equal(one, other)


def _frames(cache):
    return [frame for frames in cache.spare.values() for frame in frames]


def test_an_artifact_without_the_entry_of_masks(compiled):
    """As versions before made it."""
    data, (inputs, *_) = compiled
    module, before = lstm_ir.load(data), lstm_ir.load(_without(data, "call_masked_in_place"))
    seed = {"seed": 5} if module.takes_seed else {}
    *_, mask = _masks(module, 1)
    for _ in range(3):
        _same(before(*inputs, mask=mask, **seed), module(*inputs, mask=mask, **seed))
        _same(before(*inputs, **seed), module(*inputs, **seed))
    code = before._runners.home.code
    assert [frame.function for frame in _frames(before._repeated._frames)] == [code.call_masked, code.call_in_place]


def _masks(module, count):
    """What ``mask=`` is given in several calls: nothing, then as many masks as there are calls."""
    rng = np.random.default_rng(4)
    masks = [rng.integers(0, 2, (2, 3)).astype(bool if k % 2 else np.int32) * 3 for k in range(count)]
    return [*[None] * count, *(masks if len(module.inputs) == 1 else [{"x": mask} for mask in masks])]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits(compiled, threads):
    data, calls = compiled
    module = lstm_ir.load(data, threads=threads)
    plain = lstm_ir.load(_without(data, "call_in_place", "call_masked_in_place"), threads=threads)
    seed = {"seed": 5} if module.takes_seed else {}
    state, other = (each.make_state(2) for each in (module, plain))
    unmasked, masked = [], []
    for inputs, mask in zip(calls * 2, _masks(module, len(calls)), strict=True):
        mine, right = (each(*inputs, mask=mask, **seed) for each in (module, plain))
        _same(mine, right)
        (unmasked if mask is None else masked).extend(mine if isinstance(mine, list) else [mine])
        _same(module(*inputs, mask=mask, state=state, **seed), plain(*inputs, mask=mask, state=other, **seed))
    assert not all(np.array_equal(y, z) for y, z in zip(unmasked, masked, strict=True))
    for name, value in state.numpy().items():
        np.testing.assert_array_equal(value, other.numpy()[name])
        assert value.any()
    code, alone = module._runners.home.code, threads == 1
    # Of workers nobody would know when they are done.
    entries = [code.call_in_place, code.call_masked_in_place] if alone else [code.call, code.call_masked]
    for cache in (module._repeated._frames, state.frames):
        assert [frame.outputs is not None for frame in _frames(cache)] == [alone, alone]
        assert [frame.function for frame in _frames(cache)] == entries
    assert all(frame.outputs is None for frame in _frames(plain._repeated._frames))


def test_memory_of_its_own(compiled):
    """What a call returned is not what the next one writes, and goes on living without the module."""
    data, calls = compiled
    module = lstm_ir.load(data)
    seed = {"seed": 5} if module.takes_seed else {}
    results, copies = [], []
    for inputs in calls * 2:
        kept = [x.copy() for x in inputs]
        outputs = module(*inputs, **seed)
        for x, copy in zip(inputs, kept, strict=True):
            np.testing.assert_array_equal(x, copy)
        results += outputs if isinstance(outputs, list) else [outputs]
        copies += [result.copy() for result in results[len(copies) :]]
    (frame,) = _frames(module._repeated._frames)
    assert not any(np.shares_memory(result, memory) for result in results for memory in frame.outputs)
    del module, frame
    for result, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, copy)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("elsewhere", "no entry function 'elsewhere'"),
        ("call_in_place", "'call_in_place' does not take the [0-9]+ arguments"),
        ("call_masked", "'call_masked' does not take the [0-9]+ arguments"),
    ],
)
def test_another_entry_than_the_description_says(compiled, name, text):
    vmfb, description = unpack(compiled[0])
    entries = {**description["entries"], "call_masked_in_place": name}
    with pytest.raises(ArtifactError, match=text):
        lstm_ir.load(pack(vmfb, {**description, "entries": entries}))


def _entry(model, name="call_in_place", **options):
    lowered = layer_level(model, **options)
    add_in_place_entries(lowered.module, lowered.interface)
    functions = {op.sym_name.data: op for op in lowered.module.body.block.ops if isinstance(op, FuncOp)}
    return functions.get(name)


def test_the_entry():
    """A buffer for each tensor, the sizes, a fence; `call` is called, its results lie in their buffers at the end."""
    model = _sequential(LSTM(4, return_sequences=True, time_major=True, flavour="keras2", name="l"))
    entry = _entry(model)
    assert [str(arg.type) for arg in entry.body.block.args] == ["!hal.buffer"] * 6 + ["index"] * 2 + ["!hal.fence"]
    assert "iree.abi.stub" in entry.attributes
    x, h, c, h_storage, c_storage, y_storage, batch, time, fence = entry.body.block.args
    imports = [op for op in entry.body.block.ops if op.name == "hal.tensor.import"]
    assert [list(op.operands) for op in imports] == [[x, time, batch], [h, batch], [c, batch]]
    (call,) = [op for op in entry.body.block.ops if op.name == "func.call"]
    aliases = [op for op in entry.body.block.ops if op.name == "hal.tensor.alias"]
    assert [(op.source, op.storage) for op in aliases] == list(
        zip(call.results, (y_storage, h_storage, c_storage), strict=True)
    )
    (barrier,) = [op for op in entry.body.block.ops if op.name == "hal.tensor.barrier"]
    assert list(barrier.operands) == [*(op.result for op in aliases), fence]
    fixed = _entry(model, batch=2, time=5)
    assert [str(arg.type) for arg in fixed.body.block.args] == ["!hal.buffer"] * 6 + ["!hal.fence"]


def test_the_entry_of_masks():
    """It is `call_masked`'s: a buffer of the mask behind those of the inputs, and no size more."""
    model = _sequential(LSTM(4))
    entry = _entry(model, "call_masked_in_place")
    assert [str(arg.type) for arg in entry.body.block.args] == ["!hal.buffer"] * 7 + ["index"] * 2 + ["!hal.fence"]
    x, mask, *_, batch, time, _ = entry.body.block.args
    imports = [op for op in entry.body.block.ops if op.name == "hal.tensor.import"]
    assert [list(op.operands) for op in imports[:2]] == [[x, batch, time], [mask, batch, time]]
    (call,) = [op for op in entry.body.block.ops if op.name == "func.call"]
    assert (call.callee.string_value(), call.operands[1].type) == ("call_masked", imports[1].target.type)
    assert _entry(_sequential(Masking(-1.0), LSTM(4)), "call_masked_in_place") is None
