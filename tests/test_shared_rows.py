"""Calls whose rows the caller shares with worker threads: bit for bit what the caller alone computes."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lstm_ir
from lstm_ir import compiler
from lstm_ir.description import row_tile_of
from lstm_ir.layers import LSTM, Bidirectional, Dense, FunctionalBuilder, InputLayer, Sequential
from lstm_ir.layers.program.layer import TensorProgram
from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS
from lstm_ir.passes.pipelines import KernelOptions
from lstm_ir.runtime import ExecutionError, call_work, pack, shared_rows, unpack
from lstm_ir.runtime import device as device_module
from lstm_ir.runtime.argument_frame import ArgumentFrame
from lstm_ir.runtime.shared_rows import SharedRows


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Two workers, whatever the machine has, and every call that can be shared is worth it."""
    monkeypatch.setattr(device_module, "default_workers", lambda: 2)
    monkeypatch.setattr(call_work, "SHARING_US", -1.0)


def _layer():
    layer = LSTM(8, return_sequences=True, time_major=True)
    layer.build((None, None, 3))
    return layer


def _stack():
    model = Sequential([Bidirectional(LSTM(8, return_sequences=True)), LSTM(4, return_sequences=True), Dense(2)])
    model.build((None, None, 3))
    return model


def _graph():
    """Two inputs, one of which has a mask; outputs of both layouts of a state."""
    b = FunctionalBuilder("graph")
    x, z = (b.input(InputLayer((None, None, 3), name=name)) for name in ("x", "z"))
    y, h, c = b.call(LSTM(4, return_state=True, name="first"), [x], initial_state=[])
    (w,) = b.call(LSTM(4, return_sequences=True, go_backwards=True, name="second"), [z])
    return b.model([y, h, c, w])


@pytest.fixture(scope="module", params=[_layer, _stack, _graph])
def artifact(request):
    return compiler.compile_artifact(request.param())


one_model = pytest.mark.parametrize("artifact", [_layer], indirect=True)


def _inputs(artifact, batch, seed=0):
    rng = np.random.default_rng(seed)
    shape = (5, batch, 3) if artifact.description["inputs"][0]["batch_axis"] == 1 else (batch, 5, 3)
    return [rng.normal(size=shape).astype(np.float32) for _ in artifact.description["inputs"]]


def _mask(artifact, batch, seed=0):
    rng = np.random.default_rng(seed)
    shape = (5, batch) if artifact.description["inputs"][0]["batch_axis"] == 1 else (batch, 5)
    mask = rng.integers(0, 2, shape).astype(bool)
    return mask if len(artifact.description["inputs"]) == 1 else {"x": mask}


def _frames(module):
    return [frame for frames in module._repeated._frames.spare.values() for frame in frames]


def _same(mine, right):
    for one, other in zip(*((each if isinstance(each, list) else [each]) for each in (mine, right)), strict=True):
        assert one.flags.owndata
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("tiles", [1, 2, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_the_same_bits(artifact, tiles, masked):
    tile = artifact.description["row_tile"]
    module, alone = lstm_ir.load(artifact.data), lstm_ir.load(artifact.data, threads=1)
    batch = tile * tiles - 1
    mask = _mask(artifact, batch) if masked else None
    results = []
    for seed in range(4):
        inputs = _inputs(artifact, batch, seed)
        results.append((module(*inputs, mask=mask), alone(*inputs, mask=mask)))
    for mine, right in results:
        _same(mine, right)
    (frame,) = _frames(module)
    assert type(frame) is (ArgumentFrame if tiles == 1 else SharedRows)
    assert type(_frames(alone)[0]) is ArgumentFrame
    if tiles > 1:
        axis = artifact.description["inputs"][0]["batch_axis"]
        rows = [part.frame.inputs[0].shape[axis] for part in (frame.own, frame.others)]
        assert rows == {2: [tile, tile - 1], 3: [2 * tile, tile - 1]}[tiles]
        assert [part.runner.device.driver for part in (frame.own, frame.others)] == ["local-sync", "local-task"]
    with pytest.raises(lstm_ir.ArgumentError):
        module(*[x[..., :2] for x in _inputs(artifact, batch)], mask=mask)


def test_a_state_is_one_pieces_own(artifact):
    """Calls that carry a state are not shared, and are none the worse for those that are."""
    batch = 2 * artifact.description["row_tile"]
    module, alone = lstm_ir.load(artifact.data), lstm_ir.load(artifact.data, threads=1)
    state, other = module.make_state(batch), alone.make_state(batch)
    for seed in range(3):
        inputs = _inputs(artifact, batch, seed)
        _same(module(*inputs), alone(*inputs))
        _same(module(*inputs, state=state), alone(*inputs, state=other))
    assert all(type(frame) is ArgumentFrame for frames in state.frames.spare.values() for frame in frames)


@one_model
@pytest.mark.parametrize("row_tile", [None, 0, -4, True, "4", 4.0])
def test_what_is_no_number_of_rows_is_not_heeded(artifact, row_tile):
    vmfb, description = unpack(artifact.data)
    module = lstm_ir.load(pack(vmfb, {**description, "row_tile": row_tile}))
    for _ in range(3):
        module(*_inputs(artifact, 16))
    assert [type(frame) for frame in _frames(module)] == [ArgumentFrame]


@one_model
def test_several_threads(artifact):
    module, alone = lstm_ir.load(artifact.data), lstm_ir.load(artifact.data, threads=1)
    batch = 2 * artifact.description["row_tile"]
    module(*_inputs(artifact, batch))
    failed = []

    def run(seed):
        inputs = _inputs(artifact, batch, seed)
        right = alone(*inputs)
        for _ in range(20):
            try:
                _same(module(*inputs), right)
            except BaseException as error:  # to be raised where the test sees it
                failed.append(error)
                raise

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert {type(frame) for frame in _frames(module)} == {SharedRows}


@one_model
@pytest.mark.parametrize(
    ("where", "error"), [("run", KeyboardInterrupt), ("_look_on", KeyboardInterrupt), ("_wait", ExecutionError)]
)
def test_a_call_that_fails_leaves_nothing_running(artifact, monkeypatch, where, error):
    """The workers write to memory that must stay until they are done; and the next call has memory of its own."""
    module, alone = lstm_ir.load(artifact.data), lstm_ir.load(artifact.data, threads=1)
    inputs = _inputs(artifact, 2 * artifact.description["row_tile"])
    module(*inputs), module(*inputs)
    (frame,) = _frames(module)
    broken = type(frame.others) if where == "run" else SharedRows
    goes_well = getattr(broken, where)

    def fails(*arguments):
        goes_well(*arguments)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(broken, where, fails)
        patch.setattr(shared_rows, "_LOOKS_ON", 0.0)
        with pytest.raises(error):
            module(*inputs)
    assert frame._computed.query() == frame._count == 2
    assert frame not in _frames(module)
    _same(module(*inputs), alone(*inputs))
    assert type(_frames(module)[0]) is SharedRows


@one_model
def test_a_forked_process_goes_on_alone(artifact, tmp_path):
    path = tmp_path / "model.vmfb"
    path.write_bytes(artifact.data)
    shapes = [x.shape for x in _inputs(artifact, 2 * artifact.description["row_tile"])]
    script = f"""
import os, numpy as np
from lstm_ir.runtime import call_work, device, load
from lstm_ir.runtime.shared_rows import SharedRows
device.default_workers = lambda: 2
call_work.SHARING_US = -1.0
module = load({str(path)!r})
inputs = [np.ones(shape, np.float32) for shape in {shapes}]
first = lambda result: result[0] if isinstance(result, list) else result
for _ in range(3):
    want = first(module(*inputs))
kinds = lambda: {{type(frame) for frames in module._repeated._frames.spare.values() for frame in frames}}
assert kinds() == {{SharedRows}}
child = os.fork()
if child == 0:
    ok = all(np.array_equal(first(module(*inputs)), want) for _ in range(3)) and SharedRows not in kinds()
    fresh = load({str(path)!r})
    ok = ok and all(np.array_equal(first(fresh(*inputs)), want) for _ in range(3))
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
assert np.array_equal(first(module(*inputs)), want) and kinds() == {{SharedRows}}
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_which_models_can_be_split():
    model = compiler.model_of(_layer())
    options = KernelOptions("avx512", 2)
    scan = {"form": "persistent", "code": "kernel"}

    def row_tile(scans, model=model, options=options, training=False):
        return row_tile_of(model, scans, options, training=training)

    assert row_tile([scan, scan]) == VECTOR_TARGETS["avx512"].rows
    others = ({"form": "cooperative"}, {"form": "loop"}, {"form": "unrolled"}, {"code": "tensor"})
    assert [row_tile([scan, scan | other]) for other in others] == [None] * 4
    assert row_tile([]) is None
    assert row_tile([scan], options=None) is None
    assert row_tile([scan], training=True) is None
    assert row_tile([scan], model=SimpleNamespace(layers=[LSTM(2), TensorProgram])) is None


def test_a_batch_that_the_module_fixes_is_not_split():
    fixed = compiler.compile_artifact(_layer(), batch=2 * VECTOR_TARGETS["avx512"].rows)
    assert "row_tile" in fixed.description
    module = lstm_ir.load(fixed.data)
    for _ in range(3):
        module(*_inputs(fixed, 2 * VECTOR_TARGETS["avx512"].rows))
    assert [type(frame) for frame in _frames(module)] == [ArgumentFrame]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux says which threads there are")
def test_workers_leave_the_callers_core(monkeypatch):
    device = device_module.open_beside_caller(2)
    workers = device.worker_threads
    assert device_module.open_beside_caller(2) is device
    assert len(workers) == 2
    cores = sorted(os.sched_getaffinity(0))
    for core in (cores[-1], cores[0], cores[0]):
        monkeypatch.setattr(type(workers), "_current_core", lambda _, core=core: core)
        workers.make_room()
        for thread in workers._threads:
            assert os.sched_getaffinity(thread) == (set(cores) - {core} or {core})
